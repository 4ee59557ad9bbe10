#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answers.h"
#include "batch.h"
#include "callers.h"
#include "operations.h"
#include "tocsin/plugin.hpp"

namespace tocsin::input_http {

/// What an instance was configured to. Immutable; shared by its loops.
struct Settings {
  Callers callers;
  std::vector<std::string> paths;
  std::uint64_t body_bytes_max = 0;
  sdk::Duration wait_timeout{};

  bool load(const sdk::Setup& setup, sdk::Fault& fault);
};

/// An instance on one loop: from a request to what the gateway is asked, and from its outcome to
/// the answer.
class Door {
 public:
  /// Requests of one loop that wait for their deliveries; one more is answered at once.
  static constexpr std::size_t kWaitsMax = 256;
  /// Between two looks at the ledger: from the first, twice as long each time, to the second.
  static constexpr sdk::Duration kFirstLook = std::chrono::milliseconds(5);
  static constexpr sdk::Duration kLookEvery = std::chrono::milliseconds(250);

  Door(const Settings& settings, sdk::Host host) : settings_(&settings), host_(host) {}
  /// Requests that have begun end as they began.
  void reconfigure(const Settings& next) { settings_ = &next; }

  /// Answers at once and returns null, or returns the request that goes on.
  sdk::RequestPtr on_request(const sdk::RequestHead& head);
  void on_emitted(std::uint64_t number, const sdk::Items<tocsin_emit_outcome>& outcomes);

 private:
  /// The header fields that matter here.
  struct Fields;

  /// One exchange on its way. Over with whichever of its two ends comes last: the exchange's
  /// (on_done) and that of what it asked of the gateway. Used again.
  class Request final : public sdk::Request, public sdk::LedgerReader {
   public:
    explicit Request(Door& owner) : sdk::LedgerReader(owner.host_), door(owner) {}

    std::uint64_t body_bytes_max() const override { return has_body() ? body_max : 0; }
    void on_body(std::string_view body) override { door.on_body(*this, body); }
    void on_done() noexcept override { door.on_done(*this); }
    void on_ledger(const sdk::LedgerAnswer& found) override { door.on_ledger(*this, found); }
    bool has_body() const { return verb != Verb::kGet && verb != Verb::kCancel; }
    std::uint32_t ask_again() { return get(id, caller); }
    std::uint32_t ask(std::string_view wanted) {
      return verb == Verb::kGet ? get(wanted, caller) : cancel(wanted, caller);
    }
    std::uint32_t ask_for_time(std::string_view json) { return reschedule(id, caller, json); }

    Door& door;
    std::uint64_t number = 0;
    Verb verb = Verb::kOne;
    bool lines = false;          ///< kBatch: NDJSON
    bool asked = false;          ///< the gateway owes an outcome
    bool over = false;           ///< the exchange has ended
    std::uint64_t body_max = 0;  ///< bytes
    std::string caller;
    std::string key;         ///< Idempotency-Key
    std::string collection;  ///< the path that ids are below

    std::string id;  ///< of the notification

    // ?wait=delivered
    bool waits = false;    ///< it asked for that
    bool waiting = false;  ///< between two looks, or asking
    std::uint32_t deliveries = 0;
    bool replayed = false;
    sdk::Duration deadline{};
    sdk::Duration pause{};
    std::optional<sdk::Timer> timer;
  };

  sdk::RequestPtr refuse(const sdk::RequestHead& head, const Answer& answer);
  sdk::RequestPtr begin(Verb verb, const sdk::RequestHead& head, std::string_view caller);
  sdk::RequestPtr begin_sending(Verb verb, const sdk::RequestHead& head, const Fields& fields,
                                std::string_view caller);
  sdk::RequestPtr describe_door(const sdk::RequestHead& head);
  sdk::RequestPtr ask_ledger(Verb verb, const sdk::RequestHead& head, std::string_view caller,
                             std::string_view id);

  sdk::RequestPtr begin_rescheduling(const sdk::RequestHead& head, const Fields& fields,
                                     std::string_view caller, std::string_view id);
  void ask_for_time(Request& request, std::string_view body);
  Answer refused_question(std::uint32_t status);

  bool begin_wait(Request& request, std::string_view id);
  void look(Request& request);
  void look_again(Request& request);
  void on_looked(Request& request, const sdk::LedgerAnswer& found);
  void end_wait(Request& request);
  Answer accepted(const Request& request);

  void on_body(Request& request, std::string_view body);
  void on_ledger(Request& request, const sdk::LedgerAnswer& found);
  void on_done(Request& request) noexcept;
  void finish(Request& request, const Answer& answer);
  void respond(tocsin_token exchange, const Answer& answer) const;

  const Settings* settings_;
  sdk::Host host_;
  Tagger tagger_;
  Answers answers_;
  Batch batch_;
  std::vector<sdk::EmitItem> items_;  // of the emit being written
  std::uint64_t numbers_ = 0;
  std::size_t waits_ = 0;
  sdk::Pending<Request> requests_;  // by number
};

}  // namespace tocsin::input_http
