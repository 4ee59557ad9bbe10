#include <chrono>

#include "tests/unit/event/tls_wire.h"

namespace tocsin::event {
namespace {

using testing::Identity;
using testing::TlsTest;
using testing::TlsWire;

class TlsStreamTest : public TlsTest {
 protected:
  void open(TlsWire& wire, std::size_t piece = std::string::npos) {
    wire.begin_both(*client_, *server_, {"server.test", nullptr});
    wire.settle(piece);
    ASSERT_TRUE(wire.client.stream != nullptr)
        << (wire.client.refused ? wire.client.refused->text() : "nothing happened");
    ASSERT_TRUE(wire.server.stream != nullptr);
  }

  std::shared_ptr<const TlsContext> client_ = client_context();
  std::shared_ptr<const TlsContext> server_ = server_context(shared().identity);
};

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
  TlsWire wire;
  open(wire);
  wire.client.stream->write("ping");
  wire.settle();
  EXPECT_EQ(wire.server.events.data, "ping");
  wire.server.stream->write("pong");
  wire.settle();
  EXPECT_EQ(wire.client.events.data, "pong");
  EXPECT_EQ(wire.client.stream->buffered(), 0u);
}

TEST_F(TlsStreamTest, SaysNothingInClear) {
  TlsWire wire;
  open(wire);
  wire.client.stream->write("a secret nobody may read");
  wire.loop.run_ready();
  EXPECT_GT(wire.client.wire->out.size(), 24u);
  EXPECT_EQ(wire.client.wire->out.find("secret"), std::string::npos);
}

TEST_F(TlsStreamTest, DoesNotCareHowItsBytesAreCut) {
  for (const std::size_t piece : {1u, 2u, 3u, 5u, 7u, 64u, 1000u}) {
    TlsWire wire;
    open(wire, piece);
    const std::string question(40'000, 'q');
    const std::string answer(50'000, 'a');
    wire.client.stream->write(question);
    wire.settle(piece);
    wire.server.stream->write(answer);
    wire.server.stream->end();
    wire.settle(piece);
    EXPECT_EQ(wire.server.events.data, question) << piece;
    EXPECT_EQ(wire.client.events.data, answer) << piece;
    EXPECT_EQ(wire.client.events.ends, 1) << piece;
    EXPECT_EQ(wire.client.events.broken, 0) << piece;
  }
}

// The server's first flight and its answer, cut once at every byte.
TEST_F(TlsStreamTest, TakesAFlightThatIsCutAnywhere) {
  std::size_t flight = 1;
  for (std::size_t cut = 0; cut < flight; cut += 3) {
    TlsWire wire;
    wire.begin_both(*client_, *server_, {"server.test", nullptr});
    wire.carry(wire.client, wire.server);
    flight = wire.server.wire->out.size();
    wire.carry(wire.server, wire.client, cut);
    wire.settle();
    ASSERT_TRUE(wire.client.stream != nullptr) << cut;
    wire.server.stream->write("answer");
    wire.settle();
    ASSERT_EQ(wire.client.events.data, "answer") << cut;
  }
  EXPECT_GT(flight, 500u);
}

TEST_F(TlsStreamTest, SendsTheSmallWritesOfATickInOneRecord) {
  TlsWire wire;
  open(wire);
  const std::size_t before = wire.client.wire->taken;
  for (int i = 0; i < 10; ++i) wire.client.stream->write("0123456789");
  char* place = wire.client.stream->reserve(100);
  std::fill(place, place + 100, 'r');
  wire.client.stream->commit(100);
  EXPECT_EQ(wire.client.stream->buffered(), 200u);
  wire.settle();
  EXPECT_EQ(wire.server.events.data.size(), 200u);
  EXPECT_LT(wire.client.wire->taken - before, 200u + 40u);  // one header, one tag
}

TEST_F(TlsStreamTest, GivesBackWhatWasReservedAndNotUsed) {
  TlsWire wire;
  open(wire);
  wire.client.stream->reserve(Stream::kReserveMax);
  wire.client.stream->commit(0);
  EXPECT_EQ(wire.client.stream->buffered(), 0u);
  wire.client.stream->write("x");
  wire.client.stream->reserve(Stream::kReserveMax);  // what was written leaves first
  wire.client.stream->commit(0);
  wire.settle();
  EXPECT_EQ(wire.server.events.data, "x");
}

TEST_F(TlsStreamTest, CountsWhatCertainlyHasNotLeftInBytesOfItsOwner) {
  TlsWire wire;
  open(wire);
  wire.client.stream->write(std::string(100, 'b'));
  EXPECT_EQ(wire.client.stream->buffered(), 100u);
  wire.loop.run_ready();
  EXPECT_EQ(wire.client.stream->buffered(), 100u);  // a record longer than that waits below
  wire.carry(wire.client, wire.server, 10);
  EXPECT_LT(wire.client.stream->buffered(), 100u);
  EXPECT_GT(wire.client.stream->buffered(), 0u);
  wire.settle();
  EXPECT_EQ(wire.client.stream->buffered(), 0u);
}

TEST_F(TlsStreamTest, PausesItsProducerAtTheHighWatermarkAndResumesIt) {
  TlsWire wire;
  open(wire);
  std::size_t written = 0;
  while (wire.client.stream->write(std::string(16'384, 'f'))) written += 16'384;
  EXPECT_GE(written + 16'384, Stream::kHighWater);
  EXPECT_LT(written, 2 * Stream::kHighWater);
  EXPECT_FALSE(wire.client.stream->write("more"));
  wire.settle();
  EXPECT_EQ(wire.client.events.writable, 0);
  wire.client.wire->events->on_writable();  // what the stream below says at its low watermark
  EXPECT_EQ(wire.client.events.writable, 1);
  EXPECT_EQ(wire.server.events.data.size(), written + 16'384 + 4);
}

TEST_F(TlsStreamTest, HoldsWhatWasReadWhileNobodyReads) {
  TlsWire wire;
  open(wire);
  wire.server.stream->write("first");
  wire.settle();
  wire.server.events.at_data = [&](std::string_view) { wire.server.stream->read_stop(); };
  wire.client.stream->write("one ");
  wire.loop.run_ready();
  wire.client.stream->write("two ");
  wire.loop.run_ready();
  wire.client.stream->write("three");
  wire.loop.run_ready();
  wire.carry(wire.client, wire.server);  // three records in one read
  EXPECT_EQ(wire.server.events.data, "one ");
  EXPECT_FALSE(wire.server.wire->reading);
  wire.server.stream->read_start();
  EXPECT_EQ(wire.server.events.data, "one ");  // never inside the call
  wire.loop.run_ready();
  EXPECT_EQ(wire.server.events.data, "one two ");
  wire.server.events.at_data = nullptr;
  wire.server.stream->read_start();
  wire.loop.run_ready();
  EXPECT_EQ(wire.server.events.data, "one two three");
  EXPECT_TRUE(wire.server.wire->reading);
}

TEST_F(TlsStreamTest, KeepsWhatCameBehindTheHandshakeUntilItIsRead) {
  TlsWire wire;
  wire.read_at_once = false;
  open(wire);
  wire.server.stream->write("early");
  wire.settle();
  EXPECT_EQ(wire.client.events.data, "");
  wire.client.stream->read_start();
  wire.settle();
  EXPECT_EQ(wire.client.events.data, "early");
}

TEST_F(TlsStreamTest, ClosesInHalves) {
  TlsWire wire;
  open(wire);
  wire.client.stream->write("question");
  wire.client.stream->end();
  wire.settle();
  EXPECT_EQ(wire.server.events.data, "question");
  EXPECT_EQ(wire.server.events.ends, 1);
  EXPECT_TRUE(wire.client.wire->ended);
  wire.server.stream->write("answer");
  wire.server.stream->end();
  wire.settle();
  EXPECT_EQ(wire.client.events.data, "answer");
  EXPECT_EQ(wire.client.events.ends, 1);
}

TEST_F(TlsStreamTest, TakesAnEndWithoutGoodbyeForACut) {
  TlsWire wire;
  open(wire);
  wire.server.stream->write("half an ans");
  wire.settle();
  wire.client.wire->events->on_end();
  EXPECT_EQ(wire.client.events.ends, 0);
  EXPECT_EQ(wire.client.events.broken, 1);
  EXPECT_EQ(wire.client.events.error.code, Code::kClosed);
  EXPECT_NE(wire.client.events.error.what.find("goodbye"), std::string::npos);
  wire.client.stream->write("into the void");  // dropped
  wire.settle();
}

TEST_F(TlsStreamTest, TakesAChangedByteForAFault) {
  TlsWire wire;
  open(wire);
  wire.server.stream->write("important");
  wire.loop.run_ready();
  wire.server.wire->out.back() = static_cast<char>(wire.server.wire->out.back() ^ 1);
  wire.settle();
  EXPECT_EQ(wire.client.events.data, "");
  EXPECT_EQ(wire.client.events.broken, 1);
}

TEST_F(TlsStreamTest, SaysGoodbyeWhenAnIdleStreamIsDestroyed) {
  TlsWire wire;
  open(wire);
  wire.client.stream.reset();
  EXPECT_FALSE(wire.client.wire->destroyed);  // its last words are on their way
  EXPECT_TRUE(wire.client.wire->ended);
  wire.loop.run_ready();
  EXPECT_TRUE(wire.client.wire->destroyed);
  wire.carry(wire.client, wire.server);
  EXPECT_EQ(wire.server.events.ends, 1);
}

TEST_F(TlsStreamTest, SendsNothingAnyMoreWhenItIsDestroyedWithBytesWaiting) {
  TlsWire wire;
  open(wire);
  wire.client.stream->write("given up");
  wire.client.stream.reset();
  EXPECT_TRUE(wire.client.wire->destroyed);
  EXPECT_EQ(wire.client.wire->out, "");
}

TEST_F(TlsStreamTest, ResetsBelow) {
  TlsWire wire;
  open(wire);
  wire.client.stream->reset_on_close();
  wire.client.stream.reset();
  EXPECT_TRUE(wire.client.wire->reset);
  EXPECT_TRUE(wire.client.wire->destroyed);
}

TEST_F(TlsStreamTest, MayBeDestroyedInEachOfItsEvents) {
  {
    TlsWire wire;
    open(wire);
    wire.client.events.at_data = [&](std::string_view) { wire.client.stream.reset(); };
    wire.server.stream->write("one");
    wire.loop.run_ready();
    wire.server.stream->write("two");
    wire.settle();
    EXPECT_EQ(wire.client.events.data, "one");
  }
  {
    TlsWire wire;
    open(wire);
    wire.client.events.at_end = [&] { wire.client.stream.reset(); };
    wire.server.stream->end();
    wire.settle();
    EXPECT_EQ(wire.client.events.ends, 1);
  }
  {
    TlsWire wire;
    open(wire);
    wire.client.events.at_broken = [&] { wire.client.stream.reset(); };
    wire.client.wire->events->on_end();
    EXPECT_EQ(wire.client.events.broken, 1);
  }
}

TEST_F(TlsStreamTest, TellsWhatTheStreamBelowSays) {
  TlsWire wire;
  open(wire);
  wire.client.wire->events->on_broken(Error{Code::kIo, "reset by peer", {}});
  EXPECT_EQ(wire.client.events.error.what, "reset by peer");
  EXPECT_EQ(wire.client.events.broken, 1);
}

}  // namespace
}  // namespace tocsin::event
