#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/base/clock.h"
#include "gateway/event/stream.h"
#include "gateway/http/filter.h"
#include "gateway/http/head.h"

namespace tocsin::http {

class FilterChain;

/// What an exchange needs of the protocol that carries it: HTTP/1.1 now, HTTP/2 as a second one.
class Codec {
 public:
  virtual ~Codec() = default;
  /// The body's length when known (kUnknownLength otherwise); `end`: no body follows.
  virtual void send_head(const ResponseHead& head, std::uint64_t body_bytes, bool end) = 0;
  /// False: above the high watermark.
  virtual bool send_data(std::string_view bytes) = 0;
  virtual void send_end(const HeaderMap* trailers) = 0;
  /// 100, 102, 103. Nothing for HTTP/1.0 clients.
  virtual void send_informational(int status, const HeaderMap& headers) = 0;
  /// Stop and go on delivering request body to the exchange.
  virtual void hold_body() = 0;
  virtual void release_body() = 0;
  /// The answer cannot be completed: the peer must notice (HTTP/1: connection reset).
  virtual void abort_answer() = 0;
  /// Ends the protocol on this connection and gives the stream away, with the bytes already read.
  virtual std::unique_ptr<event::Stream> take_stream(std::string_view& unread) = 0;

  static constexpr std::uint64_t kUnknownLength = ~std::uint64_t{0};
};

/// What decides who serves a request: the route table of a listener in one snapshot.
struct RoutePlan {
  std::string_view route;                                ///< its name, for logs and metrics
  std::span<HttpFilterFactory* const> listener_filters;  ///< run first
  std::span<HttpFilterFactory* const> route_filters;
  Handler* handler = nullptr;                            ///< never null
};

class RouteSource {
 public:
  virtual ~RouteSource() = default;
  /// Everything the plan points at lives as long as this source.
  virtual RoutePlan plan(const RequestHead& head) const = 0;
};

/// What is known of an exchange besides its heads; the access log prints it.
struct ExchangeFacts {
  WallTime started_at{};
  MonoTime began{};              ///< first byte of the request
  MonoTime head_read{};
  MonoTime answer_began{};       ///< response head handed to the codec
  std::uint64_t request_bytes = 0;   ///< body only
  std::uint64_t response_bytes = 0;  ///< body only
  int status = 0;                    ///< 0: none was sent
  std::string_view route;
  std::string_view request_id;       ///< set by the request_id filter
  std::string_view trace_id;
};

}  // namespace tocsin::http
