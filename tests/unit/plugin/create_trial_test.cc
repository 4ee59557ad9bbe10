#include "gateway/plugin/create_trial.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

/// Does in create() what its settings say.
class Mortal final : public sdk::Output {
 public:
  struct Settings {
    std::string how;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      how = setup.settings["how"].text();
      return true;
    }
    bool create(const sdk::Setup&, sdk::Fault& fault) const {
      if (how == "die") std::raise(SIGTERM);
      if (how == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
      if (how == "exit") std::_Exit(3);
      if (how == "throw") throw std::runtime_error("thrown");
      return how != "refuse" || fault.refuse("must not be so", "how");
    }
  };
  static constexpr sdk::Option kOptions[] = {{.key = "how", .doc = "What it does."}};
  static constexpr sdk::About kAbout = {"mortal", "0.0.1", "Dies.", kOptions};
  Mortal(const Settings&, sdk::Host) {}
  void deliver(const sdk::Attempt&) override {}
};

// What each instance came to: "" for well.
std::vector<std::string> outcomes(const std::vector<std::string>& hows,
                                  Duration patience = kCreateTrialMax) {
  std::vector<Value> settings;
  for (const std::string& how : hows) settings.push_back(settings_of({{"how", text_value(how)}}));
  std::vector<CreateTrial> trials;
  for (std::size_t i = 0; i < hows.size(); ++i) {
    trials.push_back(
        {sdk::Entry<Mortal>::descriptor(), {Kind::kOutput, "o" + std::to_string(i)}, &settings[i]});
  }
  std::vector<std::string> all;
  for (const auto& outcome : try_create(trials, patience)) {
    all.push_back(outcome ? "" : outcome.error().key + "|" + outcome.error().what);
  }
  return all;
}

TEST(CreateTrial, IsSilentAboutInstancesThatCanBeMade) {
  EXPECT_EQ(outcomes({"", "", ""}), (std::vector<std::string>{"", "", ""}));
  EXPECT_TRUE(outcomes({}).empty());
}

TEST(CreateTrial, RepeatsAPluginsOwnRefusal) {
  EXPECT_EQ(outcomes({"refuse"}), std::vector<std::string>{"how|must not be so"});
}

TEST(CreateTrial, NamesTheOneThatDiesAndTriesTheRest) {
  EXPECT_EQ(outcomes({"", "die", "", "exit", "refuse"}),
            (std::vector<std::string>{"", "|it died with SIGTERM in create or destroy", "",
                                      "|it ended the process with exit code 3 in create or destroy",
                                      "how|must not be so"}));
}

TEST(CreateTrial, DoesNotWaitForOneThatHangs) {
  EXPECT_EQ(outcomes({"hang"}, std::chrono::milliseconds(50)),
            std::vector<std::string>{"|it did not return in time in create or destroy"});
}

}  // namespace
}  // namespace tocsin::plugin
