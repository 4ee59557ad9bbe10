#include "gateway/plugin/handler_adapter.h"

#include <charconv>
#include <optional>
#include <utility>

#include "gateway/http/header_map.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

constexpr std::uint32_t kStatusMin = 200;
constexpr std::uint32_t kStatusMax = 599;

std::optional<std::uint64_t> announced_length(const http::RequestHead& head) {
  const auto text = head.headers.find("content-length");
  if (!text) return std::nullopt;
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), length);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return length;
}

bool is_answer(const tocsin_http_answer& answer) {
  if (answer.size < sizeof(answer) || answer.status < kStatusMin || answer.status > kStatusMax ||
      !is_readable(answer.body) || (answer.header_count > 0 && answer.headers == nullptr) ||
      answer.header_count > http::HeaderMap::kFieldsMax) {
    return false;
  }
  for (std::uint32_t i = 0; i < answer.header_count; ++i) {
    const tocsin_header& header = item_of(answer.headers, answer.header_stride, i);
    if (!is_readable(header.name) || !is_readable(header.value) ||
        !http::is_token(view_of(header.name)) || !http::is_field_value(view_of(header.value))) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string_view path_below(std::string_view path, std::string_view prefix) {
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
  return path.empty() ? "/" : path;
}

/// One exchange in the plugin's hands.
class HandlerAdapter::Request final : public http::Responder {
 public:
  explicit Request(HandlerAdapter& adapter)
      : owner(adapter), deadline(adapter.worker_.loop().timers(), [this] { expire(); }) {}

  void on_body(std::string_view bytes, bool end) override {
    if (answered || wanted == 0) return;
    if (bytes.size() > wanted - body.size()) return too_large();
    body.append(bytes);
    if (end) owner.give_body(*this);
  }
  void on_trailers(const http::HeaderMap&) override {
    if (!answered && wanted != 0) owner.give_body(*this);
  }
  void on_done(http::DoneFlags) override { owner.over(*this); }

  void too_large() {
    answered = true;
    exchange->answer_problem(413, "The body is larger than what is taken here.");
  }
  void give_up() {
    answered = true;
    deadline.cancel();
    exchange->answer_problem(503, "What serves this path is being replaced.");
  }
  void expire() {
    answered = true;
    owner.worker_.instance().metrics().expired->add();
    exchange->answer_problem(504, "The plugin that serves this path did not answer in time.");
  }

  HandlerAdapter& owner;
  http::Exchange* exchange = nullptr;
  tocsin_token token = 0;
  void* plugins = nullptr;   // what on_request stored
  std::uint64_t wanted = 0;  // bytes of body
  std::string body;
  std::string peer;
  bool answered = false;
  event::Timer deadline;
};

HandlerAdapter::HandlerAdapter(Worker& worker) : worker_(worker), requests_(5, kRequestsMax) {
  worker_.completions().answers = this;
}

HandlerAdapter::~HandlerAdapter() {
  TOCSIN_ASSERT(requests_.size() == 0, "a handler was destroyed before its exchanges were over");
  worker_.completions().answers = nullptr;
  worker_.forget(*this);
}

void HandlerAdapter::serve(http::Exchange& exchange, const http::RequestHead& head,
                           std::string_view prefix) {
  tocsin_token token = 0;
  Request* request = requests_.add(token, [this] { return std::make_unique<Request>(*this); });
  if (request == nullptr) {
    return exchange.answer_problem(503, "Too many requests are waiting for this plugin.");
  }
  request->exchange = &exchange;
  request->token = token;
  request->plugins = nullptr;
  request->wanted = 0;
  request->body.clear();
  request->peer = exchange.peer().ip();
  request->answered = false;
  exchange.set_responder(*request);
  tocsin_http_head shown{};
  show_head(*request, head, prefix, shown);
  std::uint64_t wanted = 0;
  {
    const Worker::Inside inside(worker_, "on_request");
    wanted =
        worker_.instance().plugin().handler->on_request(worker_.self(), &shown, &request->plugins);
  }
  // It may be answered and over by now.
  if (requests_.find(token) == nullptr || request->answered) return;
  request->wanted = wanted;
  if (wanted == 0) return request->deadline.arm_after(kAnswerMax);
  if (announced_length(head).value_or(0) > wanted) return request->too_large();
  if (!exchange.body_follows()) give_body(*request);
}

void HandlerAdapter::cut() {
  for (const tocsin_token token : requests_.all()) {
    Request* request = requests_.find(token);
    if (request != nullptr && !request->answered) request->give_up();
  }
}

void HandlerAdapter::show_head(const Request& request, const http::RequestHead& head,
                               std::string_view prefix, tocsin_http_head& out) {
  headers_.clear();
  for (const http::Header& field : head.headers.all()) {
    headers_.push_back({str_of(field.name), str_of(field.value)});
  }
  out.size = sizeof(out);
  out.header_count = static_cast<std::uint32_t>(headers_.size());
  out.token = request.token;
  out.method = str_of(head.method);
  out.path = str_of(path_below(head.path, prefix));
  out.full_path = str_of(head.path);
  out.query = str_of(head.query);
  out.headers = headers_.data();
  out.header_stride = sizeof(tocsin_header);
  out.peer_is_loopback = request.exchange->peer().is_loopback() ? 1 : 0;
  out.peer = str_of(request.peer);
  out.request_id = str_of(request.exchange->facts().request_id);
}

void HandlerAdapter::give_body(Request& request) {
  request.wanted = 0;
  request.deadline.arm_after(kAnswerMax);
  const Worker::Inside inside(worker_, "on_body");
  worker_.instance().plugin().handler->on_body(worker_.self(), request.plugins,
                                               str_of(request.body));
}

std::uint32_t HandlerAdapter::respond(tocsin_token token, const tocsin_http_answer& answer) {
  Request* request = requests_.find(token);
  if (request == nullptr || request->answered) return worker_.late("respond");
  request->answered = true;
  request->deadline.cancel();
  http::Exchange& exchange = *request->exchange;
  if (!is_answer(answer)) {
    exchange.answer_problem(500, "The plugin that serves this path gave a malformed answer.");
    return worker_.misused("respond with a malformed answer");
  }
  http::ResponseHead& head = exchange.fresh_head(static_cast<int>(answer.status));
  head.body_bytes = answer.body.len;
  for (std::uint32_t i = 0; i < answer.header_count; ++i) {
    const tocsin_header& header = item_of(answer.headers, answer.header_stride, i);
    const auto name = exchange.arena().copy(view_of(header.name));
    const auto value = exchange.arena().copy(view_of(header.value));
    if (name && value) (void)head.headers.add(*name, *value);
  }
  exchange.send_head(head, answer.body.len == 0);
  if (answer.body.len != 0) exchange.send_data(view_of(answer.body), true);
  return TOCSIN_OK;
}

std::uint32_t HandlerAdapter::resume(tocsin_token /*token*/) {
  return worker_.misused("http_resume by a handler");
}

// An answer may end its exchange at once, inside respond and so inside the plugin.
void HandlerAdapter::over(Request& request) {
  request.deadline.cancel();
  request.answered = true;
  request.exchange = nullptr;
  if (!worker_.inside()) return end(request);
  over_.push_back(&request);
  worker_.note(*this);
}

void HandlerAdapter::end(Request& request) {
  std::unique_ptr<Request> ended = requests_.take(request.token);
  {
    const Worker::Inside inside(worker_, "on_done");
    worker_.instance().plugin().handler->on_done(worker_.self(), ended->plugins);
  }
  if (ended->body.capacity() > kBodyKeptBytes) ended->body = std::string();
  requests_.give_back(std::move(ended));
}

void HandlerAdapter::after_callback() {
  ending_.swap(over_);
  for (Request* request : ending_) end(*request);
  ending_.clear();
}

}  // namespace tocsin::plugin
