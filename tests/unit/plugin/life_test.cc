// The calls of an instance's life, in their order, as a plugin sees them; and what becomes of what
// is still open when it ends.

#include <gtest/gtest.h>

#include <atomic>

#include "gateway/plugin/change.h"
#include "gateway/plugin/library.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

using message::VerdictKind;

struct LifeScript {
  std::vector<std::string> calls;
  std::function<void(const sdk::Host&, const sdk::Attempt&)> deliver = [](const sdk::Host&,
                                                                          const sdk::Attempt&) {};
};

/// Notes what it is called with.
class Living final : public sdk::Output {
 public:
  using Script = Scripted<LifeScript>;
  struct Settings {
    std::string word;
    bool load(const sdk::Setup& setup, sdk::Fault& fault) {
      word = setup.settings["word"].text();
      note("load " + word);
      if (word == "throw") throw std::runtime_error("no such word");
      return word != "refuse" || fault.refuse("is no word of mine", "word");
    }
    ~Settings() { note("forget " + word); }
  };
  static constexpr sdk::Option kOptions[] = {
      {.key = "word", .doc = "Noted with each call.", .flags = sdk::kReloadable}};
  static constexpr sdk::About kAbout = {"living", "0.0.1", "Notes its life.", kOptions};

  Living(const Settings& settings, sdk::Host host) : settings_(&settings), host_(host) {
    note("init " + settings.word);
  }
  ~Living() override { note("fini " + settings_->word); }
  void take_up() { note("take up " + settings_->word); }
  void reconfigure(const Settings& next) {
    note("reconfigure " + settings_->word + " to " + next.word);
    settings_ = &next;
  }
  void drain(sdk::Duration deadline) {
    note("drain until " + std::to_string(deadline / std::chrono::seconds(1)));
  }
  void deliver(const sdk::Attempt& attempt) override { Script::script->deliver(host_, attempt); }
  void cancel(tocsin_token) override { note("cancel"); }

 private:
  static void note(std::string call) { Script::script->calls.push_back(std::move(call)); }
  const Settings* settings_;
  sdk::Host host_;
};

class LifeTest : public PluginTest {
 protected:
  using Calls = std::vector<std::string>;

  LifeTest() { Living::Script::script = &script; }
  ~LifeTest() override {
    adapter.reset();
    for (Worker* worker : workers) worker->finish();
    instance.reset();
  }
  static Value word(const std::string& text) { return settings_of({{"word", text_value(text)}}); }
  void begin(const std::string& text = "one") {
    instance = instance_of<Living>(Kind::kOutput, word(text));
    workers.push_back(&start(*instance));
    adapter = std::make_unique<OutputAdapter>(*workers[0], output_traits(*instance).value(), lane);
    script.calls.clear();
  }
  void end() {
    adapter.reset();
    for (Worker* worker : workers) worker->finish();
    workers.clear();
    instance.reset();
  }
  void deliver(stage::AttemptToken token) {
    stage::Attempt attempt;
    attempt.token = token;
    attempt.notification = &notification;
    adapter->deliver({&attempt, 1});
  }
  MonoTime in(int seconds) { return MonoTime(std::chrono::seconds(seconds)); }
  Calls heard() { return std::exchange(script.calls, {}); }

  LifeScript script;
  HeardVerdicts lane;
  message::Notification notification{.topic = "orders"};
  InstancePtr instance;
  std::vector<Worker*> workers;
  std::unique_ptr<OutputAdapter> adapter;
};

TEST_F(LifeTest, GoesFromCreateToDestroyInOrder) {
  instance = instance_of<Living>(Kind::kOutput, word("one"));
  workers.push_back(&start(*instance));
  workers[0]->take_up();
  workers[0]->drain(in(30));
  end();
  EXPECT_EQ(heard(), (Calls{"load one", "init one", "take up one", "drain until 30", "fini one",
                            "forget one"}));
}

TEST_F(LifeTest, AdoptsOnEachLoopWhatWasPrepared) {
  begin();
  workers.push_back(&start(*instance));
  heard();
  ASSERT_TRUE(instance->can_reconfigure());
  ASSERT_TRUE(instance->reconfigure(word("two")));
  EXPECT_EQ(heard(), (Calls{"load two"}));
  workers[0]->reconfigure();
  EXPECT_EQ(heard(), (Calls{"reconfigure one to two"}));  // the other loop still has `one`
  workers[1]->reconfigure();
  EXPECT_EQ(heard(), (Calls{"reconfigure one to two", "forget one"}));
  workers.push_back(&start(*instance));
  EXPECT_EQ(heard(), (Calls{"init two"}));
}

TEST_F(LifeTest, GoesBackToWhatItHadWhenTheReloadIsGivenUp) {
  begin();
  ASSERT_TRUE(instance->reconfigure(word("two")));
  ASSERT_TRUE(instance->reconfigure(word("one")));
  EXPECT_EQ(heard(), (Calls{"load two", "load one", "forget two"}));
  workers.push_back(&start(*instance));
  EXPECT_EQ(heard(), (Calls{"init one"}));
}

TEST_F(LifeTest, ANewLoopBeginsWithWhatWasAdoptedAndNotWithWhatIsPrepared) {
  begin();
  ASSERT_TRUE(instance->reconfigure(word("two")));
  workers.push_back(&start(*instance));
  EXPECT_EQ(heard(), (Calls{"load two", "init one"}));
}

TEST_F(LifeTest, ARefusedReconfigureSaysWhyAndLeavesTheInstanceAsItWas) {
  begin();
  const auto refused = instance->reconfigure(word("refuse"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "is no word of mine");
  EXPECT_EQ(refused.error().key, "word");
  EXPECT_FALSE(instance->reconfigure(word("throw")));
  EXPECT_NE(logged().find("reconfigure threw: no such word"), std::string::npos);
  workers[0]->reconfigure();
  EXPECT_EQ(script.calls.back(), "reconfigure one to one");
}

TEST_F(LifeTest, APluginWithoutTheOptionalCallsIsNotMissed) {
  OutputScript output;
  ScriptedOutput::Script::script = &output;
  instance = instance_of<ScriptedOutput>(Kind::kOutput);
  EXPECT_FALSE(instance->can_reconfigure());
  workers.push_back(&start(*instance));
  workers[0]->take_up();
  workers[0]->drain(in(1));
  EXPECT_EQ(workers[0]->under_way(), 0U);
  end();
}

// ---- the end

TEST_F(LifeTest, WhatIsUnderWayMayEndAfterTheDrain) {
  std::optional<sdk::Host> host;
  tocsin_token token = 0;
  script.deliver = [&](const sdk::Host& own, const sdk::Attempt& attempt) {
    host = own;
    token = attempt.token();
  };
  begin();
  deliver(7);
  workers[0]->drain(in(30));
  EXPECT_EQ(workers[0]->under_way(), 1U);
  host->post([&] { EXPECT_TRUE(host->complete(token, sdk::Verdict::delivered())); });
  run();
  EXPECT_EQ(workers[0]->under_way(), 0U);
  ASSERT_EQ(lane.verdicts.size(), 1U);
  EXPECT_EQ(lane.verdicts[0].second.kind, VerdictKind::kDelivered);
}

TEST_F(LifeTest, TheHostEndsWhatIsOpenAtTheDeadlineAndLaterCompletionsAreGone) {
  std::optional<sdk::Host> host;
  std::vector<tocsin_token> tokens;
  script.deliver = [&](const sdk::Host& own, const sdk::Attempt& attempt) {
    host = own;
    tokens.push_back(attempt.token());
  };
  begin();
  deliver(7);
  deliver(8);
  workers[0]->drain(in(30));
  heard();
  adapter->cut();
  EXPECT_EQ(heard(), (Calls{"cancel", "cancel"}));
  ASSERT_EQ(lane.verdicts.size(), 2U);
  EXPECT_EQ(lane.verdicts[1].first, 8U);
  EXPECT_EQ(lane.verdicts[1].second.kind, VerdictKind::kAmbiguous);
  EXPECT_EQ(workers[0]->under_way(), 0U);
  const telemetry::Counter& late = *instance->metrics().late_completions;
  host->post([&] { EXPECT_FALSE(host->complete(tokens[0], sdk::Verdict::delivered())); });
  run();
  EXPECT_EQ(late.value(), 1U);
  adapter.reset();
  workers[0]->finish();
  EXPECT_FALSE(host->complete(tokens[1], sdk::Verdict::delivered()));
  EXPECT_FALSE(host->post([] {}));
  EXPECT_EQ(late.value(), 3U);
  EXPECT_EQ(lane.verdicts.size(), 2U);
}

TEST_F(LifeTest, AnInstanceWhoseWorkStillRunsAfterTheDrainIsLeakedAndCounted) {
  std::atomic<bool> go = false;
  std::atomic<bool> over = false;
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt&) {
    EXPECT_TRUE(host.offload(
        [&] {
          while (!go) std::this_thread::yield();
          over = true;
        },
        [] { FAIL() << "done after the end"; }));
  };
  begin();
  deliver(7);
  const telemetry::Counter& leaked = *instance->metrics().leaked;
  workers[0]->drain(in(1));
  adapter->cut();
  heard();
  end();
  EXPECT_EQ(leaked.value(), 1U);
  EXPECT_EQ(heard(), (Calls{"fini one"}));  // and its settings stay
  go = true;
  EXPECT_TRUE(until([&] { return over.load(); }));
  run();
}

TEST(Descriptor, NeedsBothHalvesOfAReconfigureOrNone) {
  tocsin_plugin plugin = *sdk::Entry<Living>::descriptor();
  EXPECT_TRUE(check_descriptor(&plugin, Kind::kOutput, "living"));
  plugin.worker_reconfigure = nullptr;
  const auto half = check_descriptor(&plugin, Kind::kOutput, "living");
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().what, "it has only one of reconfigure and worker_reconfigure");
  plugin.reconfigure = nullptr;
  EXPECT_TRUE(check_descriptor(&plugin, Kind::kOutput, "living"));
}

}  // namespace
}  // namespace tocsin::plugin
