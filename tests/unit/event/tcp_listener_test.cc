#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <chrono>
#include <memory>
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
using testing::turn;
using testing::turn_until;

class TcpListenerTest : public ::testing::Test {
 protected:
  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 0}};
};

// ---- The socket.

TEST(ListeningSocket, ReportsThePortTheKernelChose) {
  const ListeningSocket socket = listening();
  EXPECT_NE(socket.address().port(), 0);
  EXPECT_EQ(socket.address().ip(), "127.0.0.1");
  EXPECT_NE(::fcntl(socket.fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ListeningSocket, SaysWhichAddressIsTaken) {
  const ListeningSocket first = listening({.sharing = ListenOptions::Sharing::kAlone});
  const auto second =
      ListeningSocket::open(first.address(), {.sharing = ListenOptions::Sharing::kAlone});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
  EXPECT_EQ(second.error().text(),
            first.address().text() + ": cannot bind: Address already in use");
}

// A second gateway shared the port of the first and took half of its clients.
TEST(ListeningSocket, TheFirstOfSomeSharesItsAddressWithThoseThatJoinAlone) {
  const ListeningSocket first = listening({.sharing = ListenOptions::Sharing::kFirst});
  EXPECT_TRUE(ListeningSocket::open(first.address(), {}));
  const auto stranger =
      ListeningSocket::open(first.address(), {.sharing = ListenOptions::Sharing::kFirst});
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, Code::kExists);
}

TEST(ListeningSocket, AV6SocketTakesTheV4PortTooWhenAskedTo) {
  const auto both =
      ListeningSocket::open(*Address::parse("[::]:0"),
                            {.sharing = ListenOptions::Sharing::kAlone, .both_families = true});
  if (!both) GTEST_SKIP() << "no IPv6 here: " << both.error().text();
  Address same_port = any_port();
  same_port.set_port(both->address().port());
  EXPECT_FALSE(ListeningSocket::open(same_port, {.sharing = ListenOptions::Sharing::kAlone}));
}

TEST(ListeningSocket, SaysWhichAddressIsNotOurs) {
  const auto socket = ListeningSocket::open(*Address::parse("192.0.2.1:80"), {});
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().text(), "192.0.2.1:80: cannot bind: Cannot assign requested address");
}

TEST(ListeningSocket, AV6SocketLeavesTheV4PortFree) {
  const auto v6 =
      ListeningSocket::open(*Address::parse("[::]:0"), {.sharing = ListenOptions::Sharing::kAlone});
  if (!v6) GTEST_SKIP() << "no IPv6 here: " << v6.error().text();
  Address same_port = any_port();
  same_port.set_port(v6->address().port());
  EXPECT_TRUE(ListeningSocket::open(same_port, {.sharing = ListenOptions::Sharing::kAlone}));
}

TEST(ListeningSocket, MovesItsDescriptorAndClosesItOnce) {
  ListeningSocket first = listening();
  const int fd = first.fd();
  ListeningSocket second(std::move(first));
  EXPECT_EQ(second.fd(), fd);
  ListeningSocket third = listening();
  third = std::move(second);
  EXPECT_EQ(third.fd(), fd);
  const RawSocket released(third.release());
  EXPECT_EQ(third.fd(), -1);
  EXPECT_NE(::fcntl(released.fd(), F_GETFD), -1);
}

TEST(ListeningSocket, AdoptsAnInheritedDescriptorAsItsOwn) {
  RawSocket inherited(::socket(AF_INET, SOCK_STREAM, 0));  // blocking, open across exec
  ASSERT_EQ(::bind(inherited.fd(), any_port().data(), any_port().size()), 0);
  ASSERT_EQ(::listen(inherited.fd(), 8), 0);
  auto socket = ListeningSocket::adopt(::dup(inherited.fd()));
  ASSERT_TRUE(socket) << socket.error().text();
  EXPECT_NE(socket->address().port(), 0);
  EXPECT_NE(::fcntl(socket->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket->fd(), F_GETFD) & FD_CLOEXEC, 0);
  ManualClock clock;
  Loop loop(LoopOptions{"test", &clock, 0});
  Door door(loop, std::move(*socket));
  const RawSocket client = RawSocket::connect_to(door.address());
  EXPECT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 1; }));
}

TEST(ListeningSocket, RefusesToAdoptWhatIsNoListeningInternetSocket) {
  const RawSocket file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto no_socket = ListeningSocket::adopt(file.fd());
  ASSERT_FALSE(no_socket);
  EXPECT_EQ(no_socket.error().what, "descriptor " + std::to_string(file.fd()) +
                                        " is no socket: Socket operation on non-socket");

  const RawSocket idle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto not_listening = ListeningSocket::adopt(idle.fd());
  ASSERT_FALSE(not_listening);
  EXPECT_EQ(not_listening.error().code, Code::kInvalid);
  EXPECT_EQ(not_listening.error().what,
            "descriptor " + std::to_string(idle.fd()) + " is not a listening socket");

  const RawSocket local(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un nameless{};
  nameless.sun_family = AF_UNIX;
  ASSERT_EQ(::bind(local.fd(), reinterpret_cast<sockaddr*>(&nameless), sizeof(sa_family_t)), 0);
  ASSERT_EQ(::listen(local.fd(), 1), 0);
  const auto not_internet = ListeningSocket::adopt(local.fd());
  ASSERT_FALSE(not_internet);
  EXPECT_EQ(not_internet.error().code, Code::kInvalid);
  EXPECT_NE(::fcntl(local.fd(), F_GETFD), -1) << "closed what it refused";

  EXPECT_FALSE(ListeningSocket::adopt(-1));
}

// ---- The listener.

TEST_F(TcpListenerTest, AcceptsMoreThanOneTicksShare) {
  Door door(loop, listening({.backlog = 300}));
  std::vector<RawSocket> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(RawSocket::connect_to(door.address()));
  loop.run_ready();
  EXPECT_LT(door.accepted.size(), 200U) << "one flood holds the loop for a whole tick";
  EXPECT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 200; }));
  EXPECT_EQ(door.accepted.front()->peer().ip(), "127.0.0.1");
}

TEST_F(TcpListenerTest, AcceptedSocketsSendWithoutDelay) {
  Door door(loop);
  RawSocket client = RawSocket::connect_to(door.address());
  ASSERT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 1; }));
  // Two ticks' writes leave as two segments although the first was not acknowledged by data.
  door.accepted.front()->write("a");
  loop.run_ready();
  door.accepted.front()->write("b");
  loop.run_ready();
  EXPECT_EQ(client.read_once(), "ab");
}

TEST_F(TcpListenerTest, PausesAndResumes) {
  Door door(loop);
  door.listener->pause();
  const RawSocket client = RawSocket::connect_to(door.address());
  ASSERT_TRUE(client.open()) << "the backlog takes who comes meanwhile";
  turn(loop);
  EXPECT_TRUE(door.accepted.empty());
  door.listener->resume();
  EXPECT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 1; }));
}

TEST_F(TcpListenerTest, APauseInsideOnAcceptHoldsAtOnce) {
  Door door(loop);
  door.at_accept = [&] { door.listener->pause(); };
  const RawSocket one = RawSocket::connect_to(door.address());
  const RawSocket two = RawSocket::connect_to(door.address());
  turn(loop);
  EXPECT_EQ(door.accepted.size(), 1U);
  door.listener->resume();
  turn(loop);
  EXPECT_EQ(door.accepted.size(), 2U);
}

TEST_F(TcpListenerTest, MayBeDestroyedInsideOnAccept) {
  Door door(loop);
  door.at_accept = [&] { door.listener.reset(); };
  const Address address = door.address();
  const RawSocket one = RawSocket::connect_to(address);
  const RawSocket two = RawSocket::connect_to(address);
  turn(loop);
  EXPECT_EQ(door.accepted.size(), 1U);
  EXPECT_FALSE(RawSocket::connect_to(address).open());
}

TEST_F(TcpListenerTest, AnswersAndClosesWhomItsOwnerRefuses) {
  Door door(loop);
  door.refusing = "go away\n";
  RawSocket client = RawSocket::connect_to(door.address());
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\n\r\n"));
  turn(loop);
  EXPECT_EQ(client.read_once(), "go away\n");
  client.read_once();
  EXPECT_TRUE(client.at_end());
  EXPECT_TRUE(door.accepted.empty());
  EXPECT_EQ(door.last_peer.ip(), "127.0.0.1");
  door.refusing = {};
  const RawSocket welcome = RawSocket::connect_to(door.address());
  turn(loop);
  EXPECT_EQ(door.accepted.size(), 1U);
}

TEST_F(TcpListenerTest, ClosesItsSocketWhenDestroyed) {
  auto door = std::make_unique<Door>(loop);
  const Address address = door->address();
  door.reset();
  turn(loop);
  EXPECT_FALSE(RawSocket::connect_to(address).open());
}

TEST_F(TcpListenerTest, TwoLoopsShareOnePort) {
  Loop other(LoopOptions{"other", &clock, 1});
  Door here(loop);
  Door there(other, std::move(ListeningSocket::open(here.address(), {}).value()));
  EXPECT_EQ(there.address().port(), here.address().port());
  constexpr std::size_t kClients = 64;
  std::vector<RawSocket> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(RawSocket::connect_to(here.address()));
    ASSERT_TRUE(clients.back().open());
  }
  ASSERT_TRUE(turn_until(loop, [&] {
    other.run_ready();
    return here.accepted.size() + there.accepted.size() == kClients;
  }));
  EXPECT_FALSE(here.accepted.empty());
  EXPECT_FALSE(there.accepted.empty());
}

// ---- Without descriptors.

/// Uses up every descriptor but `spare` until it dies.
class Exhausted {
 public:
  explicit Exhausted(int spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &low);
    for (int fd = take(); fd >= 0; fd = take()) taken_.emplace_back(fd);
    for (int i = 0; i < spare; ++i) give_back();
  }
  ~Exhausted() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  void give_back() { taken_.pop_back(); }

 private:
  static int take() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

  rlimit before_{};
  std::vector<RawSocket> taken_;
};

TEST_F(TcpListenerTest, TellsAClientThatNoDescriptorIsLeftAndServesTheNext) {
  Door door(loop);
  Exhausted exhausted(1);  // for the client's own end
  RawSocket first = RawSocket::connect_to(door.address());
  ASSERT_TRUE(first.send("GET / HTTP/1.1\r\n\r\n"));
  turn(loop);
  EXPECT_TRUE(door.accepted.empty());
  EXPECT_EQ(door.refused, 1);
  EXPECT_EQ(first.read_once(), "no room\n");
  first.read_once();
  EXPECT_TRUE(first.at_end());

  // Still exhausted: the next is told too, at once and again from the reserve.
  exhausted.give_back();
  RawSocket second = RawSocket::connect_to(door.address());
  turn(loop);
  EXPECT_EQ(second.read_once(), "no room\n");
  EXPECT_EQ(door.refused, 2);

  second.close();
  RawSocket third = RawSocket::connect_to(door.address());
  exhausted.give_back();
  turn(loop);
  EXPECT_EQ(door.accepted.size(), 1U);
  EXPECT_EQ(door.refused, 2);
}

TEST_F(TcpListenerTest, TellsAllWhoWaitWhenNoDescriptorIsLeft) {
  Door door(loop);
  Exhausted exhausted(5);
  std::vector<RawSocket> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(RawSocket::connect_to(door.address()));
  turn(loop);
  for (RawSocket& client : clients) EXPECT_EQ(client.read_once(), "no room\n");
  EXPECT_EQ(door.refused, 5);
}

TEST_F(TcpListenerTest, WithoutEvenAReserveItWaitsAndTriesAgain) {
  std::unique_ptr<Exhausted> exhausted;
  ListeningSocket socket = listening();
  const Address address = socket.address();
  exhausted = std::make_unique<Exhausted>(0);
  Door door(loop, std::move(socket));  // its reserve could not be opened
  exhausted->give_back();
  const RawSocket client = RawSocket::connect_to(address);
  ASSERT_TRUE(client.open());
  turn(loop);
  EXPECT_TRUE(door.accepted.empty());
  exhausted.reset();
  turn(loop);
  EXPECT_TRUE(door.accepted.empty()) << "would spin while nothing changes";
  clock.advance(seconds(1));
  EXPECT_TRUE(turn_until(loop, [&] { return door.accepted.size() == 1; }));
}

TEST_F(TcpListenerTest, ThePauseOfItsOwnerOutlastsItsOwnWait) {
  std::unique_ptr<Exhausted> exhausted;
  ListeningSocket socket = listening();
  const Address address = socket.address();
  exhausted = std::make_unique<Exhausted>(0);
  Door door(loop, std::move(socket));
  exhausted->give_back();
  const RawSocket client = RawSocket::connect_to(address);
  turn(loop);
  exhausted.reset();
  door.listener->pause();
  clock.advance(seconds(1));
  turn(loop);
  EXPECT_TRUE(door.accepted.empty());
  door.listener->resume();
  turn(loop);
  EXPECT_EQ(door.accepted.size(), 1U);
}

}  // namespace
}  // namespace tocsin::event
