// An output that misbehaves as its settings say: what the host must contain.

#include <cstdlib>
#include <fstream>
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
     .choices = "die_in_create|throw_in_create|throw_in_"
                "worker_init|throw_in_deliver|"
                "complete_twice|never_complete|complete_late|other_thread|slow|crash|hang|"
                "corrupt|hang_in_create|hang_in_second_create|"
                "hang_in_second_destroy"},
    {.key = "topic", .doc = "Only with notifications of this topic; others are delivered."},
    {.key = "seen", .doc = "A file that the first create, or destroy, makes."},
    {.key = "hang", .type = sdk::kDuration, .doc = "How long it hangs.", .default_text = "8s"},
};

class Unruly final : public sdk::Output {
 public:
  struct Settings {
    std::string how;
    std::string topic;
    std::string seen;
    sdk::Duration hang{};
    mutable bool created = false;  // and not only validated
    Settings() = default;
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;
    ~Settings() {
      if (!created || how != "hang_in_second_destroy") return;
      if (std::ifstream(seen).good()) std::this_thread::sleep_for(hang);
      std::ofstream{seen};
    }
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      how = setup.settings["how"].text();
      topic = setup.settings["topic"].text();
      seen = setup.settings["seen"].text();
      hang = setup.settings["hang"].duration();
      return true;
    }
    bool create(const sdk::Setup&, sdk::Fault&) const {
      created = true;
      if (how == "die_in_create") std::abort();
      if (how == "hang_in_create") std::this_thread::sleep_for(hang);
      if (how == "hang_in_second_create") {
        if (std::ifstream(seen).good()) std::this_thread::sleep_for(hang);
        std::ofstream{seen};
      }
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
    if (!settings_.topic.empty() && attempt.notification().topic() != settings_.topic) {
      host_.complete(token, delivered);
      return;
    }
    if (settings_.how == "crash") std::abort();
    if (settings_.how == "corrupt") return corrupt(token);
    if (settings_.how == "throw_in_deliver") throw std::runtime_error("thrown in deliver");
    if (settings_.how == "never_complete") return;
    if (settings_.how == "complete_late") {
      late_ = token;
      return;
    }
    if (settings_.how == "other_thread") {
      std::thread([this, token, delivered] { host_.complete(token, delivered); }).join();
    }
    if (settings_.how == "hang") std::this_thread::sleep_for(settings_.hang);
    if (settings_.how == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(150));
    host_.complete(token, delivered);
    if (settings_.how == "complete_twice") host_.complete(token, delivered);
  }
  void cancel(tocsin_token) override {
    if (late_ != 0) host_.post([this] { host_.complete(late_, sdk::Verdict::delivered()); });
  }

 private:
  // A verdict of no kind whose reason points nowhere, in three ways to say so.
  void corrupt(tocsin_token token) {
    tocsin_verdict verdict{};
    verdict.size = sizeof(verdict);
    verdict.kind = 4711;
    verdict.reason = {nullptr, 1000};
    host_.c_host().complete(host_.c_worker(), token, &verdict);
    host_.c_host().complete(host_.c_worker(), ~token, &verdict);
    host_.c_host().complete(host_.c_worker(), token, nullptr);
  }

  const Settings& settings_;
  sdk::Host host_;
  tocsin_token late_ = 0;
};

}  // namespace

TOCSIN_PLUGIN(Unruly)
