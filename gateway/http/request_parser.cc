#include "gateway/http/request_parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tocsin::http {

namespace {

constexpr std::string_view kMalformed = "The request is malformed.";

constexpr std::string_view kBadLineEnd = "A line does not end in CRLF.";

std::string_view detail_of(llhttp_errno_t error, bool in_head) {
  switch (error) {
    case HPE_INVALID_METHOD:
      return "The method is unknown or malformed.";
    case HPE_INVALID_URL:
      return "The request target is malformed.";
    case HPE_INVALID_CONSTANT:
    case HPE_INVALID_VERSION:
      return "The protocol version is malformed or not supported.";
    case HPE_UNEXPECTED_SPACE:
    case HPE_INVALID_HEADER_TOKEN:
      return "A header field is malformed.";
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return "The Content-Length is malformed or ambiguous.";
    case HPE_INVALID_TRANSFER_ENCODING:
      return "The Transfer-Encoding is ambiguous.";
    case HPE_STRICT:  // something other than LF behind a CR
      return in_head ? kBadLineEnd : "A chunk is malformed.";
    case HPE_INVALID_CHUNK_SIZE:
      return "A chunk is malformed.";
    case HPE_CR_EXPECTED:
    case HPE_LF_EXPECTED:
      return kBadLineEnd;
    default:
      return kMalformed;
  }
}

// Fields that decide framing or routing mean nothing behind the body; to accept them there invites
// somebody downstream to believe them (RFC 9110 6.5.1).
bool forbidden_in_trailers(std::string_view name) {
  constexpr std::string_view kForbidden[] = {"content-length", "transfer-encoding",
                                             "host",           "connection",
                                             "trailer",        "te",
                                             "upgrade",        "expect",
                                             "content-type",   "content-encoding",
                                             "authorization"};
  return std::any_of(std::begin(kForbidden), std::end(kForbidden),
                     [&](std::string_view other) { return equals_ignoring_case(name, other); });
}

}  // namespace

const llhttp_settings_t& RequestParser::settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_method = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).collect(self(p).head_->method, at, n);
    };
    s.on_url = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).collect_target(at, n);
    };
    s.on_version = [](llhttp_t* p, const char* at, std::size_t) {
      return self(p).check_version(at);
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).collect(self(p).field_name_, at, n);
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).collect(self(p).field_value_, at, n);
    };
    s.on_header_value_complete = [](llhttp_t* p) { return self(p).finish_field(); };
    s.on_headers_complete = [](llhttp_t* p) { return self(p).finish_head(); };
    s.on_chunk_extension_name = [](llhttp_t* p, const char*, std::size_t n) {
      self(p).extension_name_bytes_ += n;
      return 0;
    };
    s.on_chunk_extension_value = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).check_extension_value({at, n});
    };
    s.on_chunk_extension_value_complete = [](llhttp_t* p) {
      self(p).extension_value_begun_ = false;
      return 0;
    };
    s.on_chunk_extension_name_complete = [](llhttp_t* p) {
      return self(p).finish_extension_name();
    };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t n) { return self(p).take_body(at, n); };
    s.on_message_complete = [](llhttp_t* p) { return self(p).finish_message(); };
    return s;
  }();
  return settings;
}

RequestParser::RequestParser(const RequestLimits& limits) : limits_(limits) {
  llhttp_init(&parser_, HTTP_REQUEST, &settings());
  parser_.data = this;
}

void RequestParser::begin(RequestHead& head, Arena& arena, Events& events) {
  head_ = &head;
  arena_ = &arena;
  events_ = &events;
  trailers_ = nullptr;
  fault_ = {};
  field_name_ = field_value_ = {};
  budget_.begin();
  extension_name_bytes_ = 0;
  extension_value_begun_ = false;
  state_ = State::kIdle;
  empty_line_ = 0;
  version_seen_ = stopped_ = paused_ = keep_alive_ = false;
  llhttp_reset(&parser_);  // its own idea of keep-alive must not outlive the message
}

std::size_t RequestParser::feed(std::string_view bytes) {
  std::size_t used = skip_empty_line(bytes);
  stopped_ = false;
  while ((used < bytes.size() || paused_) && state_ != State::kComplete && !stopped_ && !fault_) {
    const std::size_t allowed = allowance();
    if (allowed == 0 && used < bytes.size()) {
      refuse_overrun();
      break;
    }
    used += execute(bytes.substr(used, allowed));
  }
  return used;
}

// One empty line before a request is forgiven (RFC 9112 2.2). llhttp would forgive any number and
// bare line feeds too.
std::size_t RequestParser::skip_empty_line(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::kIdle && used < bytes.size() && !fault_) {
    const char c = bytes[used];
    const char expected = empty_line_ == 1 ? '\n' : '\r';
    if (c != '\r' && c != '\n') {
      if (empty_line_ == 1) refuse(400, kBadLineEnd);
      state_ = State::kHead;
      break;
    }
    if (empty_line_ == 2) {
      refuse(400, "More than one empty line stands before the request.");
    } else if (c != expected) {
      refuse(400, kBadLineEnd);
    }
    ++empty_line_;
    ++used;
  }
  return used;
}

std::size_t RequestParser::allowance() const {
  return state_ == State::kHead ? budget_.head_left(limits_.head_bytes_max)
                                : budget_.framing_left();
}

std::size_t RequestParser::execute(std::string_view bytes) {
  const bool in_head = state_ == State::kHead;
  slice_ = bytes.data();
  paused_ = false;
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  std::size_t used = bytes.size();
  if (error != HPE_OK) {
    const char* stop = llhttp_get_error_pos(&parser_);
    if (stop != nullptr) used = std::min(used, static_cast<std::size_t>(stop - bytes.data()));
    if (error == HPE_PAUSED) {
      llhttp_resume(&parser_);
      paused_ = true;
    } else if (!fault_) {
      refuse_grammar(error);
    }
  }
  if (in_head) {
    if (!version_seen_) remember_line(bytes.substr(0, used));
    budget_.read_head(used);
  } else {
    budget_.read_behind_head(used);
  }
  return used;
}

std::uint64_t RequestParser::position(const char* at) const {
  return budget_.head_bytes() + static_cast<std::uint64_t>(at - slice_);
}

// Keeps what check_version() must look back at when the network cut the line there.
void RequestParser::remember_line(std::string_view bytes) {
  const std::size_t fresh = std::min(bytes.size(), sizeof(line_tail_));
  std::memmove(line_tail_, line_tail_ + fresh, sizeof(line_tail_) - fresh);
  std::memcpy(line_tail_ + sizeof(line_tail_) - fresh, bytes.data() + bytes.size() - fresh, fresh);
}

// llhttp forgives more than one space in the request line, and reads RTSP and ICE as well. Every
// byte up to the version is accounted for: method, one space, target, " HTTP/".
int RequestParser::check_version(const char* at) {
  if (std::exchange(version_seen_, true)) return 0;
  const auto here = static_cast<std::size_t>(at - slice_);
  const std::size_t in_slice = std::min(here, kBeforeVersion.size());
  const std::size_t before = kBeforeVersion.size() - in_slice;
  const bool spelled =
      std::string_view(slice_ + here - in_slice, in_slice) == kBeforeVersion.substr(before) &&
      std::string_view(line_tail_ + sizeof(line_tail_) - before, before) ==
          kBeforeVersion.substr(0, before);
  const std::size_t length =
      head_->method.size() + 1 + head_->target.size() + kBeforeVersion.size();
  return spelled && position(at) == length ? 0 : refuse(400, "The request line is malformed.");
}

int RequestParser::finish_extension_name() {
  const bool named = std::exchange(extension_name_bytes_, 0) != 0;
  return named ? 0 : refuse(400, "A chunk is malformed.");
}

int RequestParser::refuse(int status, std::string_view detail) {
  if (!fault_) fault_ = {status, detail};
  return HPE_USER;
}

void RequestParser::refuse_overrun() {
  if (state_ == State::kHead) {
    refuse(431, "The request head is too large.");
  } else {
    refuse(400, "The chunked body carries too much framing.");
  }
}

void RequestParser::refuse_grammar(llhttp_errno_t error) {
  if (error == HPE_INVALID_URL) {  // what stands before the offending byte may have been too long
    const std::uint64_t good = position(llhttp_get_error_pos(&parser_));
    if (good > head_->method.size() + 1 + limits_.target_bytes_max) {
      refuse(414, "The request target is too long.");
      return;
    }
  }
  if (error == HPE_PAUSED_H2_UPGRADE) {
    head_->major_version = 2;
    head_->minor_version = 0;
    refuse(505, "HTTP/2 needs to be agreed on before it is spoken.");
    return;
  }
  // llhttp has one code for a version it does not speak and for what is no version at all.
  const bool version = error == HPE_INVALID_VERSION && llhttp_get_error_reason(&parser_) ==
                                                           std::string_view("Invalid HTTP version");
  if (version) {
    head_->major_version = parser_.http_major;
    head_->minor_version = parser_.http_minor;
  }
  refuse(version ? 505 : 400, detail_of(error, state_ == State::kHead));
}

int RequestParser::collect(std::string_view& text, const char* at, std::size_t length) {
  const auto grown = arena_->grow(text, {at, length});
  if (!grown) return refuse(431, "The request head is too large.");
  text = *grown;
  return 0;
}

int RequestParser::collect_target(const char* at, std::size_t length) {
  if (head_->target.size() + length > limits_.target_bytes_max) {
    return refuse(414, "The request target is too long.");
  }
  return collect(head_->target, at, length);
}

int RequestParser::finish_field() {
  const std::string_view name = std::exchange(field_name_, {});
  const std::string_view value = trim(std::exchange(field_value_, {}));
  if (!is_token(name) || !is_field_value(value)) return refuse(400, "A header field is malformed.");
  if (state_ == State::kHead) {
    if (head_->headers.size() >= limits_.header_count_max || !head_->headers.add(name, value)) {
      return refuse(431, "The request has too many header fields.");
    }
    return 0;
  }
  if (forbidden_in_trailers(name)) return refuse(400, "A trailer field may not carry that name.");
  if (trailers_ == nullptr) {
    trailers_ = arena_->make<HeaderMap>();
    if (trailers_ == nullptr) return refuse(431, "The request's trailers are too large.");
  }
  if (trailers_->size() >= limits_.header_count_max || !trailers_->add(name, value)) {
    return refuse(431, "The request has too many trailer fields.");
  }
  return 0;
}

// llhttp lets a quoted string begin in the middle of a value.
int RequestParser::check_extension_value(std::string_view piece) {
  if (piece.empty()) return 0;
  if (!std::exchange(extension_value_begun_, true)) extension_quoted_ = piece.front() == '"';
  const bool stray = !extension_quoted_ && piece.find('"') != std::string_view::npos;
  const bool control = std::any_of(piece.begin(), piece.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  return stray || control ? refuse(400, "A chunk is malformed.") : 0;
}

// What the head says about the message's length and the connection's future.
struct RequestParser::FramingFields {
  explicit FramingFields(const HeaderMap& headers) {
    for (const Header& field : headers.all()) {
      switch (field.name.size()) {
        case 10:
          if (!equals_ignoring_case(field.name, "connection")) break;
          close = close || list_holds(field.value, "close");
          keep_alive = keep_alive || list_holds(field.value, "keep-alive");
          break;
        case 14:
          if (!equals_ignoring_case(field.name, "content-length")) break;
          ++lengths;
          length = field.value;
          break;
        case 17:
          if (!equals_ignoring_case(field.name, "transfer-encoding")) break;
          ++codings;
          coding = field.value;
          break;
        default:
          break;
      }
    }
  }

  std::size_t lengths = 0;
  std::size_t codings = 0;
  std::string_view length;  // the last one's value
  std::string_view coding;
  bool close = false;
  bool keep_alive = false;
};

// RFC 9112 6.3, without its allowances for leniency.
int RequestParser::check_framing(const FramingFields& fields) {
  if (fields.codings > 0) {
    if (head_->minor_version == 0) return refuse(400, "HTTP/1.0 knows no Transfer-Encoding.");
    if (fields.lengths > 0) {
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other.");
    }
    if (fields.codings > 1 || !equals_ignoring_case(fields.coding, "chunked")) {
      return refuse(400, "The only Transfer-Encoding understood is a single 'chunked'.");
    }
    if ((parser_.flags & F_CHUNKED) == 0) {  // llhttp read the value otherwise than we
      return refuse(400, "The Transfer-Encoding is ambiguous.");
    }
  }
  if (fields.lengths > 1) return refuse(400, "The request has more than one Content-Length.");
  if (fields.lengths == 0) return 0;
  if (fields.length.empty() || !is_digits(fields.length)) {
    return refuse(400, "The Content-Length is malformed or ambiguous.");
  }
  return 0;
}

int RequestParser::finish_head() {
  if (!version_seen_) return refuse(400, "The request line is malformed.");  // a line of HTTP/0.9
  head_->major_version = parser_.http_major;
  head_->minor_version = parser_.http_minor;
  if (parser_.http_major != 1 || parser_.http_minor > 1) {
    return refuse(505, "The protocol version is not supported.");
  }
  const bool printable = std::all_of(head_->target.begin(), head_->target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f;
  });
  if (!printable) return refuse(400, "The request target is malformed.");
  const FramingFields fields(head_->headers);
  if (const int refused = check_framing(fields); refused != 0) return refused;
  const bool chunked = fields.codings > 0;
  const std::uint64_t length = chunked ? 0 : parser_.content_length;
  if (length > limits_.body_bytes_max) return refuse(413, "The request body is too large.");
  keep_alive_ = !fields.close && (head_->minor_version >= 1 || fields.keep_alive);
  // Whether to upgrade is the handler's decision; until then it is a request like any other.
  parser_.upgrade = 0;
  state_ = State::kBody;
  const bool end = !chunked && length == 0;
  events_->on_head(end);
  // The pause lets feed() count what follows as body framing. A message that ends here has nothing
  // left to hold back.
  return end ? 0 : static_cast<int>(HPE_PAUSED);
}

int RequestParser::take_body(const char* at, std::size_t length) {
  const auto fits = static_cast<std::size_t>(
      std::min<std::uint64_t>(length, limits_.body_bytes_max - budget_.body_bytes()));
  budget_.found_body(fits);
  if (fits > 0) events_->on_body({at, fits});
  if (fits < length) return refuse(413, "The request body is too large.");
  return stopped_ ? static_cast<int>(HPE_PAUSED) : 0;
}

int RequestParser::finish_message() {
  state_ = State::kComplete;
  events_->on_complete();
  return HPE_PAUSED;
}

}  // namespace tocsin::http
