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
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
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

// Parsers are lent from one connection to the next.
TEST_F(ServerTest, HoldsNoFaultOfOneConnectionAgainstAnother) {
  start();
  for (const char* broken :
       {"GET / HTTP/1.1\r\nBad Field: 1\r\n\r\n", "GET /a\x01", "CONNECT a:1 HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX"}) {
    RawClient first = connect();
    exchange(first, broken);
    first.reset();
    run();
    RawClient second = connect();
    EXPECT_THAT(statuses(exchange(second, get("/1") + get("/2"))), ElementsAre(200, 200));
    EXPECT_FALSE(second.ended());
  }
}

TEST_F(ServerTest, ServesManyConnectionsThatAreInTheMiddleOfARequest) {
  start();
  constexpr std::size_t kMany = 200;  // more than the server keeps parsers for
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kMany; ++i) {
    clients.push_back(connect());
    clients.back().send("GET /" + std::to_string(i));
  }
  run();
  for (std::size_t i = 0; i < kMany; ++i) {
    const std::string answer = exchange(clients[i], " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(body_of(answer), "/" + std::to_string(i));
  }
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
  EXPECT_FALSE(held[0]->flags.malformed) << "too much is not malformed";
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

}  // namespace
}  // namespace tocsin::http
