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
  bool write_url(const sdk::Attempt& attempt, std::string& why);
  bool write_body(const sdk::Attempt& attempt, std::string& why);
  void write_headers(const sdk::Attempt& attempt);
  void add_header(std::string_view name, std::string_view value);

  const Settings* settings_;
  sdk::Host host_;
  sdk::Pending<Call> calls_;  // by attempt
  sdk::Template url_template_;
  sdk::Template template_;
  std::vector<tocsin_header> headers_;  // first those of every request, then the attempt's
  std::size_t headers_of_all_ = 0;

  // Of the request being written.
  std::string url_;
  std::string body_;
  std::string number_;
  std::string seconds_;
  std::string signature_;
};

}  // namespace tocsin::output_webhook
