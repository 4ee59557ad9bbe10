#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "tocsin/sdk/instance_host.hpp"
#include "tocsin/sdk/pending.hpp"

namespace tocsin::sdk {

/// What a provider says of a delivery after it took it; borrows its texts.
struct Report {
  std::uint32_t state;  ///< enum tocsin_report_state
  std::string_view delivery_id;
  std::string_view provider_id = {};
  std::string_view reason = {};

  static Report accepted(std::string_view delivery, std::string_view provider_id) {
    return {TOCSIN_REPORT_ACCEPTED, delivery, provider_id, {}};
  }
  static Report delivered(std::string_view delivery, std::string_view provider_id = {}) {
    return {TOCSIN_REPORT_DELIVERED, delivery, provider_id, {}};
  }
  static Report bounced(std::string_view delivery, std::string_view reason,
                        std::string_view provider_id = {}) {
    return {TOCSIN_REPORT_BOUNCED, delivery, provider_id, reason};
  }
};

/// What was found under a key; borrowed for the callback.
class RecordAnswer {
 public:
  explicit RecordAnswer(const tocsin_record_answer& answer) : a_(answer) {}

  /// OK, NOT_FOUND, UNAVAILABLE.
  std::uint32_t status() const { return a_.status; }
  bool found() const { return a_.status == TOCSIN_OK; }
  std::string_view value() const { return view(a_.value); }
  /// For RecordDoor::put, when only what was found, or nothing as was found, may be replaced.
  std::uint64_t version() const { return a_.version; }

 private:
  const tocsin_record_answer& a_;
};

/// Who waits for answers of the store, on one loop: the entry owns it, Host's functions use it. A
/// callback comes once, or ends uncalled with the worker; it may ask again.
class Replies {
 public:
  using Told = std::function<void(std::uint32_t status)>;
  using Found = std::function<void(const RecordAnswer&)>;

  explicit Replies(InstanceHost host) : host_(host) {}
  Replies(const Replies&) = delete;
  Replies& operator=(const Replies&) = delete;

  /// `ask(fn, user)` hands the two to the host and returns its status. An empty callback is not
  /// called.
  template <typename Ask>
  std::uint32_t await(Told told, Ask ask) {
    Waiting& waiting = add();
    waiting.told = std::move(told);
    return asked(waiting, ask([](void* user, std::uint32_t status) { end(user, status); },
                              static_cast<void*>(&waiting)));
  }
  template <typename Ask>
  std::uint32_t await(Found found, Ask ask) {
    Waiting& waiting = add();
    waiting.found = std::move(found);
    return asked(waiting, ask([](void* user, const tocsin_record_answer* a) { end(user, *a); },
                              static_cast<void*>(&waiting)));
  }
  /// No callback that waits will come.
  void clear() { waiting_.clear(); }

 private:
  struct Waiting {
    Replies* owner = nullptr;
    std::uint64_t number = 0;
    Told told;
    Found found;
  };

  Waiting& add() {
    Waiting& waiting = waiting_.add(++numbers_);
    waiting.owner = this;
    waiting.number = numbers_;
    return waiting;
  }
  std::uint32_t asked(Waiting& waiting, std::uint32_t status) {
    if (status != TOCSIN_OK) take(waiting);
    return status;
  }
  // The place is free for the next one before the callback runs.
  static Waiting take(Waiting& waiting) {
    Waiting taken = std::exchange(waiting, Waiting());
    taken.owner->waiting_.remove(taken.number);
    return taken;
  }
  static void end(void* user, std::uint32_t status) {
    const Waiting taken = take(*static_cast<Waiting*>(user));
    const auto tell = [&] {
      if (taken.told) taken.told(status);
      return 0;
    };
    const InstanceHost host = taken.owner->host_;
    contain(host.c_host(), host.c_instance(), "an answer of the store", 0, tell);
  }
  static void end(void* user, const tocsin_record_answer& answer) {
    const Waiting taken = take(*static_cast<Waiting*>(user));
    const auto tell = [&] {
      if (taken.found) taken.found(RecordAnswer(answer));
      return 0;
    };
    const InstanceHost host = taken.owner->host_;
    contain(host.c_host(), host.c_instance(), "an answer of the store", 0, tell);
  }

  InstanceHost host_;
  std::uint64_t numbers_ = 0;
  Pending<Waiting> waiting_;
};

/// The durable values of an instance's id. A value; borrows what Host does.
class RecordDoor {
 public:
  static constexpr std::uint64_t kAny = 0;  ///< whatever is there
  static constexpr std::uint64_t kAbsent = TOCSIN_RECORD_ABSENT;

  RecordDoor(const tocsin_host& host, tocsin_worker* worker, Replies& replies)
      : host_(host), worker_(worker), replies_(replies) {}

  /// Keys of 1 to 256 bytes. OK: `found` follows, unless the loop is over first. FULL, INVALID.
  std::uint32_t get(std::string_view key, Replies::Found found) const {
    return replies_.await(std::move(found), [&](auto fn, void* user) {
      return host_.record_get(worker_, to_c(key), fn, user);
    });
  }
  /// Values up to 4 KiB. `version`: an answer's, for a put only if nothing changed since. `keep`:
  /// zero for ever. `told` hears OK once it is kept, EXISTS when something changed, UNAVAILABLE.
  std::uint32_t put(std::string_view key, std::string_view value, std::uint64_t version = kAny,
                    Duration keep = Duration::zero(), Replies::Told told = {}) const {
    return replies_.await(std::move(told), [&](auto fn, void* user) {
      return host_.record_put(worker_, to_c(key), to_c(value), version, keep.count(), fn, user);
    });
  }

 private:
  const tocsin_host& host_;
  tocsin_worker* worker_;
  Replies& replies_;
};

}  // namespace tocsin::sdk
