#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/event/stream.h"
#include "gateway/http/head.h"

namespace tocsin::http {

/// What an exchange needs of the protocol that carries it: HTTP/1.1 now, HTTP/2 as a second one.
/// Calls come from the exchange's loop; none of them calls back into the exchange.
class Codec {
 public:
  virtual ~Codec() = default;

  /// Framing fields are written by the codec from head.body_bytes; `end`: no body follows.
  virtual void send_head(const ResponseHead& head, bool end) = 0;
  /// False: above the high watermark; the exchange hears of room through transport_writable().
  virtual bool send_data(std::string_view bytes, bool end) = 0;
  virtual void send_trailers(const HeaderMap& trailers) = 0;
  /// 100, 102, 103. Nothing for HTTP/1.0 clients.
  virtual void send_informational(int status, const HeaderMap& headers) = 0;

  /// Stop and go on delivering the request body.
  virtual void hold_body() = 0;
  virtual void release_body() = 0;

  /// The answer cannot be completed: the peer must notice (HTTP/1: connection reset).
  virtual void abort_answer() = 0;

  /// Ends the protocol on this connection and gives the stream away; `unread` gets the bytes already
  /// received behind the request.
  virtual std::unique_ptr<event::Stream> take_stream(std::string& unread) = 0;
};

}  // namespace tocsin::http
