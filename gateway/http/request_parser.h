#pragma once

#include <llhttp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/http/head.h"
#include "gateway/http/read_budget.h"

namespace tocsin::http {

/// What a peer may send before it is refused.
struct RequestLimits {
  std::size_t target_bytes_max = 8 * 1024;     ///< longer: 414
  std::size_t head_bytes_max = 32 * 1024;      ///< request line and fields as sent; longer: 431
  std::size_t header_count_max = 100;          ///< more: 431; at most HeaderMap::kFieldsMax
  std::uint64_t body_bytes_max = 1024 * 1024;  ///< longer: 413
};

/// Why a request cannot be served, as the client is told. Status 0: no fault.
struct RequestFault {
  int status = 0;
  std::string_view detail;  ///< a sentence; static text
  explicit operator bool() const { return status != 0; }
};

/// Reads HTTP/1.x requests (RFC 9112) one at a time from pieces of any size; the events, and
/// whether there is a fault, do not depend on how the bytes were cut (but for how a body is cut
/// into pieces). Strict: whatever two readers could understand differently is a fault, after which
/// the connection is beyond use. llhttp does the grammar, this class the rules above it.
class RequestParser {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// The head is complete and its framing sound; `end`: no body follows.
    virtual void on_head(bool end) = 0;
    virtual void on_body(std::string_view bytes) = 0;
    /// The message is complete; trailers() holds what came after a chunked body.
    virtual void on_complete() = 0;
  };

  /// `limits` must outlive the parser.
  explicit RequestParser(const RequestLimits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Where the next message's head goes, an empty one, and who hears of it; all three must live
  /// until it is complete. Before its first byte.
  void begin(RequestHead& head, Arena& arena, Events& events);

  /// Reads on. Returns how many bytes were used: all of them, unless the message completed, stop()
  /// was called, or a fault was found. After a stop it may have to be called without new bytes: see
  /// stalled().
  std::size_t feed(std::string_view bytes);

  /// From inside an event: feed() returns after it. Body pieces already reported are used. A head
  /// that ends its message completes it nevertheless.
  void stop() { stopped_ = true; }
  /// An event may be due for bytes already used: the end of a body whose last piece was followed by
  /// stop().
  bool stalled() const { return paused_ && !fault_; }

  const RequestFault& fault() const { return fault_; }
  bool complete() const { return state_ == State::kComplete; }
  /// Between messages, with no byte of the next one seen.
  bool idle() const { return state_ == State::kIdle; }
  bool in_head() const { return state_ == State::kHead; }
  bool keep_alive() const { return keep_alive_; }
  std::uint64_t body_bytes() const { return budget_.body_bytes(); }
  HeaderMap& trailers() { return *trailers_; }
  bool has_trailers() const { return trailers_ != nullptr && !trailers_->empty(); }

 private:
  enum class State : std::uint8_t { kIdle, kHead, kBody, kComplete };

  struct FramingFields;

  // The request line between target and version, as it must be.
  static constexpr std::string_view kBeforeVersion = " HTTP/";

  static const llhttp_settings_t& settings();
  static RequestParser& self(llhttp_t* parser) {
    return *static_cast<RequestParser*>(parser->data);
  }

  std::size_t skip_empty_line(std::string_view bytes);
  std::size_t execute(std::string_view bytes);
  std::size_t allowance() const;
  int refuse(int status, std::string_view detail);
  void refuse_overrun();
  void refuse_grammar(llhttp_errno_t error);
  int collect(std::string_view& text, const char* at, std::size_t length);
  int collect_target(const char* at, std::size_t length);
  int check_version(const char* at);
  void remember_line(std::string_view bytes);
  std::uint64_t position(const char* at) const;
  int finish_extension_name();
  int check_extension_value(std::string_view piece);
  int finish_field();
  int check_framing(const FramingFields& fields);
  int finish_head();
  int take_body(const char* at, std::size_t length);
  int finish_message();

  llhttp_t parser_;
  const RequestLimits& limits_;
  Events* events_ = nullptr;
  RequestHead* head_ = nullptr;
  Arena* arena_ = nullptr;
  HeaderMap* trailers_ = nullptr;
  std::string_view field_name_;
  std::string_view field_value_;
  RequestFault fault_;
  ReadBudget budget_;
  std::size_t extension_name_bytes_ = 0;
  bool extension_value_begun_ = false;
  bool extension_quoted_ = false;
  const char* slice_ = nullptr;  // what llhttp is reading now
  char line_tail_[kBeforeVersion.size()] =
      {};  // the last bytes of the request line's earlier slices
  State state_ = State::kIdle;
  std::uint8_t empty_line_ = 0;  // bytes of the one CRLF allowed before a request line
  bool version_seen_ = false;
  bool stopped_ = false;
  bool paused_ = false;  // llhttp was stopped between two bytes
  bool keep_alive_ = false;
};

}  // namespace tocsin::http
