#include "gateway/http/exchange.h"

#include <utility>

#include "gateway/base/assert.h"
#include "gateway/http/problem.h"

namespace tocsin::http {

void Responder::on_upgraded(std::unique_ptr<event::Stream>, std::string_view) {}

Exchange::Exchange(event::Loop& loop, BlockPool& pool)
    : loop_(loop), arena_(pool, kArenaBytesMax), chain_(*this, *this) {}

void Exchange::open(Codec& codec, const event::Address& peer, std::string_view scheme) {
  TOCSIN_ASSERT(codec_ == nullptr, "an exchange was opened before the last one was closed");
  codec_ = &codec;
  peer_ = &peer;
  request_.method = request_.target = request_.path = request_.query = request_.authority = {};
  request_.scheme = scheme;
  request_.major_version = request_.minor_version = 1;
  request_.headers.clear();
  facts_ = ExchangeFacts{};
  facts_.began = loop_.now();
  response_ = nullptr;
  body_holds_ = 0;
  started_ = answer_complete_ = local_answer_ = false;
  transport_full_ = response_source_held_ = aborted_ = false;
}

void Exchange::start(std::shared_ptr<const RouteSource> source, bool end) {
  source_ = std::move(source);
  const RoutePlan plan = source_->plan(request_);
  facts_.route = plan.route;
  handler_ = plan.handler;
  started_ = true;
  body_follows_ = !end;
  if (!chain_.build(plan.listener_filters, plan.route_filters, arena_)) {
    answer_problem(500, "The route has more filters than the gateway can run.");
    return;
  }
  chain_.push_request_head(request_, end);
}

void Exchange::push_body(std::string_view bytes, bool end) {
  facts_.request_bytes += bytes.size();
  chain_.push_request_data(bytes, end);
}

void Exchange::push_trailers(HeaderMap& trailers) { chain_.push_request_trailers(trailers); }

void Exchange::transport_writable() {
  transport_full_ = false;
  if (responder_ != nullptr && !response_source_held_) responder_->on_writable();
}

void Exchange::drop_body() {
  chain_.stop_request();
  body_holds_ = 0;
}

void Exchange::upgraded(std::unique_ptr<event::Stream> stream, std::string_view unread) {
  if (responder_ != nullptr) responder_->on_upgraded(std::move(stream), unread);
}

void Exchange::release_response_source() {
  response_source_held_ = false;
  if (responder_ != nullptr && !transport_full_) responder_->on_writable();
}

void Exchange::refuse(const std::shared_ptr<const RouteSource>& source, int status,
                      std::string_view detail, DoneFlags flags) {
  if (answer_begun() || aborted_) return;
  local_answer_ = true;
  chain_.stop_request();
  const std::string body = problem_document(status, detail);
  ResponseHead& head = fresh_head(status);
  head.body_bytes = body.size();
  (void)head.headers.add("Content-Type", kProblemType);
  if (status == 405) (void)head.headers.add("Allow", kServedMethods);
  if (!started_) source->refusing(*this, head);
  response_head(head, false);
  response_data(body, true);
  if (started_) return;  // the filters hear of it
  flags.local_answer = true;
  source->note_refused(*this, flags);
}

void Exchange::close(DoneFlags flags) {
  TOCSIN_ASSERT(codec_ != nullptr, "an exchange was closed twice");
  flags.completed = answer_complete_;
  flags.local_answer = local_answer_;
  codec_ = nullptr;
  chain_.finish(flags);
  if (Responder* responder = std::exchange(responder_, nullptr)) responder->on_done(flags);
  handler_ = nullptr;
  peer_ = nullptr;
  source_.reset();
  arena_.reset();
}

ResponseHead& Exchange::fresh_head(int status) {
  answer_head_.status = status;
  answer_head_.body_bytes = ResponseHead::kUnknownLength;
  answer_head_.headers.clear();
  return answer_head_;
}

void Exchange::answer(int status, std::string_view content_type, std::string_view body) {
  ResponseHead& head = fresh_head(status);
  head.body_bytes = body.size();
  if (!content_type.empty()) (void)head.headers.add("Content-Type", content_type);
  send_head(head, body.empty());
  if (!body.empty()) send_data(body, true);
}

void Exchange::answer_problem(int status, std::string_view detail) {
  local_answer_ = true;
  answer(status, kProblemType, problem_document(status, detail));
}

void Exchange::send_head(ResponseHead& head, bool end) { chain_.push_response_head(head, end); }

bool Exchange::send_data(std::string_view bytes, bool end) {
  chain_.push_response_data(bytes, end);
  return !transport_full_ && !response_source_held_;
}

void Exchange::send_trailers(HeaderMap& trailers) { chain_.push_response_trailers(trailers); }

void Exchange::send_informational(int status, const HeaderMap& headers) {
  if (!answer_begun()) codec_->send_informational(status, headers);
}

void Exchange::abort() {
  if (codec_ == nullptr || answer_complete_ || aborted_) return;
  aborted_ = true;
  codec_->abort_answer();
}

void Exchange::request_head(RequestHead& head, bool) {
  handler_->on_request(*this, head);
  TOCSIN_ASSERT(responder_ != nullptr || chain_.response_started() || aborted_,
                "a handler neither answered nor took the exchange");
}

void Exchange::request_data(std::string_view bytes, bool end) {
  if (responder_ != nullptr) responder_->on_body(bytes, end);
}

void Exchange::request_trailers(HeaderMap& trailers) {
  if (responder_ != nullptr) responder_->on_trailers(trailers);
}

// An answer longer or shorter than its own head says must not look whole to the client.
bool Exchange::length_kept(std::size_t more, bool end) {
  if (body_left_ == ResponseHead::kUnknownLength) return true;
  if (more > body_left_ || (end && more < body_left_)) {
    abort();
    return false;
  }
  body_left_ -= more;
  return true;
}

void Exchange::response_head(ResponseHead& head, bool end) {
  if (aborted_) return;
  const bool bodiless = request_.is_head() || status_forbids_body(head.status);
  body_left_ = bodiless ? ResponseHead::kUnknownLength : head.body_bytes;
  if (!length_kept(0, end)) return;
  response_ = &head;
  facts_.status = head.status;
  facts_.answer_began = loop_.now();
  answer_complete_ = end;
  codec_->send_head(head, end);
}

void Exchange::response_data(std::string_view bytes, bool end) {
  if (aborted_ || !length_kept(bytes.size(), end)) return;
  facts_.response_bytes += bytes.size();
  answer_complete_ = end;
  if (!codec_->send_data(bytes, end)) transport_full_ = true;
}

void Exchange::response_trailers(HeaderMap& trailers) {
  if (aborted_ || !length_kept(0, true)) return;
  answer_complete_ = true;
  codec_->send_trailers(trailers);
}

void Exchange::hold_source(Hold who) {
  if (body_holds_ == 0) codec_->hold_body();
  body_holds_ = static_cast<std::uint8_t>(body_holds_ | who);
}

void Exchange::release_source(Hold who) {
  if (body_holds_ == 0) return;
  body_holds_ = static_cast<std::uint8_t>(body_holds_ & ~who);
  if (body_holds_ == 0) codec_->release_body();
}

}  // namespace tocsin::http
