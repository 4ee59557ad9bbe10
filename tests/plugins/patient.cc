// A filter that takes its time: what holds an event, on a timer or off the loop.

#include <list>
#include <memory>
#include <string>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "wait",
     .type = sdk::kDuration,
     .doc = "How long it holds each event.",
     .default_text = "0s"},
    {.key = "drop", .doc = "The topic it drops then; others pass.", .default_text = "none"},
    {.key = "refuse",
     .type = sdk::kBoolean,
     .doc = "Whether it refuses to start.",
     .default_text = "false"},
};

class Patient final : public sdk::Filter {
 public:
  struct Settings {
    sdk::Duration wait{};
    std::string drop;
    bool refuse = false;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      wait = setup.settings["wait"].duration();
      drop = setup.settings["drop"].text();
      refuse = setup.settings["refuse"].boolean();
      return true;
    }
  };
  static constexpr sdk::About kAbout = {"patient", "0.0.1", "Takes its time.", kOptions};

  Patient(const Settings& settings, sdk::Host host) : settings_(settings), host_(host) {}
  bool start(sdk::Fault& fault) { return !settings_.refuse || fault.refuse("it was told to", ""); }

  sdk::Decision on_message(sdk::Message& message) override {
    const bool drops = message.notification().topic() == settings_.drop;
    if (settings_.wait == sdk::Duration::zero()) {
      return drops ? sdk::Decision::kDrop : sdk::Decision::kPass;
    }
    const tocsin_token token = message.token();
    timers_.emplace_back(host_, [this, token, drops] {
      if (drops) {
        host_.drop(token);
      } else {
        host_.pass(token);
      }
    });
    timers_.back().start(settings_.wait);
    return sdk::Decision::kHold;
  }

 private:
  const Settings& settings_;
  sdk::Host host_;
  std::list<sdk::Timer> timers_;
};

}  // namespace

TOCSIN_PLUGIN(Patient)
