// Clients that leave, that do not read or write, that are too many; drain and reload.
#include <gmock/gmock.h>

#include <string>

#include "gateway/http/server.h"
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

TEST_F(ServerTest, DrainsIdleConnectionsSoonAndOthersAfterTheirExchange) {
  start();
  hold_requests();
  RawClient idle = connect(), busy = connect();
  busy.send(get("/1") + get("/2"));
  run();
  server->drain();
  run();
  advance(std::chrono::milliseconds(11));
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

// They were reset: nobody had accepted them, or read what they had sent.
TEST_F(ServerTest, DrainAnswersWhoHasAskedAlready) {
  start();
  RawClient kept = connect();
  EXPECT_THAT(statuses(exchange(kept, kGet)), ElementsAre(200));
  kept.take();
  RawClient waiting = connect_unseen();
  waiting.send(kGet);
  kept.send(kGet);
  server->drain();
  run();
  waiting.pull();
  kept.pull();
  EXPECT_THAT(statuses(waiting.got()), ElementsAre(200));
  EXPECT_THAT(statuses(kept.got()), ElementsAre(200));
  EXPECT_THAT(waiting.got(), HasSubstr("Connection: close\r\n"));
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
