#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tocsin/sdk/host.hpp"
#include "tocsin/sdk/transport.hpp"

namespace tocsin::sdk {

/// What came of a request; borrowed for the callback.
class HttpResponse {
 public:
  explicit HttpResponse(const tocsin_http_response& response) : response_(response) {}

  bool answered() const { return response_.failure == TOCSIN_HTTP_ANSWERED; }
  std::uint32_t status() const { return response_.status; }
  std::string_view body() const { return view(response_.body); }
  std::string_view error() const { return view(response_.error); }
  Items<tocsin_header> headers() const {
    return {response_.headers, response_.header_count, response_.header_stride};
  }
  /// The first header of that name, compared without case; empty when there is none.
  std::string_view header(std::string_view name) const { return find_header(headers(), name); }
  const tocsin_http_response& c() const { return response_; }

 private:
  const tocsin_http_response& response_;
};

/// Everything is copied by send().
struct HttpRequest {
  std::string_view method = "GET";
  std::string_view url;
  std::span<const tocsin_header> headers = {};
  std::string_view body = {};
  bool idempotent = false;               ///< sending it twice does no harm
  Duration deadline = Duration::zero();  ///< on the host's monotonic clock; 0: in 30 s
  std::uint64_t response_bytes_max = 0;  ///< 0: 64 KiB
  const Transport* transport = nullptr;  ///< null: the usual
};

/// One request to another server. Stays where it was made; its end cancels it. One that is over may
/// be sent again, and then allocates nothing.
class HttpCall {
 public:
  using Callback = std::function<void(const HttpResponse&)>;

  HttpCall(Host host, Callback callback)
      : host_(host), callback_(std::make_shared<Callback>(std::move(callback))) {}
  ~HttpCall() { cancel(); }
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  /// Calls back once, unless cancelled; the callback may destroy this object. False: `error()` says
  /// why, and nothing was sent.
  bool send(const HttpRequest& request) {
    cancel();
    tocsin_http_request to{};
    to.size = sizeof(to);
    to.flags = request.idempotent ? TOCSIN_HTTP_IDEMPOTENT : 0;
    to.method = to_c(request.method);
    to.url = to_c(request.url);
    to.headers = request.headers.data();
    to.header_count = static_cast<std::uint32_t>(request.headers.size());
    to.header_stride = sizeof(tocsin_header);
    to.body = to_c(request.body);
    to.deadline_ns = request.deadline.count();
    to.response_bytes_max = request.response_bytes_max;
    to.transport = request.transport == nullptr ? nullptr : request.transport->c();
    tocsin_fault fault{};
    fault.size = sizeof(fault);
    const auto ended = [](void* user, const tocsin_http_response* response) {
      static_cast<HttpCall*>(user)->end(*response);
    };
    token_ = host_.c_host().http_send(host_.c_worker(), &to, ended, this, &fault);
    if (token_ != 0) return true;
    refused_for_good_ = fault.code == TOCSIN_INVALID;
    error_.assign(fault.what, fault.what_len);
    return false;
  }
  void cancel() {
    if (token_ != 0) host_.c_host().http_cancel(host_.c_worker(), std::exchange(token_, 0));
  }
  bool under_way() const { return token_ != 0; }
  const std::string& error() const { return error_; }
  /// What an attempt comes to whose request was not sent: rejected when it never could be.
  Verdict unsent() const {
    return refused_for_good_ ? Verdict::rejected(error_) : Verdict::retry(error_);
  }

 private:
  void end(const tocsin_http_response& response) {
    token_ = 0;
    // The callback may destroy what it is part of.
    const Host host = host_;
    const auto callback = callback_;
    const auto call = [&] { (*callback)(HttpResponse(response)); };
    host.run("an HTTP callback", call);
  }

  Host host_;
  std::shared_ptr<Callback> callback_;
  tocsin_token token_ = 0;
  bool refused_for_good_ = false;
  std::string error_;
};

}  // namespace tocsin::sdk
