#include "sender.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "classify.h"
#include "encryption.h"
#include "payload.h"

namespace tocsin::output_webpush {

namespace {

std::int64_t seconds_of(sdk::Duration since) {
  return std::chrono::floor<std::chrono::seconds>(since).count();
}

}  // namespace

Sender::Sender(const Settings& settings, sdk::Host host)
    : settings_(&settings),
      host_(host),
      cuts_(host.counter("cuts_total", "Values that were cut to keep within a limit.")) {
  reconfigure(settings);
  host_.info("browsers subscribe with the key " + settings.vapid.public_key());
}

void Sender::reconfigure(const Settings& next) {
  settings_ = &next;
  tokens_.clear();
  body_ = {};
  sdk::Fault unheard(nullptr);  // load() has compiled the same text
  if (!next.body.empty()) body_.compile(host_, next.body, sdk::Escape::kJson, unheard, "body");
}

// Why there is nothing to send; empty: `plain` is to be encrypted.
std::string Sender::write_plain(const sdk::Attempt& attempt, std::string& plain) {
  if (!settings_->body.empty()) {
    std::string why;
    if (!body_.render(attempt, plain, &why)) return "the body: " + why;
    if (plain.size() <= kPlainBytesMax) return {};
    return "the body has " + std::to_string(plain.size()) + " bytes, and a push message holds " +
           std::to_string(kPlainBytesMax) + ": cut what is long, as {{body | cut 500}}";
  }
  const sdk::Notification notification = attempt.notification();
  WrittenPayload written = write_payload({.id = attempt.notification_id(),
                                          .topic = notification.topic(),
                                          .level = notification.level(),
                                          .title = notification.title(),
                                          .body = notification.body(),
                                          .key = notification.key(),
                                          .data = notification.data()});
  if (written.cut && written.refusal.empty()) cuts_.record(1);
  plain = std::move(written.json);
  return written.refusal;
}

void Sender::send(const sdk::Attempt& attempt) {
  const std::string_view address = attempt.address();
  Subscription to;
  std::string plain;
  std::string why = to.read(address.substr(std::min(address.find(':') + 1, address.size())));
  if (why.empty()) why = write_plain(attempt, plain);
  if (!why.empty()) {
    host_.complete(attempt.token(), sdk::Verdict::rejected(why));
    return;
  }
  const std::string body = encrypt(plain, to);
  if (body.empty()) {
    host_.complete(attempt.token(), sdk::Verdict::rejected(
                                        "nothing can be encrypted for the subscription's p256dh"));
    return;
  }
  post(attempt, to, body);
}

void Sender::post(const sdk::Attempt& attempt, const Subscription& to, const std::string& body) {
  const sdk::Notification notification = attempt.notification();
  const std::int64_t now = seconds_of(host_.wall());
  const std::string& authorization = tokens_.get(settings_->vapid, to.origin, now);
  const std::string topic = topic_of(notification.key());
  const std::string ttl = std::to_string(ttl_of(
      settings_->ttl_seconds, seconds_of(sdk::Duration(notification.c().expires_at_ns)), now));
  std::vector<tocsin_header> headers;
  const auto add = [&headers](std::string_view name, std::string_view value) {
    headers.push_back({sdk::to_c(name), sdk::to_c(value)});
  };
  add("Authorization", authorization);
  add("TTL", ttl);
  add("Urgency", urgency_of(notification.level()));
  if (!topic.empty()) add("Topic", topic);
  add("Content-Encoding", "aes128gcm");
  add("Content-Type", "application/octet-stream");
  Call& call = calls_.add(attempt.token(), *this);
  call.attempt = attempt.token();
  const bool sent = call.http.send({.method = "POST",
                                    .url = to.endpoint,
                                    .headers = headers,
                                    .body = body,
                                    .deadline = attempt.deadline(),
                                    .transport = &settings_->transport});
  if (sent) return;
  const sdk::Verdict verdict = call.http.unsent();
  calls_.remove(attempt.token());
  host_.complete(attempt.token(), verdict);
}

void Sender::finish(tocsin_token attempt, const sdk::HttpResponse& response) {
  calls_.remove(attempt);
  host_.complete(
      attempt, classify(host_.http_verdict(response.c()),
                        response.answered() ? response.status() : 0, response.header("Location")));
}

void Sender::cancel(tocsin_token attempt) {
  Call* call = calls_.find(attempt);
  if (call == nullptr) return;
  call->http.cancel();
  calls_.remove(attempt);
}

}  // namespace tocsin::output_webpush
