#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/base/clock.h"
#include "gateway/delivery/lane.h"
#include "gateway/delivery/outbox_front.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/event/loop.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"
#include "tests/unit/delivery/fake_storage.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::delivery::testing {

using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;

/// An output that does what the test says. Attempts without a scripted verdict stay open.
class FakeOutput final : public stage::Output {
 public:
  explicit FakeOutput(stage::AttemptDone& done) : done_(done) {}

  const stage::OutputTraits& traits() const override { return made; }
  void deliver(std::span<const stage::Attempt> attempts) override {
    batches.push_back(attempts.size());
    for (const stage::Attempt& one : attempts) {
      seen.push_back({one.token, one.delivery, one.number, std::string(one.address),
                      std::string(one.payload), one.notification->level, one.deadline});
      if (std::optional<Verdict> verdict = script ? script(one) : std::nullopt) {
        done_.complete(one.token, *std::move(verdict));
      } else {
        open.push_back(one.token);
      }
    }
  }
  void cancel(stage::AttemptToken token) override {
    cancelled.push_back(token);
    std::erase(open, token);
    if (at_cancel) at_cancel(token);
  }
  void complete(Verdict verdict = {.kind = VerdictKind::kDelivered}) {
    const stage::AttemptToken token = open.front();
    open.erase(open.begin());
    done_.complete(token, std::move(verdict));
  }

  struct Seen {
    stage::AttemptToken token;
    message::DeliveryId delivery;
    std::uint32_t number;
    std::string address;
    std::string payload;
    message::Level level;
    MonoTime deadline;
  };
  stage::OutputTraits made{.idempotent = true};
  std::function<std::optional<Verdict>(const stage::Attempt&)> script;
  std::function<void(stage::AttemptToken)> at_cancel;
  std::vector<Seen> seen;
  std::vector<std::size_t> batches;
  std::vector<stage::AttemptToken> open;
  std::vector<stage::AttemptToken> cancelled;

 private:
  stage::AttemptDone& done_;
};

inline Verdict delivered(std::string provider_id = {}) {
  return {.kind = VerdictKind::kDelivered, .provider_id = std::move(provider_id)};
}
inline Verdict retry(std::string reason = "try later", Duration after = Duration::zero()) {
  return {.kind = VerdictKind::kRetry, .after = after, .reason = std::move(reason)};
}

/// What a test appends.
struct Note {
  std::vector<LaneDoor*> to;
  message::Level level = message::Level::kInfo;
  WallTime deliver_at{};
  std::optional<WallTime> expires_at{};
  std::string address{};
  std::string text = "hello";
  std::optional<stage::IdempotencyKey> key{};
  std::string caller{};
  std::optional<message::DeliveryClass> priority{};  ///< nothing: as the level says
  std::vector<message::Recipient> recipients{};      ///< of the notification; of static texts
};

/// A request's appends, and what was answered.
class TestGroup final : public AppendGroup {
 public:
  void add(BlockPool& pool, const Clock& clock, const Note& note) {
    Arena arena(pool, 1 << 20);
    auto* notification = arena.make<message::Notification>();
    std::string json = R"({"topic":"t","level":")" + std::string(level_name(note.level)) +
                       R"(","body":")" + note.text + "\"}";
    const std::string_view payload = *arena.copy(json);
    const std::string_view address = *arena.copy(note.address);
    notification->topic = "t";
    notification->level = note.level;
    notification->expires_at = note.expires_at;
    const auto to = *arena.make_array<message::Recipient>(note.recipients.size());
    std::ranges::copy(note.recipients, to.begin());
    notification->to = to;
    Item& item = items.emplace_back();
    item.message = message::Message(std::move(arena).seal(), *notification, payload);
    item.append.input = "test";
    item.append.caller = keep(note.caller);
    item.append.topic = "t";
    item.append.level = note.level;
    item.append.payload = payload;
    item.append.accepted_at = clock.wall();
    item.append.expires_at = note.expires_at;
    item.append.key = note.key;
    item.first_row = static_cast<std::uint32_t>(rows.size());
    item.rows = static_cast<std::uint32_t>(note.to.size());
    bytes += payload.size();
    for (LaneDoor* door : note.to) {
      rows.push_back({.output = door->output(),
                      .address = address,
                      .next_at = note.deliver_at,
                      .queue = note.priority.value_or(message::class_of(note.level))});
      doors.push_back(door);
    }
  }
  void on_answered() override {
    ++answers;
    if (at_answer) at_answer(*this);
  }
  message::NotificationId id(std::size_t item = 0) const { return items[item].append.id; }
  message::DeliveryId delivery(std::uint32_t ordinal = 0) const { return {id(), ordinal}; }

  int answers = 0;
  std::function<void(TestGroup&)> at_answer;

 private:
  std::string_view keep(const std::string& text) {
    return *kept_.emplace_back(std::make_unique<std::string>(text));
  }
  std::vector<std::unique_ptr<std::string>> kept_;
};

class TestCancel final : public CancelRequest {
 public:
  void on_answered() override { ++answers; }
  int answers = 0;
};

class TestReview final : public ReviewRequest {
 public:
  void on_answered() override { ++answers; }
  int answers = 0;
};

/// A front and one worker's port and pool, on loops whose time and turns the test owns.
class World {
 public:
  explicit World(FakeStorage& store, FrontOptions options = {})
      : storage(store), front_options(std::move(options)) {
    auto opened = front.open();
    TOCSIN_ASSERT(opened, "the fake store did not open");
    port = std::make_unique<OutboxPort>(worker, front);
  }
  ~World() {
    if (!stopped) stop();
    lanes.clear();
  }

  void turn(int times = 12) {
    for (int i = 0; i < times; ++i) {
      worker.run_ready();
      store_loop.run_ready();
    }
  }
  void advance(Duration by) {
    clock.advance(by);
    turn();
  }
  /// In steps, so that renewals keep up as they do in life.
  void pass(Duration time, Duration step = std::chrono::seconds(1)) {
    for (Duration gone{}; gone < time; gone += step) advance(std::min(step, time - gone));
  }

  struct LaneAndOutput {
    std::unique_ptr<Lane> lane;
    std::unique_ptr<FakeOutput> output;
    LaneDoor* door() const { return &lane->door(); }
  };
  /// A lane whose output is idempotent unless the test says otherwise before turn().
  LaneAndOutput& add_lane(std::string name, LanePolicy policy = LanePolicy::standard(),
                          bool idempotent = true) {
    auto& made = *lanes.emplace_back(std::make_unique<LaneAndOutput>());
    made.lane = std::make_unique<Lane>(LaneSurroundings{*port, pool, metrics, log}, std::move(name),
                                       std::move(policy));
    made.output = std::make_unique<FakeOutput>(*made.lane);
    made.output->made.idempotent = idempotent;
    made.lane->attach(made.output.get());
    turn();
    return made;
  }

  /// Submits one request; its answer comes in a later turn.
  TestGroup& submit(const std::vector<Note>& notes) {
    TestGroup& group = *groups.emplace_back(std::make_unique<TestGroup>());
    for (const Note& note : notes) group.add(pool, clock, note);
    TOCSIN_ASSERT(port->reserve(group.items.size(), group.bytes), "the waiting room is full");
    port->submit(group);
    return group;
  }
  TestGroup& append(const Note& note) {
    TestGroup& group = submit({note});
    turn();
    return group;
  }
  /// A sample of the metrics by its name and labels as they are exposed; -1: there is none.
  double metric(std::string_view sample) {
    const std::string text = metrics.expose();
    const std::size_t at = text.find(std::string(sample) + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 1));
  }
  void stop() {
    stopped = true;
    bool done = false;
    store_loop.post([&] { front.stop([&] { done = true; }); });
    while (!done) turn(1);
    turn();
    drain_lanes();
  }
  void drain_lanes() {
    std::size_t left = lanes.size();
    for (auto& one : lanes) one->lane->drain(std::chrono::seconds(1), [&left] { --left; });
    while (left > 0) advance(std::chrono::seconds(1));
  }

  ManualClock clock;
  FakeStorage& storage;
  event::Loop store_loop{{"store", &clock, 0}};
  event::Loop worker{{"worker", &clock, 1}};
  telemetry::Metrics metrics{2};
  std::shared_ptr<telemetry::SinkState> logged = std::make_shared<telemetry::SinkState>();
  telemetry::Log log{std::make_unique<telemetry::TestSink>(logged), {}, clock};
  BlockPool pool;
  const FrontOptions front_options;
  OutboxFront front{store_loop, storage, metrics, log, front_options};
  std::unique_ptr<OutboxPort> port;
  std::vector<std::unique_ptr<LaneAndOutput>> lanes;
  std::vector<std::unique_ptr<TestGroup>> groups;
  bool stopped = false;
};

}  // namespace tocsin::delivery::testing
