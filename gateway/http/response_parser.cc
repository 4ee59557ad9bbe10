#include "gateway/http/response_parser.h"

#include <algorithm>
#include <utility>

namespace tocsin::http {

namespace {

std::string_view detail_of(llhttp_errno_t error) {
  switch (error) {
    case HPE_INVALID_CONSTANT:
    case HPE_INVALID_VERSION:
    case HPE_INVALID_STATUS:
      return "the status line is malformed";
    case HPE_UNEXPECTED_SPACE:
    case HPE_INVALID_HEADER_TOKEN:
      return "a header field is malformed";
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return "the Content-Length is malformed or ambiguous";
    case HPE_INVALID_TRANSFER_ENCODING:
      return "the Transfer-Encoding is ambiguous";
    case HPE_INVALID_CHUNK_SIZE:
      return "a chunk is malformed";
    case HPE_CR_EXPECTED:
    case HPE_LF_EXPECTED:
      return "a line does not end in CRLF";
    default:
      return "the response is malformed";
  }
}

// Fields that decide framing or reading mean nothing behind the body (RFC 9110 6.5.1); whoever
// merged them into the head would be fooled.
bool ignored_in_trailers(std::string_view name) {
  constexpr std::string_view kIgnored[] = {
      "content-length", "transfer-encoding", "connection",       "trailer",    "upgrade",
      "content-type",   "content-encoding",  "content-range",    "set-cookie", "location",
      "cache-control",  "authorization",     "www-authenticate", "retry-after"};
  return std::any_of(std::begin(kIgnored), std::end(kIgnored),
                     [&](std::string_view other) { return equals_ignoring_case(name, other); });
}

}  // namespace

const llhttp_settings_t& ResponseParser::settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_status = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).check_reason(at, n);
    };
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).collect(self(p).field_name_, at, n);
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      return self(p).collect(self(p).field_value_, at, n);
    };
    s.on_header_value_complete = [](llhttp_t* p) { return self(p).finish_field(); };
    s.on_headers_complete = [](llhttp_t* p) { return self(p).finish_head(); };
    s.on_body = [](llhttp_t* p, const char* at, std::size_t n) { return self(p).take_body(at, n); };
    s.on_message_complete = [](llhttp_t* p) { return self(p).finish_message(); };
    return s;
  }();
  return settings;
}

void ResponseParser::begin(bool to_head_request, ResponseHead& head, Arena& arena,
                           std::uint64_t body_bytes_max) {
  body_bytes_max_ = std::min(body_bytes_max, limits_.body_bytes_max);
  head_ = &head;
  arena_ = &arena;
  trailers_ = nullptr;
  fault_ = {};
  budget_.begin();
  informational_ = 0;
  to_head_request_ = to_head_request;
  until_close_ = stopped_ = keep_alive_ = upgraded_ = false;
  begin_head();
}

void ResponseParser::begin_head() {
  head_->headers.clear();
  head_->status = 0;
  head_->body_bytes = 0;
  field_name_ = field_value_ = {};
  budget_.begin_head();
  state_ = State::kStart;
}

std::size_t ResponseParser::feed(std::string_view bytes) {
  std::size_t used = 0;
  // What was stopped at the last byte of a body has its end still to report, without another byte.
  bool end_due = std::exchange(stopped_, false) && state_ == State::kBody;
  while ((used < bytes.size() || end_due) && state_ != State::kComplete && !stopped_ && !fault_) {
    end_due = false;
    if (state_ == State::kStart) {
      // llhttp would skip empty lines here; nothing may precede a response.
      if (bytes[used] != 'H') {
        doubt("a response does not begin with a status line");
        break;
      }
      // Afresh for each head: what llhttp remembers of the one before could only mislead it.
      llhttp_init(&parser_, HTTP_RESPONSE, &settings());
      parser_.data = this;
      state_ = State::kHead;
    }
    const std::size_t allowed = allowance();
    if (allowed == 0 && used < bytes.size()) {
      refuse_overrun();
      break;
    }
    // llhttp is stopped where the head ends, so a part is all head or all body.
    const bool in_head = state_ == State::kHead;
    const std::size_t part = execute(bytes.substr(used, allowed));
    if (in_head) {
      if (state_ != State::kStart) budget_.read_head(part);  // else another head begins behind it
    } else {
      budget_.read_behind_head(part);
    }
    used += part;
  }
  return used;
}

void ResponseParser::finish() {
  if (state_ == State::kComplete || fault_) return;
  if (until_close_ && state_ == State::kBody) {
    finish_message();
    return;
  }
  refuse(ResponseFault::Kind::kCut,
         "the server closed the connection before the response was complete");
}

std::size_t ResponseParser::allowance() const {
  return state_ == State::kHead ? budget_.head_left(limits_.head_bytes_max)
                                : budget_.framing_left();
}

std::size_t ResponseParser::execute(std::string_view bytes) {
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (error == HPE_OK) return bytes.size();
  const char* position = llhttp_get_error_pos(&parser_);
  const std::size_t used =
      position == nullptr ? bytes.size() : static_cast<std::size_t>(position - bytes.data());
  if (error == HPE_PAUSED) {
    llhttp_resume(&parser_);
  } else if (!fault_) {
    doubt(detail_of(error));
  }
  return std::min(used, bytes.size());
}

int ResponseParser::refuse(ResponseFault::Kind kind, std::string_view detail) {
  if (!fault_) fault_ = {kind, detail};
  keep_alive_ = false;
  return HPE_USER;
}

void ResponseParser::refuse_overrun() {
  refuse(ResponseFault::Kind::kTooLarge, state_ == State::kHead
                                             ? "the response head is too large"
                                             : "the chunked body carries too much framing");
}

int ResponseParser::collect(std::string_view& text, const char* at, std::size_t length) {
  const auto grown = arena_->grow(text, {at, length});
  if (!grown) return refuse(ResponseFault::Kind::kTooLarge, "the response head is too large");
  text = *grown;
  return 0;
}

int ResponseParser::check_reason(const char* at, std::size_t length) {
  const bool sound = std::all_of(at, at + length, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
  return sound ? 0 : doubt("the status line is malformed");
}

int ResponseParser::finish_field() {
  const std::string_view name = std::exchange(field_name_, {});
  const std::string_view value = trim(std::exchange(field_value_, {}));
  if (!is_token(name) || !is_field_value(value)) return doubt("a header field is malformed");
  if (state_ != State::kHead) return keep_trailer(name, value);
  if (head_->headers.size() >= limits_.header_count_max || !head_->headers.add(name, value)) {
    return refuse(ResponseFault::Kind::kTooLarge, "the response has too many header fields");
  }
  return 0;
}

int ResponseParser::keep_trailer(std::string_view name, std::string_view value) {
  if (ignored_in_trailers(name)) return 0;
  if (trailers_ == nullptr) trailers_ = arena_->make<HeaderMap>();
  if (trailers_ == nullptr || trailers_->size() >= limits_.header_count_max ||
      !trailers_->add(name, value)) {
    return refuse(ResponseFault::Kind::kTooLarge, "the response has too many trailer fields");
  }
  return 0;
}

// RFC 9112 6.3 without its allowances for leniency. Fields are judged also where no body follows:
// who frames a HEAD's answer ambiguously will do so with the next.
int ResponseParser::check_framing() {
  const HeaderMap& headers = head_->headers;
  const std::size_t lengths = headers.count("content-length");
  const std::size_t codings = headers.count("transfer-encoding");
  if (codings > 0) {
    if (parser_.http_minor == 0) return doubt("HTTP/1.0 knows no Transfer-Encoding");
    if (lengths > 0) return doubt("Content-Length and Transfer-Encoding exclude each other");
    if (codings > 1 || !equals_ignoring_case(*headers.find("transfer-encoding"), "chunked")) {
      return doubt("the only Transfer-Encoding understood is a single 'chunked'");
    }
  }
  if (lengths > 1) return doubt("the response has more than one Content-Length");
  if (lengths == 0) return 0;
  const std::string_view length = *headers.find("content-length");
  if (length.empty() || !is_digits(length)) {
    return doubt("the Content-Length is malformed or ambiguous");
  }
  return 0;
}

int ResponseParser::finish_head() {
  if (parser_.http_major != 1 || parser_.http_minor > 1) {
    return doubt("the protocol version is not supported");
  }
  head_->status = parser_.status_code;
  if (head_->status < 100 || head_->status > 599) return doubt("the status is out of range");
  if (const int refused = check_framing(); refused != 0) return refused;
  if (head_->status < 200) return finish_informational_head();

  const HeaderMap& headers = head_->headers;
  const bool chunked = headers.has("transfer-encoding");
  const bool has_length = headers.has("content-length");
  const bool no_body = to_head_request_ || status_forbids_body(head_->status);
  until_close_ = !no_body && !chunked && !has_length;
  const bool wants_more = parser_.http_minor == 1 || headers.list_has("connection", "keep-alive");
  keep_alive_ = wants_more && !headers.list_has("connection", "close") && !until_close_;
  // A server that announces a body for 204 may well send it.
  if (head_->status == 204 && (chunked || parser_.content_length > 0)) keep_alive_ = false;
  if (no_body) {
    head_->body_bytes = 0;
  } else {
    head_->body_bytes = has_length ? parser_.content_length : ResponseHead::kUnknownLength;
    if (has_length && parser_.content_length > body_bytes_max_) {
      return refuse(ResponseFault::Kind::kTooLarge, "the response body is too large");
    }
  }
  return announce_head(no_body || head_->body_bytes == 0);
}

// What llhttp is told: 1 that no body follows, else to pause where the head ends.
int ResponseParser::announce_head(bool no_body) {
  parser_.upgrade = 0;
  state_ = State::kBody;
  events_.on_head(*head_, no_body);
  if (fault_) return HPE_USER;
  return no_body ? 1 : static_cast<int>(HPE_PAUSED);
}

int ResponseParser::finish_informational_head() {
  if (parser_.http_minor == 0) return doubt("HTTP/1.0 knows no informational response");
  if (head_->headers.has("transfer-encoding") || parser_.content_length > 0) {
    return doubt("an informational response announces a body");
  }
  if (head_->status == 101) {
    upgraded_ = true;
    return announce_head(true);
  }
  if (++informational_ > limits_.informational_max) {
    return refuse(ResponseFault::Kind::kTooLarge, "too many informational responses");
  }
  events_.on_informational(*head_);
  return 1;
}

// What still fits is delivered first, so that the events do not depend on how the bytes were cut.
int ResponseParser::take_body(const char* at, std::size_t length) {
  const std::uint64_t room = body_bytes_max_ - budget_.body_bytes();
  const std::size_t fits = static_cast<std::size_t>(std::min<std::uint64_t>(length, room));
  budget_.found_body(fits);
  if (fits > 0) events_.on_body({at, fits});
  if (fits < length) {
    return refuse(ResponseFault::Kind::kTooLarge, "the response body is too large");
  }
  return stopped_ ? static_cast<int>(HPE_PAUSED) : 0;
}

int ResponseParser::finish_message() {
  if (state_ == State::kHead) {  // an informational head: the next one follows
    begin_head();
    return HPE_PAUSED;
  }
  state_ = State::kComplete;
  events_.on_complete();
  return HPE_PAUSED;
}

}  // namespace tocsin::http
