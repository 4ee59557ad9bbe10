// Replaces the global allocation functions of this test binary with counting ones.
#ifndef TOCSIN_SANITIZED  // the sanitizers bring their own

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "gateway/delivery/intake.h"
#include "tests/unit/delivery/delivery_world.h"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
void* operator new(std::size_t size, std::align_val_t align) {
  ++allocations;
  const auto alignment = static_cast<std::size_t>(align);
  if (void* memory = std::aligned_alloc(alignment, (size + alignment - 1) & ~(alignment - 1)))
    return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace tocsin::delivery::testing {
namespace {

/// Commits everything and keeps nothing, so that what is counted is the gateway's.
class EmptyStorage final : public stage::Storage {
 public:
  bool blocking() const override { return true; }
  Result<stage::StoreState> open(WallTime /*now*/, const stage::OpenOptions& /*options*/) override {
    return stage::StoreState{.epoch = 1};
  }
  void apply(std::span<stage::Operation* const> batch, Function<void(Applied)> done) override {
    for (stage::Operation* op : batch) {
      if (op->kind == stage::OperationKind::kSettle)
        static_cast<stage::Settle*>(op)->changed = true;
      if (op->kind == stage::OperationKind::kAppend) ++appended;
    }
    done({});
  }
  Result<stage::QueryResult> query(const stage::Query& /*query*/) override {
    return stage::QueryResult{};
  }
  Result<std::optional<stage::Record>> get_record(std::string_view /*collection*/,
                                                  std::string_view /*key*/,
                                                  WallTime /*now*/) override {
    return stage::Record{.value = encode(KeySecret{})};
  }
  Result<stage::RecordPage> scan_records(const stage::RecordScan& /*scan*/,
                                         WallTime /*now*/) override {
    return stage::RecordPage{};
  }
  void close() override {}
  int appended = 0;
};

class PlainOutput final : public stage::Output {
 public:
  explicit PlainOutput(stage::AttemptDone& done) : done_(done) {}
  const stage::OutputTraits& traits() const override { return traits_; }
  void deliver(std::span<const stage::Attempt> attempts) override {
    for (const stage::Attempt& one : attempts) {
      done_.complete(one.token, {.kind = VerdictKind::kDelivered});
    }
  }
  void cancel(stage::AttemptToken /*token*/) override {}

 private:
  stage::AttemptDone& done_;
  stage::OutputTraits traits_{.batch_max = 8, .idempotent = true};
};

class Counted final : public stage::EmitDone {
 public:
  void on_emitted(std::span<const stage::EmitOutcome> outcomes) override {
    for (const auto& outcome : outcomes) {
      committed += outcome.kind == stage::EmitOutcome::Kind::kCommitted ? 1 : 0;
    }
  }
  int committed = 0;
};

TEST(DeliveryAllocation, TheSteadyStateAllocatesNothing) {
  EmptyStorage storage;
  ManualClock clock;
  event::Loop store_loop{{"store", &clock, 0}};
  event::Loop worker{{"worker", &clock, 1}};
  telemetry::Metrics metrics(2);
  telemetry::Log log(
      std::make_unique<telemetry::TestSink>(std::make_shared<telemetry::SinkState>()), {});
  BlockPool pool;
  OutboxFront front(store_loop, storage, metrics, log);
  ASSERT_TRUE(front.open());
  OutboxPort port(worker, front);
  Lane lane({port, pool, metrics, log}, "plain", LanePolicy::standard());
  PlainOutput output(lane);
  lane.attach(&output);
  std::vector<routing::Route> routes(1);
  routes[0].outputs = {0};
  const routing::Router router(std::move(routes));
  OverloadGuard guard(metrics);
  Intake intake(port, pool, metrics, guard, {{}, router, {{}}, {&lane.door()}}, front.key_secret());
  Counted counted;
  const stage::EmitItem item{R"({"topic":"orders.created","level":"info","title":"An order"})", {}};
  const auto round = [&] {
    for (int i = 0; i < 16; ++i) {
      ASSERT_TRUE(intake.emit({"api", "shop", 0, {&item, 1}}, counted));
    }
    for (int i = 0; i < 4; ++i) {
      worker.run_ready();
      store_loop.run_ready();
    }
  };
  for (int i = 0; i < 20; ++i) round();  // warms up
  const std::size_t before = allocations;
  for (int i = 0; i < 20; ++i) round();
  const std::size_t made = allocations - before;
  EXPECT_EQ(counted.committed, 640);
  EXPECT_EQ(storage.appended, 640);
  EXPECT_EQ(made, 0U);
  bool drained = false;
  bool stopped = false;
  lane.drain(std::chrono::seconds(1), [&] { drained = true; });
  store_loop.post([&] { front.stop([&] { stopped = true; }); });
  while (!drained || !stopped) {
    worker.run_ready();
    store_loop.run_ready();
  }
}

}  // namespace
}  // namespace tocsin::delivery::testing

#endif
