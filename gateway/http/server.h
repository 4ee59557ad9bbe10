#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/base/clock.h"
#include "gateway/event/loop.h"
#include "gateway/event/tcp.h"
#include "gateway/http/connection_caps.h"
#include "gateway/http/date.h"
#include "gateway/http/exchange.h"
#include "gateway/http/head_writer.h"
#include "gateway/http/request_parser.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::http {

class ServerConnection;

/// The patience of a listener. Every phase of a connection has a deadline.
struct ServerTimeouts {
  Duration header =
      std::chrono::seconds(10);  ///< connection or first byte until the head is complete
  Duration body = std::chrono::seconds(30);   ///< between two pieces of a request body
  Duration idle = std::chrono::seconds(60);   ///< between requests on a kept connection
  Duration write = std::chrono::seconds(30);  ///< without the client taking a byte of the answer
  Duration linger = std::chrono::seconds(2);  ///< for the client to close after our last byte
  /// A body slower than this, averaged from its first byte on and after `rate_grace`, is ended.
  std::uint64_t body_bytes_per_second_min = 256;
  Duration rate_grace = std::chrono::seconds(10);
};

struct ServerOptions {
  RequestLimits request;
  ServerTimeouts timeouts;
  std::size_t requests_per_connection_max = 0;  ///< 0: no limit
  int descriptors_kept = 0;                     ///< see TcpListener; as the server begins
};

/// A listener's instruments, labelled by its name.
struct ServerMetrics {
  ServerMetrics(telemetry::Metrics& metrics, std::string_view listener);

  telemetry::Counter& connections;
  telemetry::Counter& refused_total_cap;
  telemetry::Counter& refused_per_ip_cap;
  telemetry::Counter& refused_descriptors;
  telemetry::Counter* requests_by_class[6];  ///< 1xx..5xx by index; 0: ended without an answer
  telemetry::Counter& request_bytes;
  telemetry::Counter& response_bytes;
  telemetry::Histogram& duration;
};

/// What a connection knows of the request that it reads and answers.
struct RequestReading {
  explicit RequestReading(const RequestLimits& limits) : parser(limits) {}

  RequestParser parser;
  MonoTime body_began{};    ///< later by the time in which we held it
  MonoTime body_read_at{};  ///< the last piece
  MonoTime held_at{};
  HeadFraming framing;  ///< of the answer
};

/// What the loops of one listener share.
struct ServerShared {
  ServerShared(std::size_t connections_max, std::size_t connections_per_ip_max,
               telemetry::Metrics& registry, std::string_view listener)
      : caps(connections_max, connections_per_ip_max), metrics(registry, listener) {}
  ConnectionCaps caps;
  ServerMetrics metrics;
};

/// One listener's HTTP/1.1 server on one loop: accepts, keeps its connections, and serves every
/// request with the current route source. Belongs to the loop's thread.
class Server final : private event::TcpListener::Events {
 public:
  /// `shared` must outlive the server; `pool` belongs to the same loop.
  Server(event::Loop& loop, event::ListeningSocket socket, ServerOptions options,
         ServerShared& shared, BlockPool& pool, std::shared_ptr<const RouteSource> source);
  /// Cuts what is still open.
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// New requests are planned with this source; running exchanges keep theirs.
  void set_source(std::shared_ptr<const RouteSource> source) { source_ = std::move(source); }

  /// Accepts from one more socket on the same address.
  void listen(event::ListeningSocket socket);
  /// The descriptors that it accepts from; they stay its own. None once it drains.
  std::vector<int> listening() const;

  /// For requests and connections from now on; deadlines that run are kept.
  void set_options(const ServerOptions& options) { options_ = options; }

  /// Stops accepting and ends connections after their next answer, so that no client that is just
  /// sending finds itself cut off; whoever connected before is still accepted. drain() follows, for
  /// those that send nothing more.
  void retire();
  /// Stops accepting and ends every connection after its current exchange. Whoever connected
  /// before, or sent a request that was not read yet, is still answered: idle connections close a
  /// moment later.
  void drain();
  /// Closes the connections whose request was planned with that source.
  void cut(const RouteSource& source);
  bool draining() const { return draining_; }
  std::size_t connections() const { return connections_.size(); }
  const event::Address& address() const { return address_; }

 private:
  friend class ServerConnection;
  static constexpr std::size_t kExchangesKept = 64;
  static constexpr std::size_t kRequestsKept = 64;

  void on_accept(std::unique_ptr<event::Stream> stream) override;
  std::string_view refusal(const event::Address& peer) override;
  std::string_view on_descriptors_exhausted() override;
  std::string_view server_full();

  std::unique_ptr<Exchange> take_exchange();
  void give_exchange(std::unique_ptr<Exchange> exchange);
  std::unique_ptr<RequestReading> take_request();
  void give_request(std::unique_ptr<RequestReading> request);
  void count(const ExchangeFacts& facts);
  void remove(ServerConnection& connection);

  event::Loop& loop_;
  ServerOptions options_;
  ServerShared& shared_;
  BlockPool& pool_;
  std::shared_ptr<const RouteSource> source_;
  DateCache date_;
  std::string refusal_;  // the last one's text; its Date makes it new each time
  event::Address address_;
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  std::vector<std::unique_ptr<RequestReading>> free_requests_;
  std::vector<std::unique_ptr<ServerConnection>> connections_;
  bool draining_ = false;
  std::vector<std::unique_ptr<event::TcpListener>> listeners_;
};

}  // namespace tocsin::http
