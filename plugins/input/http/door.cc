#include "door.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace tocsin::input_http {

namespace {

constexpr std::size_t kBatchItemsMax = 1000;
constexpr std::size_t kKeyBytesMax = 255;
constexpr std::string_view kVersion = "/v1";
constexpr std::string_view kWait = "wait";
constexpr std::string_view kDelivered = "delivered";

// "application/json; charset=utf-8" -> "application/json"
std::string_view media_type(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  return value;
}

// Below the route's prefix, with or without the version, and one slash at the end means nothing.
std::string_view below_version(std::string_view path) {
  constexpr std::string_view kNotificationsAndSlash = "/notifications/";
  if (path.starts_with(kVersion)) path.remove_prefix(kVersion.size());
  if (path == kNotificationsAndSlash) path.remove_suffix(1);
  return path;
}

// What stands before the paths of the operations: the route's prefix and the version, if asked so.
std::string_view base_of(const sdk::RequestHead& head) {
  std::string_view path = head.path();
  if (path.starts_with(kVersion)) path.remove_prefix(kVersion.size());
  std::string_view base = head.full_path();
  base.remove_suffix(std::min(base.size(), path.size()));
  return base;
}

// Where the state of what is sent by this request is found. A further path tells the prefix of its
// route only if it is below one.
void find_collection(const sdk::RequestHead& head, std::string& collection) {
  const bool further = below_version(head.path()) != kSendPath;
  std::string_view base = base_of(head);
  if (further && head.path().size() < 2) base = {};  // its route is that path alone
  collection.assign(base);
  if (further && !base.ends_with(kVersion)) collection.append(kVersion);
  collection.append(kSendPath).append("/");
}

// Behind "Bearer", in a header field.
bool can_be_sent(std::string_view token) {
  if (token.starts_with(' ') || token.ends_with(' ')) return false;
  return std::none_of(token.begin(), token.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

// Why no request can have this path, or empty. Paths are compared as the gateway normalised them.
std::string_view path_fault(std::string_view path) {
  if (!path.starts_with('/')) return "a path begins with /";
  const bool sent_so = std::all_of(path.begin(), path.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '?' && c != '#' && c != '\\';
  });
  if (!sent_so) {
    return "a path has no query, blank, backslash or character beyond ASCII; those are sent "
           "percent-encoded";
  }
  const std::string closed = std::string(path) + "/";
  if (closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos) {
    return "requests have their . and .. resolved: write the path without them";
  }
  return {};
}

// Of "a=b&c=d"; empty for "a" alone, nothing when it is not there. Values that need decoding are
// none of ours.
std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) == name) return pair.substr(std::min(equals + 1, pair.size()));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

bool is_settled(const sdk::LedgerAnswer& found) {
  for (const tocsin_delivery_row& row : found.deliveries()) {
    const std::string_view state = sdk::view(row.state);
    if (state == "ready" || state == "claimed" || state == "sending") return false;
  }
  return true;
}

// The draft of the header wants a quoted string; most senders leave the quotes out.
std::string_view unquoted(std::string_view key) {
  const bool quoted = key.size() >= 2 && key.starts_with('"') && key.ends_with('"');
  return quoted ? key.substr(1, key.size() - 2) : key;
}

}  // namespace

struct Door::Fields {
  explicit Fields(const sdk::RequestHead& head) {
    for (const tocsin_header& field : head.headers()) {
      take(field, "Authorization", authorization);
      take(field, "Content-Type", content_type);
      take(field, "Idempotency-Key", key);
    }
  }

  std::optional<std::string_view> authorization;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> key;
  std::string_view repeated;  // the name of one that is given twice: which of them counts?

 private:
  void take(const tocsin_header& field, std::string_view name,
            std::optional<std::string_view>& value) {
    if (!sdk::same_name(sdk::view(field.name), name)) return;
    if (value) repeated = name;
    value = sdk::view(field.value);
  }
};

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  const sdk::Value tokens = setup.settings["tokens"];
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!can_be_sent(tokens.at(i).text_view())) {
      return fault.refuse(
          "the token of " + std::string(tokens.key(i)) +
              " has a line break, a control character or a blank at an end, which no "
              "caller can send; a file may end in one line break",
          "tokens");
    }
    const std::string name(tokens.key(i));
    const std::string_view other = callers.add(name, tokens.at(i).text_view());
    if (other.empty()) continue;
    // Nobody could say which of them had sent something.
    return fault.refuse(
        "tokens." + std::string(other) + " is the same secret: give each caller one of its own",
        "tokens." + name);
  }
  const sdk::Value given = setup.settings["paths"];
  for (std::size_t i = 0; i < given.size(); ++i) {
    paths.push_back(given.at(i).text());
    const std::string_view why = path_fault(paths.back());
    if (!why.empty()) return fault.refuse(paths.back() + ": " + std::string(why), "paths");
  }
  body_bytes_max = setup.settings["body_bytes_max"].bytes();
  wait_timeout = setup.settings["wait_timeout"].duration();
  return true;
}

// ---- a request comes

sdk::RequestPtr Door::on_request(const sdk::RequestHead& head) {
  const std::string_view below = below_version(head.path());
  const bool further = std::find(settings_->paths.begin(), settings_->paths.end(),
                                 head.full_path()) != settings_->paths.end();
  const OperationMatch match = match_operation(head.method(), further ? kSendPath : below);
  if (match.operation == nullptr && match.allow.empty()) {
    return refuse(head, answers_.problem(404, "There is nothing here."));
  }
  const Fields fields(head);
  if (!fields.repeated.empty()) {
    const std::string detail = "The header " + std::string(fields.repeated) + " is given twice.";
    return refuse(head, answers_.problem(400, detail));
  }
  const auto caller = settings_->callers.find(fields.authorization.value_or(""), tagger_);
  if (!caller) {
    Answer answer = answers_.problem(401, "A bearer token is required.");
    answer.challenge = true;
    return refuse(head, answer);
  }
  if (match.operation == nullptr) {
    Answer answer = answers_.problem(405, "This path has no such method.");
    answer.allow = match.allow;
    return refuse(head, answer);
  }
  const Verb verb = match.operation->verb;
  const auto wait = parameter(head.query(), kWait);
  const bool can_wait = verb == Verb::kOne || verb == Verb::kGet;
  if (wait && (*wait != kDelivered || !can_wait)) {
    return refuse(head, answers_.problem(400,
                                         "One can wait for one notification to be delivered: "
                                         "?wait=delivered."));
  }
  switch (verb) {
    case Verb::kOne:
    case Verb::kBatch:
      return begin_sending(verb, head, fields, *caller);
    case Verb::kGet:
    case Verb::kCancel:
      return ask_ledger(verb, head, *caller, match.id);
    case Verb::kReschedule:
      return begin_rescheduling(head, fields, *caller, match.id);
    case Verb::kDescribe:
      break;
  }
  return describe_door(head);
}

// Whoever may send may read how; strangers learn nothing.
sdk::RequestPtr Door::describe_door(const sdk::RequestHead& head) {
  const std::string text = describe(base_of(head), settings_->paths);
  Answer answer;
  answer.body = text;
  return refuse(head, answer);
}

sdk::RequestPtr Door::refuse(const sdk::RequestHead& head, const Answer& answer) {
  respond(head.token(), answer);
  return nullptr;
}

sdk::RequestPtr Door::begin(Verb verb, const sdk::RequestHead& head, std::string_view caller) {
  const std::uint64_t number = ++numbers_;
  Request& request = requests_.add(number, *this);
  request.number = number;
  request.exchange = head.token();
  request.verb = verb;
  request.lines = false;
  request.asked = false;
  request.over = false;
  request.body_max = settings_->body_bytes_max;
  request.caller = caller;
  request.key.clear();
  if (verb == Verb::kOne) find_collection(head, request.collection);
  request.waits = parameter(head.query(), kWait) == kDelivered;
  request.waiting = false;
  return sdk::RequestPtr(&request);
}

sdk::RequestPtr Door::begin_sending(Verb verb, const sdk::RequestHead& head, const Fields& fields,
                                    std::string_view caller) {
  const bool batch = verb == Verb::kBatch;
  const std::string_view type = media_type(fields.content_type.value_or(""));
  const bool lines = batch && sdk::same_name(type, "application/x-ndjson");
  if (!lines && !sdk::same_name(type, "application/json")) {
    return refuse(head, answers_.problem(415, "The body must be application/json."));
  }
  if (batch && fields.key) {
    return refuse(head, answers_.problem(400, "In a batch each item has its own idempotency_key."));
  }
  const std::string_view key = unquoted(fields.key.value_or(""));
  // Its sender believes that it may be repeated.
  if (fields.key && key.empty()) {
    return refuse(head, answers_.problem(400, "The Idempotency-Key is empty."));
  }
  if (key.size() > kKeyBytesMax) {
    return refuse(head, answers_.problem(400, "The Idempotency-Key has more than 255 bytes."));
  }
  sdk::RequestPtr begun = begin(verb, head, caller);
  auto& request = static_cast<Request&>(*begun);
  request.lines = lines;
  request.key = key;
  return begun;
}

// ---- the gateway is asked

void Door::on_body(Request& request, std::string_view body) {
  if (request.verb == Verb::kReschedule) return ask_for_time(request, body);
  items_.clear();
  if (request.verb == Verb::kOne) {
    items_.emplace_back(body, request.key);
  } else {
    const auto split = request.lines ? split_lines : split_array;
    split(body, kBatchItemsMax, batch_);
    if (!batch_.fault.empty()) {
      return respond(request.exchange, answers_.problem(400, batch_.fault));
    }
    for (const std::string_view item : batch_.items) items_.emplace_back(item);
  }
  request.asked = host_.emit(items_, request.caller, request.number) == TOCSIN_OK;
  if (request.asked) return;
  respond(request.exchange, answers_.busy("Too many notifications wait to be stored.", 1));
}

sdk::RequestPtr Door::ask_ledger(Verb verb, const sdk::RequestHead& head, std::string_view caller,
                                 std::string_view id) {
  sdk::RequestPtr begun = begin(verb, head, caller);
  auto& request = static_cast<Request&>(*begun);
  const std::uint32_t status = request.ask(id);
  request.asked = status == TOCSIN_OK;
  if (request.asked) return begun;
  return refuse(head, refused_question(status));
}

Answer Door::refused_question(std::uint32_t status) {
  return status == TOCSIN_NOT_FOUND ? answers_.problem(404, "There is no such notification.")
                                    : answers_.busy("The store cannot be asked now.", 1);
}

sdk::RequestPtr Door::begin_rescheduling(const sdk::RequestHead& head, const Fields& fields,
                                         std::string_view caller, std::string_view id) {
  if (!sdk::same_name(media_type(fields.content_type.value_or("")), "application/json")) {
    return refuse(head, answers_.problem(415, "The body must be application/json."));
  }
  sdk::RequestPtr begun = begin(Verb::kReschedule, head, caller);
  static_cast<Request&>(*begun).id = id;
  return begun;
}

void Door::ask_for_time(Request& request, std::string_view body) {
  const std::uint32_t status = request.ask_for_time(body);
  request.asked = status == TOCSIN_OK;
  if (!request.asked) respond(request.exchange, refused_question(status));
}

// ---- and answers

void Door::on_emitted(std::uint64_t number, const sdk::Items<tocsin_emit_outcome>& outcomes) {
  Request* request = requests_.find(number);
  if (request == nullptr) return;
  if (request->over) return finish(*request, {});
  if (request->waits) {
    const sdk::EmitOutcome outcome(outcomes[0]);
    const bool delivers = outcome.kind() == TOCSIN_COMMITTED || outcome.kind() == TOCSIN_REPLAYED;
    request->deliveries = outcome.deliveries();
    request->replayed = outcome.kind() == TOCSIN_REPLAYED;
    if (delivers && !outcome.id().empty() && begin_wait(*request, outcome.id())) return;
  }
  finish(*request, request->verb == Verb::kOne
                       ? answers_.to_one(sdk::EmitOutcome(outcomes[0]), request->collection)
                       : answers_.to_batch(outcomes));
}

void Door::on_ledger(Request& request, const sdk::LedgerAnswer& found) {
  if (request.waiting) return on_looked(request, found);
  const bool open = request.verb == Verb::kGet && found.status() == TOCSIN_OK && !request.over &&
                    request.waits && !is_settled(found);
  if (open && begin_wait(request, found.id())) return;
  if (found.status() == TOCSIN_NOT_FOUND) {
    return finish(request, answers_.problem(404, "There is no such notification."));
  }
  if (found.status() == TOCSIN_INVALID) {
    return finish(request, answers_.problem(400, found.text(), found.pointer()));
  }
  if (found.status() != TOCSIN_OK) {
    return finish(request, answers_.busy("The store cannot be asked now.", 1));
  }
  finish(request, request.verb == Verb::kGet      ? answers_.to_get(found)
                  : request.verb == Verb::kCancel ? answers_.to_cancel(found)
                                                  : answers_.to_reschedule(found));
}

// ---- and some wait
//
// The ledger is asked again and again, which costs a read each time and so has its bounds; whoever
// wants to hear of thousands has a webhook for that.

// False: too many wait already, or time cannot be had.
bool Door::begin_wait(Request& request, std::string_view id) {
  if (waits_ >= kWaitsMax) return false;
  request.asked = false;
  request.id = id;
  request.deadline = host_.now() + settings_->wait_timeout;
  request.pause = kFirstLook;
  if (!request.timer) request.timer.emplace(host_, [this, &request] { look(request); });
  if (!request.timer->start(request.pause)) return false;
  request.waiting = true;
  ++waits_;
  return true;
}

void Door::look(Request& request) {
  request.asked = request.ask_again() == TOCSIN_OK;
  if (!request.asked) look_again(request);
}

// A store that cannot be asked now may be asked later.
void Door::look_again(Request& request) {
  const sdk::Duration left = request.deadline - host_.now();
  request.pause = std::min(2 * request.pause, kLookEvery);
  if (left > sdk::Duration::zero() && request.timer->start(std::min(request.pause, left))) return;
  end_wait(request);
  finish(request, accepted(request));
}

void Door::on_looked(Request& request, const sdk::LedgerAnswer& found) {
  request.asked = false;
  if (request.over) {
    end_wait(request);
    return finish(request, {});
  }
  const bool known = found.status() == TOCSIN_OK;
  const bool late = host_.now() >= request.deadline;
  const bool ends = known && (is_settled(found) || (late && request.verb == Verb::kGet));
  if (!ends && !late) return look_again(request);
  end_wait(request);
  finish(request, ends ? answers_.to_get(found) : accepted(request));
}

void Door::end_wait(Request& request) {
  if (!std::exchange(request.waiting, false)) return;
  request.timer->cancel();
  --waits_;
}

// What is answered to who did not wait, or waited in vain.
Answer Door::accepted(const Request& request) {
  if (request.verb == Verb::kGet) return answers_.busy("The store cannot be asked now.", 1);
  tocsin_emit_outcome outcome{};
  outcome.size = sizeof(outcome);
  outcome.kind = request.replayed ? TOCSIN_REPLAYED : TOCSIN_COMMITTED;
  outcome.id = sdk::to_c(request.id);
  outcome.deliveries = request.deliveries;
  return answers_.to_one(sdk::EmitOutcome(outcome), request.collection);
}

// The gateway gave what it owed. When the client is gone as well, nobody needs the request any
// more.
void Door::finish(Request& request, const Answer& answer) {
  request.asked = false;
  if (!request.over) return respond(request.exchange, answer);
  requests_.remove(request.number);
}

void Door::on_done(Request& request) noexcept {
  request.over = true;
  if (request.asked) return;
  end_wait(request);
  requests_.remove(request.number);
}

void Door::respond(tocsin_token exchange, const Answer& answer) const {
  std::array<tocsin_header, 6> headers{};
  std::size_t count = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    headers[count++] = {sdk::to_c(name), sdk::to_c(value)};
  };
  const std::string retry_after = std::to_string(answer.retry_after_s);
  add("Content-Type", answer.problem ? "application/problem+json" : "application/json");
  if (answer.retry_after_s > 0) add("Retry-After", retry_after);
  if (!answer.allow.empty()) add("Allow", answer.allow);
  if (answer.challenge) add("WWW-Authenticate", "Bearer");
  if (answer.replayed) add("Idempotent-Replayed", "true");
  if (!answer.location.empty()) add("Location", answer.location);
  host_.respond(exchange, {.status = answer.status,
                           .body = answer.body,
                           .headers = headers.data(),
                           .header_count = count});
}

}  // namespace tocsin::input_http
