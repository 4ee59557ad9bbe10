#include "sender.h"

#include <utility>

#include "form.h"
#include "format.h"

namespace tocsin::output_sms {

namespace {

constexpr std::string_view kUserAgent = "Tocsin/0.1";

// What a 429 comes to, Retry-After included: a provider may say the same with another status.
sdk::Verdict throttled(const sdk::Host& host, const sdk::HttpResponse& response) {
  tocsin_http_response limited = response.c();
  limited.status = 429;
  return host.http_verdict(limited);
}

}  // namespace

Sender::Sender(const Settings& settings, sdk::Host host)
    : settings_(&settings),
      host_(host),
      cuts_(host.counter("limit_cuts_total", "Texts cut to fit a limit of the provider.")),
      sent_segments_(host.counter("segments_total", "Segments of the messages a provider took.")) {
  reconfigure(settings);
}

void Sender::reconfigure(const Settings& next) {
  settings_ = &next;
  headers_ = {{sdk::to_c("Content-Type"), sdk::to_c(next.content_type)},
              {sdk::to_c("User-Agent"), sdk::to_c(kUserAgent)}};
  for (const auto& [name, value] : next.headers) {
    headers_.push_back({sdk::to_c(name), sdk::to_c(value)});
  }
  headers_of_all_ = headers_.size();
  sdk::Fault unheard(nullptr);  // load() has compiled the same texts
  text_template_ = {};
  body_template_ = {};
  if (!next.text.empty()) {
    text_template_.compile(host_, next.text, sdk::Escape::kNone, unheard, "text");
  }
  if (!next.body.empty()) {
    body_template_.compile(host_, next.body, sdk::escape_for(next.content_type), unheard, "body");
  }
}

// ---- what is sent

bool Sender::write_message(const sdk::Attempt& attempt, std::string& why) {
  std::string text;
  if (!settings_->text.empty() && !text_template_.render(attempt, text, &why)) {
    why.insert(0, "the text: ");
    return false;
  }
  if (text.empty()) text = text_of(attempt.notification());
  message_.clear();
  if (append_fitting(message_, text)) cuts_.record(1);
  return true;
}

void Sender::write_form(const sdk::Attempt& attempt) {
  Form form = {{"To", std::string(phone_)}, {"Body", message_}};
  if (settings_->service.empty()) {
    form.emplace_back("From", settings_->from);
  } else {
    form.emplace_back("MessagingServiceSid", settings_->service);
  }
  if (!settings_->callback_base.empty()) {
    form.emplace_back("StatusCallback",
                      settings_->callback_base + "/status/" + std::string(attempt.delivery_id()));
  }
  body_ = encode_form(form);
}

// The message as it was cut stands in for the notification's body, and the number for the address.
bool Sender::write_body(const sdk::Attempt& attempt, std::string& why) {
  tocsin_notification told = attempt.notification().c();
  told.body = sdk::to_c(message_);
  tocsin_attempt shown = attempt.c();
  shown.notification = &told;
  shown.address = sdk::to_c(phone_);
  body_.clear();
  if (body_template_.render(sdk::Attempt(shown), body_, &why)) return true;
  why.insert(0, "the body: ");
  return false;
}

bool Sender::write(const sdk::Attempt& attempt, std::string& why) {
  phone_ = attempt.address().empty() ? settings_->to : phone_of(attempt.address());
  why = phone_fault(phone_);
  if (!why.empty() || !write_message(attempt, why)) return false;
  if (!settings_->is_twilio) return write_body(attempt, why);
  write_form(attempt);
  return true;
}

// ---- sending

void Sender::send(const sdk::Attempt& attempt) {
  std::string why;
  if (!write(attempt, why)) {
    host_.complete(attempt.token(), sdk::Verdict::rejected(std::move(why)));
    return;
  }
  Call& call = calls_.add(attempt.token(), *this);
  call.attempt = attempt.token();
  call.segments = segments_of(message_);
  headers_.resize(headers_of_all_);
  if (!settings_->is_twilio) {
    headers_.push_back({sdk::to_c("Idempotency-Key"), sdk::to_c(attempt.delivery_id())});
  }
  const bool sent = call.http.send({.method = settings_->method,
                                    .url = settings_->url,
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

void Sender::finish(Call& call, const sdk::HttpResponse& response) {
  const sdk::Verdict verdict = verdict_of(call, response);
  const tocsin_token attempt = call.attempt;
  if (verdict.kind == TOCSIN_DELIVERED) {
    sent_segments_.record(static_cast<double>(call.segments.count));
  }
  calls_.remove(attempt);
  host_.complete(attempt, verdict);
}

sdk::Verdict Sender::verdict_of(const Call& call, const sdk::HttpResponse& response) const {
  if (!response.answered()) return host_.http_verdict(response.c());
  Reading reading = settings_->is_twilio
                        ? read_twilio_answer(response.status(), response.body())
                        : settings_->rules.read(response.status(), response.body());
  sdk::Verdict verdict;
  switch (reading.meaning) {
    case Meaning::kDelivered:
      verdict = sdk::Verdict::delivered(std::move(reading.provider_id));
      verdict.reason = text_of(call.segments);
      return verdict;
    case Meaning::kThrottled:
      verdict = throttled(host_, response);
      break;
    case Meaning::kByStatus:
      verdict = host_.http_verdict(response.c());
      break;
    case Meaning::kRetry:
      verdict = sdk::Verdict::retry({});
      break;
    case Meaning::kRejected:
      verdict = sdk::Verdict::rejected({});
      break;
    case Meaning::kTargetGone:
      verdict = sdk::Verdict::target_gone({});
      break;
    case Meaning::kAmbiguous:
      verdict = sdk::Verdict::ambiguous({});
      break;
    case Meaning::kUnauthorized:
      verdict = sdk::Verdict::unauthorized({}, sdk::Scope::kAccount);
      break;
  }
  if (!reading.reason.empty()) {
    verdict.reason = std::move(reading.reason);
  } else if (verdict.reason.empty()) {
    verdict.reason = "the provider answered " + std::to_string(response.status());
  }
  return verdict;
}

void Sender::cancel(tocsin_token attempt) {
  Call* call = calls_.find(attempt);
  if (call == nullptr) return;
  call->http.cancel();
  calls_.remove(attempt);
}

}  // namespace tocsin::output_sms
