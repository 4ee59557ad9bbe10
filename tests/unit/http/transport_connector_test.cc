// The whole way of a request: name, guard, proxy, TLS.
#include "gateway/http/transport_connector.h"

#include <gmock/gmock.h>

#include "gateway/http/transport.h"
#include "tests/unit/event/certificates.h"
#include "tests/unit/event/dns_server.h"
#include "tests/unit/http/client_fixture.h"

namespace tocsin::http {
namespace {

using event::testing::Authority;
using event::testing::TemporaryFolder;
using ::testing::HasSubstr;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Accepts TLS and answers every request head with the same bytes.
class TlsServer final : private event::TcpListener::Events {
 public:
  TlsServer(event::Loop& loop, std::shared_ptr<const event::TlsContext> context)
      : context_(std::move(context)),
        listener_(loop,
                  event::ListeningSocket::open(event::Address::from_ip("127.0.0.1", 0).value(), {})
                      .value(),
                  *this) {}

  std::uint16_t port() const { return listener_.address().port(); }

  std::string answer{kOk};
  bool end_after_answer = false;    // with goodbye
  bool close_after_answer = false;  // without
  std::string received;
  int connections = 0;  // that got through the handshake
  std::vector<std::string> refused;

 private:
  struct Connection final : event::Stream::Events {
    explicit Connection(TlsServer& owner) : server(owner) {}
    void on_data(std::string_view bytes) override {
      server.received += bytes;
      if (!server.received.ends_with("\r\n\r\n") && bytes.find("\r\n\r\n") == bytes.npos) return;
      stream->write(server.answer);
      if (server.end_after_answer) stream->end();
    }
    void on_end() override {}
    void on_broken(const Error&) override {}
    void on_writable() override {}
    TlsServer& server;
    std::unique_ptr<event::Stream> stream;
    std::unique_ptr<event::TlsHandshake> handshake;
  };

  void on_accept(std::unique_ptr<event::Stream> stream) override {
    auto& connection = *all_.emplace_back(std::make_unique<Connection>(*this));
    connection.handshake = std::make_unique<event::TlsHandshake>(
        std::move(stream), *context_, event::TlsPeer{}, std::chrono::hours(1),
        [this, &connection](Result<std::unique_ptr<event::Stream>> secured) {
          if (!secured) {
            refused.push_back(secured.error().what);
            return;
          }
          ++connections;
          connection.stream = std::move(*secured);
          connection.stream->set_events(connection);
          connection.stream->read_start();
        });
  }
  std::string_view on_descriptors_exhausted() override { return {}; }
  std::string_view refusal(const event::Address&) override { return {}; }

  std::shared_ptr<const event::TlsContext> context_;
  std::vector<std::unique_ptr<Connection>> all_;
  event::TcpListener listener_;
};

class TransportTest : public ClientTest {
 protected:
  TransportTest() {
    authority_identity_ = authority_.issue({.names = "DNS:secure.test,IP:127.0.0.1"});
    tls_server_ = std::make_unique<TlsServer>(
        loop_, event::TlsContext::for_server(
                   {authority_identity_.cert_file, authority_identity_.key_file, {}})
                   .value());
    trusting_ = std::make_shared<Transport>();
    trusting_->tls = event::TlsContext::for_client({.ca_file = authority_.file()}).value();
    start_client();
  }

  void start_client(ClientOptions options = {}) {
    secure_client_ = std::make_unique<HttpClient>(loop_, connector_whole_, options);
  }

  ClientRequest https(std::shared_ptr<const Transport> transport) {
    ClientRequest r = request();
    r.scheme = "https";
    r.port = tls_server_->port();
    r.transport = std::move(transport);
    return r;
  }
  std::unique_ptr<RecordedCall> ask(const ClientRequest& r) {
    auto call = std::make_unique<RecordedCall>();
    call->call = secure_client_->send(r, *call).value();
    wait(*call);
    return call;
  }

  TemporaryFolder folder_;
  Authority authority_{folder_};
  event::testing::Identity authority_identity_;
  std::unique_ptr<TlsServer> tls_server_;
  TransportConnector connector_whole_{loop_, connector_, event::TlsContext::for_client({}).value()};
  std::shared_ptr<Transport> trusting_;
  std::unique_ptr<HttpClient> secure_client_;
};

TEST_F(TransportTest, SpeaksHttps) {
  auto call = ask(https(trusting_));
  EXPECT_EQ(call->status, 200);
  EXPECT_EQ(call->body, "ok");
  EXPECT_THAT(tls_server_->received, HasSubstr("GET /path?query HTTP/1.1\r\n"));
  EXPECT_EQ(secure_client_->stats().idle, 1u);
  EXPECT_EQ(ask(https(trusting_))->status, 200);
  EXPECT_EQ(secure_client_->stats().reused, 1u);
  EXPECT_EQ(tls_server_->connections, 1);
}

TEST_F(TransportTest, SpeaksHttpAsBefore) {
  ClientRequest r = request();
  RecordedCall call;
  call.call = secure_client_->send(r, call).value();
  arrive(0);
  server_[0].send(kOk);
  wait(call);
  EXPECT_EQ(call.status, 200);
}

TEST_F(TransportTest, SendsNothingToAServerItDoesNotBelieve) {
  auto call = ask(https(nullptr));  // the system knows nothing of this authority
  EXPECT_EQ(call->failure(), Kind::kConnect);
  EXPECT_FALSE(call->error->sent);
  EXPECT_EQ(call->error->error.code, Code::kPermission);
  EXPECT_THAT(call->error->error.what,
              HasSubstr("\"CN=Test CA\", an authority that is not trusted"));
  EXPECT_EQ(tls_server_->received, "");
}

TEST_F(TransportTest, VerifiesAnotherNameWhenToldTo) {
  auto renamed = std::make_shared<Transport>();
  renamed->tls = trusting_->tls;
  renamed->tls_name = "secure.test";
  EXPECT_EQ(ask(https(renamed))->status, 200);
  auto wrong = std::make_shared<Transport>();
  wrong->tls = trusting_->tls;
  wrong->tls_name = "other.test";
  EXPECT_THAT(ask(https(wrong))->error->error.what, HasSubstr("is not for other.test"));
}

TEST_F(TransportTest, NeverSharesAConnectionBetweenTransports) {
  auto other = std::make_shared<Transport>();
  other->tls = trusting_->tls;
  EXPECT_EQ(ask(https(trusting_))->status, 200);
  EXPECT_EQ(ask(https(other))->status, 200);
  EXPECT_EQ(tls_server_->connections, 2);
}

// Only the server can say where such an answer ends, and TLS that it said so.
TEST_F(TransportTest, TakesAnAnswerWithoutLengthForWholeOnlyBehindAGoodbye) {
  tls_server_->answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart of it";
  tls_server_->end_after_answer = true;
  auto call = ask(https(trusting_));
  EXPECT_EQ(call->log, "head end");
  EXPECT_EQ(call->body, "part of it");
}

TEST_F(TransportTest, RefusesABodyBeyondTheRequestsOwnLimit) {
  ClientRequest r = https(trusting_);
  r.response_bytes_max = 2;
  EXPECT_EQ(ask(r)->body, "ok");
  r.response_bytes_max = 1;
  auto call = ask(r);
  EXPECT_EQ(call->failure(), Kind::kTooLarge);
  EXPECT_EQ(call->error->error.what, "the response body is too large");
}

TEST_F(TransportTest, GivesUpOnAServerThatNeverShakesHands) {
  ClientRequest r = https(trusting_);
  r.port = server_.port();  // accepts, and says nothing
  RecordedCall call;
  call.call = secure_client_->send(r, call).value();
  ASSERT_TRUE(turn_until([&] { return server_.count() == 1 && server_[0].reads > 0; }));
  clock_.advance(std::chrono::seconds(6));
  wait(call);
  EXPECT_EQ(call.failure(), Kind::kConnect);
  EXPECT_EQ(call.error->error.code, Code::kTimeout);
}

// --- through a proxy ---------------------------------------------------------------------------

class ProxyTest : public TransportTest {
 protected:
  std::shared_ptr<Transport> through_proxy() {
    auto transport = std::make_shared<Transport>();
    transport->tls = trusting_->tls;
    transport->proxy =
        ForwardProxy::parse("http://user:secret@127.0.0.1:" + std::to_string(server_.port()))
            .value();
    return transport;
  }
};

TEST_F(ProxyTest, AsksForATunnelAndSpeaksThroughIt) {
  ClientRequest r = request();
  r.host = "behind.test";  // only the proxy knows it
  r.port = 8080;
  r.transport = through_proxy();
  RecordedCall call;
  call.call = secure_client_->send(r, call).value();
  arrive(0);
  EXPECT_EQ(server_[0].take(),
            "CONNECT behind.test:8080 HTTP/1.1\r\nHost: behind.test:8080\r\n"
            "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n");
  server_[0].send("HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n");
  arrive(0);
  EXPECT_THAT(server_[0].received, HasSubstr("GET /path?query HTTP/1.1\r\n"));
  EXPECT_EQ(server_[0].received.find("secret"), std::string::npos);
  server_[0].send(kOk);
  wait(call);
  EXPECT_EQ(call.body, "ok");
}

TEST_F(ProxyTest, SaysWhatTheProxyAnswered) {
  ClientRequest r = https(through_proxy());
  RecordedCall call;
  call.call = secure_client_->send(r, call).value();
  arrive(0);
  server_[0].send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nnope");
  wait(call);
  EXPECT_EQ(call.failure(), Kind::kConnect);
  EXPECT_FALSE(call.error->sent);
  EXPECT_EQ(call.error->error.code, Code::kRefused);
  EXPECT_THAT(call.error->error.text(), HasSubstr("opened no tunnel: it answered 407"));
  EXPECT_EQ(call.error->error.text().find("secret"), std::string::npos);
}

TEST_F(ProxyTest, TrustsNoBytesThatComeBeforeTheServerWasAsked) {
  ClientRequest r = https(through_proxy());
  RecordedCall call;
  call.call = secure_client_->send(r, call).value();
  arrive(0);
  server_[0].send("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  wait(call);
  EXPECT_EQ(call.error->error.what, "the proxy sent bytes behind its answer");
}

TEST_F(ProxyTest, GivesUpOnAProxyThatClosesOrSaysNothing) {
  ClientRequest r = https(through_proxy());
  RecordedCall closed;
  closed.call = secure_client_->send(r, closed).value();
  arrive(0);
  server_[0].close();
  wait(closed);
  EXPECT_EQ(closed.error->error.code, Code::kClosed);
  RecordedCall silent;
  silent.call = secure_client_->send(r, silent).value();
  arrive(1);
  clock_.advance(std::chrono::seconds(6));
  wait(silent);
  EXPECT_EQ(silent.error->error.code, Code::kTimeout);
}

TEST_F(ProxyTest, GoesAroundItForTheExceptions) {
  auto transport = through_proxy();
  transport->proxy_exceptions = ProxyExceptions::create({"127.0.0.0/8"}).value();
  EXPECT_EQ(ask(https(transport))->status, 200);
  EXPECT_EQ(server_.count(), 0u);
}

// --- addresses from data -----------------------------------------------------------------------

class GuardTest : public TransportTest {
 protected:
  static std::shared_ptr<Transport> guarded(const std::vector<std::string>& allowed = {}) {
    auto transport = std::make_shared<Transport>();
    transport->guard = AddressGuard::create(allowed).value();
    return transport;
  }
};

TEST_F(GuardTest, RefusesAHostThatIsAForbiddenAddress) {
  ClientRequest r = request();
  r.transport = guarded();
  RecordedCall call;
  for (const std::string_view host : {"127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1"}) {
    r.host = host;
    const auto sent = secure_client_->send(r, call);
    ASSERT_FALSE(sent.has_value()) << host;
    EXPECT_EQ(sent.error().code, Code::kInvalid);
    EXPECT_THAT(sent.error().what, HasSubstr("which is not allowed for addresses from data"));
  }
  EXPECT_EQ(server_.count(), 0u);
}

TEST_F(GuardTest, LooksAtWhatANameMeansWhenItConnects) {
  event::DnsServer dns(loop_);
  dns.names()["innocent.test"].records = {
      {{}, event::DnsServer::kA, 60, event::DnsServer::a("127.0.0.1")}};
  event::ResolverOptions options;
  options.servers = {dns.address()};
  options.use_search_domains = false;
  auto resolver = event::Resolver::create(loop_, options).value();
  TcpConnector tcp(loop_, *resolver);
  TransportConnector whole(loop_, tcp, trusting_->tls);
  HttpClient client(loop_, whole, {});
  ClientRequest r = request();
  r.host = "innocent.test";
  r.transport = guarded();
  RecordedCall call;
  call.call = client.send(r, call).value();
  wait(call);
  EXPECT_EQ(call.failure(), Kind::kConnect);
  EXPECT_EQ(call.error->error.code, Code::kPermission);
  EXPECT_THAT(call.error->error.text(), HasSubstr("the host resolves to a loopback address"));
  EXPECT_EQ(server_.count(), 0u);

  r.transport = guarded({"127.0.0.1"});
  RecordedCall allowed;
  allowed.call = client.send(r, allowed).value();
  arrive(0);
  server_[0].send(kOk);
  wait(allowed);
  EXPECT_EQ(allowed.status, 200);
}

}  // namespace
}  // namespace tocsin::http
