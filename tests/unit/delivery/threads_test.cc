// Two workers and a storage loop on threads of their own, real time, no order that a test could
// know: what must hold is that everything accepted is delivered exactly once and all ends.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/unit/delivery/delivery_world.h"

namespace tocsin::delivery::testing {
namespace {

using std::chrono::seconds;

/// A loop on a thread of its own.
class LoopThread {
 public:
  explicit LoopThread(std::string name) : loop({.name = std::move(name)}) {}
  ~LoopThread() { stop(); }
  void start() {
    thread_ = std::thread([this] { loop.run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }
  /// Runs the task there and waits for it.
  void run(std::function<void()> task) {
    std::promise<void> ran;
    loop.post([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  event::Loop loop;

 private:
  std::thread thread_;
};

/// A worker: its loop, port, pool, one lane, and a producer that keeps a few requests going.
class Worker {
 public:
  Worker(std::string name, OutboxFront& front, telemetry::Metrics& metrics, telemetry::Log& log)
      : thread(name), port(thread.loop, front) {
    LanePolicy policy = LanePolicy::standard();
    policy.concurrency = 4;
    lane.emplace(LaneSurroundings{port, pool, metrics, log}, name, policy);
    output.emplace(*lane);
  }

  void begin(std::vector<LaneDoor*> to, int requests, std::atomic<int>& answered) {
    output->script = [this](const stage::Attempt& attempt) -> std::optional<Verdict> {
      if (attempt.number == 1 && attempt.delivery.notification.value % 7 == 0) {
        return retry("the first time it fails", std::chrono::milliseconds(1));
      }
      ++delivered_here;
      return delivered();
    };
    lane->attach(&*output);
    for (int i = 0; i < 8; ++i) send(to, requests / 8, answered);
  }
  void end() {
    lane.reset();
    groups.clear();
  }

  LoopThread thread;
  BlockPool pool;
  OutboxPort port;
  std::optional<Lane> lane;
  std::optional<FakeOutput> output;
  std::vector<std::unique_ptr<TestGroup>> groups;
  int delivered_here = 0;

 private:
  void send(const std::vector<LaneDoor*>& to, int left, std::atomic<int>& answered) {
    TestGroup& group = *groups.emplace_back(std::make_unique<TestGroup>());
    group.add(pool, thread.loop.clock(), {.to = to});
    ASSERT_TRUE(port.reserve(1, group.bytes));
    group.at_answer = [this, to, left, &answered](TestGroup& done) {
      ASSERT_TRUE(done.committed());
      ++answered;
      if (left > 1) send(to, left - 1, answered);
    };
    port.submit(group);
  }
};

TEST(Threads, TwoWorkersDeliverToEachOthersLanesExactlyOnce) {
  constexpr int kRequests = 800;
  FakeStorage storage;
  telemetry::Metrics metrics(4);
  telemetry::Log log(
      std::make_unique<telemetry::TestSink>(std::make_shared<telemetry::SinkState>()),
      {.level = telemetry::LogLevel::kCritical});
  LoopThread store("store");
  OutboxFront front(store.loop, storage, metrics, log);
  ASSERT_TRUE(front.open());
  Worker one("one", front, metrics, log);
  Worker two("two", front, metrics, log);
  std::atomic<int> answered = 0;
  const std::vector<LaneDoor*> both = {&one.lane->door(), &two.lane->door()};
  for (LoopThread* thread : {&store, &one.thread, &two.thread}) thread->start();
  for (Worker* worker : {&one, &two}) {
    worker->thread.run([&] { worker->begin(both, kRequests, answered); });
  }
  const auto give_up = std::chrono::steady_clock::now() + seconds(60);
  while (storage.count(DeliveryState::kDelivered) < 4 * kRequests &&
         std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }
  EXPECT_EQ(storage.count(DeliveryState::kDelivered), 4U * kRequests);
  EXPECT_EQ(answered, 2 * kRequests);
  for (Worker* worker : {&one, &two}) {
    std::promise<void> drained;
    worker->thread.run([&] { worker->lane->drain(seconds(30), [&] { drained.set_value(); }); });
    drained.get_future().wait();
  }
  std::promise<void> stopped;
  store.run([&] { front.stop([&] { stopped.set_value(); }); });
  stopped.get_future().wait();
  for (Worker* worker : {&one, &two}) worker->thread.run([&] { worker->end(); });
  for (LoopThread* thread : {&one.thread, &two.thread, &store}) thread->stop();
  EXPECT_EQ(one.delivered_here, 2 * kRequests);
  EXPECT_EQ(two.delivered_here, 2 * kRequests);
}

}  // namespace
}  // namespace tocsin::delivery::testing
