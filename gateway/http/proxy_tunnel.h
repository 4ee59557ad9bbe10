#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/arena.h"
#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/event/timer_wheel.h"
#include "gateway/http/proxy.h"
#include "gateway/http/response_parser.h"

namespace tocsin::http {

/// Asks a proxy at the other end of a stream for a tunnel. Destroying it gives up and closes the
/// stream without a call.
class ProxyTunnel final : private event::Stream::Events, private ResponseParser::Events {
 public:
  using Done = Function<void(Result<std::unique_ptr<event::Stream>>)>;

  /// What a proxy may answer before it is given up.
  static constexpr std::size_t kAnswerBytesMax = 16 * 1024;

  /// `authority`: "host:port" of the server. Calls `done` once, never inside the constructor: with
  /// the stream, on which the server now is, its events not set; or with kRefused (the proxy said
  /// no), kTimeout, kClosed, kUnavailable (what answered is no proxy). `done` may destroy the
  /// tunnel.
  ProxyTunnel(std::unique_ptr<event::Stream> stream, const ForwardProxy& proxy,
              std::string_view authority, Duration timeout, Done done);
  ~ProxyTunnel() override;
  ProxyTunnel(const ProxyTunnel&) = delete;
  ProxyTunnel& operator=(const ProxyTunnel&) = delete;

 private:
  // Stream events
  void on_data(std::string_view bytes) override;
  void on_end() override;
  void on_broken(const Error& why) override;
  void on_writable() override {}

  // Parser events
  void on_informational(const ResponseHead&) override {}
  void on_head(ResponseHead&, bool) override {}
  void on_body(std::string_view) override {}
  void on_complete() override {}

  void give_up(Code code, std::string what);
  void finish(Result<std::unique_ptr<event::Stream>> outcome);

  std::unique_ptr<event::Stream> stream_;
  const std::string where_;
  Done done_;
  event::Timer limit_;
  const ResponseLimits limits_{.head_bytes_max = kAnswerBytesMax};
  ResponseParser parser_;
  const std::shared_ptr<BlockPool> blocks_;
  Arena arena_;
  ResponseHead head_;
};

}  // namespace tocsin::http
