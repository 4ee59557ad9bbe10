#include "gateway/http/filter_chain.h"

#include <new>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/http/problem.h"

namespace tocsin::http {

FilterChain::FilterChain(Exchange& exchange, Ends& ends)
    : exchange_(exchange), ends_(ends), request_(*this), response_(*this) {}

FilterChain::~FilterChain() {
  TOCSIN_ASSERT(places_.empty(), "a filter chain was destroyed before its filters were done");
}

bool FilterChain::build(std::span<HttpFilterFactory* const> first,
                        std::span<HttpFilterFactory* const> second, Arena& arena) {
  const std::size_t count = first.size() + second.size();
  arena_ = &arena;
  request_.start(0);
  response_.start(0);
  if (count == 0) return true;
  if (count > FilterFlow::kStepsMax) return false;
  void* memory = arena.allocate(count * sizeof(Place), alignof(Place));
  if (memory == nullptr) return false;
  auto* places = static_cast<Place*>(memory);
  std::size_t made = 0;
  const auto make = [&](HttpFilterFactory* factory) {
    HttpFilter* filter = factory->create(arena);
    if (filter == nullptr) return false;
    auto* place = new (places + made) Place;
    place->chain = this;
    place->filter = filter;
    place->index = made++;
    return true;
  };
  bool all = true;
  for (HttpFilterFactory* factory : first) all = all && make(factory);
  for (HttpFilterFactory* factory : second) all = all && make(factory);
  places_ = {places, made};
  request_.start(made);
  return all;
}

void FilterChain::push_request_head(RequestHead& head, bool end) {
  request_head_ = &head;
  request_.push_head(end);
}

void FilterChain::push_response_head(ResponseHead& head, bool end) {
  if (handler_silenced_) return;
  start_response(head, request_.entered(), end);
}

void FilterChain::start_response(ResponseHead& head, std::size_t entered, bool end) {
  TOCSIN_ASSERT(response_head_ == nullptr, "an exchange was answered twice");
  response_head_ = &head;
  response_entered_ = entered;
  response_.start(entered);
  for (std::size_t i = 0; i < entered; ++i) {
    response_.want_body(response_step(i), places_[i].response_wish);
  }
  response_.push_head(end);
}

void FilterChain::finish(DoneFlags flags) {
  finishing_ = true;
  request_.stop();
  response_.stop();
  for (Place& place : places_) {
    if (place.index < request_.entered()) place.filter->done(place, flags);
    place.filter->~HttpFilter();
    place.~Place();
  }
  places_ = {};
  request_head_ = nullptr;
  response_head_ = nullptr;
  response_entered_ = 0;
  local_kept_ = handler_silenced_ = finishing_ = false;
}

template <typename Hook>
FilterStatus FilterChain::run_hook(Place& place, Hook hook) {
  const Place* outer = std::exchange(running_, &place);
  const FilterStatus status = hook(*place.filter, place);
  running_ = outer;
  TOCSIN_ASSERT(status != FilterStatus::kRespond || local_kept_ || request_.stopped(),
                "a filter returned kRespond without an answer");
  return local_kept_ ? FilterStatus::kRespond : status;
}

bool FilterChain::keep_local_answer(const ResponseHead& head, std::string_view body) {
  const auto copy = arena_->copy(body);
  if (!copy) return false;
  local_head_ = head;
  local_head_.body_bytes = body.size();
  local_body_ = *copy;
  local_kept_ = true;
  return true;
}

ResponseHead& FilterChain::take_local_head() {
  local_kept_ = false;
  return local_head_;
}

bool FilterChain::keep_problem(int status, std::string_view detail) {
  ResponseHead head;
  head.status = status;
  return head.headers.add("content-type", kProblemType) &&
         keep_local_answer(head, problem_document(status, detail));
}

void FilterChain::give_up() {
  request_.stop();
  response_.stop();
  ends_.abort_answer();
}

// Inside a hook the answer waits for the hook's return; from outside it is acted upon at once.
void FilterChain::respond(const Place& place, const ResponseHead& head, std::string_view body) {
  if (finishing_) return;
  if (!keep_local_answer(head, body)) {
    give_up();
    return;
  }
  if (running_ == &place) return;
  if (response_head_ == nullptr) {
    answer_request(place.index);
  } else if (place.index < response_entered_ && response_.holding_at(response_step(place.index))) {
    replace_response(response_step(place.index));
  } else {
    give_up();
  }
}

void FilterChain::answer_request(std::size_t index) {
  if (response_head_ != nullptr) {
    give_up();
    return;
  }
  request_.stop();
  handler_silenced_ = true;
  ends_.answered_locally();
  start_response(take_local_head(), index + 1, local_body_.empty());
  if (!local_body_.empty()) response_.push_data(local_body_, true);
}

void FilterChain::replace_response(std::size_t step) {
  if (response_.head_delivered()) {
    give_up();
    return;
  }
  response_head_ = &take_local_head();
  handler_silenced_ = true;
  ends_.answered_locally();
  response_.replace(step + 1, local_body_);
}

// --- the request's direction

FilterStatus FilterChain::RequestFlow::head_hook(std::size_t step, bool end) {
  return chain_.run_hook(chain_.places_[step], [&](HttpFilter& filter, Place& place) {
    return filter.on_request_head(place, *chain_.request_head_, end);
  });
}

FilterStatus FilterChain::RequestFlow::data_hook(std::size_t step, std::string_view& bytes,
                                                 bool end) {
  return chain_.run_hook(chain_.places_[step], [&](HttpFilter& filter, Place& place) {
    return filter.on_request_data(place, bytes, end);
  });
}

FilterStatus FilterChain::RequestFlow::trailers_hook(std::size_t step, HeaderMap& trailers) {
  return chain_.run_hook(chain_.places_[step], [&](HttpFilter& filter, Place& place) {
    return filter.on_request_trailers(place, trailers);
  });
}

void FilterChain::RequestFlow::deliver_head(bool end) {
  chain_.ends_.request_head(*chain_.request_head_, end);
}
void FilterChain::RequestFlow::deliver_data(std::string_view bytes, bool end) {
  chain_.ends_.request_data(bytes, end);
}
void FilterChain::RequestFlow::deliver_trailers(HeaderMap& trailers) {
  chain_.ends_.request_trailers(trailers);
}
void FilterChain::RequestFlow::hold_source() { chain_.ends_.hold_request_source(); }
void FilterChain::RequestFlow::release_source() { chain_.ends_.release_request_source(); }
void FilterChain::RequestFlow::answer_from(std::size_t step) { chain_.answer_request(step); }
void FilterChain::RequestFlow::body_too_large(std::size_t step) {
  if (chain_.keep_problem(413, "The request body is too large.")) {
    chain_.answer_request(step);
  } else {
    chain_.give_up();
  }
}

// --- the response's direction

FilterStatus FilterChain::ResponseFlow::head_hook(std::size_t step, bool end) {
  return chain_.run_hook(chain_.response_place(step), [&](HttpFilter& filter, Place& place) {
    return filter.on_response_head(place, *chain_.response_head_, end);
  });
}

FilterStatus FilterChain::ResponseFlow::data_hook(std::size_t step, std::string_view& bytes,
                                                  bool end) {
  return chain_.run_hook(chain_.response_place(step), [&](HttpFilter& filter, Place& place) {
    return filter.on_response_data(place, bytes, end);
  });
}

FilterStatus FilterChain::ResponseFlow::trailers_hook(std::size_t step, HeaderMap& trailers) {
  return chain_.run_hook(chain_.response_place(step), [&](HttpFilter& filter, Place& place) {
    return filter.on_response_trailers(place, trailers);
  });
}

void FilterChain::ResponseFlow::deliver_head(bool end) {
  chain_.ends_.response_head(*chain_.response_head_, end);
}
void FilterChain::ResponseFlow::deliver_data(std::string_view bytes, bool end) {
  chain_.ends_.response_data(bytes, end);
}
void FilterChain::ResponseFlow::deliver_trailers(HeaderMap& trailers) {
  chain_.ends_.response_trailers(trailers);
}
void FilterChain::ResponseFlow::hold_source() { chain_.ends_.hold_response_source(); }
void FilterChain::ResponseFlow::release_source() { chain_.ends_.release_response_source(); }
void FilterChain::ResponseFlow::answer_from(std::size_t step) { chain_.replace_response(step); }
void FilterChain::ResponseFlow::body_too_large(std::size_t step) {
  if (chain_.keep_problem(502, "The answer is too large.")) {
    chain_.replace_response(step);
  } else {
    chain_.give_up();
  }
}

// --- what a filter may do

const Exchange& FilterChain::Place::exchange() const { return chain->exchange_; }
void FilterChain::Place::name_request(std::string_view id) { chain->ends_.name_request(id); }
Arena& FilterChain::Place::arena() { return *chain->arena_; }

void FilterChain::Place::want_request_body(BodyWish wish) {
  chain->request_.want_body(index, wish);
}

void FilterChain::Place::want_response_body(BodyWish wish) {
  response_wish = wish;
  if (chain->response_head_ != nullptr && index < chain->response_entered_) {
    chain->response_.want_body(chain->response_step(index), wish);
  }
}

void FilterChain::Place::respond(const ResponseHead& head, std::string_view body) {
  chain->respond(*this, head, body);
}

void FilterChain::Place::resume() {
  chain->request_.resume(index);
  if (chain->response_head_ != nullptr && index < chain->response_entered_) {
    chain->response_.resume(chain->response_step(index));
  }
}

}  // namespace tocsin::http
