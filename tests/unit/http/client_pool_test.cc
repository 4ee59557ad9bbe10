#include "gateway/http/client_pool.h"

#include "gateway/http/client_metrics.h"
#include "tests/unit/event/dns_server.h"
#include "tests/unit/http/client_fixture.h"

namespace tocsin::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kEmpty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Connects when the test says so.
class ManualConnector final : public Connector {
 public:
  struct Pending final : Attempt {
    explicit Pending(ManualConnector& owner, Done callback)
        : connector(owner), done(std::move(callback)) {
      connector.pending.push_back(this);
    }
    ~Pending() override { std::erase(connector.pending, this); }
    ManualConnector& connector;
    Done done;
  };
  Result<void> check(const Endpoint&) const override { return {}; }
  std::unique_ptr<Attempt> connect(const Endpoint&, Duration, Done done) override {
    return std::make_unique<Pending>(*this, std::move(done));
  }
  void fail_first(Error why) {
    Done done = std::move(pending.front()->done);
    done(tl::unexpected(std::move(why)));
  }
  std::vector<Pending*> pending;
};

using ClientPoolTest = ClientTest;

// --- reuse -------------------------------------------------------------------------------------

TEST_F(ClientPoolTest, SendsRequestAfterRequestOverOneConnection) {
  for (int i = 0; i < 50; ++i) serve_one();
  const ClientStats stats = client_->stats();
  EXPECT_EQ(stats.opened, 1u);
  EXPECT_EQ(stats.reused, 49u);
  EXPECT_EQ(stats.idle, 1u);
  EXPECT_EQ(server_.count(), 1u);
}

TEST_F(ClientPoolTest, CountsWhatItDoes) {
  telemetry::Metrics registry(1);
  ClientMetrics metrics(registry);
  start({.metrics = &metrics});
  for (int i = 0; i < 3; ++i) serve_one();
  EXPECT_EQ(metrics.requests.value(), 3u);
  EXPECT_EQ(metrics.opened.value(), 1u);
  EXPECT_EQ(metrics.reused.value(), 2u);
  EXPECT_EQ(metrics.connections.value(), 1);
  EXPECT_EQ(metrics.idle.value(), 1);
  auto cut = get();
  arrive(0);
  EXPECT_EQ(metrics.idle.value(), 0);
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx");
  ASSERT_TRUE(turn_until([&] { return cut->status == 200; }));
  server_[0].close();
  wait(*cut);
  EXPECT_EQ(metrics.errors[static_cast<std::size_t>(ClientError::Kind::kCut)]->value(), 1u);
  EXPECT_EQ(metrics.connections.value(), 0);
  EXPECT_EQ(metrics.retried.value(), 0u);
  cut.reset();
  start({});  // the client that counted is gone
}

TEST_F(ClientPoolTest, MaySendTheNextRequestFromInsideTheEnd) {
  std::unique_ptr<RecordedCall> next;
  auto first = get();
  first->at_end = [&] { next = get(); };
  arrive(0);
  server_[0].take();
  server_[0].send(kEmpty);
  wait(*first);
  arrive(0);
  server_[0].send(kEmpty);
  wait(*next);
  EXPECT_EQ(client_->stats().opened, 1u);
}

TEST_F(ClientPoolTest, PrefersTheConnectionUsedLast) {
  auto a = get();
  auto b = get();
  arrive(0);
  arrive(1);
  server_[0].take();
  server_[1].take();
  server_[1].send(kEmpty);
  settle();
  server_[0].send(kEmpty);  // used last
  settle();
  auto c = get();
  arrive(0);
  EXPECT_EQ(server_[1].received, "");
}

TEST_F(ClientPoolTest, DoesNotReuseWhatTheServerEnds) {
  const std::string_view answers[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: "
      "4\r\n\r\nevil",
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\r\n",
  };
  std::size_t connection = 0;
  for (const std::string_view answer : answers) {
    auto call = get();
    arrive(connection);
    server_[connection].send(answer);
    wait(*call);
    EXPECT_TRUE(call->log.ends_with("end")) << answer;
    EXPECT_EQ(client_->stats().connections, 0u) << answer;
    ++connection;
  }
}

TEST_F(ClientPoolTest, ReusesAnOldServersConnectionWhenItSaysSo) {
  auto call = get();
  arrive(0);
  server_[0].send("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  wait(*call);
  EXPECT_EQ(client_->stats().idle, 1u);
}

TEST_F(ClientPoolTest, ClosesAnIdleConnectionThatSpeaksUnasked) {
  serve_one();
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  ASSERT_TRUE(turn_until([&] { return client_->stats().connections == 0; }));
  auto call = get();
  arrive(1);
  EXPECT_EQ(call->body, "");
}

TEST_F(ClientPoolTest, NoticesThatTheServerClosedAnIdleConnection) {
  serve_one();
  server_[0].end();
  ASSERT_TRUE(turn_until([&] { return client_->stats().connections == 0; }));
  serve_one(1);
  EXPECT_EQ(client_->stats().retried, 0u);
}

TEST_F(ClientPoolTest, ClosesIdleConnectionsInTime) {
  serve_one();
  clock_.advance(milliseconds(3999));
  settle();
  EXPECT_EQ(client_->stats().idle, 1u);
  serve_one();  // the time starts anew
  clock_.advance(milliseconds(3999));
  settle();
  EXPECT_EQ(client_->stats().idle, 1u);
  clock_.advance(milliseconds(2));
  ASSERT_TRUE(turn_until([&] { return server_[0].closed; }));
  EXPECT_EQ(client_->stats().connections, 0u);
}

TEST_F(ClientPoolTest, DoesNotReuseAnOldConnection) {
  ClientOptions options;
  options.idle_timeout = minutes(20);
  start(options);
  serve_one();
  clock_.advance(minutes(9));
  settle();
  serve_one();
  clock_.advance(minutes(1));
  settle();
  serve_one(1);
  EXPECT_EQ(client_->stats().opened, 2u);
  EXPECT_EQ(client_->stats().connections, 1u);
}

TEST_F(ClientPoolTest, KeepsOnlySoManyIdleConnections) {
  ClientOptions options;
  options.idle_per_host_max = 1;
  start(options);
  auto a = get();
  auto b = get();
  arrive(0);
  arrive(1);
  server_[0].send(kEmpty);
  server_[1].send(kEmpty);
  wait(*a);
  wait(*b);
  EXPECT_EQ(client_->stats().connections, 1u);
}

// --- the one retry -----------------------------------------------------------------------------

TEST_F(ClientPoolTest, RetriesOnceWhenAReusedConnectionWasClosedUnderTheRequest) {
  serve_one();
  auto call = get();
  arrive(0);
  server_[0].close();
  arrive(1);
  EXPECT_FALSE(call->over());
  server_[1].send(kEmpty);
  wait(*call);
  EXPECT_EQ(call->log, "head-end end");
  EXPECT_EQ(client_->stats().retried, 1u);
}

TEST_F(ClientPoolTest, NeverRetriesTwice) {
  serve_one();
  auto call = get();
  arrive(0);
  server_[0].reset();
  arrive(1);
  server_[1].close();
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kClosedBeforeResponse);
  EXPECT_TRUE(call->error->sent);
  settle();
  EXPECT_EQ(server_.count(), 2u);
  EXPECT_EQ(client_->stats().retried, 1u);
}

TEST_F(ClientPoolTest, RetriesOnAFreshConnectionNotOnAnotherIdleOne) {
  auto a = get();
  auto b = get();
  arrive(0);
  arrive(1);
  for (std::size_t i : {0, 1}) {
    server_[i].take();
    server_[i].send(kEmpty);
  }
  wait(*a);
  wait(*b);
  auto call = get();
  ASSERT_TRUE(
      turn_until([&] { return !server_[0].received.empty() || !server_[1].received.empty(); }));
  server_[server_[0].received.empty() ? 1 : 0].close();
  arrive(2);
  server_[2].send(kEmpty);
  wait(*call);
}

TEST_F(ClientPoolTest, MakesRoomForARetryByClosingAnIdleConnection) {
  ClientOptions options;
  options.connections_per_host_max = 2;
  start(options);
  auto a = get();
  auto b = get();
  auto streaming = get();  // waits, then holds one of the two
  arrive(0);
  arrive(1);
  for (std::size_t i : {0, 1}) {
    server_[i].take();
    server_[i].send(kEmpty);
  }
  wait(*a);
  wait(*b);
  ASSERT_TRUE(
      turn_until([&] { return !server_[0].received.empty() || !server_[1].received.empty(); }));
  const std::size_t used = server_[0].received.empty() ? 1 : 0;
  server_[used].close();
  arrive(2);
  server_[2].send(kEmpty);
  wait(*streaming);
  EXPECT_LE(client_->stats().connections, 2u);
}

TEST_F(ClientPoolTest, DoesNotRetryOnAFreshConnection) {
  auto call = get();
  arrive(0);
  server_[0].close();
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kClosedBeforeResponse);
  settle();
  EXPECT_EQ(server_.count(), 1u);
}

TEST_F(ClientPoolTest, DoesNotRetryWhatTheServerMayHaveDone) {
  serve_one();
  auto call = send(request("POST", "order one"));
  arrive(0);
  server_[0].close();
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kClosedBeforeResponse);
  EXPECT_TRUE(call->error->sent);
  settle();
  EXPECT_EQ(server_.count(), 1u);
}

TEST_F(ClientPoolTest, RetriesAPostThatIsDeclaredIdempotent) {
  serve_one();
  ClientRequest r = request("POST", "order one");
  r.idempotent = true;
  auto call = send(r);
  arrive(0);
  server_[0].close();
  arrive(1);
  EXPECT_TRUE(server_[1].received.ends_with("\r\n\r\norder one"));
  server_[1].send(kEmpty);
  wait(*call);
  EXPECT_EQ(call->failure(), std::nullopt);
}

TEST_F(ClientPoolTest, DoesNotRetryAfterTheFirstByteOfAnAnswer) {
  serve_one();
  auto call = get();
  arrive(0);
  server_[0].send("H");
  server_[0].end();
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kCut);
  EXPECT_EQ(client_->stats().retried, 0u);
}

TEST_F(ClientPoolTest, RetriesEvenAPostWhenNothingOfItHadLeft) {
  serve_one();
  server_[0].reset();  // and the loop has not yet had the time to notice
  auto call = send(request("POST", "order one"));
  arrive(1);
  EXPECT_EQ(client_->stats().retried, 1u);
  server_[1].send(kEmpty);
  wait(*call);
  EXPECT_EQ(call->failure(), std::nullopt);
}

TEST_F(ClientPoolTest, RetriesABodyOfPiecesOnlyBeforeItWasAskedFor) {
  ClientRequest r = request("PUT");
  r.body = {ClientBody::Kind::kLength, {}, 4};
  serve_one();
  server_[0].reset();
  auto early = send(r);
  early->at_writable = [&] {
    early->call.send_data("abcd");
    early->call.send_end();
  };
  ASSERT_TRUE(
      turn_until([&] { return server_.count() > 1 && server_[1].received.ends_with("abcd"); }));
  EXPECT_EQ(early->writable, 1);
  server_[1].take();
  server_[1].send(kEmpty);
  wait(*early);
  EXPECT_EQ(early->failure(), std::nullopt);

  auto late = send(r);
  ASSERT_TRUE(turn_until([&] { return late->writable == 1; }));
  server_[1].reset();
  wait(*late);
  EXPECT_EQ(late->failure(), Kind::kClosedBeforeResponse);
  EXPECT_TRUE(late->error->sent);
  late->call.send_data("abcd");  // its producer may not have heard yet
  late->call.send_end();
  EXPECT_EQ(client_->stats().retried, 1u);
}

// --- limits and waiting ------------------------------------------------------------------------

TEST_F(ClientPoolTest, OpensOnlySoManyConnectionsAndServesTheWaitingInOrder) {
  ClientOptions options;
  options.connections_per_host_max = 2;
  start(options);
  std::vector<std::unique_ptr<RecordedCall>> calls;
  std::vector<int> order;
  for (int i = 0; i < 6; ++i) {
    calls.push_back(get());
    calls.back()->at_end = [&order, i] { order.push_back(i); };
  }
  for (int served = 0; served < 6; ++served) {
    ASSERT_TRUE(turn_until([&] {
      return (server_.count() > 0 && !server_[0].received.empty()) ||
             (server_.count() > 1 && !server_[1].received.empty());
    }));
    const std::size_t ready = server_[0].received.empty() ? 1 : 0;
    server_[ready].take();
    server_[ready].send(kEmpty);
    ASSERT_TRUE(turn_until([&] { return order.size() == static_cast<std::size_t>(served) + 1; }));
  }
  EXPECT_EQ(server_.count(), 2u);
  // Which of the first two connections is accepted first is the kernel's; the rest is in order.
  std::sort(order.begin(), order.begin() + 2);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST_F(ClientPoolTest, RefusesMoreThanMayWait) {
  ManualConnector connector;
  ClientOptions options;
  options.waiting_per_host_max = 2;
  HttpClient client(loop_, connector, options);
  RecordedCall a, b, c;
  a.call = client.send(request(), a).value();
  b.call = client.send(request(), b).value();
  const auto third = client.send(request(), c);
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, Code::kFull);
  b.call.cancel();
  c.call = client.send(request(), c).value();
  EXPECT_EQ(client.stats().waiting, 2u);
}

TEST_F(ClientPoolTest, BoundsTheNumberOfHostsAndForgetsUnusedOnes) {
  ManualConnector connector;
  ClientOptions options;
  options.hosts_max = 2;
  HttpClient client(loop_, connector, options);
  const auto to = [&](std::uint16_t port) {
    ClientRequest r = request();
    r.port = port;
    return r;
  };
  RecordedCall a, b, c;
  a.call = client.send(to(1), a).value();
  b.call = client.send(to(2), b).value();
  const auto third = client.send(to(3), c);
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().code, Code::kFull);
  b.call.cancel();
  EXPECT_EQ(connector.pending.size(), 1U) << "nobody waits for the connection any more";
  c.call = client.send(to(3), c).value();
}

TEST_F(ClientPoolTest, LetsTheDeadlinePassWhileARequestWaits) {
  ManualConnector connector;
  HttpClient client(loop_, connector, {});
  ClientRequest r = request();
  r.deadline = loop_.now() + seconds(1);
  RecordedCall call;
  call.call = client.send(r, call).value();
  settle();
  EXPECT_FALSE(call.over());
  clock_.advance(milliseconds(1001));
  wait(call);
  EXPECT_EQ(call.failure(), Kind::kTimeoutBeforeSent);
  EXPECT_FALSE(call.error->sent);
  EXPECT_EQ(client.stats().waiting, 0u);
}

TEST_F(ClientPoolTest, GivesEachWaitingRequestAnAttemptOfItsOwn) {
  ManualConnector connector;
  ClientOptions options;
  options.connections_per_host_max = 2;
  HttpClient client(loop_, connector, options);
  RecordedCall calls[3];
  for (RecordedCall& call : calls) call.call = client.send(request(), call).value();
  EXPECT_EQ(connector.pending.size(), 2u);
  connector.fail_first({Code::kTimeout, "too slow", "there"});
  EXPECT_EQ(calls[0].failure(), Kind::kConnect);
  EXPECT_EQ(calls[0].error->error.code, Code::kTimeout);
  EXPECT_EQ(calls[0].error->error.where, "there");
  EXPECT_FALSE(calls[0].error->sent);
  EXPECT_FALSE(calls[1].over());
  EXPECT_EQ(connector.pending.size(), 2u);
}

TEST_F(ClientPoolTest, MayBeCancelledWhileItWaitsOrConnects) {
  ManualConnector connector;
  ClientOptions options;
  options.connections_per_host_max = 1;
  HttpClient client(loop_, connector, options);
  RecordedCall a, b, c;
  a.call = client.send(request(), a).value();
  b.call = client.send(request(), b).value();
  c.call = client.send(request(), c).value();
  b.call.cancel();
  a.call.cancel();
  EXPECT_EQ(client.stats().waiting, 1u);
  connector.fail_first({Code::kRefused, "no", {}});
  EXPECT_EQ(c.failure(), Kind::kConnect);
  EXPECT_EQ(a.endings + b.endings, 0);
}

TEST_F(ClientPoolTest, DoesNotLeaveAnAttemptThatHangsToTheNextRequest) {
  ManualConnector connector;
  HttpClient client(loop_, connector, {});
  RecordedCall a, b;
  a.call = client.send(request(), a).value();
  ASSERT_EQ(connector.pending.size(), 1u);
  a.call.cancel();
  EXPECT_EQ(connector.pending.size(), 0u);
  b.call = client.send(request(), b).value();
  ASSERT_EQ(connector.pending.size(), 1u);
  connector.fail_first({Code::kRefused, "no", {}});
  EXPECT_EQ(b.failure(), Kind::kConnect);
  EXPECT_EQ(a.endings, 0);
}

TEST_F(ClientPoolTest, MaySendAndCancelFromInsideAnError) {
  ManualConnector connector;
  HttpClient client(loop_, connector, {});
  RecordedCall a, b, again;
  a.call = client.send(request(), a).value();
  b.call = client.send(request(), b).value();
  a.at_end = [&] {
    a.call.cancel();
    b.call.cancel();
    again.call = client.send(request(), again).value();
  };
  connector.fail_first({Code::kRefused, "no", {}});
  EXPECT_EQ(a.endings, 1);
  EXPECT_EQ(b.endings, 0);
  connector.fail_first({Code::kRefused, "no", {}});
  EXPECT_EQ(again.failure(), Kind::kConnect);
}

TEST_F(ClientPoolTest, ReportsARefusedConnection) {
  std::uint16_t port = 0;
  {
    ScriptedServer gone(loop_);
    port = gone.port();
  }
  settle();
  ClientRequest r = request();
  r.port = port;
  auto call = send(r);
  ASSERT_TRUE(turn_until([&] {
    clock_.advance(milliseconds(1));
    return call->over();
  }));
  EXPECT_EQ(call->failure(), Kind::kConnect);
  EXPECT_EQ(call->error->error.code, Code::kRefused);
  EXPECT_FALSE(call->error->sent);
}

TEST_F(ClientPoolTest, TriesTheNextAddressOfAName) {
  event::DnsServer dns(loop_);
  dns.names()["two.test"].records = {
      {{}, event::DnsServer::kA, 60, event::DnsServer::a("127.0.0.1")},
      {{}, event::DnsServer::kA, 60, event::DnsServer::a("127.0.0.2")}};
  event::ResolverOptions options;
  options.servers = {dns.address()};
  options.use_search_domains = false;
  auto resolver = event::Resolver::create(loop_, options).value();
  TcpConnector connector(loop_, *resolver);
  // Whatever order the resolver prefers, one of the two servers is at the second address.
  for (const std::string_view ip : {"127.0.0.1", "127.0.0.2"}) {
    ScriptedServer server(loop_, ip);
    HttpClient client(loop_, connector, {});
    ClientRequest r = request();
    r.host = "two.test";
    r.port = server.port();
    RecordedCall call;
    call.call = client.send(r, call).value();
    ASSERT_TRUE(turn_until(
        [&] { return call.over() || (server.count() == 1 && !server[0].received.empty()); }));
    ASSERT_FALSE(call.over()) << call.error->error.text();
    server[0].send(kEmpty);
    wait(call);
    EXPECT_EQ(call.status, 200);
  }
}

TEST_F(ClientPoolTest, AbandonsEverythingWhenTheClientGoes) {
  serve_one();
  auto call = get();
  arrive(0);
  auto waiting = get();
  call->call.cancel();
  waiting->call.cancel();
  client_.reset();
  settle();
  EXPECT_TRUE(server_[0].closed);
  EXPECT_EQ(call->endings + waiting->endings, 0);
}

}  // namespace
}  // namespace tocsin::http
