#include "gateway/proxy/fixed_answers.h"

#include "gateway/http/problem.h"

namespace tocsin::proxy {

namespace {

void send(http::Exchange& exchange, http::ResponseHead& head, std::string_view body) {
  head.body_bytes = body.size();
  exchange.send_head(head, body.empty());
  if (!body.empty()) exchange.send_data(body, true);
}

}  // namespace

void FixedAnswer::on_request(http::Exchange& exchange, http::RequestHead&) {
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
    std::string target = options_.to;
    target.append(request.path.substr(options_.prefix.size()));
    if (!request.query.empty()) target.append("?").append(request.query);
    const auto copy = exchange.arena().copy(target);
    if (!copy) {
      exchange.answer_problem(500, "The redirect's location is too long.");
      return;
    }
    location = *copy;
  }
  (void)head.headers.add("Location", location);
  send(exchange, head, {});
}

void ProblemAnswer::on_request(http::Exchange& exchange, http::RequestHead&) {
  http::ResponseHead& head = exchange.fresh_head(status_);
  (void)head.headers.add("Content-Type", http::kProblemType);
  if (!allow_.empty()) (void)head.headers.add("Allow", allow_);
  send(exchange, head, http::problem_document(status_, detail_));
}

}  // namespace tocsin::proxy
