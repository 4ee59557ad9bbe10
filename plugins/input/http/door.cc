// From a request to what the gateway is asked, and from its outcome to the answer.

#include "door.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "batch.h"

namespace tocsin::input_http {

namespace {

constexpr std::size_t kBatchItemsMax = 1000;
constexpr std::size_t kKeyBytesMax = 255;
constexpr std::string_view kVersion = "/v1";
constexpr std::string_view kNotifications = "/notifications";

std::string_view view(tocsin_str text) { return {text.ptr, text.len}; }
tocsin_str text(std::string_view from) { return {from.data(), from.size()}; }

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char left, char right) {
           return (left >= 'A' && left <= 'Z' ? static_cast<char>(left | 0x20) : left) == right;
         });
}

std::string_view header(const tocsin_http_head& head, std::string_view lower_name) {
  for (std::uint32_t i = 0; i < head.header_count; ++i) {
    const auto& field = *reinterpret_cast<const tocsin_header*>(
        reinterpret_cast<const char*>(head.headers) + std::size_t{i} * head.header_stride);
    if (equals_ignoring_case(view(field.name), lower_name)) return view(field.value);
  }
  return {};
}

// "application/json; charset=utf-8" -> "application/json"
std::string_view media_type(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  return value;
}

// Where the request is, below the route's prefix and with or without the version.
std::optional<std::string_view> below_notifications(std::string_view path) {
  if (path.starts_with(kVersion)) path.remove_prefix(kVersion.size());
  if (!path.starts_with(kNotifications)) return std::nullopt;
  return path.substr(kNotifications.size());
}

// The draft of the header wants a quoted string; most senders leave the quotes out.
std::string_view unquoted(std::string_view key) {
  const bool quoted = key.size() >= 2 && key.starts_with('"') && key.ends_with('"');
  return quoted ? key.substr(1, key.size() - 2) : key;
}

Answer not_allowed(std::string_view allow) {
  Answer answer = problem(405, "This path has no such method.");
  answer.allow = allow;
  return answer;
}

}  // namespace

Settings::Settings(const tocsin_create& from) : host(from.host) {
  const tocsin_value& all = *from.settings;
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const tocsin_value& value = all.items[i];
    const std::string_view key = view(all.keys[i]);
    if (key == "tokens") {
      for (std::uint32_t k = 0; k < value.count; ++k)
        callers.add(view(value.keys[k]), view(value.items[k].text));
    } else if (key == "paths") {
      for (std::uint32_t k = 0; k < value.count; ++k) paths.emplace_back(view(value.items[k].text));
    } else if (key == "body_bytes_max") {
      body_bytes_max = static_cast<std::uint64_t>(value.integer);
    }
  }
}

std::uint64_t Door::on_request(const tocsin_http_head& head, void** request) {
  const auto refuse = [&](const Answer& answer) {
    respond(head.token, answer);
    return std::uint64_t{0};
  };
  const std::string_view method = view(head.method);
  const auto rest = below_notifications(view(head.path));
  const bool extra = std::find(settings_.paths.begin(), settings_.paths.end(),
                               view(head.full_path)) != settings_.paths.end();
  if (!rest && !extra) return refuse(problem(404, "There is nothing here."));

  const auto caller = settings_.callers.find(header(head, "authorization"));
  if (!caller) {
    Answer answer = problem(401, "A bearer token is required.");
    answer.challenge = true;
    return refuse(answer);
  }
  if (extra || rest->empty() || *rest == "/") {
    if (method != "POST") return refuse(not_allowed("POST"));
    return begin(Request::Verb::kOne, head, *caller, request);
  }
  if (*rest == "/batch") {
    if (method != "POST") return refuse(not_allowed("POST"));
    return begin(Request::Verb::kBatch, head, *caller, request);
  }
  const std::string_view id = rest->substr(1);
  if (id.find('/') != std::string_view::npos) return refuse(problem(404, "There is nothing here."));
  if (method != "GET" && method != "HEAD" && method != "DELETE") {
    return refuse(not_allowed("GET, DELETE"));
  }
  begin(method == "DELETE" ? Request::Verb::kCancel : Request::Verb::kGet, head, *caller, request);
  ask_ledger(*static_cast<Request*>(*request), id);
  return 0;
}

std::uint64_t Door::begin(Request::Verb verb, const tocsin_http_head& head, std::string_view caller,
                          void** request) {
  auto made = std::make_unique<Request>();
  made->door = this;
  made->exchange = head.token;
  made->verb = verb;
  made->caller = caller;
  if (verb == Request::Verb::kOne || verb == Request::Verb::kBatch) {
    const std::string_view type = media_type(header(head, "content-type"));
    made->lines =
        verb == Request::Verb::kBatch && equals_ignoring_case(type, "application/x-ndjson");
    if (!made->lines && !equals_ignoring_case(type, "application/json")) {
      respond(head.token, problem(415, "The body must be application/json."));
      return 0;
    }
    made->key = unquoted(header(head, "idempotency-key"));
    const bool in_batch = verb == Request::Verb::kBatch && !made->key.empty();
    if (in_batch || made->key.size() > kKeyBytesMax) {
      respond(head.token,
              problem(400, in_batch ? "In a batch each item has its own idempotency_key."
                                    : "The Idempotency-Key has more than 255 bytes."));
      return 0;
    }
  }
  *request = made.release();
  return settings_.body_bytes_max;
}

void Door::on_body(Request& request, std::string_view body) {
  if (request.verb == Request::Verb::kOne) return emit_one(request, body);
  emit_batch(request, body);
}

void Door::emit_one(Request& request, std::string_view body) {
  const tocsin_emit_item item = {.size = sizeof(tocsin_emit_item),
                                 .reserved = 0,
                                 .json = text(body),
                                 .idempotency_key = text(request.key)};
  emit(request, &item, 1);
}

void Door::emit_batch(Request& request, std::string_view body) {
  const Batch batch =
      request.lines ? split_lines(body, kBatchItemsMax) : split_array(body, kBatchItemsMax);
  if (!batch.fault.empty()) return respond(request.exchange, problem(400, batch.fault));
  std::vector<tocsin_emit_item> items;
  items.reserve(batch.items.size());
  for (const std::string_view item : batch.items) {
    items.push_back({.size = sizeof(tocsin_emit_item),
                     .reserved = 0,
                     .json = text(item),
                     .idempotency_key = {nullptr, 0}});
  }
  emit(request, items.data(), items.size());
}

void Door::emit(Request& request, const tocsin_emit_item* items, std::size_t count) {
  const tocsin_emit_request what = {.size = sizeof(tocsin_emit_request),
                                    .count = static_cast<std::uint32_t>(count),
                                    .items = items,
                                    .stride = sizeof(tocsin_emit_item),
                                    .reserved = 0,
                                    .caller = text(request.caller),
                                    .stream = 0,
                                    .user = reinterpret_cast<std::uint64_t>(&request)};
  if (settings_.host->emit(worker_, &what) == TOCSIN_OK) {
    request.asked = true;
    return;
  }
  Answer answer = problem(503, "Too many notifications wait to be stored.");
  answer.retry_after_s = 1;
  respond(request.exchange, answer);
}

void Door::on_emitted(std::uint64_t user, const tocsin_emit_outcome* outcomes, std::uint32_t count,
                      std::uint32_t stride) {
  auto& request = *reinterpret_cast<Request*>(user);
  if (request.over) return finish(request, {});
  finish(request, request.verb == Request::Verb::kOne ? answer_to_one(*outcomes)
                                                      : answer_to_batch(outcomes, count, stride));
}

void Door::ask_ledger(Request& request, std::string_view id) {
  const auto answered = [](void* user, const tocsin_ledger_answer* found) noexcept {
    auto& asker = *static_cast<Request*>(user);
    if (found->status == TOCSIN_NOT_FOUND) {
      return finish(asker, problem(404, "There is no such notification."));
    }
    if (found->status != TOCSIN_OK) {
      Answer answer = problem(503, "The store cannot be asked now.");
      answer.retry_after_s = 1;
      return finish(asker, answer);
    }
    finish(asker,
           asker.verb == Request::Verb::kGet ? answer_to_get(*found) : answer_to_cancel(*found));
  };
  const auto ask = request.verb == Request::Verb::kGet ? settings_.host->notification_get
                                                       : settings_.host->notification_cancel;
  const std::uint32_t status = ask(worker_, text(id), text(request.caller), answered, &request);
  if (status == TOCSIN_OK) {
    request.asked = true;
    return;
  }
  const bool unknown = status == TOCSIN_NOT_FOUND;
  Answer answer = unknown ? problem(404, "There is no such notification.")
                          : problem(503, "The store cannot be asked now.");
  if (!unknown) answer.retry_after_s = 1;
  respond(request.exchange, answer);
}

// The gateway gave what it owed. When the client is gone as well, nobody needs the request any
// more.
void Door::finish(Request& request, const Answer& answer) {
  request.asked = false;
  if (request.over) {
    delete &request;
    return;
  }
  request.door->respond(request.exchange, answer);
}

void Door::on_done(Request& request) {
  request.over = true;
  if (!request.asked) delete &request;
}

void Door::respond(tocsin_token exchange, const Answer& answer) const {
  std::array<tocsin_header, 6> headers{};
  std::uint32_t count = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    headers[count++] = {text(name), text(value)};
  };
  const std::string retry_after = std::to_string(answer.retry_after_s);
  add("Content-Type", answer.problem ? "application/problem+json" : "application/json");
  if (answer.retry_after_s > 0) add("Retry-After", retry_after);
  if (!answer.allow.empty()) add("Allow", answer.allow);
  if (answer.challenge) add("WWW-Authenticate", "Bearer");
  if (answer.replayed) add("Idempotent-Replayed", "true");
  if (!answer.location.empty()) add("Location", answer.location);
  const tocsin_http_answer out = {.size = sizeof(tocsin_http_answer),
                                  .status = static_cast<std::uint32_t>(answer.status),
                                  .headers = headers.data(),
                                  .header_count = count,
                                  .header_stride = sizeof(tocsin_header),
                                  .body = text(answer.body)};
  settings_.host->respond(worker_, exchange, &out);
}

}  // namespace tocsin::input_http
