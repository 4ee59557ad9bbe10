#include "gateway/plugin/http_calls.h"

#include <algorithm>
#include <array>

#include "gateway/plugin/text.h"
#include "gateway/plugin/transports.h"
#include "gateway/plugin/worker.h"

namespace tocsin::plugin {

namespace {

// What cannot be sent is no more shown than sent.
Result<void> show(const tocsin_http_request& request, RequestWitness& witness) {
  TOCSIN_TRY(http::parse_url(view_of(request.url)));
  witness.on_request(request);
  return {};
}

// RFC 9110 9.2.2; the client assumes the same.
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET",   "HEAD", "OPTIONS",
                                                        "TRACE", "PUT",  "DELETE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

std::uint32_t failure_of(http::ClientError::Kind kind) {
  using Kind = http::ClientError::Kind;
  switch (kind) {
    case Kind::kConnect:
      return TOCSIN_HTTP_NO_CONNECTION;
    case Kind::kTimeoutBeforeSent:
    case Kind::kTimeoutAfterSent:
      return TOCSIN_HTTP_TIMEOUT;
    case Kind::kClosedBeforeResponse:
    case Kind::kCut:
      return TOCSIN_HTTP_CUT;
    case Kind::kFraming:
    case Kind::kTooLarge:
      return TOCSIN_HTTP_PROTOCOL;
  }
  return TOCSIN_HTTP_PROTOCOL;
}

}  // namespace

/// One request with copies of all it needs, and what came back. Used again and again.
class HttpCalls::Call final : public http::ClientEvents {
 public:
  explicit Call(HttpCalls& owner) : owner_(owner) {}

  Result<void> begin(http::HttpClient& client, const tocsin_http_request& request, MonoTime now) {
    TOCSIN_TRY(set_url(view_of(request.url)));
    method_.assign(view_of(request.method));
    body_.assign(view_of(request.body));
    copy_headers(request);
    flags_ = request.flags | (is_idempotent(method_) ? TOCSIN_HTTP_IDEMPOTENT : 0U);
    answer_max_ = request.response_bytes_max == 0
                      ? kAnswerBytesDefault
                      : std::min<std::uint64_t>(request.response_bytes_max, kAnswerBytesMax);
    status_ = 0;
    answer_text_.clear();
    answer_fields_.clear();
    answer_body_.clear();
    http::ClientRequest out;
    out.method = method_;
    out.set_url(url_);
    out.headers = headers_;
    out.body.bytes = body_;
    out.transport = transport_of(request.transport);
    out.idempotent = (flags_ & TOCSIN_HTTP_IDEMPOTENT) != 0;
    out.deadline =
        request.deadline_ns == 0 ? now + kPatience : MonoTime(Duration(request.deadline_ns));
    TOCSIN_TRY_SET(call, client.send(out, *this));
    call_ = std::move(call);
    return {};
  }
  void cancel() { call_ = {}; }

  tocsin_token token = 0;
  Done done = nullptr;
  void* user = nullptr;

 private:
  friend class HttpCalls;

  // Most calls go where the one before them went.
  Result<void> set_url(std::string_view text) {
    if (!text.empty() && text == url_text_) return {};
    TOCSIN_TRY_SET(url, http::parse_url(text));
    url_ = std::move(url);
    url_text_.assign(text);
    return {};
  }

  // Offsets first, views once the text no longer moves.
  void copy_headers(const tocsin_http_request& request) {
    header_text_.clear();
    for (std::uint32_t i = 0; i < request.header_count; ++i) {
      const tocsin_header& header = item_of(request.headers, request.header_stride, i);
      header_text_.append(view_of(header.name)).append(view_of(header.value));
    }
    headers_.clear();
    std::string_view left = header_text_;
    for (std::uint32_t i = 0; i < request.header_count; ++i) {
      const tocsin_header& header = item_of(request.headers, request.header_stride, i);
      const std::string_view name = left.substr(0, header.name.len);
      const std::string_view value = left.substr(header.name.len, header.value.len);
      left.remove_prefix(header.name.len + header.value.len);
      headers_.push_back({name, value});
    }
  }

  void on_head(const http::ResponseHead& head, bool /*end*/) override {
    status_ = static_cast<std::uint32_t>(head.status);
    for (const http::Header& field : head.headers.all()) {
      answer_text_.append(field.name).append(field.value);
      answer_fields_.push_back({{nullptr, field.name.size()}, {nullptr, field.value.size()}});
    }
    const char* at = answer_text_.data();
    for (tocsin_header& field : answer_fields_) {
      field.name.ptr = std::exchange(at, at + field.name.len);
      field.value.ptr = std::exchange(at, at + field.value.len);
    }
  }
  void on_data(std::string_view bytes) override {
    const std::uint64_t room = answer_max_ - answer_body_.size();
    answer_body_.append(bytes.substr(0, room));
  }
  void on_end() override { owner_.finish(*this, TOCSIN_HTTP_ANSWERED, true, {}); }
  void on_error(const http::ClientError& error) override {
    owner_.finish(*this, failure_of(error.kind), error.sent, error.error.text());
  }

  HttpCalls& owner_;
  http::ClientCall call_;
  http::Url url_;
  std::string url_text_;  // what url_ was read from
  std::string method_;
  std::string header_text_;
  std::vector<http::Header> headers_;
  std::string body_;
  std::uint32_t flags_ = 0;
  std::uint64_t answer_max_ = 0;
  std::uint32_t status_ = 0;
  std::string answer_text_;
  std::vector<tocsin_header> answer_fields_;
  std::string answer_body_;
};

HttpCalls::HttpCalls(Worker& worker) : worker_(worker), table_(2, kCallsMax) {}
HttpCalls::~HttpCalls() = default;

Result<tocsin_token> HttpCalls::send(const tocsin_http_request& request, Done done, void* user) {
  http::HttpClient* client = worker_.environment().client;
  RequestWitness* witness = worker_.environment().witness;
  if (client == nullptr && witness == nullptr) {
    return fail(Code::kUnavailable, "this loop has no HTTP client");
  }
  const bool readable = request.size >= sizeof(tocsin_http_request) && done != nullptr &&
                        is_readable(request.url) && is_readable(request.method) &&
                        is_readable(request.body) &&
                        (request.header_count == 0 || request.headers != nullptr);
  if (!readable) return fail(Code::kInvalid, "the request is malformed");
  if (request.header_count > kHeadersMax || request.body.len > kRequestBytesMax) {
    return fail(Code::kInvalid, "the request is too large");
  }
  tocsin_token token = 0;
  Call* call = table_.add(token, [this] { return std::make_unique<Call>(*this); });
  if (call == nullptr) return fail(Code::kFull, "too many requests are under way");
  call->token = token;
  call->done = done;
  call->user = user;
  auto begun = witness != nullptr ? show(request, *witness)
                                  : call->begin(*client, request, worker_.loop().now());
  if (begun) return token;
  table_.give_back(table_.take(token));
  return tl::unexpected(std::move(begun).error());
}

void HttpCalls::cancel(tocsin_token token) {
  std::unique_ptr<Call> call = table_.take(token);
  if (call == nullptr) return;
  call->cancel();
  table_.give_back(std::move(call));
}

void HttpCalls::finish(Call& call, std::uint32_t failure, bool sent, std::string_view error) {
  std::unique_ptr<Call> over = table_.take(call.token);
  tocsin_http_response response{};
  response.size = sizeof(response);
  response.failure = failure;
  response.status = failure == TOCSIN_HTTP_ANSWERED ? over->status_ : 0;
  response.sent = sent ? 1 : 0;
  response.flags = over->flags_;
  response.headers = over->answer_fields_.data();
  response.header_count = static_cast<std::uint32_t>(over->answer_fields_.size());
  response.header_stride = sizeof(tocsin_header);
  response.body = str_of(over->answer_body_);
  response.error = str_of(error);
  {
    const Worker::Inside inside(worker_, "http");
    over->done(over->user, &response);
  }
  over->cancel();
  table_.give_back(std::move(over));
}

}  // namespace tocsin::plugin
