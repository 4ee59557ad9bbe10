#include "sender.h"

#include <chrono>
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
  add_header("Content-Type", next.content_type);
  add_header("User-Agent", kUserAgent);
  for (const auto& [name, value] : next.headers) add_header(name, value);
  headers_of_all_ = headers_.size();
  url_template_ = {};
  template_ = {};
  sdk::Fault unheard(nullptr);  // load() has compiled the same text
  if (next.url_is_template) {
    url_template_.compile(host_, next.url, sdk::Escape::kUrl, unheard, "url");
  }
  if (!next.body.empty()) {
    template_.compile(host_, next.body, sdk::escape_for(next.content_type), unheard, "body");
  }
}

void Sender::add_header(std::string_view name, std::string_view value) {
  headers_.push_back({sdk::to_c(name), sdk::to_c(value)});
}

// A fault never quotes what was filled in, which may be a token.
bool Sender::write_url(const sdk::Attempt& attempt, std::string& why) {
  if (!settings_->url_is_template) {
    url_ = settings_->url;
    return true;
  }
  url_.clear();
  if (!url_template_.render(attempt, url_, &why)) return false;
  why = filled_url_fault(url_);
  return why.empty();
}

// The payload is one JSON object with a topic at least; the ids go in front of its first field.
bool Sender::write_body(const sdk::Attempt& attempt, std::string& why) {
  body_.clear();
  if (!settings_->body.empty()) return template_.render(attempt, body_, &why);
  body_.assign("{\"id\":\"").append(attempt.notification_id());
  body_.append("\",\"delivery_id\":\"").append(attempt.delivery_id());
  body_.append("\",").append(attempt.payload().substr(1));
  return true;
}

void Sender::write_headers(const sdk::Attempt& attempt) {
  headers_.resize(headers_of_all_);
  number_ = std::to_string(attempt.number());
  add_header("Idempotency-Key", attempt.delivery_id());
  add_header("Tocsin-Attempt", number_);
  if (!settings_->signer.signs()) return;
  const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(host_.wall()).count();
  seconds_ = std::to_string(seconds);
  signature_.clear();
  settings_->signer.sign(attempt.delivery_id(), seconds, body_, signature_);
  add_header("webhook-id", attempt.delivery_id());
  add_header("webhook-timestamp", seconds_);
  add_header("webhook-signature", signature_);
}

void Sender::send(const sdk::Attempt& attempt) {
  std::string why;
  if (!write_url(attempt, why)) {
    host_.complete(attempt.token(), sdk::Verdict::rejected("the URL: " + why));
    return;
  }
  if (!write_body(attempt, why)) {
    host_.complete(attempt.token(), sdk::Verdict::rejected("the body: " + why));
    return;
  }
  write_headers(attempt);
  Call& call = calls_.add(attempt.token(), *this);
  call.attempt = attempt.token();
  const bool sent = call.http.send({.method = settings_->method,
                                    .url = url_,
                                    .headers = headers_,
                                    .body = body_,
                                    .idempotent = settings_->idempotent,
                                    .deadline = attempt.deadline(),
                                    .transport = &settings_->transport});
  if (sent) return;
  const sdk::Verdict verdict = call.http.unsent();
  calls_.remove(attempt.token());
  host_.complete(attempt.token(), verdict);
}

void Sender::finish(tocsin_token attempt, const sdk::HttpResponse& response) {
  calls_.remove(attempt);
  if (!response.answered() || settings_->classifier.empty()) {
    host_.complete(attempt, response.c());
    return;
  }
  const Reply reply{response.status(), response.body(),
                    [&response](std::string_view name) { return response.header(name); }};
  host_.complete(attempt, settings_->classifier.judge(reply, host_.http_verdict(response.c())));
}

void Sender::cancel(tocsin_token attempt) {
  Call* call = calls_.find(attempt);
  if (call == nullptr) return;
  call->http.cancel();
  calls_.remove(attempt);
}

}  // namespace tocsin::output_webhook
