#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/http/codec.h"
#include "gateway/http/filter.h"
#include "gateway/http/filter_chain.h"
#include "gateway/http/head.h"

namespace tocsin::http {

/// What a request's method may be at all; a route may take fewer.
inline constexpr std::string_view kServedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Who serves one request: what a route table says about its head.
struct RoutePlan {
  std::string_view route;                                ///< its name, for logs and metrics
  std::span<HttpFilterFactory* const> listener_filters;  ///< run first
  std::span<HttpFilterFactory* const> route_filters;
  Handler* handler = nullptr;  ///< never null
};

/// The route table of a listener in one snapshot, for one loop.
class RouteSource {
 public:
  virtual ~RouteSource() = default;
  /// Everything the plan points at lives as long as this source.
  virtual RoutePlan plan(const RequestHead& head) const = 0;
  /// The codec is about to answer a request that no route saw (malformed, too large, too slow).
  virtual void refusing(Exchange& exchange, ResponseHead& head) const = 0;
  /// It has; `flags` says why.
  virtual void note_refused(const Exchange& exchange, DoneFlags flags) const = 0;
};

/// What is known of an exchange besides its heads; access logs and metrics read it.
struct ExchangeFacts {
  MonoTime began{};                  ///< first byte of the request
  MonoTime answer_began{};           ///< response head handed to the codec
  std::uint64_t request_bytes = 0;   ///< body only
  std::uint64_t response_bytes = 0;  ///< body only
  int status = 0;                    ///< 0: no answer was begun
  std::string_view route;
  std::string_view request_id;  ///< set by the request_id filter
  std::string_view trace_id;
};

/// One request and its response, independent of the protocol version. Belongs to one loop; reused
/// for the next request after close(). The codec feeds it, the handler answers it, the filter chain
/// lies between them.
class Exchange final : private FilterChain::Ends {
 public:
  /// Memory one exchange may take for heads, trailers and what filters keep.
  static constexpr std::size_t kArenaBytesMax = 1024 * 1024;

  Exchange(event::Loop& loop, BlockPool& pool);
  ~Exchange() override = default;

  // --- the codec's side ---

  /// Begins a new exchange at the first byte of its request.
  void open(Codec& codec, const event::Address& peer, std::string_view scheme);
  /// To be filled before start().
  RequestHead& request_head() { return request_; }
  /// The head is complete: chooses the route and runs the filters. `source` is pinned until
  /// close().
  void start(std::shared_ptr<const RouteSource> source, bool end);
  void push_body(std::string_view bytes, bool end);
  void push_trailers(HeaderMap& trailers);
  void transport_writable();
  /// The answer is complete before the request: what still comes of its body is nobody's.
  void drop_body();
  /// The handler answered 101: the connection is handed over. close() follows.
  void upgraded(std::unique_ptr<event::Stream> stream, std::string_view unread);
  /// Answers in place of everybody for a request the codec refuses; nothing when an answer has
  /// begun. `flags` says why, as those of close() will.
  void refuse(const std::shared_ptr<const RouteSource>& source, int status, std::string_view detail,
              DoneFlags flags);
  /// The exchange is over: tells filters and handler, exactly once, and releases everything.
  void close(DoneFlags flags);

  bool planned_with(const RouteSource& source) const { return source_.get() == &source; }
  bool answer_begun() const { return facts_.status != 0; }
  bool answer_complete() const { return answer_complete_; }

  // --- the handler's side ---

  const RequestHead& request() const { return request_; }
  Arena& arena() { return arena_; }
  event::Loop& loop() const { return loop_; }
  const event::Address& peer() const { return *peer_; }
  /// The request's head was not its end: a body or trailers come behind it, or did.
  bool body_follows() const { return body_follows_; }
  const ExchangeFacts& facts() const { return facts_; }
  ExchangeFacts& facts() { return facts_; }
  /// The head as it was answered; meaningful once answer_begun().
  const ResponseHead& response() const { return *response_; }
  bool answered_here() const { return local_answer_; }

  /// Takes the exchange: body pieces and the end are told to `responder` from now on.
  void set_responder(Responder& responder) { responder_ = &responder; }
  /// A whole answer at once. `body` is copied as needed; the type may be empty when the body is.
  void answer(int status, std::string_view content_type, std::string_view body);
  /// A problem document (RFC 9457).
  void answer_problem(int status, std::string_view detail);
  /// An empty head kept by the exchange, for handlers that answer with fields of their own.
  ResponseHead& fresh_head(int status);
  /// An answer in pieces. `head` must live until on_done. Exactly one call carries the end. A body
  /// longer or shorter than head.body_bytes ends in abort(), unless the answer may have no body at
  /// all (HEAD, 204, 304): then what is sent is dropped.
  void send_head(ResponseHead& head, bool end);
  /// False: pause until Responder::on_writable.
  bool send_data(std::string_view bytes, bool end);
  void send_trailers(HeaderMap& trailers);
  void send_informational(int status, const HeaderMap& headers);
  /// Breaks the answer off so that the client cannot take it for a whole one.
  void abort();
  /// Stop and go on receiving body.
  void hold_body() {
    if (!answer_complete_)
      hold_source(kHandlerHold);  // afterwards nobody waits for the body any more
  }
  void release_body() { release_source(kHandlerHold); }

 private:
  enum Hold : std::uint8_t { kChainHold = 1, kHandlerHold = 2 };

  void request_head(RequestHead& head, bool end) override;
  void request_data(std::string_view bytes, bool end) override;
  void request_trailers(HeaderMap& trailers) override;
  void response_head(ResponseHead& head, bool end) override;
  void response_data(std::string_view bytes, bool end) override;
  void response_trailers(HeaderMap& trailers) override;
  void hold_request_source() override { hold_source(kChainHold); }
  void release_request_source() override { release_source(kChainHold); }
  void hold_response_source() override { response_source_held_ = true; }
  void release_response_source() override;
  void answered_locally() override { local_answer_ = true; }
  void name_request(std::string_view request_id) override { facts_.request_id = request_id; }
  void abort_answer() override { abort(); }

  void hold_source(Hold who);
  void release_source(Hold who);
  bool length_kept(std::size_t more, bool end);

  event::Loop& loop_;
  Arena arena_;
  FilterChain chain_;
  RequestHead request_;
  ResponseHead answer_head_;  // what fresh_head lends
  const ResponseHead* response_ = nullptr;
  ExchangeFacts facts_;
  std::shared_ptr<const RouteSource> source_;
  Codec* codec_ = nullptr;
  const event::Address* peer_ = nullptr;
  Handler* handler_ = nullptr;
  Responder* responder_ = nullptr;
  std::uint64_t body_left_ = ResponseHead::kUnknownLength;  // of what the answer's head promised
  std::uint8_t body_holds_ = 0;
  bool started_ = false;
  bool body_follows_ = false;
  bool answer_complete_ = false;
  bool local_answer_ = false;
  bool transport_full_ = false;
  bool response_source_held_ = false;
  bool aborted_ = false;
};

}  // namespace tocsin::http
