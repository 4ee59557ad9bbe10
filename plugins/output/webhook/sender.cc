#include "sender.h"

#include <array>
#include <charconv>
#include <string_view>

namespace tocsin::output_webhook {

namespace {

constexpr std::size_t kFreeCallsMax = 1024;
constexpr std::string_view kUserAgent = "Tocsin/0.1";

std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }
tocsin_str text(std::string_view from) { return {from.data(), from.size()}; }

}  // namespace

Settings::Settings(const tocsin_create& from) : host(from.host) {
  const tocsin_value& all = *from.settings;
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const tocsin_value& value = all.items[i];
    if (view(all.keys[i]) == "url") url = view(value.text);
    if (view(all.keys[i]) != "headers") continue;
    for (std::uint32_t k = 0; k < value.count; ++k) {
      headers.emplace_back(view(value.keys[k]), view(value.items[k].text));
    }
  }
}

Sender::Sender(const Settings& settings, tocsin_worker* worker)
    : settings_(settings), worker_(worker) {
  headers_.push_back({text("Content-Type"), text("application/json")});
  headers_.push_back({text("User-Agent"), text(kUserAgent)});
  for (const auto& [name, value] : settings.headers) headers_.push_back({text(name), text(value)});
  headers_.push_back({text("Idempotency-Key"), {}});
  headers_.push_back({text("Tocsin-Attempt"), {}});
}

// The payload is one JSON object; the ids go in front of its first field.
void Sender::deliver(const tocsin_attempt& attempt) {
  body_.assign("{\"id\":\"");
  body_.append(view(attempt.notification_id)).append("\",\"delivery_id\":\"");
  body_.append(view(attempt.delivery_id)).append("\",").append(view(attempt.payload).substr(1));

  std::array<char, 12> number{};
  const auto written = std::to_chars(number.data(), number.data() + number.size(), attempt.number);
  headers_[headers_.size() - 2].value = attempt.delivery_id;
  headers_.back().value = {number.data(), static_cast<std::size_t>(written.ptr - number.data())};

  std::unique_ptr<Call> call;
  if (free_calls_.empty()) {
    call = std::make_unique<Call>();
  } else {
    call = std::move(free_calls_.back());
    free_calls_.pop_back();
  }
  call->sender = this;
  call->attempt = attempt.token;
  const tocsin_http_request request = {.size = sizeof(tocsin_http_request),
                                       .flags = TOCSIN_HTTP_IDEMPOTENT,
                                       .method = text("POST"),
                                       .url = text(settings_.url),
                                       .headers = headers_.data(),
                                       .header_count = static_cast<std::uint32_t>(headers_.size()),
                                       .header_stride = sizeof(tocsin_header),
                                       .body = text(body_),
                                       .deadline_ns = attempt.deadline_ns,
                                       .response_bytes_max = 0};
  tocsin_fault fault = {};
  fault.size = sizeof(fault);
  call->request = settings_.host->http_send(worker_, &request, on_response, call.get(), &fault);
  if (call->request == 0) {
    tocsin_verdict verdict = {};
    verdict.size = sizeof(verdict);
    verdict.kind = fault.code == TOCSIN_INVALID ? TOCSIN_REJECTED : TOCSIN_RETRY;
    verdict.reason = {fault.what, fault.what_len};
    release(std::move(call));
    return complete(attempt.token, verdict);
  }
  calls_.emplace(attempt.token, std::move(call));
}

void Sender::on_response(void* user, const tocsin_http_response* response) noexcept {
  Call& call = *static_cast<Call*>(user);
  Sender& sender = *call.sender;
  std::array<char, 512> reason;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  tocsin_verdict verdict = {};
  verdict.size = sizeof(verdict);
  sender.settings_.host->http_verdict(sender.worker_, response, reason.data(), reason.size(),
                                      &verdict);
  const tocsin_token attempt = call.attempt;
  auto node = sender.calls_.extract(attempt);
  sender.release(std::move(node.mapped()));
  sender.complete(attempt, verdict);
}

void Sender::cancel(tocsin_token attempt) {
  auto node = calls_.extract(attempt);
  if (node.empty()) return;
  settings_.host->http_cancel(worker_, node.mapped()->request);
  release(std::move(node.mapped()));
}

void Sender::complete(tocsin_token attempt, const tocsin_verdict& verdict) {
  settings_.host->complete(worker_, attempt, &verdict);
}

void Sender::release(std::unique_ptr<Call> call) {
  if (free_calls_.size() < kFreeCallsMax) free_calls_.push_back(std::move(call));
}

}  // namespace tocsin::output_webhook
