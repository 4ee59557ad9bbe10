#include "gateway/event/tcp_race.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using testing::Door;
using testing::turn;
using testing::turn_until;

Address ip(std::string_view text, std::uint16_t port = 0) {
  return Address::from_ip(text, port).value();
}

/// An address where nobody ever answers: its listener's queue is full, and the kernel drops who
/// comes.
class Silent {
 public:
  Silent() {
    listening_ = testing::RawSocket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Address any = ip("127.0.0.1");
    EXPECT_EQ(::bind(listening_.fd(), any.data(), any.size()), 0);
    EXPECT_EQ(::listen(listening_.fd(), 0), 0);
    sockaddr_in bound{};
    socklen_t size = sizeof(bound);
    ::getsockname(listening_.fd(), reinterpret_cast<sockaddr*>(&bound), &size);
    address_ = Address::from_socket(reinterpret_cast<sockaddr*>(&bound), size);
    for (bool queued = true; queued;) {
      testing::RawSocket& socket =
          waiting_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(socket.fd(), address_.data(), address_.size());
      pollfd ready{socket.fd(), POLLOUT, 0};
      queued = ::poll(&ready, 1, 50) == 1;
    }
  }
  const Address& address() const { return address_; }

 private:
  testing::RawSocket listening_;
  std::vector<testing::RawSocket> waiting_;
  Address address_;
};

/// An address that refuses at once.
Address closed_port() {
  const ListeningSocket gone = testing::listening();
  return gone.address();
}

struct Running {
  explicit Running(Loop& loop, const std::vector<Address>& addresses,
                   Duration timeout = std::chrono::seconds(5)) {
    race.emplace(loop, addresses, timeout, [this](Result<std::unique_ptr<Stream>> result) {
      outcome = std::move(result);
      race.reset();
    });
  }
  std::optional<TcpRace> race;
  std::optional<Result<std::unique_ptr<Stream>>> outcome;
};

class TcpRaceTest : public ::testing::Test {
 protected:
  TcpRaceTest() { loop_.run_ready(); }
  ManualClock clock_;
  Loop loop_{LoopOptions{"test", &clock_, 0}};
};

TEST(TakeTurns, LetsFamiliesTakeTurnsBeginningWithTheFirst) {
  const auto texts = [](const std::vector<Address>& addresses) {
    std::string all;
    for (const Address& address : take_turns(addresses)) all += address.ip() + " ";
    return all;
  };
  EXPECT_EQ(texts({ip("2001:db8::1"), ip("2001:db8::2"), ip("192.0.2.1"), ip("192.0.2.2")}),
            "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2 ");
  EXPECT_EQ(texts({ip("192.0.2.1"), ip("2001:db8::1"), ip("2001:db8::2"), ip("2001:db8::3")}),
            "192.0.2.1 2001:db8::1 2001:db8::2 2001:db8::3 ");
  EXPECT_EQ(texts({ip("192.0.2.1")}), "192.0.2.1 ");
}

TEST_F(TcpRaceTest, TriesTheSecondAddressBesideASilentFirstAfterItsHeadStart) {
  const Silent silent;
  Door door(loop_);
  Running running(loop_, {silent.address(), door.address()});
  turn(loop_, 20);
  clock_.advance(TcpRace::kHeadStart - std::chrono::milliseconds(10));
  turn(loop_, 20);
  EXPECT_TRUE(door.accepted.empty());
  clock_.advance(std::chrono::milliseconds(20));
  ASSERT_TRUE(turn_until(loop_, [&] { return running.outcome.has_value(); }));
  ASSERT_TRUE(running.outcome->has_value());
  EXPECT_EQ((**running.outcome)->peer().text(), door.address().text());
}

TEST_F(TcpRaceTest, GoesOnAtOnceWhenAnAddressRefuses) {
  Door door(loop_);
  Running running(loop_, {closed_port(), closed_port(), door.address()});
  ASSERT_TRUE(turn_until(loop_, [&] { return running.outcome.has_value(); }));
  EXPECT_TRUE(running.outcome->has_value());
}

TEST_F(TcpRaceTest, TellsTheLastFailureWhenAllFailed) {
  Running running(loop_, {closed_port(), closed_port()});
  ASSERT_TRUE(turn_until(loop_, [&] { return running.outcome.has_value(); }));
  ASSERT_FALSE(running.outcome->has_value());
  EXPECT_EQ(running.outcome->error().code, Code::kRefused);
}

TEST_F(TcpRaceTest, WaitsForARunnerWhenTheLastOneFails) {
  const Silent silent;
  Running running(loop_, {silent.address(), closed_port()});
  turn(loop_, 5);
  clock_.advance(TcpRace::kHeadStart * 2);
  turn(loop_, 20);
  EXPECT_FALSE(running.outcome.has_value());
  clock_.advance(std::chrono::seconds(5));
  ASSERT_TRUE(turn_until(loop_, [&] { return running.outcome.has_value(); }));
  EXPECT_EQ(running.outcome->error().code, Code::kTimeout);
}

TEST_F(TcpRaceTest, EndsWithItsTimeout) {
  const Silent silent;
  Running running(loop_, {silent.address()}, std::chrono::seconds(1));
  turn(loop_, 5);
  clock_.advance(std::chrono::seconds(2));
  ASSERT_TRUE(turn_until(loop_, [&] { return running.outcome.has_value(); }));
  EXPECT_EQ(running.outcome->error().code, Code::kTimeout);
}

TEST_F(TcpRaceTest, IsGivenUpWithoutAWord) {
  const Silent first;
  const Silent second;
  Running running(loop_, {first.address(), second.address()});
  turn(loop_, 5);
  clock_.advance(TcpRace::kHeadStart * 2);
  turn(loop_, 5);
  running.race.reset();
  clock_.advance(std::chrono::seconds(10));
  turn(loop_, 20);
  EXPECT_FALSE(running.outcome.has_value());
}

}  // namespace
}  // namespace tocsin::event
