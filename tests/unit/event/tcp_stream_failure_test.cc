// Peers that reset, and writes that find nobody.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "gateway/event/tcp.h"
#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using testing::fill;
using testing::turn;
using testing::turn_until;
using testing::Wire;

TEST(TcpStream, TellsOnceThatThePeerReset) {
  Wire wire;
  wire.stream->read_start();
  turn(wire.loop);
  wire.peer.reset();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken == 1; }));
  EXPECT_EQ(wire.events.error.code, Code::kClosed);
  EXPECT_EQ(wire.events.error.where, wire.stream->peer().text());
  // Its owner may take time to let go; nothing follows whatever it does meanwhile.
  wire.stream->write("more");
  wire.stream->write(std::string(100'000, 'x'));
  std::memcpy(wire.stream->reserve(4), "more", 4);
  wire.stream->commit(4);
  wire.stream->read_start();
  wire.stream->end();
  turn(wire.loop);
  EXPECT_EQ(wire.events.broken, 1);
  EXPECT_EQ(wire.events.ends + wire.events.writable, 0);
}

TEST(TcpStream, AWriteWaitingWhenThePeerResetsBreaksTheStreamOnce) {
  Wire wire(4096);
  fill(*wire.stream);
  wire.stream->read_start();
  turn(wire.loop);
  wire.stream->write("waits behind");
  wire.peer.reset();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken == 1; }));
  turn(wire.loop);
  EXPECT_EQ(wire.events.broken, 1);
  EXPECT_EQ(wire.events.writable, 0);
}

TEST(TcpStream, AResetBehindDataIsNoEnd) {
  // A body that ends with the connection must not look whole because its last bytes and the reset
  // arrived together.
  Wire wire;
  wire.stream->read_start();
  turn(wire.loop);
  ASSERT_TRUE(wire.peer.send("half an answer"));
  wire.peer.reset();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken + wire.events.ends > 0; }));
  EXPECT_EQ(wire.events.ends, 0);
  EXPECT_EQ(wire.events.broken, 1);
  EXPECT_EQ(wire.events.error.code, Code::kClosed);
}

TEST(TcpStream, AnEndBeforeTheResetStaysAnEnd) {
  // The peer said all it had, then refused what we still sent: its words are whole.
  Wire wire;
  ASSERT_TRUE(wire.peer.send("answer"));
  wire.peer.shutdown_write();
  wire.peer.close();
  wire.stream->write("still sending");
  turn(wire.loop);  // the reset comes back
  wire.stream->read_start();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken + wire.events.ends > 0; }));
  EXPECT_EQ(wire.events.data, "answer");
  EXPECT_EQ(wire.events.ends, 1);
}

/// A peer that refuses an upload: it has not read all, answers, and goes, which resets.
void answer_and_go(Wire& wire, std::string_view answer, bool ends_first) {
  wire.stream->write("the beginning of an upload");
  turn(wire.loop);
  ASSERT_TRUE(wire.peer.send(answer));
  if (ends_first) wire.peer.shutdown_write();
  wire.peer.close();
}

TEST(TcpStream, DeliversAnAnswerThatCameBeforeAWriteFailed) {
  Wire wire;
  wire.stream->read_start();
  answer_and_go(wire, "too large", false);
  wire.stream->write(std::string(64 * 1024, 'x'));  // tried at once, hence before the read
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken == 1; }));
  EXPECT_EQ(wire.events.data, "too large");
  EXPECT_EQ(wire.events.ends, 0) << "the answer may have been cut";
  EXPECT_EQ(wire.events.error.code, Code::kClosed);
  turn(wire.loop);
  EXPECT_EQ(wire.events.broken, 1);
}

TEST(TcpStream, DeliversAnAnswerAlsoWhenAWaitingWriteFails) {
  Wire wire(4096);
  wire.stream->read_start();
  fill(*wire.stream);
  turn(wire.loop);
  ASSERT_GT(wire.stream->buffered(), 0U);
  ASSERT_TRUE(wire.peer.send("too large"));
  wire.peer.close();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken == 1; }));
  EXPECT_EQ(wire.events.data, "too large");
}

TEST(TcpStream, TellsThePeersEndBeforeTheWriteThatFailed) {
  Wire wire;
  wire.stream->read_start();
  answer_and_go(wire, "all I have to say", true);
  int broken_at_end = -1;
  wire.events.at_end = [&] { broken_at_end = wire.events.broken; };
  wire.stream->write(std::string(64 * 1024, 'x'));
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken == 1; }));
  EXPECT_EQ(wire.events.data, "all I have to say");
  EXPECT_EQ(wire.events.ends, 1);
  EXPECT_EQ(broken_at_end, 0);
}

TEST(TcpStream, TellsAnOwnerThatDoesNotReadOfAFailedWriteAtOnce) {
  Wire wire;
  answer_and_go(wire, "unheard", false);
  wire.stream->write(std::string(64 * 1024, 'x'));
  turn(wire.loop);
  EXPECT_EQ(wire.events.broken, 1);
  EXPECT_EQ(wire.events.data, "");
}

TEST(TcpStream, TellsAnOwnerThatStopsReadingOfAFailedWrite) {
  Wire wire;
  wire.stream->read_start();
  answer_and_go(wire, std::string(100'000, 'a'), false);  // more than one read
  wire.events.at_data = [&](std::string_view) { wire.stream->read_stop(); };
  wire.stream->write(std::string(64 * 1024, 'x'));
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.broken == 1; }));
  EXPECT_GT(wire.events.data.size(), 0U);
  EXPECT_LT(wire.events.data.size(), 100'000U);
}

TEST(TcpStream, WritingToAClosedPeerBreaksTheStreamAndNotTheProcess) {
  Wire wire;
  wire.peer.close();
  wire.stream->write("answered by a reset");
  turn(wire.loop);
  for (int i = 0; i < 5; ++i) {
    wire.stream->write("into the void");
    turn(wire.loop);
  }
  EXPECT_EQ(wire.events.broken, 1);
  EXPECT_EQ(wire.events.error.code, Code::kClosed);
}

TEST(TcpStream, ALargeWriteThatFailsIsToldOfAfterTheCall) {
  Wire wire;
  wire.peer.close();
  wire.stream->write("answered by a reset");
  turn(wire.loop);
  wire.stream->write(std::string(64 * 1024, 'x'));
  EXPECT_EQ(wire.events.broken, 0) << "called inside write";
  turn(wire.loop);
  EXPECT_EQ(wire.events.broken, 1);
}

}  // namespace
}  // namespace tocsin::event
