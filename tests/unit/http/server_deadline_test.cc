#include <gmock/gmock.h>

#include <string>

#include "tests/unit/http/server_harness.h"

namespace tocsin::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

TEST_F(ServerTest, ClosesAConnectionThatNeverAsks) {
  start();
  RawClient client = connect();
  advance(9999ms);
  EXPECT_EQ(server->connections(), 1U);
  advance(2ms);
  client.pull();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(client.got(), "");
}

TEST_F(ServerTest, AnswersAHeadThatComesTooSlowly) {
  start();
  RawClient client = connect();
  advance(9s);
  exchange(client, "GET / HTTP/1.1\r\n");
  for (int i = 0; i < 9; ++i) {
    advance(1s);
    exchange(client, "X: y\r\n");
  }
  EXPECT_FALSE(client.ended()) << "counted from the first byte";
  advance(1001ms);
  client.pull();
  EXPECT_THAT(statuses(client.got()), ElementsAre(408));
  ASSERT_EQ(source->refused_flags.size(), 1U);
  EXPECT_TRUE(source->refused_flags[0].timed_out && source->refused_flags[0].local_answer &&
              source->refused_flags[0].request_incomplete);
  EXPECT_FALSE(source->refused_flags[0].malformed) << "it was late, not wrong";
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(source->requests, 0);
}

TEST_F(ServerTest, AnswersABodyThatStalls) {
  start();
  hold_requests();
  RawClient client = connect();
  exchange(client, kPost + std::string(50'000, 'x'));
  advance(29s);
  exchange(client, "x");
  advance(29s);
  client.pull();
  EXPECT_FALSE(client.ended());
  advance(2s);
  client.pull();
  EXPECT_THAT(statuses(client.got()), ElementsAre(408));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(held[0]->flags.timed_out && held[0]->flags.request_incomplete &&
              held[0]->flags.local_answer);
}

TEST_F(ServerTest, EndsABodyThatTricklesBelowTheLeastRate) {
  start();
  hold_requests();
  RawClient client = connect();
  exchange(client, kPost);
  int seconds = 0;
  while (!client.ended() && seconds < 60) {
    exchange(client, std::string(128, 'x'));
    advance(1s);
    client.pull();
    ++seconds;
  }
  EXPECT_GE(seconds, 19);
  EXPECT_LE(seconds, 22) << "ten seconds of grace and half the rate make twenty";
  EXPECT_TRUE(held[0]->flags.timed_out);
}

TEST_F(ServerTest, BearsABodyAboveTheLeastRate) {
  start();
  hold_requests();
  RawClient client = connect();
  exchange(client, kPost);
  for (int i = 0; i < 300; ++i) {
    exchange(client, std::string(300, 'x'));
    advance(1s);
  }
  EXPECT_EQ(held[0]->done, 0);
}

TEST_F(ServerTest, DoesNotBlameTheClientForTheTimeInWhichTheHandlerHeldTheBody) {
  start();
  hold_requests();
  RawClient client = connect();
  exchange(client, kPost + "abc");
  held[0]->exchange().hold_body();
  advance(1h);
  EXPECT_EQ(held[0]->done, 0);
  held[0]->exchange().release_body();
  advance(5s);
  EXPECT_EQ(held[0]->done, 0);
  advance(6s);
  EXPECT_TRUE(held[0]->flags.timed_out) << "grace goes on where it stopped";
}

TEST_F(ServerTest, WaitsForTheHandlerWithoutADeadlineOfItsOwn) {
  start();
  hold_requests();
  RawClient client = connect();
  exchange(client, kGet);
  advance(1h);
  EXPECT_EQ(held[0]->done, 0);
  held[0]->exchange().answer(200, "", "late");
  run();
  client.pull();
  EXPECT_THAT(statuses(client.got()), ElementsAre(200));
}

TEST_F(ServerTest, ClosesAnIdleConnectionAfterItsLastAnswer) {
  start();
  RawClient client = connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(statuses(exchange(client, kGet)), ElementsAre(200));
    advance(59999ms);
    client.pull();
    ASSERT_FALSE(client.ended());
  }
  advance(2ms);
  client.pull();
  EXPECT_TRUE(client.ended());
  EXPECT_FALSE(client.broken());
}

TEST_F(ServerTest, CutsAClientThatTakesNothingOfItsAnswer) {
  start();
  const std::string large(16 * 1024 * 1024, 'x');
  source->script = [&](Exchange& e, RequestHead&) { e.answer(200, "", large); };
  RawClient client = connect();
  client.send(kGet);
  run();
  advance(29s);
  EXPECT_EQ(server->connections(), 1U);
  advance(2s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, CutsAClientThatStopsTakingAStreamNobodyEnds) {
  start();
  hold_requests();
  RawClient client = connect();
  client.send(kGet);
  run();
  Exchange& e = held[0]->exchange();
  e.send_head(e.fresh_head(200), false);
  run();
  advance(1h);
  EXPECT_EQ(held[0]->done, 0) << "nothing waits to be taken";
  const std::string large(16 * 1024 * 1024, 'x');
  e.send_data(large, false);
  run();
  advance(31s);
  EXPECT_EQ(held[0]->done, 1);
  EXPECT_TRUE(held[0]->flags.timed_out);
}

TEST_F(ServerTest, BearsAClientThatTakesItsAnswerSlowly) {
  start();
  const std::string large(16 * 1024 * 1024, 'x');
  source->script = [&](Exchange& e, RequestHead&) { e.answer(200, "", large); };
  RawClient client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  run();
  while (!client.ended() && client.got().size() < 2 * large.size()) {
    const std::size_t before = client.got().size();
    ASSERT_TRUE(until([&] {
      client.pull(4 * 1024 * 1024);
      return client.ended() || client.got().size() > before;
    }));
    run();
    advance(20s);
  }
  EXPECT_EQ(body_of(client.got()).size(), large.size())
      << "far longer than idle and lingering last";
  EXPECT_FALSE(client.broken());
}

TEST_F(ServerTest, LingersForALimitedTime) {
  start();
  RawClient client = connect();
  exchange(client, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(server->connections(), 1U) << "the client has not closed its side";
  advance(1999ms);
  EXPECT_EQ(server->connections(), 1U);
  advance(2ms);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, LingersUntilTheClientCloses) {
  start();
  RawClient client = connect();
  exchange(client, "GET / HTTP/1.0\r\n\r\n");
  client.close();
  run();
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, LingersForALimitedAmount) {
  start();
  RawClient client = connect();
  exchange(client, "GET / HTTP/1.0\r\n\r\n");
  const std::string piece(256 * 1024, 'x');
  for (int i = 0; i < 100; ++i) {  // a client that looks for its answer only behind its last byte
    client.send(piece);
    run();
  }
  EXPECT_EQ(server->connections(), 1U);
  // As often as it takes: a busy system passes on less of it at a time.
  for (int i = 0; i < 20'000 && server->connections() > 0; ++i) {
    client.send(piece);
    run();
  }
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, ForgivesAnEmptyLineAndThenSilence) {
  start();
  RawClient client = connect();
  exchange(client, kGet + "\r\n");
  advance(59s);
  EXPECT_THAT(statuses(exchange(client, kGet + "\r\n")), ElementsAre(200));
  advance(61s);
  client.pull();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(client.got(), "");
}

}  // namespace
}  // namespace tocsin::http
