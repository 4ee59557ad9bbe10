#pragma once

#include <string>

#include "settings.h"
#include "subscription.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_webpush {

/// Turns attempts into encrypted messages and answers into verdicts, on the instance's home loop.
class Sender {
 public:
  Sender(const Settings& settings, sdk::Host host);
  /// Requests that are on their way end as they began.
  void reconfigure(const Settings& next);

  void send(const sdk::Attempt& attempt);
  void cancel(tocsin_token attempt);

 private:
  /// A request on its way, or one that is over and kept for the next.
  struct Call {
    explicit Call(Sender& sender)
        : http(sender.host_, [this, &sender](const sdk::HttpResponse& response) {
            sender.finish(attempt, response);
          }) {}
    tocsin_token attempt = 0;
    sdk::HttpCall http;
  };

  std::string write_plain(const sdk::Attempt& attempt, std::string& plain);
  void post(const sdk::Attempt& attempt, const Subscription& to, const std::string& body);
  void finish(tocsin_token attempt, const sdk::HttpResponse& response);

  const Settings* settings_;
  sdk::Host host_;
  sdk::Metric cuts_;
  sdk::Template body_;
  VapidTokens tokens_;
  sdk::Pending<Call> calls_;  // by attempt
};

}  // namespace tocsin::output_webpush
