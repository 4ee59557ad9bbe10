#include "gateway/app/inherited_sockets.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tocsin::app {
namespace {

/// A process before this one that listens here and there.
class InheritedSocketsTest : public ::testing::Test {
 protected:
  ListenAddress hand_over(const std::string& name, const char* at = "127.0.0.1:0") {
    auto address = ListenAddress::parse(at);
    auto socket = address->open({});
    EXPECT_TRUE(socket) << socket.error().text();
    address->address = socket->address();
    const int fd = ::dup(socket->fd());
    EXPECT_TRUE(sockets.take_over(name, fd));
    return *address;
  }
  /// Where the sockets listen that the listener gets.
  std::vector<std::string> taken(std::string_view listener, const ListenAddress& address) {
    std::vector<std::string> found;
    for (const auto& socket : sockets.take(listener, address)) {
      found.push_back(socket.address().text());
    }
    return found;
  }
  using Texts = std::vector<std::string>;

  InheritedSockets sockets;
};

TEST_F(InheritedSocketsTest, AListenerGetsThePortItHad) {
  const ListenAddress here = hand_over("public");
  EXPECT_EQ(taken("public", here), Texts{here.address.text()});
  EXPECT_TRUE(sockets.close_rest().empty());
}

TEST_F(InheritedSocketsTest, AnAddressThatWasChangedCountsForMoreThanTheName) {
  const ListenAddress before = hand_over("public");
  ListenAddress now = before;
  now.address.set_port(static_cast<std::uint16_t>(before.address.port() ^ 1));
  EXPECT_EQ(taken("public", now), Texts{});
  EXPECT_EQ(sockets.close_rest(), Texts{before.address.text() + " (public)"});
}

TEST_F(InheritedSocketsTest, ListenersThatChangedPlacesGetEachOthersPorts) {
  const ListenAddress one = hand_over("one");
  const ListenAddress two = hand_over("two");
  EXPECT_EQ(taken("one", two), Texts{two.address.text()});
  EXPECT_EQ(taken("two", one), Texts{one.address.text()});
}

TEST_F(InheritedSocketsTest, AnotherNameKeepsThePort) {
  const ListenAddress here = hand_over("old");
  EXPECT_EQ(taken("new", here), Texts{here.address.text()});
}

TEST_F(InheritedSocketsTest, PortZeroIsThePortThatTheNameHad) {
  const ListenAddress one = hand_over("one");
  hand_over("two");
  EXPECT_EQ(taken("three", *ListenAddress::parse("127.0.0.1:0")), Texts{});
  EXPECT_EQ(taken("one", *ListenAddress::parse("127.0.0.1:0")), Texts{one.address.text()});
}

TEST_F(InheritedSocketsTest, WhatTheProcessBeforeStillHasMayBeJoined) {
  const ListenAddress here = hand_over("public");
  ListenAddress everywhere = *ListenAddress::parse("0.0.0.0:0");
  everywhere.address.set_port(here.address.port());
  EXPECT_EQ(taken("public", everywhere), Texts{});
  EXPECT_TRUE(sockets.overlaps(everywhere));
  EXPECT_EQ(taken("public", here).size(), 1U);
  EXPECT_FALSE(sockets.overlaps(everywhere));
}

TEST_F(InheritedSocketsTest, WhatEachLoopHadIsNamedOnce) {
  const ListenAddress here = hand_over("public");
  auto second = here.open({.sharing = event::ListenOptions::Sharing::kJoin});
  ASSERT_TRUE(second) << second.error().text();
  ASSERT_TRUE(sockets.take_over("public", ::dup(second->fd())));
  EXPECT_EQ(sockets.close_rest(), Texts{here.address.text() + " (public)"});
}

}  // namespace
}  // namespace tocsin::app
