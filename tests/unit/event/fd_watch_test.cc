#include "gateway/event/fd_watch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/unit/event/loopback.h"

namespace tocsin::event {
namespace {

using testing::RawSocket;
using testing::turn;

class FdWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    out = RawSocket(ends[0]);
    in = RawSocket(ends[1]);
  }
  void fill() const { ASSERT_EQ(::write(in.fd(), "x", 1), 1); }
  void drain() const {
    char byte;
    while (::read(out.fd(), &byte, 1) == 1) {
    }
  }

  ManualClock clock;
  Loop loop{LoopOptions{"test", &clock, 0}};
  RawSocket out;
  RawSocket in;
};

TEST_F(FdWatchTest, TellsNothingUntilSomethingIsWanted) {
  int calls = 0;
  FdWatch watch(loop, out.fd(), [&](FdWatch::Ready) { ++calls; });
  fill();
  turn(loop);
  EXPECT_EQ(calls, 0);
  watch.want(true, false);
  loop.run_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatchTest, ComesAgainWhileBytesWait) {
  int calls = 0;
  FdWatch watch(loop, out.fd(), [&](FdWatch::Ready ready) {
    EXPECT_TRUE(ready.readable);
    EXPECT_FALSE(ready.writable);
    EXPECT_FALSE(ready.failed);
    ++calls;
  });
  watch.want(true, false);
  turn(loop);
  EXPECT_EQ(calls, 0);
  fill();
  loop.run_ready();
  loop.run_ready();
  EXPECT_EQ(calls, 2);
  drain();
  loop.run_ready();
  EXPECT_EQ(calls, 2);
}

TEST_F(FdWatchTest, TellsOnlyWhatIsWanted) {
  std::vector<FdWatch::Ready> told;
  RawSocket event(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));  // readable and writable at once
  FdWatch watch(loop, event.fd(), [&](FdWatch::Ready ready) { told.push_back(ready); });
  watch.want(false, true);
  loop.run_ready();
  watch.want(true, true);
  loop.run_ready();
  watch.want(false, false);
  loop.run_ready();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_FALSE(told[0].readable);
  EXPECT_TRUE(told[0].writable);
  EXPECT_TRUE(told[1].readable);
  EXPECT_TRUE(told[1].writable);
}

TEST_F(FdWatchTest, TellsOfAHangUpAsSomethingToRead) {
  int calls = 0;
  FdWatch watch(loop, out.fd(), [&](FdWatch::Ready ready) {
    EXPECT_TRUE(ready.readable);
    ++calls;
  });
  watch.want(true, false);
  in.close();
  loop.run_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatchTest, TellsOfAnErrorAgainAndAgainWhileItLasts) {
  std::vector<FdWatch::Ready> told;
  FdWatch watch(loop, in.fd(), [&](FdWatch::Ready ready) { told.push_back(ready); });
  out.close();  // a pipe that nobody reads is in error
  watch.want(false, true);
  loop.run_ready();
  loop.run_ready();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[0].failed);
  EXPECT_TRUE(told[1].failed);
}

TEST_F(FdWatchTest, AFailedWatchMayBeDestroyedOrSilencedByItsCallback) {
  out.close();
  int calls = 0;
  std::unique_ptr<FdWatch> watch;
  watch = std::make_unique<FdWatch>(loop, in.fd(), [&](FdWatch::Ready) {
    if (++calls == 1) {
      watch->want(false, false);
    } else {
      watch.reset();
    }
  });
  watch->want(false, true);
  turn(loop);
  EXPECT_EQ(calls, 1);
  watch->want(false, true);
  turn(loop);
  EXPECT_EQ(calls, 2);
}

TEST_F(FdWatchTest, MayBeDestroyedByItsOwnCallback) {
  int calls = 0;
  std::unique_ptr<FdWatch> watch;
  watch = std::make_unique<FdWatch>(loop, out.fd(), [&watch, &calls](FdWatch::Ready) {
    ++calls;
    watch.reset();
  });
  watch->want(true, true);
  fill();
  turn(loop);
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatchTest, OneDestroyedByAnotherInTheSameTickStaysSilent) {
  RawSocket one(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
  RawSocket two(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
  int calls = 0;
  std::unique_ptr<FdWatch> first;
  std::unique_ptr<FdWatch> second;
  first = std::make_unique<FdWatch>(loop, one.fd(), [&](FdWatch::Ready) {
    ++calls;
    second.reset();
  });
  second = std::make_unique<FdWatch>(loop, two.fd(), [&](FdWatch::Ready) {
    ++calls;
    first.reset();
  });
  first->want(true, false);
  second->want(true, false);
  loop.run_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatchTest, LeavesTheDescriptorOpenAndFreeForAnotherWatch) {
  int calls = 0;
  fill();
  for (int i = 0; i < 3; ++i) {
    FdWatch watch(loop, out.fd(), [&](FdWatch::Ready) { ++calls; });
    watch.want(true, false);
    loop.run_ready();
  }
  EXPECT_EQ(calls, 3);
  EXPECT_NE(::fcntl(out.fd(), F_GETFD), -1);
}

TEST_F(FdWatchTest, ADescriptorNumberUsedAnewIsWatchedAnew) {
  auto watch = std::make_unique<FdWatch>(loop, out.fd(), [](FdWatch::Ready) { FAIL(); });
  watch->want(true, false);
  turn(loop);
  const int number = out.fd();
  watch.reset();
  out.close();
  RawSocket reused(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
  ASSERT_EQ(reused.fd(), number);
  int calls = 0;
  FdWatch anew(loop, reused.fd(), [&](FdWatch::Ready) { ++calls; });
  anew.want(true, false);
  loop.run_ready();
  EXPECT_EQ(calls, 1);
}

TEST_F(FdWatchTest, ADescriptorOfWhichNobodyKnowsMayBeRefused) {
  const auto silent = [](FdWatch::Ready) {};
  EXPECT_EQ(FdWatch::make(loop, -1, silent).error().code, Code::kInvalid);
  const RawSocket file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(FdWatch::make(loop, file.fd(), silent).error().code, Code::kInvalid);
  int calls = 0;
  auto first = FdWatch::make(loop, out.fd(), [&](FdWatch::Ready) { ++calls; });
  ASSERT_TRUE(first);
  (*first)->want(true, false);
  EXPECT_FALSE(FdWatch::make(loop, out.fd(), silent));
  fill();
  turn(loop);
  EXPECT_GT(calls, 0);
  first->reset();
  turn(loop);
  EXPECT_TRUE(FdWatch::make(loop, out.fd(), silent));
  turn(loop);
}

}  // namespace
}  // namespace tocsin::event
