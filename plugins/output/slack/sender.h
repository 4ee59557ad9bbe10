#pragma once

#include <optional>
#include <string>
#include <vector>

#include "classify.h"
#include "earlier.h"
#include "settings.h"
#include "tocsin/plugin.hpp"
#include "turns.h"
#include "writer.h"

namespace tocsin::output_slack {

/// Turns attempts into messages and Slack's answers into verdicts, on the instance's home loop.
///
/// An attempt that follows others of its key waits for its turn, looks the first message up, posts,
/// and keeps where the message is if it is the first one; any other is posted at once.
class Sender {
 public:
  Sender(const Settings& settings, sdk::Host host);
  /// Requests that are on their way end as they began.
  void reconfigure(const Settings& next);

  void send(const sdk::Attempt& attempt);
  void cancel(tocsin_token attempt);

 private:
  /// An attempt under way, or one that is over and kept for the next.
  struct Call {
    explicit Call(Sender& sender)
        : http(sender.host_,
               [this, &sender](const sdk::HttpResponse& response) {
                 sender.finish(*this, response);
               }),
          patience(sender.host_, [this, &sender] { sender.give_up_waiting(*this); }) {}
    tocsin_token token = 0;
    std::optional<sdk::Attempt> attempt;
    Follow follow = Follow::kNone;
    std::string subject;  // the record of its key; empty: it follows none
    std::optional<Earlier> earlier;
    sdk::HttpCall http;
    sdk::Timer patience;  // until it is posted
  };

  Call& begin(const sdk::Attempt& attempt);
  void wait(Call& call);
  void give_up_waiting(Call& call);
  void look_up(Call& call);
  void post(Call& call);
  void finish(Call& call, const sdk::HttpResponse& response);
  void deliver(Call& call, Reading reading);
  void end(Call& call, const sdk::Verdict& verdict);
  void forget(Call& call);
  sdk::Verdict verdict_of(const sdk::HttpResponse& response, Reading reading) const;

  const Settings* settings_;
  sdk::Host host_;
  Writer writer_;
  Turns turns_;
  sdk::Pending<Call> calls_;  // by attempt
  std::vector<tocsin_header> headers_;
};

}  // namespace tocsin::output_slack
