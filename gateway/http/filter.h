#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/event/stream.h"
#include "gateway/http/head.h"

namespace tocsin::http {

class Exchange;

/// What a hook decided.
enum class FilterStatus : std::uint8_t {
  kContinue,  ///< on to the next filter
  kHold,      ///< nothing more moves in this direction until FilterContext::resume; the codec stops
              ///< reading at its watermark
  kRespond,   ///< FilterContext::respond was called: skip the rest of the request
};

/// How much of a body a filter wants to see. Declared inside its head hook.
struct BodyWish {
  enum class Kind : std::uint8_t {
    kNone,    ///< no data hook is called; costs nothing
    kStream,  ///< each chunk as it passes
    kBuffer,  ///< the whole body at once; neither head nor body goes farther before
  };
  Kind kind = Kind::kNone;
  std::size_t bytes_max = 0;  ///< kBuffer only: a longer request is 413, a longer response 502
};

/// How an exchange ended; several may hold.
struct DoneFlags {
  bool completed : 1 = false;           ///< the whole answer was handed to the transport
  bool local_answer : 1 = false;        ///< a filter or the gateway answered, not the handler
  bool downstream_closed : 1 = false;   ///< the client went away before the answer was complete
  bool request_incomplete : 1 = false;  ///< the answer went out before the request's end arrived
  bool timed_out : 1 = false;           ///< a deadline of ours ended it
  bool malformed : 1 = false;           ///< the request broke the protocol
  bool drained : 1 = false;             ///< shutdown cut it
};

/// What a hook may do to its exchange. Valid during the hook; to act later keep the pointer the
/// exchange hands out and forget it in done().
class FilterContext {
 public:
  virtual ~FilterContext() = default;

  virtual const Exchange& exchange() const = 0;
  /// Gives the request the id by which logs name it. The text must live in the arena.
  virtual void name_request(std::string_view request_id) = 0;
  /// Memory that lives as long as the exchange.
  virtual Arena& arena() = 0;

  virtual void want_request_body(BodyWish wish) = 0;
  virtual void want_response_body(BodyWish wish) = 0;

  /// Answers in the handler's place; the hook must then return kRespond. Outside a hook, as from a
  /// timer, it acts at once. The body is copied, the head's views must live in the arena or be
  /// static. Before the handler answered, the answer walks through the response hooks of the
  /// filters entered, up to and with this one's; what the handler still sends is dropped. In a
  /// response hook it replaces the answer and goes on with the next filter. When neither is
  /// possible any more (the answer's head has left, or a request hook comes too late) the exchange
  /// is aborted.
  virtual void respond(const ResponseHead& head, std::string_view body) = 0;

  /// Ends a hold of this filter, in either direction. Also allowed before the hook has returned
  /// kHold. Loop thread.
  virtual void resume() = 0;
};

/// One filter working on one exchange; made by its factory when the exchange begins. Hooks of one
/// exchange run one at a time on its loop. Request hooks run in configured order, response hooks in
/// reverse over the filters whose on_request_head ran. 1xx responses bypass filters; after an
/// upgrade only done follows. In each direction exactly one hook carries the end: the head with
/// `end`, a data hook with `end`, or the trailers.
class HttpFilter {
 public:
  virtual ~HttpFilter() = default;

  virtual FilterStatus on_request_head(FilterContext&, RequestHead&, bool /*end*/) {
    return FilterStatus::kContinue;
  }
  /// The hook may point `bytes` at other memory that lives at least until the next hook of this
  /// exchange (the arena's, usually): that is what goes on.
  virtual FilterStatus on_request_data(FilterContext&, std::string_view& /*bytes*/, bool /*end*/) {
    return FilterStatus::kContinue;
  }
  virtual FilterStatus on_request_trailers(FilterContext&, HeaderMap&) {
    return FilterStatus::kContinue;
  }
  virtual FilterStatus on_response_head(FilterContext&, ResponseHead&, bool /*end*/) {
    return FilterStatus::kContinue;
  }
  virtual FilterStatus on_response_data(FilterContext&, std::string_view& /*bytes*/, bool /*end*/) {
    return FilterStatus::kContinue;
  }
  virtual FilterStatus on_response_trailers(FilterContext&, HeaderMap&) {
    return FilterStatus::kContinue;
  }
  /// Exactly once for a filter whose on_request_head ran, whatever happened; the last call.
  virtual void done(FilterContext&, DoneFlags) {}
};

/// Makes a filter's per-exchange part. One factory per (configured filter, loop).
class HttpFilterFactory {
 public:
  virtual ~HttpFilterFactory() = default;
  /// The object lives in the arena; the chain runs its destructor after done().
  virtual HttpFilter* create(Arena& arena) = 0;
};

/// Goes on with one exchange after its handler took it. Owned by the handler.
class Responder {
 public:
  virtual ~Responder() = default;
  /// A piece of the request body, borrowed for the call; `end` marks the last, which may be empty.
  virtual void on_body(std::string_view bytes, bool end) = 0;
  /// The end of a body that has trailers, in place of on_body's.
  virtual void on_trailers(const HeaderMap&) {}
  /// After an answer of status 101 with end: the connection is the responder's from here on, and
  /// its events must be set before this returns. `unread` came in behind the request and is
  /// borrowed for the call. on_done follows.
  virtual void on_upgraded(std::unique_ptr<event::Stream> stream, std::string_view unread);
  /// The transport has room again after a send_data that returned false.
  virtual void on_writable() {}
  /// The exchange is over, answered or not; it must not be touched afterwards. Exactly once.
  virtual void on_done(DoneFlags flags) = 0;
};

/// Where a route ends when it is answered here. One per (instance, loop).
class Handler {
 public:
  virtual ~Handler() = default;
  /// Either answers at once, or keeps the exchange by giving it a Responder
  /// (Exchange::set_responder) and answers later. Returning without either is a bug. The body of a
  /// request nobody takes is read and dropped.
  virtual void on_request(Exchange& exchange, RequestHead& head) = 0;
};

}  // namespace tocsin::http
