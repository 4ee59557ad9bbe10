// Replaces the global allocation functions of this test binary with counting ones.
#ifndef TOCSIN_SANITIZED  // the sanitizers bring their own

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/unit/routing/pipeline_fixture.h"

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* memory = counted(size)) return memory;
  std::abort();
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return counted(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept { std::free(memory); }

namespace tocsin::routing {
namespace {

/// Holds every other notification until the next one comes.
class HoldingFilter final : public stage::Filter {
 public:
  std::string_view name() const override { return "holding"; }
  stage::FilterStatus on_message(stage::FilterCall& call) override {
    call.remember(1);
    if (held_ == nullptr) {
      held_ = &call;
      return stage::FilterStatus::kHold;
    }
    std::exchange(held_, nullptr)->decide(stage::FilterStatus::kPass);
    return stage::FilterStatus::kPass;
  }

 private:
  stage::FilterCall* held_ = nullptr;
};

class CountingSink final : public RoutedSink {
 public:
  void on_routed(Routed routed) override {
    deliveries += routed.plan.deliveries.size();
    routed.fate.tell(true);
  }
  std::size_t deliveries = 0;
};

TEST_F(PipelineTest, AllocatesNothingInTheSteadyState) {
  const Router router({route_to({0, 1}, "orders.**")});
  const stage::OutputTraits outputs[] = {taking("email", true), own()};
  HoldingFilter filter;
  CountingSink sink;
  Pipeline pipeline({&filter}, router, outputs, sink);
  constexpr std::string_view kJson =
      R"({"topic":"orders.eu.created","title":"A \"title\"","labels":{"team":"a","host":"b"},)"
      R"("data":{"a":[1,{"b":"\u00e9"}]},"to":["email:a@b.example","phone:1"],"delay":"5m"})";
  std::size_t counted = 0;
  for (int i = 0; i < 400; ++i) {
    if (i == 200) counted = allocations;  // the first half warms up
    ASSERT_TRUE(send(pipeline, kJson, static_cast<std::uint64_t>(i % 3)));
  }
  EXPECT_EQ(allocations - counted, 0U);
  EXPECT_EQ(sink.deliveries, 800U);
}

}  // namespace
}  // namespace tocsin::routing

#endif
