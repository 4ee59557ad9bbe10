#include "sender.h"

#include <array>
#include <charconv>
#include <string_view>

namespace tocsin::output_webhook {

namespace {

constexpr std::string_view kUserAgent = "Tocsin/0.1";

}  // namespace

Sender::Sender(const Settings& settings, sdk::Host host) : settings_(&settings), host_(host) {
  reconfigure(settings);
}

void Sender::reconfigure(const Settings& next) {
  settings_ = &next;
  headers_.clear();
  const auto add = [this](std::string_view name, std::string_view value) {
    headers_.push_back({sdk::to_c(name), sdk::to_c(value)});
  };
  add("Content-Type", "application/json");
  add("User-Agent", kUserAgent);
  for (const auto& [name, value] : next.headers) add(name, value);
  add("Idempotency-Key", {});
  add("Tocsin-Attempt", {});
}

// The payload is one JSON object with a topic at least; the ids go in front of its first field.
void Sender::send(const sdk::Attempt& attempt) {
  body_.assign("{\"id\":\"").append(attempt.notification_id());
  body_.append("\",\"delivery_id\":\"").append(attempt.delivery_id());
  body_.append("\",").append(attempt.payload().substr(1));

  std::array<char, 12> number;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  const char* end =
      std::to_chars(number.data(), number.data() + number.size(), attempt.number()).ptr;
  headers_[headers_.size() - 2].value = sdk::to_c(attempt.delivery_id());
  headers_.back().value = {number.data(), static_cast<std::size_t>(end - number.data())};

  Call& call = calls_.add(attempt.token(), *this);
  call.attempt = attempt.token();
  const bool sent = call.http.send({.method = "POST",
                                    .url = settings_->url,
                                    .headers = headers_,
                                    .body = body_,
                                    .idempotent = true,
                                    .deadline = attempt.deadline(),
                                    .transport = &settings_->transport});
  if (sent) return;
  const sdk::Verdict verdict = call.http.unsent();
  calls_.remove(attempt.token());
  host_.complete(attempt.token(), verdict);
}

void Sender::finish(tocsin_token attempt, const sdk::HttpResponse& response) {
  calls_.remove(attempt);
  host_.complete(attempt, response.c());
}

void Sender::cancel(tocsin_token attempt) {
  Call* call = calls_.find(attempt);
  if (call == nullptr) return;
  call->http.cancel();
  calls_.remove(attempt);
}

}  // namespace tocsin::output_webhook
