#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/routing/pipeline.h"

namespace tocsin::routing {

/// Does what the test says with each notification and keeps the calls it holds.
class FakeFilter final : public stage::Filter {
 public:
  explicit FakeFilter(std::string name) : name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  stage::FilterStatus on_message(stage::FilterCall& call) override {
    seen.emplace_back(call.notification().topic);
    if (remembers) call.remember(++reserved);
    const stage::FilterStatus status = on_call ? on_call(call) : stage::FilterStatus::kPass;
    if (status == stage::FilterStatus::kHold) held.push_back(&call);
    return status;
  }
  void on_outcome(std::uint64_t reservation, bool committed) override {
    outcomes.emplace_back(reservation, committed);
  }

  /// Decides the oldest hold, or the one at `index`.
  void decide(stage::FilterStatus status, std::size_t index = 0) {
    stage::FilterCall* call = held.at(index);
    held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
    call->decide(status);
  }

  std::function<stage::FilterStatus(stage::FilterCall&)> on_call;
  bool remembers = false;
  std::uint64_t reserved = 0;
  std::vector<std::string> seen;
  std::deque<stage::FilterCall*> held;
  std::vector<std::pair<std::uint64_t, bool>> outcomes;

 private:
  std::string name_;
};

class RecordingSink final : public RoutedSink {
 public:
  void on_routed(Routed routed) override {
    tickets.push_back(routed.ticket);
    results.push_back(std::move(routed));
    if (on_result) on_result(results.back());
  }

  std::function<void(Routed&)> on_result;
  std::vector<std::uint64_t> tickets;
  std::deque<Routed> results;  // stays where it is while more come
};

class PipelineTest : public ::testing::Test {
 protected:
  static constexpr WallTime kNow{Duration(1'767'225'600'000'000'000)};
  using Status = stage::FilterStatus;

  static Route route_to(std::vector<std::uint32_t> outputs, std::string topic = {}) {
    Route route;
    route.outputs = std::move(outputs);
    if (!topic.empty()) route.match.topics.push_back(*policy::Glob::compile(topic));
    return route;
  }

  static stage::OutputTraits own() { return {}; }
  static stage::OutputTraits taking(std::string kind, bool has_own) {
    stage::OutputTraits traits;
    traits.address_kind = std::move(kind);
    traits.has_own_address = has_own;
    return traits;
  }

  /// Sends `json` in; false when it was refused.
  bool send(Pipeline& pipeline, std::string_view json, std::uint64_t stream = 0,
            std::uint64_t ticket = 0) {
    Candidate candidate{Arena(pool_, std::size_t{1} << 20), {}, "identity", stream, ticket};
    auto decoded = message::decode_notification(json, candidate.arena, {.now = kNow});
    if (!decoded) ADD_FAILURE() << decoded.error().pointer << ": " << decoded.error().detail;
    candidate.decoded = *decoded;
    return pipeline.submit(std::move(candidate));
  }

  /// "0: 2:email:x" for each delivery, its output and its address.
  static std::vector<std::string> plan_of(const Routed& routed) {
    std::vector<std::string> texts;
    for (const Planned& planned : routed.plan.deliveries) {
      texts.push_back(std::to_string(planned.output) + " " + std::string(planned.address));
    }
    return texts;
  }

  BlockPool pool_;
  RecordingSink sink_;
  FakeFilter first_{"first"};
  FakeFilter second_{"second"};
};

}  // namespace tocsin::routing
