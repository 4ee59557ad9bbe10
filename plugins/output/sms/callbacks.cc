// Who knows the route's address may call it, so nothing is believed that Twilio did not sign.

#include "callbacks.h"

#include <memory>
#include <utility>

#include "classify.h"
#include "format.h"
#include "signature.h"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_sms {

namespace {

constexpr std::size_t kBodyBytesMax = 64 * 1024;
constexpr std::string_view kStatusPath = "/status/";
constexpr std::string_view kInboundPath = "/inbound";

// Says nothing to the recipient: TwiML without a verb.
constexpr sdk::Answer kNoReply = {
    .status = 200, .body = "<Response/>", .content_type = "text/xml; charset=utf-8"};

std::uint32_t report_state(Progress::State state) {
  if (state == Progress::State::kDelivered) return TOCSIN_REPORT_DELIVERED;
  return state == Progress::State::kBounced ? TOCSIN_REPORT_BOUNCED : TOCSIN_REPORT_ACCEPTED;
}

}  // namespace

/// One of them, whose form is on its way. The path is decoded; what may stand in it is plain.
class Callbacks::Call final : public sdk::Request {
 public:
  Call(const Callbacks& owner, const sdk::RequestHead& head)
      : url(owner.settings_->callback_base),
        signature(head.header("X-Twilio-Signature")),
        owner_(owner) {
    url.append(head.path());
    if (!head.query().empty()) url.append("?").append(head.query());
    if (head.path().starts_with(kStatusPath)) delivery = head.path().substr(kStatusPath.size());
  }
  std::uint64_t body_bytes_max() const override { return kBodyBytesMax; }
  void on_body(std::string_view body) override { owner_.on_form(*this, body); }

  std::string url;  // as Twilio called it
  std::string signature;
  std::string delivery;  // empty: it is about an inbound message

 private:
  const Callbacks& owner_;
};

Callbacks::Callbacks(const Settings& settings, sdk::Host host)
    : settings_(&settings),
      host_(host),
      refused_(host.counter("callbacks_refused_total",
                            "Requests that claimed to be the provider's, and were not.")) {}

sdk::RequestPtr Callbacks::on_request(const sdk::RequestHead& head) {
  const bool known = head.path() == kInboundPath ||
                     (head.path().starts_with(kStatusPath) && head.path() != kStatusPath);
  if (!known || settings_->callback_base.empty()) {
    refuse(head.token(), 404, "No provider calls back here.");
    return nullptr;
  }
  if (head.method() != "POST") {
    refuse(head.token(), 405, "Providers post.");
    return nullptr;
  }
  return std::make_unique<Call>(*this, head);
}

void Callbacks::on_form(const Call& call, std::string_view body) const {
  const std::optional<Form> form = decode_form(body);
  if (!form) return refuse(call.exchange, 400, "This is no form.");
  if (!is_signed(call.signature, settings_->auth_token, call.url, *form)) {
    refused_.record(1);
    return refuse(call.exchange, 403, "The request is not signed by the provider.");
  }
  if (call.delivery.empty()) return on_inbound(call.exchange, *form);
  on_status(call.exchange, call.delivery, *form);
}

// They come in any order and more than once; the host moves a delivery forward only.
void Callbacks::on_status(tocsin_token exchange, std::string_view delivery,
                          const Form& form) const {
  const Progress progress = read_status(form);
  if (progress.state == Progress::State::kUnknown) {
    host_.respond(exchange, {.status = 204});  // a state of next year: nothing to do about it
    return;
  }
  const auto told = [host = host_, exchange, self = this](std::uint32_t status) {
    if (status == TOCSIN_OK) {
      host.respond(exchange, {.status = 204});
    } else if (status == TOCSIN_NOT_FOUND) {
      self->refuse(exchange, 404, "There is no such delivery any more.");
    } else {
      self->refuse(exchange, 503, "The state cannot be kept now.");
    }
  };
  const std::uint32_t asked = host_.report({.state = report_state(progress.state),
                                            .delivery_id = delivery,
                                            .provider_id = progress.provider_id,
                                            .reason = progress.reason},
                                           told);
  if (asked != TOCSIN_OK) told(asked);
}

void Callbacks::on_inbound(tocsin_token exchange, const Form& form) const {
  const Wish wish = read_wish(form);
  const std::string_view from = field_of(form, "From");
  if (wish == Wish::kNone || !phone_fault(from).empty()) {
    host_.respond(exchange, kNoReply);
    return;
  }
  // Whoever was not suppressed need not be lifted; what is no address cannot be either.
  const auto told = [host = host_, exchange, self = this](std::uint32_t status) {
    const bool kept = status == TOCSIN_OK || status == TOCSIN_NOT_FOUND || status == TOCSIN_INVALID;
    if (kept) {
      host.respond(exchange, kNoReply);
    } else {
      self->refuse(exchange, 503, "The wish cannot be kept now.");
    }
  };
  const std::string address = "sms:" + std::string(from);
  const std::uint32_t asked =
      wish == Wish::kStop
          ? host_.suppress(address, "the recipient has opted out", sdk::Duration::zero(), told)
          : host_.lift(address, told);
  if (asked != TOCSIN_OK) told(asked);
}

// RFC 9457, as everything of the gateway answers.
void Callbacks::refuse(tocsin_token exchange, std::uint32_t status, std::string_view detail) const {
  std::string body = R"({"status":)" + std::to_string(status) + R"(,"detail":)";
  sdk::append_json(body, detail);
  body.append("}");
  const tocsin_header allow = {sdk::to_c("allow"), sdk::to_c("POST")};
  const bool method = status == 405;
  host_.respond(exchange, {.status = status,
                           .body = body,
                           .content_type = "application/problem+json",
                           .headers = method ? &allow : nullptr,
                           .header_count = method ? 1U : 0U});
}

}  // namespace tocsin::output_sms
