#include "sender.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "format.h"

namespace tocsin::output_slack {

namespace {

constexpr std::string_view kUserAgent = "Tocsin/0.1";
// The API repeats the message, with escapes of up to twelve bytes for a character.
constexpr std::uint64_t kAnswerBytesMax = 4 * 1024 * 1024;
constexpr sdk::Duration kMargin = std::chrono::milliseconds(200);
constexpr std::string_view kContentType = "application/json; charset=utf-8";

// What a 429 comes to, Retry-After included: Slack may say the same with another status.
sdk::Verdict throttled(const sdk::Host& host, const sdk::HttpResponse& response) {
  tocsin_http_response limited = response.c();
  limited.status = 429;
  return host.http_verdict(limited);
}

std::string provider_id(const Reading& reading) {
  return reading.ts.empty() ? std::string() : reading.channel + ":" + reading.ts;
}

}  // namespace

Sender::Sender(const Settings& settings, sdk::Host host)
    : settings_(&settings), host_(host), writer_(host) {
  reconfigure(settings);
}

void Sender::reconfigure(const Settings& next) {
  settings_ = &next;
  writer_.reconfigure(next);
  headers_ = {{sdk::to_c("Content-Type"), sdk::to_c(kContentType)},
              {sdk::to_c("User-Agent"), sdk::to_c(kUserAgent)}};
  if (!next.is_webhook()) {
    headers_.push_back({sdk::to_c("Authorization"), sdk::to_c(next.authorization)});
  }
}

// ---- from the attempt to the request

Sender::Call& Sender::begin(const sdk::Attempt& attempt) {
  Call& call = calls_.add(attempt.token(), *this);
  call.token = attempt.token();
  call.attempt = attempt;
  call.follow = attempt.notification().key().empty() ? Follow::kNone : settings_->follow;
  call.earlier.reset();
  call.subject.clear();
  if (call.follow != Follow::kNone) {
    call.subject =
        record_key(call.follow, writer_.channel_of(attempt), attempt.notification().key());
  }
  return call;
}

void Sender::send(const sdk::Attempt& attempt) {
  Call& call = begin(attempt);
  if (call.subject.empty()) return post(call);
  wait(call);
  if (turns_.take(call.subject, call.token)) look_up(call);
}

// The host cannot know that an attempt it cuts short was never posted, and would take it for one
// that may have been.
void Sender::wait(Call& call) {
  call.patience.start(
      std::max(call.attempt->deadline() - host_.now() - kMargin, sdk::Duration::zero()));
}

void Sender::give_up_waiting(Call& call) {
  end(call, sdk::Verdict::retry("the one before it with its key was not posted in time"));
}

void Sender::look_up(Call& call) {
  const auto found = [this, token = call.token](const sdk::RecordAnswer& answer) {
    Call* asked = calls_.find(token);
    if (asked == nullptr) return;  // it was cancelled
    if (answer.status() == TOCSIN_UNAVAILABLE) {
      return end(*asked, sdk::Verdict::retry("the store cannot say which message was the first"));
    }
    if (answer.found()) asked->earlier = earlier_in(answer.value());
    post(*asked);
  };
  if (host_.records().get(call.subject, found) == TOCSIN_OK) return;
  end(call, sdk::Verdict::retry("too many questions wait for the store"));
}

void Sender::post(Call& call) {
  call.patience.cancel();
  std::string why;
  if (!writer_.write(*call.attempt, why)) {
    return end(call, sdk::Verdict::rejected(std::move(why)));
  }
  Message message{.channel = writer_.channel_of(*call.attempt),
                  .text = writer_.text(),
                  .blocks = writer_.blocks()};
  const bool updates = call.earlier && call.follow == Follow::kUpdate;
  if (call.earlier) {
    message.channel = call.earlier->channel;
    (updates ? message.ts : message.thread_ts) = call.earlier->ts;
  }
  const std::string body = json_of(message);
  // The same text in the same place twice does no harm; the same message twice does.
  const bool sent = call.http.send({.method = "POST",
                                    .url = updates ? settings_->update_url : settings_->post_url,
                                    .headers = headers_,
                                    .body = body,
                                    .idempotent = updates,
                                    .deadline = call.attempt->deadline(),
                                    .response_bytes_max = kAnswerBytesMax,
                                    .transport = &settings_->transport});
  if (!sent) end(call, call.http.unsent());
}

// ---- from the answer to the verdict

void Sender::finish(Call& call, const sdk::HttpResponse& response) {
  Reading reading;
  if (response.answered()) {
    reading = settings_->is_webhook() ? read_webhook_answer(response.status(), response.body())
                                      : read_api_answer(response.status(), response.body());
  }
  if (reading.meaning == Meaning::kDelivered) return deliver(call, std::move(reading));
  if (reading.meaning == Meaning::kMessageLost && call.earlier) {
    call.earlier.reset();  // somebody deleted it: this one is the first again
    return post(call);
  }
  end(call, verdict_of(response, std::move(reading)));
}

void Sender::deliver(Call& call, Reading reading) {
  const bool first = !call.subject.empty() && !call.earlier && !reading.ts.empty();
  if (!first) return end(call, sdk::Verdict::delivered(provider_id(reading)));
  // It is delivered whether it can be kept or not; who comes next waits until that is known.
  host_.complete(call.token, sdk::Verdict::delivered(provider_id(reading)));
  call.attempt.reset();
  const auto kept = [this, token = call.token](std::uint32_t status) {
    if (status != TOCSIN_OK) host_.warning("the first message of a key could not be kept");
    if (Call* keeping = calls_.find(token); keeping != nullptr) forget(*keeping);
  };
  const std::string record = record_of({std::move(reading.channel), std::move(reading.ts)});
  const std::uint32_t asked =
      host_.records().put(call.subject, record, sdk::RecordDoor::kAny, settings_->remember, kept);
  if (asked != TOCSIN_OK) kept(asked);
}

sdk::Verdict Sender::verdict_of(const sdk::HttpResponse& response, Reading reading) const {
  switch (reading.meaning) {
    case Meaning::kDelivered:
      return sdk::Verdict::delivered(provider_id(reading));
    case Meaning::kByStatus: {
      sdk::Verdict verdict = host_.http_verdict(response.c());
      if (!reading.reason.empty()) verdict.reason = std::move(reading.reason);
      return verdict;
    }
    case Meaning::kTransient:
      return sdk::Verdict::retry(std::move(reading.reason));
    case Meaning::kThrottled:
      return throttled(host_, response);
    case Meaning::kFinal:
    case Meaning::kMessageLost:
      return sdk::Verdict::rejected(std::move(reading.reason));
    case Meaning::kTargetGone:
      return sdk::Verdict::target_gone(std::move(reading.reason));
    case Meaning::kUnauthorized:
      return sdk::Verdict::unauthorized(std::move(reading.reason), sdk::Scope::kAccount);
  }
  return sdk::Verdict::internal("an answer of no meaning");
}

// ---- the end

void Sender::end(Call& call, const sdk::Verdict& verdict) {
  host_.complete(call.token, verdict);
  forget(call);
}

// Nothing may touch the call afterwards.
void Sender::forget(Call& call) {
  tocsin_token next = 0;
  if (!call.subject.empty()) next = turns_.pass(call.subject, call.token);
  call.patience.cancel();
  call.attempt.reset();
  calls_.remove(call.token);
  if (Call* following = next == 0 ? nullptr : calls_.find(next); following != nullptr) {
    look_up(*following);
  }
}

void Sender::cancel(tocsin_token attempt) {
  Call* call = calls_.find(attempt);
  if (call == nullptr) return;
  call->http.cancel();
  forget(*call);
}

}  // namespace tocsin::output_slack
