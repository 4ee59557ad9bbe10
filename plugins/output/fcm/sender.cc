#include "sender.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "classify.h"

namespace tocsin::output_fcm {

Sender::Sender(const Settings& settings, sdk::Host host)
    : settings_(&settings),
      host_(host),
      cuts_(host.counter("cuts_total", "Values that were cut to keep within a limit.")),
      token_(settings, host, [this](tocsin_token attempt, const sdk::Verdict* failure) {
        if (failure != nullptr) {
          end(attempt, *failure);
        } else if (Call* call = calls_.find(attempt); call != nullptr) {
          transmit(*call);
        }
      }) {
  reconfigure(settings);
}

void Sender::reconfigure(const Settings& next) {
  settings_ = &next;
  token_.reconfigure(next);
  texts_ = {};
  const auto compile = [this](sdk::Template& to, const std::string& text) {
    sdk::Fault unheard(nullptr);  // load() has compiled the same text
    if (!text.empty()) to.compile(host_, text, sdk::Escape::kNone, unheard, {});
  };
  compile(texts_.topic, next.topic);
  compile(texts_.condition, next.condition);
  compile(texts_.title, next.title);
  compile(texts_.body, next.body);
}

void Sender::send(const sdk::Attempt& attempt) {
  Written written = write(attempt);
  if (!written.refusal.empty()) {
    host_.complete(attempt.token(), sdk::Verdict::rejected(written.refusal));
    return;
  }
  if (written.cut) cuts_.record(1);
  Call& call = calls_.add(attempt.token(), *this);
  call.attempt = attempt.token();
  call.deadline = attempt.deadline();
  call.body = std::move(written.json);
  call.again = false;
  authorise(call);
}

// Why it has no target; empty: it has one, which `target` holds.
std::string Sender::render_target(const sdk::Attempt& attempt, Message& message,
                                  std::string& target) {
  std::string why;
  if (const std::string_view address = attempt.address(); !address.empty()) {
    target = address.substr(address.find(':') + 1);
  } else if (!settings_->topic.empty()) {
    message.target_kind = TargetKind::kTopic;
    if (!texts_.topic.render(attempt, target, &why)) return "the topic: " + why;
    if (target.starts_with("/topics/")) target.erase(0, 8);
    if (const std::string_view fault = topic_fault(target); !fault.empty()) {
      return "the topic: " + std::string(fault);
    }
  } else {
    message.target_kind = TargetKind::kCondition;
    if (!texts_.condition.render(attempt, target, &why)) return "the condition: " + why;
    if (target.empty()) return "the condition is empty";
  }
  message.target = target;
  return {};
}

Written Sender::write(const sdk::Attempt& attempt) {
  const sdk::Notification notification = attempt.notification();
  Message message;
  std::string target, title, body, why;
  Written refused;
  refused.refusal = render_target(attempt, message, target);
  if (!refused.refusal.empty()) return refused;
  if (!texts_.title.render(attempt, title, &why)) {
    refused.refusal = "the title: " + why;
    return refused;
  }
  if (!texts_.body.render(attempt, body, &why)) {
    refused.refusal = "the body: " + why;
    return refused;
  }
  const auto seconds = [](sdk::Duration since) {
    return std::chrono::floor<std::chrono::seconds>(since).count();
  };
  message.title = title;
  message.body = body;
  message.data = notification.data();
  message.id = attempt.notification_id();
  if (settings_->collapse) message.collapse_key = notification.key();
  message.urgent = notification.level() >= settings_->urgent_from;
  message.expires_at = seconds(sdk::Duration(notification.c().expires_at_ns));
  message.now = seconds(host_.wall());
  return write_message(message, settings_->overrides);
}

void Sender::authorise(Call& call) {
  switch (token_.get(call.attempt, call.deadline)) {
    case AccessToken::State::kReady:
      transmit(call);
      return;
    case AccessToken::State::kWaits:
      return;
    case AccessToken::State::kRefused:
      end(call.attempt, token_.failure());
      return;
  }
}

void Sender::transmit(Call& call) {
  const tocsin_header headers[] = {{sdk::to_c("Authorization"), sdk::to_c(token_.authorization())},
                                   {sdk::to_c("Content-Type"), sdk::to_c("application/json")}};
  call.generation = token_.generation();
  const bool sent = call.http.send({.method = "POST",
                                    .url = settings_->send_url,
                                    .headers = headers,
                                    .body = call.body,
                                    .deadline = call.deadline,
                                    .transport = &settings_->transport});
  if (!sent) end(call.attempt, call.http.unsent());
}

void Sender::finish(Call& call, const sdk::HttpResponse& response) {
  const bool refused = response.answered() && refuses_token(response.status(), response.body());
  if (refused) token_.refused(call.generation);
  if (refused && !std::exchange(call.again, true)) {
    authorise(call);
    return;
  }
  end(call.attempt, classify(host_.http_verdict(response.c()), response.status(), response.body()));
}

void Sender::end(tocsin_token attempt, const sdk::Verdict& verdict) {
  calls_.remove(attempt);
  host_.complete(attempt, verdict);
}

void Sender::cancel(tocsin_token attempt) {
  Call* call = calls_.find(attempt);
  if (call == nullptr) return;
  token_.forget(attempt);
  call->http.cancel();
  calls_.remove(attempt);
}

}  // namespace tocsin::output_fcm
