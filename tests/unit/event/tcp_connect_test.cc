#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/event/tcp.h"
#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::any_port;
using testing::Door;
using testing::listening;
using testing::RawSocket;
using testing::Recorder;
using testing::turn;
using testing::turn_until;

class TcpConnectTest : public ::testing::Test {
 protected:
  using Outcome = Result<std::unique_ptr<Stream>>;

  TcpConnect::Done remember() {
    return [this](Outcome result) {
      ++calls;
      outcome.emplace(std::move(result));
    };
  }

  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 0}};
  int calls = 0;
  std::optional<Outcome> outcome;
};

/// A port that answers no attempt: its backlog holds one connection and is full.
class BlackHole {
 public:
  BlackHole() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const Address free_port = any_port();
    ::bind(socket_.fd(), free_port.data(), free_port.size());
    ::listen(socket_.fd(), 0);
    sockaddr_storage bound{};
    socklen_t length = sizeof(bound);
    ::getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&bound), &length);
    address_ = Address::from_socket(reinterpret_cast<sockaddr*>(&bound), length);
    inside_ = RawSocket::connect_to(address_);
  }
  const Address& address() const { return address_; }

 private:
  RawSocket socket_;
  Address address_;
  RawSocket inside_;
};

TEST_F(TcpConnectTest, GivesAStreamAndNeverInsideTheConstructor) {
  Door door(loop);
  TcpConnect attempt(loop, door.address(), seconds(5), remember());
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(turn_until(loop, [&] { return calls == 1; }));
  ASSERT_TRUE(*outcome) << outcome->error().text();
  Stream& stream = ***outcome;
  EXPECT_EQ(stream.peer().text(), door.address().text());
  ASSERT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 1; }));
  Recorder events;
  stream.set_events(events);
  stream.read_start();
  door.accepted.front()->write("welcome");
  EXPECT_TRUE(turn_until(loop, [&] { return events.data == "welcome"; }));
  clock.advance(seconds(60));
  turn(loop);
  EXPECT_EQ(calls, 1) << "the timeout of a finished attempt fired";
}

TEST_F(TcpConnectTest, TheStreamOutlivesTheAttempt) {
  Door door(loop);
  auto attempt = std::make_unique<TcpConnect>(loop, door.address(), seconds(5), remember());
  ASSERT_TRUE(turn_until(loop, [&] { return calls == 1 && door.accepted.size() == 1; }));
  attempt.reset();
  Recorder events;
  (**outcome)->set_events(events);
  (**outcome)->read_start();
  door.accepted.front()->write("x");
  EXPECT_TRUE(turn_until(loop, [&] { return events.data == "x"; }));
}

TEST_F(TcpConnectTest, SaysWhoRefused) {
  Address closed;
  {
    const ListeningSocket gone = listening();
    closed = gone.address();
  }
  TcpConnect attempt(loop, closed, seconds(5), remember());
  EXPECT_EQ(calls, 0);
  ASSERT_TRUE(turn_until(loop, [&] { return calls == 1; }));
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, Code::kRefused);
  EXPECT_EQ(outcome->error().text(), closed.text() + ": cannot connect: Connection refused");
}

TEST_F(TcpConnectTest, GivesUpAtItsTimeoutAndNotBefore) {
  const BlackHole hole;
  TcpConnect attempt(loop, hole.address(), seconds(3), remember());
  turn(loop);
  clock.advance(seconds(3) - milliseconds(1));
  turn(loop);
  EXPECT_EQ(calls, 0);
  clock.advance(milliseconds(2));
  turn(loop);
  ASSERT_EQ(calls, 1);
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, Code::kTimeout);
  EXPECT_EQ(outcome->error().where, hole.address().text());
}

TEST_F(TcpConnectTest, AnAnswerAfterTheTimeoutIsNotToldAnyMore) {
  // The attempt is kept; the connection is made in the kernel but the loop looks only afterwards.
  Door door(loop);
  TcpConnect attempt(loop, door.address(), milliseconds(1), remember());
  clock.advance(seconds(1));  // timers come before sockets in a tick
  turn(loop, 10);
  ASSERT_EQ(calls, 1);
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, Code::kTimeout);
}

TEST_F(TcpConnectTest, AnAddressThatCannotBeUsedFailsFromTheLoop) {
  TcpConnect attempt(loop, Address(), seconds(3), remember());
  EXPECT_EQ(calls, 0);
  clock.advance(milliseconds(1));
  ASSERT_TRUE(turn_until(loop, [&] { return calls == 1; }));
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().code, Code::kIo);
}

TEST_F(TcpConnectTest, DestructionGivesUpWithoutACallback) {
  Door door(loop);
  const BlackHole hole;
  auto answered = std::make_unique<TcpConnect>(loop, door.address(), seconds(5), remember());
  auto waiting = std::make_unique<TcpConnect>(loop, hole.address(), seconds(5), remember());
  answered.reset();
  turn(loop);
  waiting.reset();
  clock.advance(seconds(10));
  turn(loop);
  EXPECT_EQ(calls, 0);
}

TEST_F(TcpConnectTest, MayBeDestroyedInsideDoneWhateverTheOutcome) {
  Door door(loop);
  const BlackHole hole;
  Address closed;
  {
    const ListeningSocket gone = listening();
    closed = gone.address();
  }
  for (const Address& address : {door.address(), hole.address(), closed}) {
    calls = 0;
    std::unique_ptr<TcpConnect> attempt;
    attempt = std::make_unique<TcpConnect>(loop, address, seconds(2), [&](Outcome result) {
      ++calls;
      attempt.reset();
      EXPECT_EQ(result.has_value(), address.port() == door.address().port());
    });
    turn(loop);
    clock.advance(seconds(3));
    ASSERT_TRUE(turn_until(loop, [&] { return calls == 1; }));
    turn(loop);
    EXPECT_EQ(calls, 1);
  }
}

TEST_F(TcpConnectTest, DoneMayWriteAtOnce) {
  Door door(loop);
  std::unique_ptr<Stream> stream;
  Recorder events;
  TcpConnect attempt(loop, door.address(), seconds(5), [&](Outcome result) {
    ASSERT_TRUE(result);
    stream = std::move(*result);
    stream->write("first words");
  });
  Recorder heard;
  door.at_accept = [&] {
    door.accepted.front()->set_events(heard);
    door.accepted.front()->read_start();
  };
  EXPECT_TRUE(turn_until(loop, [&] { return heard.data == "first words"; }));
}

}  // namespace
}  // namespace tocsin::event
