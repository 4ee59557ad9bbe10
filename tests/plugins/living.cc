// An output that logs the calls of its life.

#include <string>
#include <vector>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "name", .doc = "Another one makes another instance.", .flags = sdk::kRequired},
    {.key = "word",
     .doc = "Another one is adopted; it refuses to be called refuse.",
     .default_text = "hello",
     .flags = sdk::kReloadable},
    {.key = "hold",
     .type = sdk::kBoolean,
     .doc = "Keep attempts until the drain.",
     .default_text = "false"},
};

class Living final : public sdk::Output {
 public:
  struct Settings {
    std::string name;
    std::string word;
    bool hold = false;
    bool load(const sdk::Setup& setup, sdk::Fault& fault) {
      name = setup.settings["name"].text();
      word = setup.settings["word"].text();
      hold = setup.settings["hold"].boolean();
      return word != "refuse" || fault.refuse("is no word of mine", "word");
    }
  };
  static constexpr sdk::About kAbout = {"living", "0.0.1", "Logs its life.", kOptions};

  Living(const Settings& settings, sdk::Host host) : settings_(&settings), host_(host) {
    log("init");
  }
  ~Living() override { log("fini"); }
  void take_up() { log("take up"); }
  void reconfigure(const Settings& next) {
    settings_ = &next;
    log("reconfigure to " + next.word);
  }
  void drain(sdk::Duration) {
    log("drain");
    for (const tocsin_token held : held_) host_.complete(held, sdk::Verdict::delivered());
  }
  void deliver(const sdk::Attempt& attempt) override {
    log("deliver " + settings_->word);
    if (settings_->hold) {
      held_.push_back(attempt.token());
    } else {
      host_.complete(attempt.token(), sdk::Verdict::delivered());
    }
  }

 private:
  void log(const std::string& call) const { host_.info(settings_->name + ": " + call); }

  const Settings* settings_;
  sdk::Host host_;
  std::vector<tocsin_token> held_;
};

}  // namespace

TOCSIN_PLUGIN(Living)
