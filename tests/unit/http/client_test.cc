#include "gateway/http/client.h"

#include "tests/unit/http/client_fixture.h"

namespace tocsin::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// --- what is written ---------------------------------------------------------------------------

TEST_F(ClientTest, WritesARequestAndReadsItsAnswer) {
  const Header fields[] = {{"Accept", "*/*"}, {"X-Trace", "a b"}};
  ClientRequest r = request();
  r.headers = fields;
  auto call = send(r);
  arrive(0);
  EXPECT_EQ(
      server_[0].take(),
      "GET /path?query HTTP/1.1\r\nHost: example.test\r\nAccept: */*\r\nX-Trace: a b\r\n\r\n");
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello");
  wait(*call);
  EXPECT_EQ(call->status, 200);
  EXPECT_EQ(call->body, "hello");
  EXPECT_EQ(call->log, "head end");
  EXPECT_EQ(call->fields[1], (std::pair<std::string, std::string>{"X-A", "b"}));
}

TEST_F(ClientTest, SendsHeadAndBodyInOnePiece) {
  auto call = send(request("POST", "{\"a\":1}"));
  arrive(0);
  EXPECT_EQ(
      server_[0].received,
      "POST /path?query HTTP/1.1\r\nHost: example.test\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
  EXPECT_EQ(server_[0].reads, 1);
}

TEST_F(ClientTest, SendsBodiesThatDoNotFitABuffer) {
  const std::string body(3'000'000, 'b');
  const std::string value(20'000, 'v');
  const Header fields[] = {{"X-Long", value}};
  ClientRequest r = request("PUT", body);
  r.headers = fields;
  auto call = send(r);
  ASSERT_TRUE(
      turn_until([&] { return server_.count() > 0 && server_[0].received.ends_with(body); }));
  EXPECT_NE(server_[0].received.find("Content-Length: 3000000\r\n"), std::string::npos);
  server_[0].send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  wait(*call);
  EXPECT_EQ(client_->stats().idle, 1u);
}

TEST_F(ClientTest, AnnouncesAnEmptyBodyOnlyWhereOneIsUsual) {
  auto post = send(request("POST"));
  auto remove = send(request("DELETE"));
  arrive(0);
  arrive(1);
  EXPECT_NE(server_[0].received.find("Content-Length: 0\r\n"), std::string::npos);
  EXPECT_EQ(server_[1].received.find("Content-Length"), std::string::npos);
}

TEST_F(ClientTest, LeavesOutFieldsThatAreItsOwnBusiness) {
  const Header fields[] = {
      {"host", "evil"},        {"Content-Length", "9"},    {"Transfer-Encoding", "x"},
      {"Connection", "close"}, {"Expect", "100-continue"}, {"TE", "trailers"},
      {"Upgrade", "h2c"},      {"Keep-Alive", "1"},        {"Proxy-Connection", "x"},
      {"Trailer", "x"},        {"X-Kept", "yes"}};
  ClientRequest r = request();
  r.headers = fields;
  auto call = send(r);
  arrive(0);
  EXPECT_EQ(server_[0].received,
            "GET /path?query HTTP/1.1\r\nHost: example.test\r\nX-Kept: yes\r\n\r\n");
}

TEST_F(ClientTest, RefusesWhatCouldBeReadAsSomethingElse) {
  RecordedCall call;
  const auto refused = [&](const ClientRequest& r) {
    const auto sent = client_->send(r, call);
    return !sent && sent.error().code == Code::kInvalid;
  };
  for (const std::string_view method : {"", "GE T", "GET\r\n", "CONNECT"}) {
    EXPECT_TRUE(refused(request(method))) << method;
  }
  for (const std::string_view target :
       {"", "x", "/a b", "/a\r\nX: y", "/#f", "*", "http://h/", "/\x80"}) {
    ClientRequest r = request();
    r.target = target;
    EXPECT_TRUE(refused(r)) << target;
  }
  for (const std::string_view authority : {"", "a b", "a\r\nX: y", "user@h", "h/x"}) {
    ClientRequest r = request();
    r.authority = authority;
    EXPECT_TRUE(refused(r)) << authority;
  }
  const std::vector<Header> bad = {{"", "x"},     {"a b", "x"},
                                   {"a:", "x"},   {"x", "a\r\nb: c"},
                                   {"x", "a\nb"}, {"x", std::string_view("a\0b", 3)},
                                   {"x", " a"}};
  for (const Header& field : bad) {
    ClientRequest r = request();
    r.headers = {&field, 1};
    EXPECT_TRUE(refused(r)) << field.name << ": " << field.value;
  }
  ClientRequest no_host = request();
  no_host.host = "";
  EXPECT_TRUE(refused(no_host));
  ClientRequest upgrade = request();
  upgrade.upgrade = "a b";
  EXPECT_TRUE(refused(upgrade));
  EXPECT_EQ(call.endings, 0);
  EXPECT_EQ(server_.count(), 0u);
}

TEST_F(ClientTest, TakesItsDestinationFromAUrlAndRefusesHttpsWithoutTls) {
  const Url url = parse_url("http://127.0.0.1:" + std::to_string(server_.port()) + "/a?b").value();
  ClientRequest r;
  r.set_url(url);
  auto call = send(r);
  arrive(0);
  EXPECT_EQ(server_[0].received, "GET /a?b HTTP/1.1\r\nHost: " + url.authority + "\r\n\r\n");
  const Url secure = parse_url("https://127.0.0.1/").value();
  r.set_url(secure);
  RecordedCall refused;
  const auto sent = client_->send(r, refused);
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().code, Code::kInvalid);
  EXPECT_EQ(sent.error().what, "https cannot be spoken here");
}

// --- bodies sent through the call --------------------------------------------------------------

TEST_F(ClientTest, SendsABodyOfAnnouncedLengthInPieces) {
  ClientRequest r = request("POST");
  r.body = {ClientBody::Kind::kLength, {}, 10};
  auto call = send(r);
  call->at_writable = [&] {
    call->call.send_data("01234");
    call->call.send_data("56789");
    call->call.send_end();
  };
  ASSERT_TRUE(turn_until(
      [&] { return server_.count() > 0 && server_[0].received.ends_with("0123456789"); }));
  EXPECT_NE(server_[0].received.find("Content-Length: 10\r\n"), std::string::npos);
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  wait(*call);
  EXPECT_EQ(call->writable, 1);
  EXPECT_EQ(client_->stats().idle, 1u);
}

TEST_F(ClientTest, SendsChunksAndTrailers) {
  ClientRequest r = request("POST");
  r.body.kind = ClientBody::Kind::kChunked;
  auto call = send(r);
  call->at_writable = [&] {
    HeaderMap trailers;
    ASSERT_TRUE(trailers.add("X-Sum", "1"));
    call->call.send_data("hello");
    call->call.send_data("");
    call->call.send_data(std::string(16, 'x'));
    call->call.send_end(&trailers);
  };
  ASSERT_TRUE(turn_until(
      [&] { return server_.count() > 0 && server_[0].received.ends_with("X-Sum: 1\r\n\r\n"); }));
  EXPECT_EQ(server_[0].received,
            "POST /path?query HTTP/1.1\r\nHost: example.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5\r\nhello\r\n10\r\nxxxxxxxxxxxxxxxx\r\n0\r\nX-Sum: 1\r\n\r\n");
}

TEST_F(ClientTest, HoldsBackABodyTheServerDoesNotRead) {
  ClientRequest r = request("POST");
  r.body.kind = ClientBody::Kind::kChunked;
  auto call = send(r);
  constexpr std::size_t kPieces = 500;  // far more than loopback's buffers hold
  std::size_t given = 0;
  bool held = false;
  const std::string piece(64 * 1024, 'x');
  call->at_writable = [&] {
    held = false;
    while (given < kPieces * piece.size() && !held) {
      held = !call->call.send_data(piece);
      given += piece.size();
    }
    if (given == kPieces * piece.size()) call->call.send_end();
  };
  ASSERT_TRUE(turn_until(
      [&] { return server_.count() > 0 && server_[0].received.ends_with("\r\n0\r\n\r\n"); }));
  EXPECT_GT(call->writable, 1);
  EXPECT_GT(server_[0].received.size(), kPieces * piece.size());
}

TEST_F(ClientTest, EndsWithAnAnswerThatComesBeforeTheWholeRequestWasSent) {
  ClientRequest r = request("POST");
  r.body.kind = ClientBody::Kind::kChunked;
  auto call = send(r);
  call->at_writable = [&] { call->call.send_data("part"); };
  ASSERT_TRUE(
      turn_until([&] { return server_.count() > 0 && server_[0].received.ends_with("part\r\n"); }));
  server_[0].send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
  wait(*call);
  EXPECT_EQ(call->status, 413);
  EXPECT_EQ(call->log, "head end");
  call->call.send_data("nobody reads this");
  call->call.send_end();
  ASSERT_TRUE(turn_until([&] { return server_[0].closed; }));
  EXPECT_EQ(client_->stats().connections, 0u);
}

TEST_F(ClientTest, TakesAnAnswerThatCameBeforeTheConnectionRefusedTheRest) {
  ClientRequest r = request("POST");
  r.body.kind = ClientBody::Kind::kChunked;
  auto call = send(r);
  ASSERT_TRUE(turn_until([&] { return call->writable == 1; }));
  arrive(0);
  const std::string why(20'000, 'n');  // sent at once, so that the reset comes behind it
  server_[0].send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 20000\r\n\r\n" + why);
  server_[0].reset();
  call->call.send_data(std::string(64 * 1024, 'x'));  // fails before anything was read
  wait(*call);
  EXPECT_EQ(call->failure(), std::nullopt);
  EXPECT_EQ(call->status, 413);
  EXPECT_EQ(call->body, why);
  EXPECT_EQ(client_->stats().connections, 0u);
}

// --- what is read ------------------------------------------------------------------------------

TEST_F(ClientTest, SkipsInformationalAnswers) {
  auto call = get();
  arrive(0);
  server_[0].send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
  server_[0].send("HTTP/1.1 204 No Content\r\n\r\n");
  wait(*call);
  EXPECT_EQ(call->log, "i100 i103 head-end end");
}

TEST_F(ClientTest, KnowsAnswersWithoutBodies) {
  struct Case {
    std::string_view method, answer;
  };
  const Case cases[] = {{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
                        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
                        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
                        {"GET", "HTTP/1.1 204 No Content\r\n\r\n"}};
  for (const Case& c : cases) {
    auto call = send(request(c.method));
    arrive(0);
    server_[0].take();
    server_[0].send(c.answer);
    wait(*call);
    EXPECT_EQ(call->log, "head-end end") << c.answer;
  }
  EXPECT_EQ(client_->stats().opened, 1u) << "all of them leave the connection usable";
}

TEST_F(ClientTest, DeliversTrailers) {
  auto call = get();
  arrive(0);
  server_[0].send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n");
  wait(*call);
  EXPECT_EQ(call->log, "head trailers 1 end");
}

TEST_F(ClientTest, ReadsABodyThatEndsWithTheConnection) {
  auto call = get();
  arrive(0);
  server_[0].send("HTTP/1.0 200 OK\r\n\r\nall of it");
  settle();
  EXPECT_FALSE(call->over());
  server_[0].end();
  wait(*call);
  EXPECT_EQ(call->body, "all of it");
  EXPECT_EQ(call->log, "head end");
  EXPECT_EQ(client_->stats().connections, 0u);
}

TEST_F(ClientTest, CallsABodyCutShortAnError) {
  const std::string_view answers[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      "HTTP/1.1 200 OK\r\nX-Half: a he",
      "HTTP/1.1 100 Continue\r\n\r\n",
  };
  std::size_t connection = 0;
  for (const std::string_view answer : answers) {
    auto call = get();
    arrive(connection);
    server_[connection].send(answer);
    server_[connection].end();
    wait(*call);
    EXPECT_EQ(call->failure(), Kind::kCut) << answer;
    EXPECT_TRUE(call->error->sent);
    EXPECT_EQ(call->endings, 1);
    ++connection;
  }
  EXPECT_EQ(client_->stats().retried, 0u);
}

TEST_F(ClientTest, TakesAResetForACutAlsoWhereTheCloseWouldBeTheEnd) {
  auto call = get();
  arrive(0);
  server_[0].send("HTTP/1.1 200 OK\r\n\r\npart");
  ASSERT_TRUE(turn_until([&] { return call->body == "part"; }));
  server_[0].reset();
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kCut);
}

TEST_F(ClientTest, ReportsFramingDoubtsAndDropsTheConnection) {
  auto call = get();
  arrive(0);
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kFraming);
  EXPECT_EQ(call->error->error.where, "example.test");
  EXPECT_TRUE(turn_until([&] { return server_[0].closed; }));
}

TEST_F(ClientTest, BoundsTheAnswer) {
  ClientOptions options;
  options.response.body_bytes_max = 10;
  options.response.head_bytes_max = 200;
  start(options);
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string answers[] = {head + "X: " + std::string(200, 'x') + "\r\n\r\n",
                                 head + "Content-Length: 11\r\n\r\n",
                                 head + "\r\n" + std::string(11, 'x')};
  std::size_t connection = 0;
  for (const std::string& answer : answers) {
    auto call = get();
    arrive(connection);
    server_[connection++].send(answer);
    wait(*call);
    EXPECT_EQ(call->failure(), Kind::kTooLarge) << answer;
  }
}

TEST_F(ClientTest, HandsTheStreamOverAfterAnUpgrade) {
  ClientRequest r = request();
  r.upgrade = "websocket";
  auto call = send(r);
  arrive(0);
  EXPECT_NE(server_[0].received.find("Connection: upgrade\r\nUpgrade: websocket\r\n"),
            std::string::npos);
  server_[0].send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst");
  wait(*call);
  EXPECT_EQ(call->log, "head-end upgrade");
  EXPECT_EQ(call->body, "first");
  ASSERT_NE(call->stream, nullptr);
  EXPECT_EQ(client_->stats().connections, 0u);
  settle();
  EXPECT_FALSE(server_[0].closed);
}

TEST_F(ClientTest, RefusesAnUpgradeNobodyAskedFor) {
  auto call = get();
  arrive(0);
  server_[0].send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kFraming);
  EXPECT_EQ(call->status, 0);
}

// --- pausing -----------------------------------------------------------------------------------

TEST_F(ClientTest, HoldsBackABodyNobodyTakes) {
  const std::string body(8'000'000, 'x');
  auto call = get();
  arrive(0);
  call->at_data = [&] {
    if (call->body.size() < 70'000) call->call.pause();
  };
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n");
  server_[0].send(body);
  settle();
  const std::size_t held_at = call->body.size();
  EXPECT_GT(held_at, 0u);
  EXPECT_LE(held_at, 64u * 1024);
  EXPECT_GT(server_[0].unsent(), 0u) << "the kernel's buffers are full and nobody reads them";
  settle();
  EXPECT_EQ(call->body.size(), held_at);
  while (!call->over() && call->body.size() < 70'000) {
    call->call.resume();
    EXPECT_TRUE(turn_until([&, before = call->body.size()] { return call->body.size() > before; }));
  }
  call->call.resume();
  wait(*call);
  EXPECT_EQ(call->log, "head end");
  EXPECT_EQ(call->body.size(), body.size());
  EXPECT_EQ(client_->stats().idle, 1u);
}

TEST_F(ClientTest, SaysNothingWhilePausedNotEvenTheEnd) {
  for (const std::string_view answer :
       {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}) {
    auto call = get();
    call->call.pause();  // before there is a connection
    arrive(0);
    server_[0].take();
    server_[0].send(answer);
    settle();
    EXPECT_EQ(call->log, "");
    call->at_head = [&] { call->call.pause(); };
    call->at_data = [&] { call->call.pause(); };
    call->call.resume();
    settle();
    EXPECT_EQ(call->log, "head ");
    EXPECT_EQ(call->body, "");
    call->call.resume();
    settle();
    EXPECT_EQ(call->body, "ok");
    EXPECT_FALSE(call->over());
    call->call.resume();
    wait(*call);
    EXPECT_EQ(call->log, "head end");
  }
  EXPECT_EQ(client_->stats().reused, 1u);
}

TEST_F(ClientTest, KeepsTheDeadlineOfAPausedCall) {
  ClientRequest r = request();
  r.deadline = loop_.now() + seconds(3);
  auto call = send(r);
  arrive(0);
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok");
  call->at_head = [&] { call->call.pause(); };
  settle();
  clock_.advance(seconds(3));
  wait(*call);
  EXPECT_EQ(call->failure(), Kind::kTimeoutAfterSent);
}

// --- cancelling --------------------------------------------------------------------------------

TEST_F(ClientTest, IsSilentAfterACancelWhileTheAnswerIsAwaited) {
  auto call = get();
  arrive(0);
  call->call.cancel();
  EXPECT_FALSE(call->call);
  ASSERT_TRUE(turn_until([&] { return server_[0].closed; }));
  EXPECT_EQ(call->endings, 0);
  EXPECT_EQ(client_->stats().connections, 0u);
}

TEST_F(ClientTest, MayBeCancelledFromEachOfItsEvents) {
  const std::string_view answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
  for (const std::string_view where : {"head", "data", "end"}) {
    auto call = get();
    auto& hook = where == "head" ? call->at_head : where == "data" ? call->at_data : call->at_end;
    hook = [&] { call->call.cancel(); };
    const std::size_t connection = server_.count();
    arrive(connection);
    server_[connection].send(answer);
    ASSERT_TRUE(turn_until([&] { return !call->call; }));
    settle();
    EXPECT_EQ(call->body, where == "head" ? "" : where == "data" ? "ab" : "abcd");
    EXPECT_EQ(call->endings, where == "end" ? 1 : 0);
    client_->close_idle();
    settle();
  }
}

TEST_F(ClientTest, MayBeCancelledFromOnWritable) {
  ClientRequest r = request("POST");
  r.body.kind = ClientBody::Kind::kChunked;
  auto call = send(r);
  call->at_writable = [&] { call->call.cancel(); };
  ASSERT_TRUE(turn_until([&] { return !call->call; }));
  settle();
  EXPECT_EQ(client_->stats().connections, 0u);
}

// --- deadlines ---------------------------------------------------------------------------------

TEST_F(ClientTest, EndsAtTheDeadlineInEachPhaseOfTheAnswer) {
  const std::string_view so_far[] = {"", "HTTP/1.1 200",
                                     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
  for (const std::string_view answer : so_far) {
    ClientRequest r = request();
    r.deadline = loop_.now() + seconds(2);
    auto call = send(r);
    const std::size_t connection = server_.count();
    arrive(connection);
    server_[connection].send(answer);
    settle();
    clock_.advance(milliseconds(1999));
    settle();
    EXPECT_FALSE(call->over());
    clock_.advance(milliseconds(2));
    wait(*call);
    EXPECT_EQ(call->failure(), Kind::kTimeoutAfterSent);
    EXPECT_TRUE(call->error->sent);
    EXPECT_EQ(call->error->error.code, Code::kTimeout);
    EXPECT_TRUE(turn_until([&] { return server_[connection].closed; }));
  }
}

TEST_F(ClientTest, DoesNotLetADeadlineSurviveItsCall) {
  ClientRequest r = request();
  r.deadline = loop_.now() + seconds(2);
  auto call = send(r);
  arrive(0);
  server_[0].take();
  server_[0].send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  wait(*call);
  auto next = get();  // without a deadline, and on the same recycled parts
  arrive(0);
  clock_.advance(seconds(3));
  settle();
  EXPECT_FALSE(next->over());
  EXPECT_EQ(call->endings, 1);
}

}  // namespace
}  // namespace tocsin::http
