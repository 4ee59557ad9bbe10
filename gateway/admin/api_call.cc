#include "gateway/admin/api_call.h"

#include <utility>

#include "gateway/base/assert.h"
#include "gateway/base/json_writer.h"
#include "gateway/base/text.h"
#include "gateway/http/problem.h"
#include "gateway/message/notification_codec.h"

namespace tocsin::admin {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr Duration kRetryAfter = std::chrono::seconds(5);  // the store is tried that often

std::string document(const Problem& problem) {
  if (!problem.pointer) return http::problem_document(problem.status, problem.detail);
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("title", http::reason_phrase(problem.status));
  json.key("status");
  json.number(problem.status);
  json.pair("detail", problem.detail);
  json.pair("pointer", *problem.pointer);
  json.end_object();
  return text + "\n";
}

std::string_view result_of(int status) {
  if (status < 400) return "ok";
  if (status == 401) return "unauthenticated";
  if (status == 403) return "denied";
  return status < 500 ? "refused" : "failed";
}

std::vector<std::string_view> query_names(const Endpoint& endpoint) {
  std::vector<std::string_view> names;
  for (const sdk::openapi::Parameter& parameter : endpoint.parameters) {
    if (parameter.in == sdk::openapi::In::kQuery) names.push_back(parameter.name);
  }
  return names;
}

bool is_json(const http::HeaderMap& headers) {
  const std::string_view type = headers.find("Content-Type").value_or("");
  return equals_ignoring_case(trim(type.substr(0, type.find(';'))), kJson);
}

}  // namespace

Problem problem_of(const Error& error, std::string_view doing) {
  return {.status = 503,
          .detail = "Could not " + std::string(doing) + ": " + error.text() + ".",
          .retry_after = kRetryAfter};
}

ApiCall::ApiCall(std::shared_ptr<AdminApi> api, const Endpoint& endpoint, http::Exchange& exchange,
                 std::string_view argument)
    : api_(std::move(api)),
      endpoint_(endpoint),
      loop_(exchange.loop()),
      exchange_(&exchange),
      argument_(argument),
      peer_(exchange.peer().text()),
      request_id_(exchange.facts().request_id),
      target_(argument) {}

void ApiCall::begin(const http::RequestHead& head) {
  self_ = shared_from_this();
  exchange_->set_responder(*this);
  if (const std::optional<Problem> problem = check(head)) return answer(*problem);
  if (!endpoint_.takes_json()) return serve();
  if (!exchange_->body_follows()) {
    answer({.status = 400, .detail = "This takes a JSON body.", .pointer = ""});
  }
}

std::optional<Problem> ApiCall::check(const http::RequestHead& head) {
  if (endpoint_.role != Role::kNobody) {
    const auto caller = api_->guard().identify(head);
    if (!caller) return Problem{caller.error().status, std::string(caller.error().detail)};
    caller_ = *caller;
  }
  if (caller_.role < endpoint_.role) {
    return Problem{403, "This takes the role " + std::string(role_name(endpoint_.role)) + "; " +
                            caller_.name + " has " + std::string(role_name(caller_.role)) + "."};
  }
  auto parameters = read_query(head.query, query_names(endpoint_));
  if (!parameters) return Problem{400, "In the query: " + parameters.error().what + "."};
  parameters_ = std::move(*parameters);
  if (const auto key = head.headers.find("Idempotency-Key")) {
    if (key->empty()) return Problem{400, "The Idempotency-Key is empty."};
    if (key->size() > message::kIdempotencyKeyBytesMax) {
      return Problem{400, "The Idempotency-Key has more than 255 bytes."};
    }
    idempotency_key_ = *key;
  }
  if (endpoint_.takes_json() && exchange_->body_follows() && !is_json(head.headers)) {
    return Problem{415, "The body must be of type application/json."};
  }
  if (!endpoint_.takes_json() && exchange_->body_follows()) {
    return Problem{400, "This takes no body."};
  }
  return std::nullopt;
}

const std::string* ApiCall::parameter(std::string_view name) const {
  for (const Parameter& parameter : parameters_) {
    if (parameter.name == name) return &parameter.value;
  }
  return nullptr;
}

void ApiCall::on_body(std::string_view bytes, bool end) {
  if (answered_) return;
  if (bytes.size() > kBodyBytesMax - body_.size()) {
    return answer({.status = 413, .detail = "The body is longer than 1 MiB."});
  }
  body_ += bytes;
  if (end) serve();
}

// The one place where an endpoint runs, so that it runs once.
void ApiCall::serve() {
  if (std::exchange(served_, true) || answered_) return;
  endpoint_.serve(*api_, shared_from_this());
}

void ApiCall::on_done(http::DoneFlags) {
  exchange_ = nullptr;
  if (Function<void()> gone = std::exchange(gone_, nullptr)) gone();
  const std::shared_ptr<ApiCall> last = std::move(self_);  // nobody else may keep this
}

void ApiCall::answer_json(int status, std::string json) {
  json += '\n';
  finish(status, kJson, json, Duration::zero());
}

void ApiCall::answer(int status, std::string_view content_type, std::string_view body) {
  finish(status, content_type, body, Duration::zero());
}

void ApiCall::answer(const Problem& problem) {
  if (detail_.empty()) detail_ = problem.detail;
  finish(problem.status, http::kProblemType, document(problem), problem.retry_after);
}

void ApiCall::finish(int status, std::string_view content_type, std::string_view body,
                     Duration retry_after) {
  TOCSIN_ASSERT(!answered_, "an admin request was answered twice");
  answered_ = true;
  gone_ = nullptr;
  audit(status);
  if (exchange_ == nullptr) return;
  http::ResponseHead& head = exchange_->fresh_head(status);
  (void)head.headers.add("Content-Type", content_type);
  (void)head.headers.add("Cache-Control", "no-store");
  if (status == 401) (void)head.headers.add("WWW-Authenticate", "Bearer realm=\"tocsin admin\"");
  if (retry_after > Duration::zero()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(retry_after).count();
    const auto text = exchange_->arena().copy(std::to_string(seconds));
    if (text) (void)head.headers.add("Retry-After", *text);
  }
  head.body_bytes = body.size();
  exchange_->send_head(head, false);
  exchange_->send_data(body, true);
}

void ApiCall::audit(int status) {
  if (endpoint_.action.empty()) return;
  api_->parts().audit.record({.who = caller_.name,
                              .role = role_name(caller_.role),
                              .action = endpoint_.action,
                              .target = target_,
                              .result = result_of(status),
                              .status = status,
                              .detail = detail_,
                              .peer = peer_,
                              .request_id = request_id_});
}

}  // namespace tocsin::admin
