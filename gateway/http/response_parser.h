#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/http/head.h"
#include "gateway/http/read_budget.h"

namespace tocsin::http {

/// What a server may send before its connection is dropped.
struct ResponseLimits {
  std::size_t head_bytes_max = 64 * 1024;  ///< status line and fields as sent, of each head
  std::size_t header_count_max = 100;      ///< at most HeaderMap::kFieldsMax
  std::size_t informational_max = 8;       ///< 1xx heads before the final one
  std::uint64_t body_bytes_max = 64 * 1024 * 1024;
};

/// Why a response is worthless.
struct ResponseFault {
  enum class Kind : std::uint8_t {
    kNone,
    kFraming,   ///< malformed, or two readers could understand it differently
    kTooLarge,  ///< beyond one of ResponseLimits
    kCut,       ///< the server ended the connection inside the message
  };
  Kind kind = Kind::kNone;
  std::string_view detail;  ///< a sentence without a full stop; static text
  explicit operator bool() const { return kind != Kind::kNone; }
};

/// Reads HTTP/1.x responses (RFC 9112) one at a time from pieces of any size; the events do not
/// depend on how the bytes were cut. Strict: any doubt where a response ends is a fault, after
/// which the connection is beyond use, because a body taken for the next response is another user's
/// answer. llhttp does the grammar, this class the rules above it.
class ResponseParser {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// A 1xx head other than 101, valid during the call. The final head follows.
    virtual void on_informational(const ResponseHead& head) = 0;
    /// The head is complete and its framing sound; `end`: no body follows. body_bytes is the length
    /// of the body that follows, or unknown.
    virtual void on_head(ResponseHead& head, bool end) = 0;
    /// A piece of the body where it lies in the fed bytes.
    virtual void on_body(std::string_view bytes) = 0;
    /// The message is complete; trailers() holds what came after a chunked body.
    virtual void on_complete() = 0;
  };

  /// Both must outlive the parser.
  ResponseParser(const ResponseLimits& limits, Events& events) : limits_(limits), events_(events) {}
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  /// Prepares for one response. A response to HEAD has no body whatever its fields say. `head` and
  /// `arena`, which holds the bytes of its fields, must live until the response is complete. A body
  /// beyond `body_bytes_max` is too large even where the limits would let it pass.
  void begin(bool to_head_request, ResponseHead& head, Arena& arena,
             std::uint64_t body_bytes_max = ~std::uint64_t{0});

  /// Reads on. Returns how many bytes were used: all of them, unless the message completed, stop()
  /// was called, or a fault was found. Bytes behind a complete message belong to the new protocol
  /// after 101 and to nobody otherwise.
  std::size_t feed(std::string_view bytes);

  /// The server will send no more: completes a body that ends with the connection, else a fault.
  void finish();

  /// From inside an event: feed() returns after it. Body pieces already reported are used. The next
  /// feed(), with whatever bytes are left or none, reports what is still due.
  void stop() { stopped_ = true; }

  const ResponseFault& fault() const { return fault_; }
  bool complete() const { return state_ == State::kComplete; }
  /// Not one byte was fed since begin().
  bool untouched() const { return state_ == State::kStart && informational_ == 0; }
  /// From on_head on: 101, the bytes behind the head are another protocol's.
  bool upgraded() const { return upgraded_; }
  /// From on_head on: another request may follow on the connection once this response is complete.
  bool keep_alive() const { return keep_alive_; }
  std::uint64_t body_bytes() const { return budget_.body_bytes(); }
  const HeaderMap* trailers() const { return trailers_; }  ///< null: none

 private:
  enum class State : std::uint8_t { kIdle, kStart, kHead, kBody, kComplete };

  static const llhttp_settings_t& settings();
  static ResponseParser& self(llhttp_t* parser) {
    return *static_cast<ResponseParser*>(parser->data);
  }

  void begin_head();
  std::size_t execute(std::string_view bytes);
  std::size_t allowance() const;
  int refuse(ResponseFault::Kind kind, std::string_view detail);
  int doubt(std::string_view detail) { return refuse(ResponseFault::Kind::kFraming, detail); }
  void refuse_overrun();
  int collect(std::string_view& text, const char* at, std::size_t length);
  int check_reason(const char* at, std::size_t length);
  int finish_field();
  int keep_trailer(std::string_view name, std::string_view value);
  int check_framing();
  int finish_head();
  int finish_informational_head();
  int announce_head(bool no_body);
  int take_body(const char* at, std::size_t length);
  int finish_message();

  llhttp_t parser_;
  const ResponseLimits& limits_;
  Events& events_;
  ResponseHead* head_ = nullptr;
  Arena* arena_ = nullptr;
  HeaderMap* trailers_ = nullptr;
  std::string_view field_name_;
  std::string_view field_value_;
  ResponseFault fault_;
  ReadBudget budget_;
  std::size_t informational_ = 0;
  std::uint64_t body_bytes_max_ = 0;
  State state_ = State::kIdle;
  bool to_head_request_ = false;
  bool until_close_ = false;
  bool stopped_ = false;
  bool keep_alive_ = false;
  bool upgraded_ = false;
};

}  // namespace tocsin::http
