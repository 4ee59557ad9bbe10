#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/event/loop.h"
#include "gateway/event/stream.h"
#include "gateway/http/connector.h"
#include "gateway/http/head.h"
#include "gateway/http/response_parser.h"
#include "gateway/http/url.h"

namespace tocsin::http {

class ClientPool;
struct Transport;
struct ClientExchange;
struct ClientMetrics;

/// A host is one scheme, name, port and transport.
struct ClientOptions {
  std::size_t connections_per_host_max = 64;  ///< open or being opened
  std::size_t idle_per_host_max = 64;         ///< kept for reuse; more are closed
  std::size_t waiting_per_host_max = 1024;    ///< requests without a connection; more are refused
  std::size_t hosts_max = 1024;               ///< with connections or waiting requests
  Duration connect_timeout = std::chrono::seconds(5);  ///< name, connection, handshake
  /// Shorter than what servers usually grant (5 s and more), so that we close first and no request
  /// meets a connection that is closing.
  Duration idle_timeout = std::chrono::seconds(4);
  /// An older connection is not reused, so that changes of the name service are noticed.
  Duration connection_age_max = std::chrono::minutes(10);
  ResponseLimits response;
  ClientMetrics* metrics = nullptr;  ///< null: nothing is counted
};

/// How a request's body is sent.
struct ClientBody {
  enum class Kind : std::uint8_t {
    kWhole,    ///< `bytes` are all of it
    kLength,   ///< `length` bytes follow through ClientCall::send_data
    kChunked,  ///< as many as ClientCall::send_data brings, until send_end
  };
  Kind kind = Kind::kWhole;
  std::string_view bytes;
  std::uint64_t length = 0;
};

/// One request. All views are borrowed until the call ends or its handle is destroyed: a retry
/// reads them again.
struct ClientRequest {
  std::string_view method = "GET";  ///< any token but CONNECT
  std::string_view scheme = "http";
  std::string_view host;  ///< to connect to: a name or an address without brackets
  std::uint16_t port = 80;
  std::string_view authority;     ///< the Host field
  std::string_view target = "/";  ///< as sent; "*" with OPTIONS
  /// Host, Content-Length, Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection, Upgrade,
  /// TE, Trailer, and Expect are the client's business: such fields are left out.
  std::span<const Header> headers;
  ClientBody body;
  /// Asks to leave HTTP for this protocol (Upgrade field); a 101 then ends in on_upgrade.
  std::string_view upgrade;
  /// Sending it twice does no harm. Assumed for GET, HEAD, OPTIONS, TRACE, PUT and DELETE; set it
  /// where something else makes it so, e.g. an idempotency key the server honours.
  bool idempotent = false;
  /// The whole exchange must be over by then.
  MonoTime deadline = MonoTime::max();
  /// How the server is reached; null: as the connector does by itself.
  std::shared_ptr<const Transport> transport;
  /// Of the body, up to ResponseLimits::body_bytes_max; 0: that.
  std::uint64_t response_bytes_max = 0;

  /// Fills in where the request goes. `url` is borrowed like every view here.
  void set_url(const Url& url);
};

/// Why a call failed, and how far it had come.
struct ClientError {
  enum class Kind : std::uint8_t {
    kConnect,               ///< name not resolved, refused, unreachable, or connect_timeout passed
    kTimeoutBeforeSent,     ///< the deadline passed before the request was begun
    kTimeoutAfterSent,      ///< the deadline passed later: the server may have acted on it
    kClosedBeforeResponse,  ///< the connection ended before the response's first byte
    kCut,                   ///< the connection ended inside the response
    kFraming,               ///< the response's end is in doubt, or it breaks the protocol
    kTooLarge,              ///< the response is beyond ResponseLimits or response_bytes_max
  };
  Kind kind = Kind::kConnect;
  Error error;
  /// False: certainly no byte of the request left this host, so trying elsewhere is safe whatever
  /// the request does.
  bool sent = false;
};

/// What happens to one call, on its loop, never inside send() or a method of the call. Exactly one
/// of on_end, on_error and on_upgrade comes, last; then nothing more. Any event may destroy the
/// call and make new ones, but not destroy the client.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  /// 100, 102, 103 and the like, valid during the call.
  virtual void on_informational(const ResponseHead&) {}
  /// The final head. It and its fields live until the last event is over or the next send() from
  /// inside that event. `end`: no body follows.
  virtual void on_head(const ResponseHead& head, bool end) = 0;
  /// A piece of the body, borrowed for the call.
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_trailers(const HeaderMap&) {}
  /// The response is complete.
  virtual void on_end() = 0;
  virtual void on_error(const ClientError& error) = 0;
  /// For bodies sent through the call: the head was written and the body may begin; later: there is
  /// room after a send_data that returned false.
  virtual void on_writable() {}
  /// The server agreed to ClientRequest::upgrade. `unread`: bytes of the new protocol that came
  /// with the head, borrowed for the call.
  virtual void on_upgrade(std::unique_ptr<event::Stream> /*stream*/, std::string_view /*unread*/) {}
};

/// The handle of a request on its way. Destroying it cancels: no event follows, and a connection in
/// the middle of the exchange is closed. It must not outlive the client.
class ClientCall {
 public:
  ClientCall() = default;
  ~ClientCall() { cancel(); }
  ClientCall(ClientCall&& other) noexcept : exchange_(std::exchange(other.exchange_, nullptr)) {}
  ClientCall& operator=(ClientCall&& other) noexcept {
    if (this != &other) {
      cancel();
      exchange_ = std::exchange(other.exchange_, nullptr);
    }
    return *this;
  }

  explicit operator bool() const { return exchange_ != nullptr; }
  void cancel();

  /// A piece of a kLength or kChunked body, after the first on_writable; copied. False: above the
  /// stream's high watermark, wait for on_writable (nothing is lost if one does not). After the
  /// last event it does nothing. More than the announced length is a bug.
  bool send_data(std::string_view bytes);
  /// Ends such a body; trailers go with kChunked only.
  void send_end(const HeaderMap* trailers = nullptr);

  /// Stops every event of the response but on_error until resume(); the connection is not read
  /// meanwhile, so at most one read of the loop is held in memory. Neither calls back.
  void pause();
  void resume();

 private:
  friend class HttpClient;
  explicit ClientCall(ClientExchange& exchange) : exchange_(&exchange) {}
  ClientExchange* exchange_ = nullptr;
};

struct ClientStats {
  std::size_t connections = 0;  ///< open
  std::size_t idle = 0;         ///< of them waiting for a request
  std::size_t connecting = 0;
  std::size_t waiting = 0;   ///< requests without a connection
  std::uint64_t opened = 0;  ///< connections ever made
  std::uint64_t reused = 0;  ///< requests on a connection that had served one before
  std::uint64_t retried = 0;
};

/// An HTTP/1.1 client of one loop with pooled connections. A request takes the connection used last
/// (LIFO), so that surplus ones age and close; else a new one is opened up to the host's limit;
/// else it waits its turn (FIFO) until its deadline.
///
/// One retry (RFC 9110 9.2.2, RFC 9112 9.3.1): a request whose *reused* connection ends before the
/// first byte of a response is sent once more, on a fresh connection, when its body can be sent
/// again (it is whole, or on_writable has not yet asked for it) and either it is idempotent or no
/// byte of it had left this host. Never a second time, never after a byte of the response, and
/// never when the connection was fresh: what the server did on purpose is the caller's to judge.
///
/// A connection is reused only when the response ended without any doubt, the whole request had
/// left, and not one byte came behind the response.
class HttpClient {
 public:
  /// Loop and connector must outlive the client.
  HttpClient(event::Loop& loop, Connector& connector, const ClientOptions& options);
  /// Every call must be gone. Closes all connections.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Starts a call; `events` must live until the last event or the handle's end. Errors: kInvalid
  /// (the request cannot be written or served: says why), kFull (too many wait for this host, or
  /// too many hosts).
  [[nodiscard]] Result<ClientCall> send(const ClientRequest& request, ClientEvents& events);

  /// Closes the connections that wait for a request.
  void close_idle();
  ClientStats stats() const;

 private:
  friend class ClientCall;
  friend class ClientPool;
  friend class ClientConnection;
  friend struct ClientExchange;

  struct PoolHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const {
      return std::hash<std::string_view>()(key);
    }
  };
  static constexpr std::size_t kExchangesKept = 1024;

  ClientPool* find_pool(const Endpoint& endpoint, const ClientRequest& request);
  bool make_room_for_host();
  ClientExchange& take_exchange();
  void give_exchange(ClientExchange& exchange);
  void time_is_up(ClientExchange& exchange);
  void conclude(ClientExchange& exchange);
  void fail(ClientExchange& exchange, ClientError error);
  void count_reused();
  void count_retried();

  event::Loop& loop_;
  Connector& connector_;
  const ClientOptions options_;
  std::shared_ptr<BlockPool> blocks_;  // shared with connections that die after the client
  std::unordered_map<std::string, std::unique_ptr<ClientPool>, PoolHash, std::equal_to<>> pools_;
  std::vector<std::unique_ptr<ClientExchange>> spare_exchanges_;
  std::size_t calls_ = 0;
  ClientStats counted_;  // the ever-growing part
};

}  // namespace tocsin::http
