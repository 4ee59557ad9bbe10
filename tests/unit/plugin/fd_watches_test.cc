#include "gateway/plugin/fd_watches.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

constexpr std::uint32_t kRead = TOCSIN_FD_READABLE;
constexpr std::uint32_t kWrite = TOCSIN_FD_WRITABLE;

/// A descriptor that can always be written, and read once signal() was called.
class EventFd {
 public:
  EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~EventFd() { close(); }
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;
  int fd() const { return fd_; }
  void signal() const { ::eventfd_write(fd_, 1); }
  void drain() const {
    eventfd_t value = 0;
    ::eventfd_read(fd_, &value);
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

class FdWatchesTest : public PluginTest {
 protected:
  FdWatchesTest() {
    ScriptedOutput::Script::script = &script;
    script.start = [this](const sdk::Host& given) { host = given; };
    instance = instance_of<ScriptedOutput>(Kind::kOutput);
    worker = &start(*instance);
  }
  ~FdWatchesTest() override { worker->finish(); }
  double misuses() {
    const std::string text = metrics.expose();
    const std::string name = "tocsin_plugin_misuses_total{plugin=\"output/scripted\",id=\"test\"} ";
    const std::size_t at = text.find(name);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size()));
  }

  OutputScript script;
  std::optional<sdk::Host> host;
  InstancePtr instance;
  Worker* worker = nullptr;
  EventFd one;
  EventFd two;
};

TEST_F(FdWatchesTest, TellsEachTimeRoundTheLoopWhileItHolds) {
  std::vector<std::uint32_t> told;
  sdk::FdWatch watch(*host, [&](std::uint32_t events) { told.push_back(events); });
  ASSERT_TRUE(watch.start(one.fd(), kRead));
  loop.run_ready();
  EXPECT_TRUE(told.empty());
  one.signal();
  loop.run_ready();
  loop.run_ready();
  EXPECT_EQ(told, (std::vector<std::uint32_t>{kRead, kRead}));
  one.drain();
  loop.run_ready();
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(FdWatchesTest, TellsOnlyWhatIsAskedAndRestsWhenNothingIs) {
  std::vector<std::uint32_t> told;
  sdk::FdWatch watch(*host, [&](std::uint32_t events) { told.push_back(events); });
  one.signal();
  ASSERT_TRUE(watch.start(one.fd(), kWrite));
  loop.run_ready();
  ASSERT_TRUE(watch.change(kRead | kWrite));
  loop.run_ready();
  ASSERT_TRUE(watch.change(0));
  loop.run_ready();
  EXPECT_EQ(told, (std::vector<std::uint32_t>{kWrite, kRead | kWrite}));
}

TEST_F(FdWatchesTest, AHangUpCountsAsWhatIsAskedFor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  std::vector<std::uint32_t> told;
  sdk::FdWatch reader(*host, [&](std::uint32_t events) { told.push_back(events); });
  ASSERT_TRUE(reader.start(ends[0], kRead));
  ::close(ends[1]);
  loop.run_ready();
  EXPECT_EQ(told, (std::vector<std::uint32_t>{kRead}));
  reader.stop();
  ::close(ends[0]);
}

TEST_F(FdWatchesTest, ACallbackMayEndItsWatchAndAnother) {
  int told = 0;
  std::unique_ptr<sdk::FdWatch> first;
  std::unique_ptr<sdk::FdWatch> second;
  const auto end_both = [&](std::uint32_t) {
    ++told;
    first.reset();
    second.reset();
  };
  first = std::make_unique<sdk::FdWatch>(*host, end_both);
  second = std::make_unique<sdk::FdWatch>(*host, end_both);
  ASSERT_TRUE(first->start(one.fd(), kRead));
  ASSERT_TRUE(second->start(two.fd(), kRead));
  one.signal();
  two.signal();
  run();
  EXPECT_EQ(told, 1);
}

TEST_F(FdWatchesTest, ACallbackMayWatchTheSameDescriptorAnew) {
  int told = 0;
  std::unique_ptr<sdk::FdWatch> watch;
  std::function<void(std::uint32_t)> again = [&](std::uint32_t) {
    ++told;
    watch = std::make_unique<sdk::FdWatch>(*host, again);
    EXPECT_TRUE(watch->start(one.fd(), kRead));
  };
  again(0);
  one.signal();
  loop.run_ready();
  one.drain();
  run();
  EXPECT_EQ(told, 2);
  watch.reset();
}

TEST_F(FdWatchesTest, RefusesWhatCannotBeWatched) {
  sdk::FdWatch watch(*host, [](std::uint32_t) {});
  EXPECT_FALSE(watch.start(-1, kRead));
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  EXPECT_FALSE(watch.start(file, kRead));
  ::close(file);
  EXPECT_EQ(misuses(), 0) << "a library may not know";
  ASSERT_TRUE(watch.start(one.fd(), kRead));
  sdk::FdWatch twice(*host, [](std::uint32_t) {});
  EXPECT_FALSE(twice.start(one.fd(), kRead));
  watch.change(0);
  EXPECT_FALSE(twice.start(one.fd(), kRead)) << "it only rests";
}

TEST_F(FdWatchesTest, CountsNonsense) {
  sdk::FdWatch watch(*host, [](std::uint32_t) {});
  EXPECT_FALSE(watch.start(one.fd(), 0));
  EXPECT_FALSE(watch.start(one.fd(), 4));
  EXPECT_EQ(host->c_host().fd_watch(host->c_worker(), one.fd(), kRead, nullptr, nullptr), 0U);
  EXPECT_EQ(misuses(), 3);
  ASSERT_TRUE(watch.start(one.fd(), kRead));
  EXPECT_FALSE(watch.change(4));
  one.close();
  EXPECT_FALSE(watch.change(kRead)) << "closed before it was unwatched";
  EXPECT_EQ(misuses(), 5);
}

TEST_F(FdWatchesTest, ATokenThatIsOverIsGone) {
  const tocsin_token token =
      worker->fds().watch(one.fd(), kRead, [](void*, std::uint32_t) {}, nullptr);
  ASSERT_NE(token, 0U);
  host->c_host().fd_unwatch(host->c_worker(), token);
  host->c_host().fd_unwatch(host->c_worker(), token);
  EXPECT_EQ(host->c_host().fd_change(host->c_worker(), token, kRead), std::uint32_t{TOCSIN_GONE});
}

TEST_F(FdWatchesTest, IsBounded) {
  std::vector<std::unique_ptr<EventFd>> fds;
  std::vector<std::unique_ptr<sdk::FdWatch>> watches;
  std::size_t begun = 0;
  for (std::size_t i = 0; i <= FdWatches::kWatchesMax; ++i) {
    fds.push_back(std::make_unique<EventFd>());
    watches.push_back(std::make_unique<sdk::FdWatch>(*host, [](std::uint32_t) {}));
    if (watches.back()->start(fds.back()->fd(), kRead)) ++begun;
  }
  EXPECT_EQ(begun, FdWatches::kWatchesMax);
  watches.front()->stop();
  EXPECT_TRUE(watches.back()->start(fds.back()->fd(), kRead));
  watches.clear();
}

TEST_F(FdWatchesTest, EndsWithTheWorker) {
  int told = 0;
  sdk::FdWatch watch(*host, [&](std::uint32_t) { ++told; });
  ASSERT_TRUE(watch.start(one.fd(), kRead));
  one.signal();
  worker->finish();
  run();
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(watch.start(two.fd(), kRead));
}

}  // namespace
}  // namespace tocsin::plugin
