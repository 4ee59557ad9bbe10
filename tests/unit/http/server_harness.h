#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/http/server.h"

namespace tocsin::http {

/// What a test keeps of an exchange it answers later.
class HeldExchange final : public Responder {
 public:
  explicit HeldExchange(Exchange& exchange) : exchange_(&exchange) {
    exchange.set_responder(*this);
  }

  void on_body(std::string_view bytes, bool end) override {
    body.append(bytes);
    body_pieces += bytes.empty() ? 0 : 1;
    ended = ended || end;
    if (hold_each && !bytes.empty()) exchange().hold_body();
  }
  void on_trailers(const HeaderMap& fields) override {
    for (const Header& field : fields.all())
      trailers.append(field.name).append("=").append(field.value).append(";");
    ended = true;
  }
  void on_upgraded(std::unique_ptr<event::Stream> stream, std::string_view bytes) override {
    upgraded = std::move(stream);
    unread = bytes;
    upgraded->set_events(after_upgrade);
    upgraded->read_start();
  }
  void on_writable() override {
    ++writable;
    if (produce) produce();
  }
  void on_done(DoneFlags how) override {
    flags = how;
    ++done;
    exchange_ = nullptr;
  }

  Exchange& exchange() { return *exchange_; }
  bool alive() const { return exchange_ != nullptr; }

  struct Echo final : event::Stream::Events {
    void on_data(std::string_view bytes) override { got.append(bytes); }
    void on_end() override {}
    void on_broken(const Error&) override {}
    void on_writable() override {}
    std::string got;
  };

  std::string body, trailers, unread;
  Echo after_upgrade;
  std::unique_ptr<event::Stream> upgraded;
  std::function<void()> produce;
  DoneFlags flags;
  int done = 0;
  int writable = 0;
  int body_pieces = 0;
  bool ended = false;
  bool hold_each = false;

 private:
  Exchange* exchange_;
};

/// A route source whose one handler does what the test says.
class ScriptedSource final : public RouteSource, public Handler {
 public:
  RoutePlan plan(const RequestHead&) const override {
    return {"test", filters, {}, const_cast<ScriptedSource*>(this)};
  }
  void refusing(Exchange&, ResponseHead&) const override {}
  void note_refused(const Exchange& exchange, DoneFlags flags) const override {
    refused.push_back(exchange.response().status);
    refused_flags.push_back(flags);
  }
  void on_request(Exchange& exchange, RequestHead& head) override {
    ++requests;
    script(exchange, head);
  }

  std::function<void(Exchange&, RequestHead&)> script = [](Exchange& exchange, RequestHead& head) {
    exchange.answer(200, "text/plain", head.path);
  };
  std::vector<HttpFilterFactory*> filters;
  mutable std::vector<int> refused;
  mutable std::vector<DoneFlags> refused_flags;
  int requests = 0;
};

/// The client's end of a connection: a blocking-free raw socket.
class RawClient {
 public:
  explicit RawClient(const event::Address& to, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    EXPECT_EQ(::connect(fd_, to.data(), to.size()), 0);
  }
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawClient() { close(); }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    unsent_ = bytes.size();
  }
  /// How many bytes of the last send the kernel did not take.
  std::size_t unsent() const { return unsent_; }
  void finish() { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  /// Takes what has arrived.
  void pull(std::size_t most = ~std::size_t{0}) {
    char bytes[65536];
    while (most > 0 && fd_ >= 0 && !ended_) {
      const ssize_t count = ::recv(fd_, bytes, std::min(sizeof(bytes), most), MSG_DONTWAIT);
      if (count > 0) {
        got_.append(bytes, static_cast<std::size_t>(count));
        most -= static_cast<std::size_t>(count);
        continue;
      }
      if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
        ended_ = true;
        broken_ = count < 0;
      }
      return;
    }
  }
  std::string take() { return std::exchange(got_, {}); }
  const std::string& got() const { return got_; }
  bool ended() const { return ended_; }    ///< FIN or reset
  bool broken() const { return broken_; }  ///< reset

 private:
  int fd_ = -1;
  std::size_t unsent_ = 0;
  std::string got_;
  bool ended_ = false;
  bool broken_ = false;
};

/// A server on a loop whose time stands still until the test moves it.
class ServerTest : public testing::Test {
 protected:
  void TearDown() override {
    server.reset();
    held.clear();
    run();
  }

  void start(const ServerOptions& options = {}, std::size_t total_max = 0,
             std::size_t per_ip_max = 0) {
    shared = std::make_unique<ServerShared>(total_max, per_ip_max, metrics, "test");
    auto address = event::Address::from_ip("127.0.0.1", 0);
    auto socket = event::ListeningSocket::open(*address, {});
    ASSERT_TRUE(socket) << socket.error().text();
    server = std::make_unique<Server>(loop, std::move(*socket), options, *shared, pool, source);
  }
  RawClient connect() {
    RawClient client(server->address());
    run();
    return client;
  }
  /// Connected as far as the kernel is concerned; the server has not looked yet.
  RawClient connect_unseen() { return RawClient(server->address()); }
  /// Lets everything happen that can happen now.
  void run() {
    for (int i = 0; i < 10; ++i) loop.run_ready();
  }
  void advance(Duration by) {
    clock.advance(by);
    run();
  }
  /// Runs until it holds; the kernel's loopback needs no time, but its buffers need turns.
  bool until(const std::function<bool()>& holds) {
    const auto stop = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds() && std::chrono::steady_clock::now() < stop) loop.run_ready();
    return holds();
  }
  std::string exchange(RawClient& client, std::string_view bytes) {
    client.send(bytes);
    run();
    client.pull();
    return client.take();
  }
  /// Every request is kept for the test to answer.
  void hold_requests() {
    source->script = [this](Exchange& e, RequestHead&) {
      held.push_back(std::make_unique<HeldExchange>(e));
    };
  }

  ManualClock clock;
  telemetry::Metrics metrics{1};
  BlockPool pool;
  event::Loop loop{{.name = "test", .clock = &clock}};
  std::shared_ptr<ScriptedSource> source = std::make_shared<ScriptedSource>();
  std::vector<std::unique_ptr<HeldExchange>> held;
  std::unique_ptr<ServerShared> shared;
  std::unique_ptr<Server> server;
};

/// The status of each answer in a stream of them.
inline std::vector<int> statuses(std::string_view stream) {
  std::vector<int> all;
  for (std::size_t at = 0; (at = stream.find("HTTP/1.1 ", at)) != std::string_view::npos; at += 9) {
    const std::string_view status = stream.substr(at + 9, 3);
    const bool digits = status.size() == 3 && status.find_first_not_of("0123456789") == status.npos;
    if (digits) all.push_back(std::stoi(std::string(status)));  // else it is text of a body
  }
  return all;
}

inline std::string body_of(std::string_view answer) {
  const std::size_t blank = answer.find("\r\n\r\n");
  return blank == std::string_view::npos ? std::string() : std::string(answer.substr(blank + 4));
}

}  // namespace tocsin::http
