// Writes each notification to the gateway's own log: the first output of a new installation, and
// the last resort of a route.

#include <string>

#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kOptions[] = {
    {.key = "level",
     .type = sdk::kChoice,
     .doc = "How the line is logged; same takes the notification's own level.",
     .default_text = "info",
     .choices = "same|trace|debug|info|warning|error|critical"},
};

constexpr std::uint32_t kSameLevel = ~std::uint32_t{0};

std::uint32_t level_of(std::string_view name) {
  constexpr std::string_view kNames[] = {"trace", "debug", "info", "warning", "error", "critical"};
  for (std::uint32_t level = 0; level < std::size(kNames); ++level) {
    if (kNames[level] == name) return level;
  }
  return kSameLevel;
}

// Notifications have a notice and an emergency, logs do not.
std::uint32_t log_level_of(std::uint32_t notification_level) {
  constexpr std::uint32_t kLevels[] = {TOCSIN_LOG_TRACE,    TOCSIN_LOG_DEBUG,   TOCSIN_LOG_INFO,
                                       TOCSIN_LOG_INFO,     TOCSIN_LOG_WARNING, TOCSIN_LOG_ERROR,
                                       TOCSIN_LOG_CRITICAL, TOCSIN_LOG_CRITICAL};
  return kLevels[notification_level < std::size(kLevels) ? notification_level : 0];
}

class LogOutput final : public sdk::Output {
 public:
  struct Settings {
    std::uint32_t level = kSameLevel;
    bool load(const sdk::Setup& setup, sdk::Fault&) {
      level = level_of(setup.settings["level"].text_view());
      return true;
    }
  };
  static constexpr sdk::About kAbout = {"log", "0.1.0",
                                        "Writes notifications to the gateway's log.", kOptions};
  static sdk::OutputTraits traits(const Settings&) { return {.batch_max = 64, .idempotent = true}; }

  LogOutput(const Settings& settings, sdk::Host host) : settings_(settings), host_(host) {}

  void deliver(const sdk::Attempt& attempt) override {
    const std::uint32_t level = settings_.level == kSameLevel
                                    ? log_level_of(attempt.notification().level())
                                    : settings_.level;
    if (host_.log_enabled(level)) {
      line_.assign(attempt.delivery_id()).append(" ").append(attempt.payload());
      host_.log(level, line_);
    }
    host_.complete(attempt.token(), sdk::Verdict::delivered());
  }

 private:
  const Settings& settings_;
  sdk::Host host_;
  std::string line_;
};

}  // namespace

TOCSIN_PLUGIN(LogOutput)
