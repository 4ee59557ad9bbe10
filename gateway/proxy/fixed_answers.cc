#include "gateway/proxy/fixed_answers.h"

#include <algorithm>
#include <new>

#include "gateway/base/assert.h"
#include "gateway/http/problem.h"

namespace tocsin::proxy {

namespace {

void send(http::Exchange& exchange, http::ResponseHead& head, std::string_view body) {
  head.body_bytes = body.size();
  exchange.send_head(head, body.empty());
  if (!body.empty()) exchange.send_data(body, true);
}

}  // namespace

// Drops a request's body and answers behind it. Lives in the exchange's arena and ends in on_done.
class FixedAnswer::AfterBody final : public http::Responder {
 public:
  AfterBody(const FixedAnswer& handler, http::Exchange& exchange)
      : handler_(handler), exchange_(exchange) {}
  void on_body(std::string_view, bool end) override {
    if (end) handler_.answer(exchange_);
  }
  void on_trailers(const http::HeaderMap&) override { handler_.answer(exchange_); }
  void on_done(http::DoneFlags) override { this->~AfterBody(); }

 private:
  const FixedAnswer& handler_;
  http::Exchange& exchange_;
};

void FixedAnswer::on_request(http::Exchange& exchange, http::RequestHead&) {
  if (!exchange.body_follows()) {
    answer(exchange);
    return;
  }
  void* place = exchange.arena().allocate(sizeof(AfterBody), alignof(AfterBody));
  if (place == nullptr) {
    exchange.answer_problem(500, "The request took more memory than the gateway gives to one.");
    return;
  }
  exchange.set_responder(*new (place) AfterBody(*this, exchange));
}

void FixedAnswer::answer(http::Exchange& exchange) const {
  http::ResponseHead& head = exchange.fresh_head(options_.status);
  bool room = true;
  if (!options_.body.empty()) room = head.headers.add("Content-Type", options_.content_type);
  for (const auto& [name, value] : options_.headers) room = room && head.headers.add(name, value);
  TOCSIN_ASSERT(room, "a fixed answer has more fields than its table may hold");
  send(exchange, head, options_.body);
}

void Redirect::on_request(http::Exchange& exchange, http::RequestHead& request) {
  http::ResponseHead& head = exchange.fresh_head(options_.status);
  std::string_view location = options_.to;
  if (options_.append_path) {
    const auto copy = exchange.arena().copy(joined(request));
    if (!copy) {
      exchange.answer_problem(500, "The redirect's location is too long.");
      return;
    }
    location = *copy;
  }
  (void)head.headers.add("Location", location);
  send(exchange, head, {});
}

// Always one slash between the two, whoever brought it: without one the path would go on the name
// of the host, with two it would begin with another.
std::string Redirect::joined(const http::RequestHead& request) const {
  std::string location = options_.to;
  std::string_view tail = request.path.substr(options_.prefix.size());
  if (!tail.empty()) {
    while (location.ends_with('/')) location.pop_back();
    tail.remove_prefix(std::min(tail.find_first_not_of('/'), tail.size()));
    location.append("/").append(tail);
  }
  if (!request.query.empty()) location.append("?").append(request.query);
  return location;
}

void ProblemAnswer::on_request(http::Exchange& exchange, http::RequestHead&) {
  http::ResponseHead& head = exchange.fresh_head(status_);
  (void)head.headers.add("Content-Type", http::kProblemType);
  if (!allow_.empty()) (void)head.headers.add("Allow", allow_);
  send(exchange, head, http::problem_document(status_, detail_));
}

}  // namespace tocsin::proxy
