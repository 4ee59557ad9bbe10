#pragma once

#include <deque>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "composer.h"
#include "session.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_smtp {

/// Sends the mails of attempts over a few connections, in their order as far as the connections
/// come free. On the instance's home loop.
///
/// Each mail ends with its own verdict: what a server says about one touches no other. An attempt
/// gets its verdict a little before its deadline, while it is still known whether the mail had been
/// handed over; the host could only guess.
class Transfer final : private Session::Owner {
 public:
  Transfer(const Settings& settings, sdk::Host host);
  /// Mails that are on their way end as they began; connections of other settings are closed as
  /// they come free.
  void reconfigure(const Settings& next);
  /// No attempt comes any more: connections are closed as they come free.
  void drain();

  void send(const sdk::Attempt& attempt);
  void cancel(tocsin_token attempt);

 private:
  using Dues = std::multimap<sdk::Duration, tocsin_token>;
  struct Waiting {
    sdk::Attempt attempt;
    Address to;
    Dues::iterator due;
    Session* session = nullptr;  // null: in the queue
  };

  void on_verdict(Session& session, const sdk::Verdict& verdict) override;
  void on_idle(Session& session) override;
  void on_over(Session& session, const sdk::Verdict& verdict, bool untouched) override;

  void pump();
  Session* idle_session();
  void quit_idle();
  bool compose(Waiting& waiting, Session::Mail& out);
  void complete(tocsin_token token, const sdk::Verdict& verdict);
  void forget(std::unordered_map<tocsin_token, Waiting>::iterator place);
  void expire();
  void arm();
  void retire(Session& session);

  const Settings* settings_;
  sdk::Host host_;
  Composer composer_;
  sdk::Metric connections_opened_;
  std::unordered_map<tocsin_token, Waiting> waiting_;
  std::deque<tocsin_token> queue_;  // may name some that are gone
  Dues dues_;
  std::vector<std::unique_ptr<Session>> sessions_;  // at most settings_->connections, but for old
  std::vector<std::unique_ptr<Session>> over_;      // closed, and freed from broom_
  std::uint64_t generation_ = 0;
  Route route_;
  bool draining_ = false;
  sdk::Timer alarm_;
  sdk::Timer broom_;
};

}  // namespace tocsin::output_smtp
