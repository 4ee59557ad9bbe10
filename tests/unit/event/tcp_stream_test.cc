#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/event/tcp.h"
#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using testing::Door;
using testing::fill;
using testing::RawSocket;
using testing::Recorder;
using testing::turn;
using testing::turn_until;
using testing::Wire;

/// Reads the peer's side while turning the loop, until so many bytes came or the stream ended.
std::string read_peer(Wire& wire, std::size_t bytes) {
  std::string all;
  turn_until(wire.loop, [&] {
    all += wire.peer.read_once();
    return all.size() >= bytes || wire.peer.at_end() || wire.peer.last_error() == ECONNRESET;
  });
  return all;
}

TEST(TcpStream, EchoesWhatItReads) {
  Wire wire;
  wire.events.at_data = [&](std::string_view bytes) { wire.stream->write(bytes); };
  wire.stream->read_start();
  ASSERT_TRUE(wire.peer.send("hello"));
  EXPECT_EQ(read_peer(wire, 5), "hello");
  EXPECT_EQ(wire.events.data, "hello");
}

TEST(TcpStream, KnowsItsPeerAndItsLoop) {
  Wire wire;
  EXPECT_EQ(wire.stream->peer().ip(), "127.0.0.1");
  EXPECT_NE(wire.stream->peer().port(), 0);
  EXPECT_EQ(&wire.stream->loop(), &wire.loop);
}

TEST(TcpStream, ReadsNothingUntilStartedAndNothingOnceStopped) {
  Wire wire;
  ASSERT_TRUE(wire.peer.send("one"));
  turn(wire.loop);
  EXPECT_EQ(wire.events.data, "");
  wire.stream->read_start();
  wire.stream->read_start();
  turn(wire.loop);
  EXPECT_EQ(wire.events.data, "one");
  wire.stream->read_stop();
  wire.stream->read_stop();
  ASSERT_TRUE(wire.peer.send("two"));
  turn(wire.loop);
  EXPECT_EQ(wire.events.data, "one");
  wire.stream->read_start();
  turn(wire.loop);
  EXPECT_EQ(wire.events.data, "onetwo");
}

TEST(TcpStream, StopsBetweenTwoReadsOfTheSameTick) {
  Wire wire;
  wire.events.at_data = [&](std::string_view) { wire.stream->read_stop(); };
  wire.stream->read_start();
  ASSERT_TRUE(wire.peer.send(std::string(200 * 1024, 'x')));
  turn(wire.loop);
  EXPECT_EQ(wire.events.data.size(), wire.loop.read_slab().size());
}

TEST(TcpStream, HandsItsEventsToTheNextOwner) {
  Wire wire;
  Recorder next;
  wire.events.at_data = [&](std::string_view) { wire.stream->set_events(next); };
  wire.stream->read_start();
  ASSERT_TRUE(wire.peer.send("a"));
  turn(wire.loop);
  ASSERT_TRUE(wire.peer.send("b"));
  turn(wire.loop);
  EXPECT_EQ(wire.events.data, "a");
  EXPECT_EQ(next.data, "b");
}

TEST(TcpStream, KeepsWritingAfterThePeerEnded) {
  Wire wire;
  wire.stream->read_start();
  ASSERT_TRUE(wire.peer.send("request"));
  wire.peer.shutdown_write();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.ends == 1; }));
  EXPECT_EQ(wire.events.data, "request");
  wire.stream->write("answer");
  EXPECT_EQ(read_peer(wire, 6), "answer");
  EXPECT_EQ(wire.events.broken, 0);
}

TEST(TcpStream, KeepsReadingAfterItsOwnEnd) {
  Wire wire;
  wire.stream->read_start();
  wire.stream->write("request");
  wire.stream->end();
  wire.stream->end();
  EXPECT_EQ(read_peer(wire, 8), "request");
  EXPECT_TRUE(wire.peer.at_end());
  ASSERT_TRUE(wire.peer.send("answer"));
  wire.peer.shutdown_write();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.ends == 1; }));
  EXPECT_EQ(wire.events.data, "answer");
}

TEST(TcpStream, TellsOfThePeersEndOnlyOnce) {
  Wire wire;
  wire.stream->read_start();
  wire.peer.shutdown_write();
  ASSERT_TRUE(turn_until(wire.loop, [&] { return wire.events.ends == 1; }));
  wire.stream->read_stop();
  wire.stream->read_start();
  turn(wire.loop);
  EXPECT_EQ(wire.events.ends, 1);
}

TEST(TcpStream, SendsItsEndOnlyAfterAllThatWaits) {
  Wire wire(4096);
  const std::size_t written = fill(*wire.stream);
  ASSERT_GT(wire.stream->buffered(), 0U);
  wire.stream->end();
  turn(wire.loop);
  EXPECT_EQ(read_peer(wire, written + 1).size(), written);
  EXPECT_TRUE(wire.peer.at_end());
  EXPECT_EQ(wire.stream->buffered(), 0U);
}

TEST(TcpStream, DestructionDropsWhatWaitsWithoutACallback) {
  Wire wire(4096);
  fill(*wire.stream);
  turn(wire.loop);
  wire.stream.reset();
  turn(wire.loop);
  EXPECT_EQ(wire.events.broken + wire.events.ends + wire.events.writable, 0);
}

TEST(TcpStream, DestructionBetweenWriteAndFlushDropsTheBytes) {
  Wire wire;
  wire.stream->write("never sent");
  wire.stream.reset();
  EXPECT_EQ(read_peer(wire, 1), "");
  EXPECT_TRUE(wire.peer.at_end());
}

TEST(TcpStream, ResetOnCloseReachesThePeerAsAReset) {
  Wire wire;
  wire.stream->write("half an ans");
  EXPECT_EQ(read_peer(wire, 11), "half an ans");
  wire.stream->reset_on_close();
  wire.stream.reset();
  turn(wire.loop);
  EXPECT_EQ(wire.peer.read_once(), "");
  EXPECT_EQ(wire.peer.last_error(), ECONNRESET);
}

TEST(TcpStream, APlainCloseReachesThePeerAsAnEnd) {
  Wire wire;
  wire.stream.reset();
  turn(wire.loop);
  EXPECT_EQ(wire.peer.read_once(), "");
  EXPECT_TRUE(wire.peer.at_end());
}

TEST(TcpStream, MayBeWrittenAndBreakBeforeAnybodyOwnsItsEvents) {
  ManualClock clock;
  Loop loop(LoopOptions{"test", &clock, 0});
  Door door(loop);
  RawSocket peer = RawSocket::connect_to(door.address());
  ASSERT_TRUE(turn_until(loop, [&] { return !door.accepted.empty(); }));
  peer.close();
  for (int i = 0; i < 3; ++i) {
    door.accepted.front()->write("refused");
    turn(loop);
  }
}

TEST(TcpStream, SmallWritesOfOneTickArriveAsOne) {
  Wire wire;
  std::string expected;
  for (int i = 0; i < 500; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    if (i % 3 == 0) {
      std::memcpy(wire.stream->reserve(line.size()), line.data(), line.size());
      EXPECT_TRUE(wire.stream->commit(line.size()));
    } else {
      EXPECT_TRUE(wire.stream->write(line));
    }
    expected += line;
  }
  EXPECT_EQ(wire.stream->buffered(), expected.size());
  EXPECT_EQ(wire.peer.read_once(), "") << "left before the tick's end";
  wire.loop.run_ready();
  EXPECT_EQ(wire.stream->buffered(), 0U);
  tcp_info info{};
  socklen_t length = sizeof(info);
  ASSERT_EQ(::getsockopt(wire.peer.fd(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
  EXPECT_EQ(info.tcpi_data_segs_in, 1U);
  EXPECT_EQ(wire.peer.read_once(), expected);
}

TEST(TcpStream, ALargeWriteTakesWhatWaitsAlongAtOnce) {
  Wire wire;
  const std::string body(40'000, 'b');
  wire.stream->write("head ");
  wire.stream->write(body);
  EXPECT_EQ(wire.stream->buffered(), 0U);
  EXPECT_EQ(read_peer(wire, 5 + body.size()), "head " + body);
}

TEST(TcpStream, EmptyWritesChangeNothing) {
  Wire wire;
  EXPECT_TRUE(wire.stream->write(""));
  wire.stream->reserve(Stream::kReserveMax);
  EXPECT_TRUE(wire.stream->commit(0));
  turn(wire.loop);
  EXPECT_EQ(wire.stream->buffered(), 0U);
  wire.stream->write("x");
  wire.stream->reserve(Stream::kReserveMax);
  wire.stream->commit(0);
  wire.stream->write("y");
  EXPECT_EQ(read_peer(wire, 2), "xy");
}

// The loop keeps the buffers that streams gave back, last in first out: one taken from it says
// which.
TEST(TcpStream, AnIdleStreamHoldsNoBuffer) {
  Wire wire;
  std::unique_ptr<char[]> kept = wire.loop.take_output_buffer();
  const char* const bytes = kept.get();
  const auto lent = [&] {
    std::unique_ptr<char[]> taken = wire.loop.take_output_buffer();
    const bool out = taken.get() != bytes;
    wire.loop.give_output_buffer(std::move(taken));
    return out;
  };
  wire.loop.give_output_buffer(std::move(kept));
  wire.stream->write("x");
  EXPECT_TRUE(lent());
  turn(wire.loop);
  EXPECT_FALSE(lent());
  EXPECT_NE(wire.stream->reserve(100), nullptr);
  wire.stream->commit(0);
  turn(wire.loop);
  EXPECT_FALSE(lent());
}

TEST(TcpStream, SmallCommitsIntoLargeReservationsShareBuffers) {
  Wire wire(4096);
  fill(*wire.stream);
  turn(wire.loop);
  // So many single bytes would hold sixteen mebibytes if each kept the room it had asked for.
  constexpr int kCommits = 1'024;
  const char* last = nullptr;
  int moved = 0;
  for (int i = 0; i < kCommits; ++i) {
    char* const room = wire.stream->reserve(Stream::kReserveMax);
    room[0] = 'x';
    std::memset(room + 1, '!', Stream::kReserveMax - 1);
    wire.stream->commit(1);
    moved += room != last ? 1 : 0;
    last = room;
  }
  EXPECT_LE(moved, 3) << "every reservation took a buffer of its own";
}

TEST(TcpStream, SaysWhenToPauseAndWhenToGoOn) {
  Wire wire(4096);
  std::size_t written = fill(*wire.stream);
  EXPECT_GT(wire.stream->buffered(), Stream::kHighWater);
  EXPECT_LT(wire.stream->buffered(), Stream::kHighWater + 32 * 1024);
  turn(wire.loop);
  EXPECT_EQ(wire.events.writable, 0);
  EXPECT_FALSE(wire.stream->write("still too much"));
  written += 14;
  std::size_t lowest_while_silent = wire.stream->buffered();
  std::size_t read = 0;
  wire.events.at_writable = [&] { EXPECT_LE(wire.stream->buffered(), Stream::kLowWater); };
  ASSERT_TRUE(turn_until(wire.loop, [&] {
    read += wire.peer.read_once(8192).size();
    if (wire.events.writable == 0) lowest_while_silent = wire.stream->buffered();
    return read == written;
  }));
  turn(wire.loop);
  EXPECT_EQ(wire.events.writable, 1);
  EXPECT_GT(lowest_while_silent, Stream::kLowWater);
  EXPECT_TRUE(wire.stream->write("again"));
}

TEST(TcpStream, TellsOfRoomAlsoWhenTheKernelTookAllAtOnce) {
  Wire wire;
  int told = 0;
  wire.events.at_writable = [&] { ++told; };
  // Small pieces only, so that all of it waits for the tick's end.
  const std::string piece(4096, 'p');
  std::size_t written = piece.size();
  while (wire.stream->write(piece)) written += piece.size();
  EXPECT_GT(written, Stream::kHighWater);
  EXPECT_EQ(read_peer(wire, written).size(), written);
  EXPECT_EQ(told, 1);
}

// The kernel may take the last of a long flush without the socket ever becoming unwritable; the end
// behind it must not then wait for an unrelated event to wake the loop.
TEST(TcpStream, FlushesAndEndsWithoutAnyFurtherEvent) {
  Loop loop;
  Door door(loop);
  Recorder events;
  bool timed_out = false;
  door.at_accept = [&] {
    Stream& stream = *door.accepted.front();
    stream.set_events(events);
    const std::string piece(4096, 'p');
    for (int i = 0; i < 150; ++i) stream.write(piece);
    stream.end();
  };
  const Address address = door.address();
  std::size_t read = 0;
  std::thread peer([&] {
    RawSocket socket = RawSocket::connect_to(address);
    const timeval patience{10, 0};
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    std::string bytes(1 << 16, '\0');
    ssize_t count = 0;
    while ((count = ::recv(socket.fd(), bytes.data(), bytes.size(), 0)) > 0) {
      read += static_cast<std::size_t>(count);
    }
    timed_out = count < 0;
    loop.stop();
  });
  loop.run();
  peer.join();
  EXPECT_FALSE(timed_out);
  EXPECT_EQ(read, 150U * 4096U);
}

TEST(TcpStream, AReaderThatKeepsUpDoesNotKeepTheLoopFromOthers) {
  Loop loop;
  Door door(loop);
  Recorder events;
  std::atomic<bool> served{false};
  std::atomic<bool> done{false};
  const std::string piece(4096, 'p');
  const auto produce = [&] {
    for (int i = 0; !served && i < 1'000; ++i) {
      if (!door.accepted.front()->write(piece)) return;
    }
  };
  events.at_writable = produce;
  std::size_t read = 0;
  door.at_accept = [&] {
    door.accepted.front()->set_events(events);
    produce();
  };
  const Address address = door.address();
  std::thread peer([&] {
    RawSocket socket = RawSocket::connect_to(address);
    std::string bytes(1 << 20, '\0');
    while (!done && read < (std::size_t{64} << 20)) {
      const ssize_t count = ::recv(socket.fd(), bytes.data(), bytes.size(), 0);
      if (count <= 0) break;
      read += static_cast<std::size_t>(count);
      if (read > (1 << 20) && !done) {
        loop.post([&] {
          served = true;
          door.accepted.clear();
          loop.stop();
        });
        done = true;
      }
    }
  });
  loop.run();
  peer.join();
  EXPECT_TRUE(served);
}

// ---- Destruction inside every callback.

enum class Event { kData, kEnd, kBroken, kWritable };

class DestroyedInside : public ::testing::TestWithParam<Event> {};

TEST_P(DestroyedInside, NothingFollowsAndNothingIsTouched) {
  Wire wire(4096);
  int calls = 0;
  const auto destroy = [&] {
    ++calls;
    wire.stream.reset();
  };
  wire.stream->read_start();
  switch (GetParam()) {
    case Event::kData:
      wire.events.at_data = [&](std::string_view) { destroy(); };
      ASSERT_TRUE(wire.peer.send(std::string(60'000, 'x')));
      wire.stream->write("waits");
      break;
    case Event::kEnd:
      wire.events.at_end = destroy;
      wire.stream->write("waits");
      wire.peer.shutdown_write();
      break;
    case Event::kBroken:
      wire.events.at_broken = destroy;
      fill(*wire.stream);
      turn(wire.loop);
      wire.peer.reset();
      break;
    case Event::kWritable:
      wire.events.at_writable = destroy;
      fill(*wire.stream);
      break;
  }
  ASSERT_TRUE(turn_until(wire.loop, [&] {
    if (wire.peer.open()) wire.peer.read_once();
    return calls > 0;
  }));
  turn(wire.loop);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(wire.stream, nullptr);
}

INSTANTIATE_TEST_SUITE_P(TcpStream, DestroyedInside,
                         ::testing::Values(Event::kData, Event::kEnd, Event::kBroken,
                                           Event::kWritable));

TEST(TcpStream, MayBeDestroyedByAnotherStreamsEventOfTheSameTick) {
  ManualClock clock;
  Loop loop(LoopOptions{"test", &clock, 0});
  Door door(loop);
  RawSocket one = RawSocket::connect_to(door.address());
  RawSocket two = RawSocket::connect_to(door.address());
  ASSERT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 2; }));
  Recorder events;
  int calls = 0;
  events.at_data = [&](std::string_view) {
    ++calls;
    door.accepted.clear();
  };
  for (auto& stream : door.accepted) {
    stream->set_events(events);
    stream->read_start();
    stream->write("waits");
  }
  ASSERT_TRUE(one.send("x"));
  ASSERT_TRUE(two.send("x"));
  turn(loop);
  EXPECT_EQ(calls, 1);
}

TEST(TcpStream, ReleasesEveryDescriptor) {
  ManualClock clock;
  Loop loop(LoopOptions{"test", &clock, 0});
  Door door(loop);
  const auto next_free = [] {
    const RawSocket probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return probe.fd();
  };
  const int before = next_free();
  for (int i = 0; i < 50; ++i) {
    RawSocket peer = RawSocket::connect_to(door.address());
    ASSERT_TRUE(turn_until(loop, [&] { return !door.accepted.empty(); }));
    if (i % 2 == 0) door.accepted.front()->reset_on_close();
    door.accepted.clear();
    turn(loop);
  }
  EXPECT_EQ(next_free(), before);
}

}  // namespace
}  // namespace tocsin::event
