#pragma once

#include <cstdint>
#include <string>

#include "access_token.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_fcm {

/// Turns attempts into messages and FCM's answers into verdicts, on the instance's home loop.
class Sender {
 public:
  Sender(const Settings& settings, sdk::Host host);
  /// Requests that are on their way end as they began.
  void reconfigure(const Settings& next);

  void send(const sdk::Attempt& attempt);
  void cancel(tocsin_token attempt);

 private:
  /// A message that waits for a token or an answer, or one that is over and kept for the next.
  struct Call {
    explicit Call(Sender& sender)
        : http(sender.host_, [this, &sender](const sdk::HttpResponse& response) {
            sender.finish(*this, response);
          }) {}
    tocsin_token attempt = 0;
    sdk::Duration deadline{};
    std::string body;
    std::uint64_t generation = 0;  // of the token it was sent with
    bool again = false;            // its token was refused once
    sdk::HttpCall http;
  };
  struct Texts {
    sdk::Template topic;
    sdk::Template condition;
    sdk::Template title;
    sdk::Template body;
  };

  Written write(const sdk::Attempt& attempt);
  std::string render_target(const sdk::Attempt& attempt, Message& message, std::string& target);
  void authorise(Call& call);
  void transmit(Call& call);
  void finish(Call& call, const sdk::HttpResponse& response);
  void end(tocsin_token attempt, const sdk::Verdict& verdict);

  const Settings* settings_;
  sdk::Host host_;
  sdk::Metric cuts_;
  Texts texts_;
  AccessToken token_;
  sdk::Pending<Call> calls_;  // by attempt
};

}  // namespace tocsin::output_fcm
