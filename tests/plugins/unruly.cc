// An output that misbehaves as its settings say: what the host must contain.

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "how",
     .type = sdk::kChoice,
     .doc = "What it does wrong.",
     .flags = sdk::kRequired,
     .choices = "die_in_create|throw_in_create|throw_in_worker_init|throw_in_deliver|"
                "complete_twice|never_complete|complete_late|other_thread|slow"},
};

class Unruly final : public sdk::Output {
 public:
  struct Settings {
    std::string how;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      how = setup.settings["how"].text();
      return true;
    }
    bool create(const sdk::Setup&, sdk::Fault&) const {
      if (how == "die_in_create") std::abort();
      if (how == "throw_in_create") throw std::runtime_error("thrown in create");
      return true;
    }
  };
  static constexpr sdk::About kAbout = {"unruly", "0.0.1", "Misbehaves.", kOptions};

  Unruly(const Settings& settings, sdk::Host host) : settings_(settings), host_(host) {
    if (settings.how == "throw_in_worker_init") throw std::runtime_error("thrown in worker_init");
  }

  void deliver(const sdk::Attempt& attempt) override {
    const tocsin_token token = attempt.token();
    const sdk::Verdict delivered = sdk::Verdict::delivered();
    if (settings_.how == "throw_in_deliver") throw std::runtime_error("thrown in deliver");
    if (settings_.how == "never_complete") return;
    if (settings_.how == "complete_late") {
      late_ = token;
      return;
    }
    if (settings_.how == "other_thread") {
      std::thread([this, token, delivered] { host_.complete(token, delivered); }).join();
    }
    if (settings_.how == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(150));
    host_.complete(token, delivered);
    if (settings_.how == "complete_twice") host_.complete(token, delivered);
  }
  void cancel(tocsin_token) override {
    if (late_ != 0) host_.post([this] { host_.complete(late_, sdk::Verdict::delivered()); });
  }

 private:
  const Settings& settings_;
  sdk::Host host_;
  tocsin_token late_ = 0;
};

}  // namespace

TOCSIN_PLUGIN(Unruly)
