#pragma once

#include <string_view>

#include "tocsin/sdk/host.hpp"

namespace tocsin::sdk {

/// What the ledger says of a notification; borrowed for the callback.
class LedgerAnswer {
 public:
  explicit LedgerAnswer(const tocsin_ledger_answer& answer) : a_(answer) {}

  /// OK, NOT_FOUND, UNAVAILABLE, INVALID; the rest is there when OK, but text and pointer.
  std::uint32_t status() const { return a_.status; }
  std::string_view id() const { return view(a_.id); }
  Duration accepted_at() const { return Duration(a_.accepted_at_ns); }  ///< since 1970
  /// The wire text.
  std::string_view payload() const { return view(a_.payload); }
  Items<tocsin_delivery_row> deliveries() const { return {a_.deliveries, a_.count, a_.stride}; }
  /// After a cancel: how many are, are asked to be, and were settled before.
  std::uint32_t cancelled() const { return a_.cancelled; }
  std::uint32_t in_flight() const { return a_.in_flight; }
  std::uint32_t done() const { return a_.done; }
  /// After a reschedule; in_flight and done count as after a cancel.
  std::uint32_t rescheduled() const { return a_.rescheduled; }
  /// After a reschedule: it would expire before, so nothing was changed.
  bool expires() const { return a_.expires != 0; }
  /// Of INVALID: what is wrong, and where.
  std::string_view text() const { return view(a_.text); }
  std::string_view pointer() const { return view(a_.pointer); }

 private:
  const tocsin_ledger_answer& a_;
};

/// Who asks the ledger for a notification of `caller` by the text of its id. A question cannot be
/// taken back: who asked must live until it is answered or the loop is over.
class LedgerReader {
 public:
  virtual ~LedgerReader() = default;

 protected:
  explicit LedgerReader(Host host) : ledger_host_(host) {}

  virtual void on_ledger(const LedgerAnswer& answer) = 0;

  /// OK: on_ledger follows, never inside this call. NOT_FOUND: the text is no id.
  std::uint32_t get(std::string_view id, std::string_view caller) {
    return ask(ledger_host_.c_host().notification_get, id, caller);
  }
  std::uint32_t cancel(std::string_view id, std::string_view caller) {
    return ask(ledger_host_.c_host().notification_cancel, id, caller);
  }
  /// `json`: {"deliver_at"} or {"delay"} as in a notification.
  std::uint32_t reschedule(std::string_view id, std::string_view caller, std::string_view json) {
    return ledger_host_.c_host().notification_reschedule(ledger_host_.c_worker(), to_c(id),
                                                         to_c(caller), to_c(json), answered, this);
  }

 private:
  using Ask = decltype(tocsin_host::notification_get);

  std::uint32_t ask(Ask question, std::string_view id, std::string_view caller) {
    return question(ledger_host_.c_worker(), to_c(id), to_c(caller), answered, this);
  }

  static void answered(void* user, const tocsin_ledger_answer* answer) {
    auto* reader = static_cast<LedgerReader*>(user);
    const Host host = reader->ledger_host_;  // the reader may end in its callback
    const auto tell = [&] { reader->on_ledger(LedgerAnswer(*answer)); };
    host.run("an answer of the ledger", tell);
  }

  Host ledger_host_;
};

}  // namespace tocsin::sdk
