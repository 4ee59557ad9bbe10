#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "classify.h"
#include "segments.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_sms {

/// Turns attempts into messages and a provider's answers into verdicts, on the instance's home
/// loop.
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
            sender.finish(*this, response);
          }) {}
    tocsin_token attempt = 0;
    Segments segments;
    sdk::HttpCall http;
  };

  bool write(const sdk::Attempt& attempt, std::string& why);
  bool write_message(const sdk::Attempt& attempt, std::string& why);
  void write_form(const sdk::Attempt& attempt);
  bool write_body(const sdk::Attempt& attempt, std::string& why);
  void finish(Call& call, const sdk::HttpResponse& response);
  sdk::Verdict verdict_of(const Call& call, const sdk::HttpResponse& response) const;

  const Settings* settings_;
  sdk::Host host_;
  sdk::Metric cuts_;
  sdk::Metric sent_segments_;
  sdk::Pending<Call> calls_;  // by attempt
  sdk::Template text_template_;
  sdk::Template body_template_;
  std::vector<tocsin_header> headers_;
  std::size_t headers_of_all_ = 0;

  // Of the message being written.
  std::string_view phone_;
  std::string message_;
  std::string body_;
};

}  // namespace tocsin::output_sms
