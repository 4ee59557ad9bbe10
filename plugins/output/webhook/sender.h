#pragma once

#include <string>
#include <vector>

#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_webhook {

/// Turns attempts into requests and their answers into verdicts, on the instance's home loop.
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

  void finish(tocsin_token attempt, const sdk::HttpResponse& response);

  const Settings* settings_;
  sdk::Host host_;
  sdk::Pending<Call> calls_;            // by attempt
  std::string body_;                    // of the request being written
  std::vector<tocsin_header> headers_;  // the last two are the attempt's
};

}  // namespace tocsin::output_webhook
