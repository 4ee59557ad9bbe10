#include "gateway/plugin/filter_adapter.h"

#include <gtest/gtest.h>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

using stage::FilterStatus;

struct FilterScript {
  std::function<sdk::Decision(const sdk::Host&, sdk::Message&)> on_message;
  std::vector<std::pair<std::uint64_t, bool>> outcomes;
};

class ScriptedFilter final : public sdk::Filter {
 public:
  using Script = Scripted<FilterScript>;
  struct Settings {
    bool load(const sdk::Setup&, sdk::Fault&) { return true; }
  };
  static constexpr sdk::About kAbout = {"scripted", "0.0.1", "Does what a test says."};
  ScriptedFilter(const Settings&, sdk::Host host) : host_(host) {}
  sdk::Decision on_message(sdk::Message& message) override {
    return Script::script->on_message(host_, message);
  }
  void on_outcome(std::uint64_t reservation, bool committed) override {
    Script::script->outcomes.emplace_back(reservation, committed);
  }

 private:
  sdk::Host host_;
};

struct RecordedCall final : stage::FilterCall {
  explicit RecordedCall(Arena& a) : arena_(a) {}
  message::Notification& notification() override { return notification_; }
  Arena& arena() override { return arena_; }
  std::string_view identity() const override { return "kafka/3/17"; }
  void remember(std::uint64_t reservation) override { remembered = reservation; }
  void decide(FilterStatus status) override {
    decisions.push_back(status);
    if (on_decide) on_decide();
  }

  std::uint64_t remembered = 0;
  std::vector<FilterStatus> decisions;
  std::function<void()> on_decide;

 private:
  message::Notification notification_{.topic = "orders", .level = message::Level::kError};
  Arena& arena_;
};

class FilterAdapterTest : public PluginTest {
 protected:
  FilterAdapterTest() {
    FilterScript& own = script;
    ScriptedFilter::Script::script = &own;
    instance = instance_of<ScriptedFilter>(Kind::kFilter);
    worker = &start(*instance);
    adapter = std::make_unique<FilterAdapter>(*worker);
  }
  ~FilterAdapterTest() override {
    adapter.reset();
    worker->finish();
  }
  void hold() {
    script.on_message = [this](const sdk::Host& given, sdk::Message& message) {
      host = given;
      token = message.token();
      return sdk::Decision::kHold;
    };
  }
  /// As the plugin would from a timer.
  void later(std::function<void()> what) {
    ASSERT_TRUE(host->post(std::move(what)));
    run();
  }

  BlockPool blocks;
  Arena arena{blocks, 65536};
  FilterScript script;
  InstancePtr instance;
  Worker* worker = nullptr;
  std::unique_ptr<FilterAdapter> adapter;
  RecordedCall call{arena};
  std::optional<sdk::Host> host;
  tocsin_token token = 0;
};

TEST_F(FilterAdapterTest, AnswersAsThePluginDecides) {
  script.on_message = [](const sdk::Host&, sdk::Message& message) {
    EXPECT_EQ(message.notification().topic(), "orders");
    EXPECT_EQ(message.notification().level(), std::uint32_t{TOCSIN_LEVEL_ERROR});
    EXPECT_EQ(message.identity(), "kafka/3/17");
    return sdk::Decision::kDrop;
  };
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kDrop);
  script.on_message = [](const sdk::Host&, sdk::Message&) { return sdk::Decision::kPass; };
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kPass);
  EXPECT_EQ(adapter->name(), "test");
}

TEST_F(FilterAdapterTest, RemembersAReservationAndTellsItsOutcome) {
  script.on_message = [](const sdk::Host&, sdk::Message& message) {
    message.remember(77);
    return sdk::Decision::kPass;
  };
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kPass);
  EXPECT_EQ(call.remembered, 77U);
  EXPECT_EQ(worker->under_way(), 1U);  // the plugin is owed an outcome
  adapter->on_outcome(77, true);
  EXPECT_EQ(worker->under_way(), 0U);
  EXPECT_EQ(script.outcomes, (std::vector<std::pair<std::uint64_t, bool>>{{77, true}}));
}

TEST_F(FilterAdapterTest, PassesWhatIsHeldWhenItIsCut) {
  hold();
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kHold);
  EXPECT_EQ(worker->under_way(), 1U);
  adapter->cut();
  EXPECT_EQ(call.decisions, std::vector{FilterStatus::kPass});
  EXPECT_EQ(worker->under_way(), 0U);
  later([this] { EXPECT_FALSE(host->drop(token)); });
  advance(FilterAdapter::kHoldMax * 2);
  EXPECT_EQ(call.decisions.size(), 1U);
}

TEST_F(FilterAdapterTest, EndsAHoldOnceThePluginHasReturned) {
  hold();
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kHold);
  later([this] {
    EXPECT_TRUE(host->drop(token));
    EXPECT_TRUE(call.decisions.empty());
  });
  EXPECT_EQ(call.decisions, std::vector{FilterStatus::kDrop});
}

TEST_F(FilterAdapterTest, TakesADecisionMadeBeforeTheHoldIsReturned) {
  script.on_message = [](const sdk::Host& given, sdk::Message& message) {
    given.drop(message.token());
    return sdk::Decision::kHold;
  };
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kDrop);
  EXPECT_TRUE(call.decisions.empty());
}

TEST_F(FilterAdapterTest, CountsASecondDecision) {
  hold();
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kHold);
  later([this] {
    EXPECT_TRUE(host->pass(token));
    EXPECT_FALSE(host->drop(token));
  });
  EXPECT_EQ(call.decisions, std::vector{FilterStatus::kPass});
  EXPECT_EQ(instance->metrics().late_completions->value(), 1U);
}

TEST_F(FilterAdapterTest, LetsAMessagePassThatIsHeldTooLong) {
  hold();
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kHold);
  advance(FilterAdapter::kHoldMax - std::chrono::milliseconds(2));
  EXPECT_TRUE(call.decisions.empty());
  advance(std::chrono::milliseconds(4));
  EXPECT_EQ(call.decisions, std::vector{FilterStatus::kPass});
  EXPECT_EQ(instance->metrics().expired->value(), 1U);
  EXPECT_NE(logged().find("the filter held a message too long: it passes"), std::string::npos);
}

TEST_F(FilterAdapterTest, LetsAMessagePassWhoseFilterThrows) {
  script.on_message = [](const sdk::Host&, sdk::Message&) -> sdk::Decision { throw 1; };
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kPass);
}

TEST_F(FilterAdapterTest, LetsAMessagePassOnANonsenseDecisionAndCountsIt) {
  script.on_message = [](const sdk::Host&, sdk::Message&) { return static_cast<sdk::Decision>(9); };
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kPass);
  EXPECT_EQ(instance->metrics().misuses->value(), 1U);
}

TEST_F(FilterAdapterTest, KeepsTwoMessagesApartWhenOneDecisionLetsTheOtherIn) {
  hold();
  EXPECT_EQ(adapter->on_message(call), FilterStatus::kHold);
  const tocsin_token first = token;
  RecordedCall third{arena};
  std::optional<FilterStatus> third_status;
  call.on_decide = [&] { third_status = adapter->on_message(third); };
  int asked = 0;
  script.on_message = [&](const sdk::Host& given, sdk::Message& message) {
    if (++asked > 1) return sdk::Decision::kPass;
    given.pass(first);            // lets the first one go, which brings in the third
    given.drop(message.token());  // and decides this one
    return sdk::Decision::kHold;
  };
  RecordedCall second{arena};
  EXPECT_EQ(adapter->on_message(second), FilterStatus::kDrop);
  EXPECT_EQ(third_status, FilterStatus::kPass);
}

}  // namespace
}  // namespace tocsin::plugin
