// Drops notifications that carry a label. Copy this folder, rename "example", and change what
// on_message() does.

#include <string>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "label",
     .doc = "Notifications that have this label are dropped.",
     .flags = sdk::kRequired | sdk::kReloadable,
     .min = "1"},
};

class Example final : public sdk::Filter {
 public:
  // Made once an instance, on the control thread.
  struct Settings {
    std::string label;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      label = setup.settings["label"].text();
      return true;
    }
  };

  static constexpr sdk::About kAbout = {"example", "0.1.0", "Drops what has a label.", kOptions};

  // Made on each loop that filters.
  Example(const Settings& settings, sdk::Host) : settings_(&settings) {}
  // On a reload that changes reloadable options only. Without it the instance is replaced.
  void reconfigure(const Settings& next) { settings_ = &next; }

  sdk::Decision on_message(sdk::Message& message) override {
    const bool marked = message.notification().label(settings_->label).has_value();
    return marked ? sdk::Decision::kDrop : sdk::Decision::kPass;
  }

 private:
  const Settings* settings_;
};

}  // namespace

TOCSIN_PLUGIN(Example)
