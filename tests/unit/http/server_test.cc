#include "gateway/http/server.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/http/server_harness.h"

namespace tocsin::http {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

TEST_F(ServerTest, AnswersOnAKeptConnection) {
  start();
  RawClient client = connect();
  EXPECT_EQ(exchange(client, kGet),
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-type: text/plain\r\n"
            "Content-Length: 1\r\n\r\n/");
  EXPECT_THAT(exchange(client, get("/b")), EndsWith("\r\n\r\n/b"));
  EXPECT_FALSE(client.ended());
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  RawClient client = connect();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get("/" + std::to_string(i));
  const std::string answers = exchange(client, requests);
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answers.find("\r\n\r\n/" + std::to_string(i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(ServerTest, AsksTheHandlerForOneRequestOfAConnectionAtATime) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(get("/1") + get("/2") + get("/3"));
  for (std::size_t i = 1; i <= 3; ++i) {
    run();
    ASSERT_EQ(held.size(), i);
    held.back()->exchange().answer(200, "", held.back()->exchange().request().path);
  }
  run();
  client.pull();
  EXPECT_THAT(statuses(client.got()), ElementsAre(200, 200, 200));
  EXPECT_LT(client.got().find("/1"), client.got().find("/2"));
  EXPECT_LT(client.got().find("/2"), client.got().find("/3"));
}

TEST_F(ServerTest, AnswersConnectionsInAnyOrder) {
  start();
  hold_requests();
  RawClient first = connect(), second = connect();
  first.send(get("/1"));
  run();
  second.send(get("/2"));
  run();
  ASSERT_EQ(held.size(), 2U);
  held[1]->exchange().answer(200, "", "two");
  run();
  second.pull();
  EXPECT_THAT(second.got(), EndsWith("two"));
  held[0]->exchange().answer(200, "", "one");
  run();
  first.pull();
  EXPECT_THAT(first.got(), EndsWith("one"));
}

TEST_F(ServerTest, TellsAWaitingClientToGoOn) {
  start();
  hold_requests();
  RawClient client = connect();
  EXPECT_EQ(
      exchange(client,
               "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n");
  exchange(client, "hi");
  EXPECT_EQ(held[0]->body, "hi");
  EXPECT_TRUE(held[0]->ended);
  held[0]->exchange().answer(204, "", "");
  run();
  client.pull();
  EXPECT_THAT(client.got(), StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(client.got(), Not(HasSubstr("Content-Length")));
  EXPECT_FALSE(client.ended());
}

TEST_F(ServerTest, DoesNotAskForABodyItHasAlreadyRefused) {
  start();
  RawClient client = connect();
  const std::string answer = exchange(
      client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(statuses(answer), ElementsAre(200));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, RefusesExpectationsMethodsAndHosts) {
  start();
  const auto ask = [&](std::string_view bytes) {
    RawClient client = connect();
    const std::string answer = exchange(client, bytes);
    EXPECT_TRUE(client.ended()) << bytes;
    EXPECT_FALSE(client.broken()) << bytes;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(answer, HasSubstr("application/problem+json"));
    return statuses(answer);
  };
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: x\r\n\r\n"),
              ElementsAre(417));
  EXPECT_THAT(ask("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), ElementsAre(501));
  EXPECT_THAT(ask("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), ElementsAre(405));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\n\r\n" + kGet), ElementsAre(400)) << "what follows is not read";
  EXPECT_THAT(ask("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), ElementsAre(400));
  EXPECT_EQ(source->requests, 0);
  EXPECT_THAT(source->refused, ElementsAre(417, 501, 405, 400, 400));
}

TEST_F(ServerTest, AnswersWhatCameBeforeAMalformedRequest) {
  start();
  RawClient client = connect();
  EXPECT_THAT(statuses(exchange(client, kGet + "nonsense\r\n\r\n")), ElementsAre(200, 400));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, SendsNoBodyToHead) {
  start();
  RawClient client = connect();
  const std::string answer = exchange(client, "HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" + kGet);
  EXPECT_THAT(statuses(answer), ElementsAre(200, 200));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 4\r\n\r\nHTTP/1.1 200"));
}

TEST_F(ServerTest, ClosesAfterHttp10UnlessAskedNotTo) {
  start();
  RawClient plain = connect();
  EXPECT_THAT(exchange(plain, "GET / HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(plain.ended());
  RawClient kept = connect();
  EXPECT_THAT(exchange(kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              HasSubstr("Connection: keep-alive\r\n"));
  EXPECT_FALSE(kept.ended());
}

TEST_F(ServerTest, EndsAnAnswerOfUnknownLengthByClosingForHttp10) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  run();
  Exchange& e = held[0]->exchange();
  e.send_head(e.fresh_head(200), false);
  e.send_data("abc", false);
  e.send_data("def", true);
  run();
  client.pull();
  EXPECT_THAT(client.got(), Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(client.got(), EndsWith("\r\n\r\nabcdef"));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, CarriesChunksAndTrailersBothWays) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
  run();
  EXPECT_EQ(held[0]->body, "abcde");
  EXPECT_EQ(held[0]->trailers, "X-Sum=5;");
  Exchange& e = held[0]->exchange();
  e.send_head(e.fresh_head(200), false);
  e.send_data("0123456789abcdef", false);
  e.send_data("", false);
  HeaderMap trailers;
  ASSERT_TRUE(trailers.add("X-Done", "yes"));
  ASSERT_TRUE(trailers.add("Content-Length", "3"));
  ASSERT_TRUE(trailers.add("X-Bad", "a\r\nb"));
  e.send_trailers(trailers);
  run();
  client.pull();
  EXPECT_THAT(client.got(), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body_of(client.got()), "10\r\n0123456789abcdef\r\n0\r\nX-Done: yes\r\n\r\n");
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(held[0]->flags.completed);
  EXPECT_FALSE(client.ended());
}

TEST_F(ServerTest, LetsNoFieldOfTheHandlerFrameOrSplitTheAnswer) {
  start();
  source->script = [](Exchange& e, RequestHead&) {
    ResponseHead& head = e.fresh_head(200);
    head.body_bytes = 0;
    for (const Header& field :
         {Header{"Content-Length", "9"}, Header{"Transfer-Encoding", "chunked"},
          Header{"Connection", "close"}, Header{"Date", "x"}, Header{"X", "a\r\nY: b"},
          Header{"Z\r\nY", "b"}, Header{"", "b"}, Header{"Fine", "\xff\t ok"}}) {
      ASSERT_TRUE(head.headers.add(field.name, field.value));
    }
    e.send_head(head, true);
  };
  RawClient client = connect();
  EXPECT_EQ(exchange(client, kGet),
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nFine: \xff\t "
            "ok\r\nContent-Length: 0\r\n\r\n");
}

TEST_F(ServerTest, WritesHeadsThatFitNoSingleBuffer) {
  start();
  const std::string large(20'000, 'x');
  source->script = [&](Exchange& e, RequestHead&) {
    ResponseHead& head = e.fresh_head(200);
    head.body_bytes = 0;
    ASSERT_TRUE(head.headers.add("X", large));
    e.send_head(head, true);
  };
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kGet), HasSubstr("X: " + large + "\r\n"));
}

TEST_F(ServerTest, DropsTheRestOfABodyNobodyWaitsForAndGoesOn) {
  start();
  RawClient client = connect();
  const std::string early =
      exchange(client, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
  EXPECT_THAT(statuses(early), ElementsAre(200)) << "before the body came";
  const std::string later = exchange(client, std::string(100'000 - 3, 'x') + kGet);
  EXPECT_THAT(statuses(later), ElementsAre(200));
  EXPECT_FALSE(client.ended());
}

TEST_F(ServerTest, RefusesBodiesAndHeadsBeyondTheirLimits) {
  ServerOptions options;
  options.request.body_bytes_max = 10;
  options.request.head_bytes_max = 200;
  options.request.target_bytes_max = 20;
  start(options);
  hold_requests();
  const auto ask = [&](std::string_view bytes) {
    RawClient client = connect();
    const auto all = statuses(exchange(client, bytes));
    EXPECT_TRUE(client.ended());
    return all;
  };
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"), ElementsAre(413));
  EXPECT_THAT(
      ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n"),
      ElementsAre(413));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(200, 'x')), ElementsAre(431));
  EXPECT_THAT(ask("GET /" + std::string(20, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"),
              ElementsAre(414));
  ASSERT_EQ(held.size(), 1U);
  EXPECT_TRUE(held[0]->flags.malformed);
  EXPECT_TRUE(held[0]->flags.request_incomplete);
  EXPECT_EQ(held[0]->done, 1);
}

TEST_F(ServerTest, ResetsAnAnswerThatTurnsOutLongerOrShorterThanItsLength) {
  start();
  const std::string pieces[] = {"ab", "abcd", "abcdef"};
  for (const std::string& piece : pieces) {
    hold_requests();
    held.clear();
    RawClient client = connect();
    client.send(kGet);
    run();
    Exchange& e = held[0]->exchange();
    ResponseHead& head = e.fresh_head(200);
    head.body_bytes = 4;
    e.send_head(head, false);
    e.send_data(piece, true);
    run();
    client.pull();
    EXPECT_EQ(held[0]->done, 1);
    EXPECT_EQ(held[0]->flags.completed, piece.size() == 4) << piece;
    EXPECT_EQ(client.broken(), piece.size() != 4) << piece;
  }
}

TEST_F(ServerTest, ResetsAnAbortedAnswer) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(kGet);
  run();
  Exchange& e = held[0]->exchange();
  e.send_head(e.fresh_head(200), false);
  e.send_data("part", false);
  run();
  e.abort();
  EXPECT_EQ(held[0]->done, 0) << "never under the caller's feet";
  run();
  client.pull();
  EXPECT_TRUE(client.broken());
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_FALSE(held[0]->flags.completed);
}

TEST_F(ServerTest, ClosesAfterTheLastRequestItGrants) {
  ServerOptions options;
  options.requests_per_connection_max = 2;
  start(options);
  RawClient client = connect();
  const std::string answers = exchange(client, kGet + kGet + kGet);
  EXPECT_THAT(statuses(answers), ElementsAre(200, 200));
  EXPECT_THAT(answers, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, HandsAnUpgradedConnectionOverWithWhatWasUnread) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
  run();
  Exchange& e = held[0]->exchange();
  ResponseHead& head = e.fresh_head(101);
  ASSERT_TRUE(head.headers.add("Upgrade", "echo"));
  e.send_head(head, true);
  run();
  client.pull();
  EXPECT_THAT(client.got(), StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(client.got(), HasSubstr("Upgrade: echo\r\nConnection: upgrade\r\n\r\n"));
  EXPECT_EQ(held[0]->unread, "early");
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(held[0]->flags.completed);
  EXPECT_EQ(server->connections(), 0U);
  client.send("more");
  run();
  EXPECT_EQ(held[0]->after_upgrade.got, "more");
}

TEST_F(ServerTest, HandsOverAlsoWhenTheHandlerAnswersAtOnce) {
  start();
  source->script = [this](Exchange& e, RequestHead&) {
    held.push_back(std::make_unique<HeldExchange>(e));
    e.send_head(e.fresh_head(101), true);
  };
  RawClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
  run();
  ASSERT_NE(held[0]->upgraded, nullptr);
  EXPECT_EQ(held[0]->unread, "early");
}

TEST_F(ServerTest, SendsInformationalHeadsToWhoeverUnderstandsThem) {
  start();
  source->script = [](Exchange& e, RequestHead& head) {
    HeaderMap links;
    ASSERT_TRUE(links.add("Link", "</a>"));
    e.send_informational(103, links);
    e.answer(200, "", head.path);
  };
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kGet),
              StartsWith("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK"));
  RawClient old = connect();
  EXPECT_THAT(exchange(old, "GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 OK"));
}

// --- the client goes away
// --------------------------------------------------------------------------

TEST_F(ServerTest, TellsTheHandlerWhenTheClientResets) {
  start();
  hold_requests();
  const auto reset_after = [&](std::string_view bytes, const std::function<void(Exchange&)>& act) {
    held.clear();
    RawClient client = connect();
    client.send(bytes);
    run();
    if (act) act(held[0]->exchange());
    run();
    client.reset();
    run();
    EXPECT_EQ(server->connections(), 0U);
    return held.empty() ? DoneFlags{} : held[0]->flags;
  };
  reset_after("", nullptr);
  reset_after("\r", nullptr);
  reset_after("GET / HT", nullptr);
  EXPECT_TRUE(held.empty());

  const std::string half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
  DoneFlags flags = reset_after(half, nullptr);
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(flags.downstream_closed && flags.request_incomplete && !flags.completed);

  flags = reset_after(kGet, nullptr);
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(flags.downstream_closed && !flags.request_incomplete && !flags.completed);

  flags = reset_after(kGet, [](Exchange& e) {
    e.send_head(e.fresh_head(200), false);
    e.send_data("abc", false);
  });
  EXPECT_TRUE(flags.downstream_closed && !flags.completed);

  flags = reset_after(half, [](Exchange& e) { e.answer(200, "", "early"); });
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(flags.completed && flags.request_incomplete && !flags.downstream_closed);
  EXPECT_EQ(shared->caps.open(), 0U);
}

TEST_F(ServerTest, AnswersAClientThatHasEndedItsSide) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(kGet + kGet);
  client.finish();
  run();
  ASSERT_EQ(held.size(), 1U);
  held[0]->exchange().answer(200, "", "one");
  run();
  ASSERT_EQ(held.size(), 2U);
  held[1]->exchange().answer(200, "", "two");
  run();
  client.pull();
  EXPECT_THAT(statuses(client.got()), ElementsAre(200, 200));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, SendsAWholeLargeAnswerToAClientThatHasEndedItsSide) {
  start();
  const std::string large(8 * 1024 * 1024, 'x');
  source->script = [&](Exchange& e, RequestHead&) { e.answer(200, "", large); };
  RawClient client = connect();
  client.send(kGet);
  client.finish();
  ASSERT_TRUE(until([&] {
    client.pull();
    return client.ended();
  }));
  EXPECT_EQ(body_of(client.got()).size(), large.size());
  EXPECT_FALSE(client.broken());
}

TEST_F(ServerTest, EndsAnExchangeWhoseClientEndsInTheMiddleOfIt) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  client.finish();
  run();
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(held[0]->flags.downstream_closed);
  EXPECT_EQ(server->connections(), 0U);
}

// --- flow control
// ----------------------------------------------------------------------------------

TEST_F(ServerTest, StopsReadingWhileTheHandlerHoldsTheBody) {
  ServerOptions options;
  options.request.body_bytes_max = 64 * 1024 * 1024;
  start(options);
  hold_requests();
  RawClient client = connect();
  constexpr std::size_t kBody = 32 * 1024 * 1024;
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(kBody) +
              "\r\n\r\n");
  run();
  held[0]->exchange().hold_body();
  std::size_t sent = 0;
  const std::string piece(256 * 1024, 'b');
  for (int i = 0; i < 200 && sent < kBody; ++i) {
    client.send(std::string_view(piece).substr(0, std::min(piece.size(), kBody - sent)));
    sent += std::min(piece.size(), kBody - sent) - client.unsent();
    run();
  }
  EXPECT_LT(sent, kBody) << "the kernel's buffers are full because nobody reads";
  EXPECT_EQ(held[0]->body.size(), 0U);
  held[0]->exchange().release_body();
  ASSERT_TRUE(until([&] {
    if (sent < kBody) {
      const std::size_t more = std::min(piece.size(), kBody - sent);
      client.send(std::string_view(piece).substr(0, more));
      sent += more - client.unsent();
    }
    return held[0]->ended;
  }));
  EXPECT_EQ(held[0]->body.size(), kBody);
  held[0]->exchange().answer(200, "", "ok");
  run();
  client.pull();
  EXPECT_THAT(statuses(client.got()), ElementsAre(200));
}

TEST_F(ServerTest, DeliversTheEndAfterAHoldOnTheLastPiece) {
  start();
  source->script = [this](Exchange& e, RequestHead&) {
    held.push_back(std::make_unique<HeldExchange>(e));
    held.back()->hold_each = true;
  };
  RawClient client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  run();
  EXPECT_EQ(held[0]->body, "abc");
  EXPECT_FALSE(held[0]->ended);
  held[0]->exchange().release_body();
  run();
  EXPECT_TRUE(held[0]->ended);
  held[0]->exchange().answer(200, "", "ok");
  EXPECT_THAT(statuses(exchange(client, get("/x"))), ElementsAre(200));
}

TEST_F(ServerTest, ServesARequestWithoutBodyThoughTheHandlerHoldsIt) {
  start();
  source->script = [this](Exchange& e, RequestHead&) {
    held.push_back(std::make_unique<HeldExchange>(e));
    e.hold_body();
  };
  RawClient client = connect();
  client.send(kGet);
  run();
  held[0]->exchange().answer(200, "", "ok");
  run();
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_FALSE(held[0]->flags.request_incomplete);
}

TEST_F(ServerTest, TellsTheProducerToPauseAndToGoOn) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(kGet);
  run();
  HeldExchange& producer = *held[0];
  constexpr std::size_t kBody = 24 * 1024 * 1024;
  const std::string piece(64 * 1024, 'x');
  std::size_t made = 0;
  producer.produce = [&] {
    while (made < kBody) {
      made += piece.size();
      if (!producer.exchange().send_data(piece, made == kBody)) return;
    }
  };
  producer.exchange().send_head(producer.exchange().fresh_head(200), false);
  producer.produce();
  run();
  EXPECT_LT(made, kBody) << "nobody reads yet";
  ASSERT_TRUE(until([&] {
    client.pull();
    return producer.done == 1;
  }));
  EXPECT_TRUE(producer.flags.completed);
  EXPECT_GT(producer.writable, 1);
}

TEST_F(ServerTest, DoesNotAnswerAClientThatAsksWithoutReading) {
  start();
  const std::string large(32 * 1024, 'x');
  source->script = [&](Exchange& e, RequestHead&) { e.answer(200, "", large); };
  RawClient client = connect();
  constexpr int kRequests = 2000;
  std::string all;
  for (int i = 0; i < kRequests; ++i) all += kGet;
  client.send(all);
  ASSERT_EQ(client.unsent(), 0U);
  run();
  run();
  EXPECT_LT(source->requests, kRequests / 2) << "64 MB of answers would wait in our memory";
  std::size_t got = 0;
  ASSERT_TRUE(until([&] {
    client.pull();
    got += client.take().size();
    return source->requests == kRequests && got > kRequests * large.size();
  }));
}

// --- caps and draining
// -----------------------------------------------------------------------------

TEST_F(ServerTest, TurnsAwayConnectionsBeyondTheTotal) {
  start({}, 1, 0);
  RawClient first = connect();
  RawClient second = connect();
  second.pull();
  EXPECT_THAT(statuses(second.got()), ElementsAre(503));
  EXPECT_THAT(second.got(), HasSubstr("Retry-After: 1\r\n"));
  EXPECT_TRUE(second.ended());
  first.close();
  run();
  RawClient third = connect();
  EXPECT_THAT(statuses(exchange(third, kGet)), ElementsAre(200));
}

TEST_F(ServerTest, TurnsAwayConnectionsBeyondTheShareOfAnAddress) {
  start({}, 0, 1);
  RawClient first = connect();
  RawClient second = connect();
  second.pull();
  EXPECT_THAT(statuses(second.got()), ElementsAre(429));
  EXPECT_THAT(statuses(exchange(first, kGet)), ElementsAre(200));
}

TEST_F(ServerTest, DrainsIdleConnectionsAtOnceAndOthersAfterTheirExchange) {
  start();
  hold_requests();
  RawClient idle = connect(), busy = connect();
  busy.send(get("/1") + get("/2"));
  run();
  server->drain();
  run();
  idle.pull();
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(server->connections(), 1U);
  held[0]->exchange().answer(200, "", "last");
  run();
  busy.pull();
  EXPECT_THAT(statuses(busy.got()), ElementsAre(200));
  EXPECT_THAT(busy.got(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(busy.ended());
  busy.close();
  run();
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_EQ(held.size(), 1U);
}

TEST_F(ServerTest, DrainCutsNoAnswerThatIsOnItsWay) {
  start();
  const std::string large(8 * 1024 * 1024, 'x');
  source->script = [&](Exchange& e, RequestHead&) { e.answer(200, "", large); };
  RawClient client = connect();
  client.send(kGet);
  run();
  server->drain();
  ASSERT_TRUE(until([&] {
    client.pull();
    return client.ended();
  }));
  EXPECT_EQ(body_of(client.got()).size(), large.size());
}

TEST_F(ServerTest, CutsEverythingWhenItIsDestroyed) {
  start();
  hold_requests();
  RawClient idle = connect(), busy = connect();
  busy.send(kGet);
  run();
  server.reset();
  run();
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(held[0]->flags.drained);
  busy.pull();
  EXPECT_TRUE(busy.ended());
}

TEST_F(ServerTest, ServesRunningExchangesWithTheSourceTheyBeganWith) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(kGet);
  run();
  std::weak_ptr<ScriptedSource> old = source;
  source = std::make_shared<ScriptedSource>();
  server->set_source(source);
  EXPECT_FALSE(old.expired());
  held[0]->exchange().answer(200, "", "old");
  run();
  EXPECT_TRUE(old.expired());
  client.pull();
  client.take();
  EXPECT_THAT(exchange(client, get("/new")), EndsWith("/new"));
}

}  // namespace
}  // namespace tocsin::http
