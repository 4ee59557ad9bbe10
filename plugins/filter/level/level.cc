// Lets through what matters enough.
//
//   filters: [{type: level, min: warning}]

#include <algorithm>
#include <iterator>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "min",
     .type = sdk::kChoice,
     .doc = "The least important level that passes.",
     .flags = sdk::kRequired | sdk::kReloadable,
     .choices = "trace|debug|info|notice|warning|error|critical|emergency"},
};

// One of `choices`, in their order.
std::uint32_t level_of(std::string_view name) {
  constexpr std::string_view kNames[] = {"trace",   "debug", "info",     "notice",
                                         "warning", "error", "critical", "emergency"};
  return static_cast<std::uint32_t>(std::find(std::begin(kNames), std::end(kNames), name) -
                                    std::begin(kNames));
}

class LevelFilter final : public sdk::Filter {
 public:
  struct Settings {
    std::uint32_t min = TOCSIN_LEVEL_TRACE;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      min = level_of(setup.settings["min"].text_view());
      return true;
    }
  };
  static constexpr sdk::About kAbout = {
      .name = "level",
      .version = "0.1.0",
      .doc = "Drops what matters less than a level.",
      .options = kOptions,
      .scalar_key = "min",
  };

  LevelFilter(const Settings& settings, sdk::Host) : min_(settings.min) {}
  void reconfigure(const Settings& next) { min_ = next.min; }

  sdk::Decision on_message(sdk::Message& message) override {
    return message.notification().level() < min_ ? sdk::Decision::kDrop : sdk::Decision::kPass;
  }

 private:
  std::uint32_t min_;
};

}  // namespace

TOCSIN_PLUGIN(LevelFilter)
