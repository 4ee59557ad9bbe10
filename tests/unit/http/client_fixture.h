#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/event/resolver.h"
#include "gateway/event/tcp.h"
#include "gateway/http/client.h"
#include "gateway/http/tcp_connector.h"

namespace tocsin::http {

/// A server that does what the test tells it, on the test's own loop.
class ScriptedServer final : private event::TcpListener::Events {
 public:
  class Connection final : private event::Stream::Events {
   public:
    explicit Connection(std::unique_ptr<event::Stream> stream) : stream_(std::move(stream)) {
      stream_->set_events(*this);
      stream_->read_start();
    }
    void send(std::string_view bytes) { stream_->write(bytes); }
    void end() { stream_->end(); }
    void close() { stream_.reset(); }
    void reset() {
      stream_->reset_on_close();
      stream_.reset();
    }
    std::size_t unsent() const { return stream_->buffered(); }
    /// What came since the last call.
    std::string take() { return std::exchange(received, {}); }

    std::string received;
    int reads = 0;
    bool closed = false;  // by the client

   private:
    void on_data(std::string_view bytes) override {
      received += bytes;
      ++reads;
    }
    void on_end() override { closed = true; }
    void on_broken(const Error&) override { closed = true; }
    void on_writable() override {}
    std::unique_ptr<event::Stream> stream_;
  };

  explicit ScriptedServer(event::Loop& loop, std::string_view ip = "127.0.0.1")
      : listener_(loop,
                  event::ListeningSocket::open(event::Address::from_ip(ip, 0).value(), {}).value(),
                  *this) {}

  std::uint16_t port() const { return listener_.address().port(); }
  std::size_t count() const { return connections_.size(); }
  Connection& operator[](std::size_t index) { return *connections_.at(index); }

 private:
  void on_accept(std::unique_ptr<event::Stream> stream) override {
    connections_.push_back(std::make_unique<Connection>(std::move(stream)));
  }
  std::string_view on_descriptors_exhausted() override { return {}; }
  std::string_view refusal(const event::Address&) override { return {}; }

  std::vector<std::unique_ptr<Connection>> connections_;
  event::TcpListener listener_;
};

/// A call that writes down what it hears.
struct RecordedCall final : ClientEvents {
  void on_informational(const ResponseHead& head) override {
    log += "i" + std::to_string(head.status) + " ";
  }
  void on_head(const ResponseHead& head, bool end) override {
    status = head.status;
    for (const Header& field : head.headers.all()) fields.emplace_back(field.name, field.value);
    log += end ? "head-end " : "head ";
    if (at_head) at_head();
  }
  void on_data(std::string_view bytes) override {
    body += bytes;
    if (at_data) at_data();
  }
  void on_trailers(const HeaderMap& trailers) override {
    log += "trailers " + std::to_string(trailers.size()) + " ";
  }
  void on_end() override {
    log += "end";
    ++endings;
    if (at_end) at_end();
  }
  void on_error(const ClientError& why) override {
    error = why;
    ++endings;
    if (at_end) at_end();
  }
  void on_writable() override {
    ++writable;
    if (at_writable) at_writable();
  }
  void on_upgrade(std::unique_ptr<event::Stream> given, std::string_view unread) override {
    stream = std::move(given);
    body = unread;
    log += "upgrade";
    ++endings;
  }

  bool over() const { return endings > 0; }
  std::optional<ClientError::Kind> failure() const {
    return error ? std::optional(error->kind) : std::nullopt;
  }

  Function<void()> at_head, at_data, at_end, at_writable;
  int status = 0;
  int endings = 0;
  int writable = 0;
  std::string log;
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;
  std::optional<ClientError> error;
  std::unique_ptr<event::Stream> stream;
  ClientCall call;
};

class ClientTest : public ::testing::Test {
 protected:
  using Kind = ClientError::Kind;

  ClientTest() {
    loop_.run_ready();  // this thread owns the loop
    start({});
  }

  void start(ClientOptions options) {
    client_.reset();
    client_ = std::make_unique<HttpClient>(loop_, connector_, options);
  }

  ClientRequest request(std::string_view method = "GET", std::string_view body = {}) {
    ClientRequest request;
    request.method = method;
    request.host = "127.0.0.1";
    request.port = server_.port();
    request.authority = "example.test";
    request.target = "/path?query";
    request.body.bytes = body;
    return request;
  }

  std::unique_ptr<RecordedCall> send(const ClientRequest& request) {
    auto call = std::make_unique<RecordedCall>();
    call->call = client_->send(request, *call).value();
    return call;
  }
  std::unique_ptr<RecordedCall> get() { return send(request()); }

  // Turns the loop until the predicate holds; the bound only keeps a broken build from hanging.
  template <typename Predicate>
  bool turn_until(Predicate holds) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      loop_.run_ready();
    }
    return true;
  }
  // Enough rounds for whatever is on its way over loopback to arrive.
  void settle() {
    for (int i = 0; i < 20; ++i) loop_.run_ready();
  }
  void wait(RecordedCall& call) {
    ASSERT_TRUE(turn_until([&] { return call.over(); }));
  }
  // Waits until the server has read a request head on that connection.
  void arrive(std::size_t connection) {
    ASSERT_TRUE(turn_until([&] {
      return server_.count() > connection &&
             server_[connection].received.find("\r\n\r\n") != std::string::npos;
    }));
  }
  // Serves one request on a connection that stays open afterwards.
  void serve_one(std::size_t connection = 0) {
    auto call = get();
    arrive(connection);
    server_[connection].take();
    server_[connection].send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    wait(*call);
    EXPECT_EQ(call->log, "head-end end");
  }

  ManualClock clock_;
  event::Loop loop_{event::LoopOptions{"test", &clock_, 0}};
  ScriptedServer server_{loop_};
  std::unique_ptr<event::Resolver> resolver_ = event::Resolver::create(loop_, {}).value();
  TcpConnector connector_{loop_, *resolver_};
  std::unique_ptr<HttpClient> client_;
};

}  // namespace tocsin::http
