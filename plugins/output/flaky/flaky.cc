// Fails on demand: verdicts from a script, or drawn by weight. A test instrument for what surrounds
// outputs: retries, breakers, dead letters.

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "script.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;

constexpr sdk::Option kStep = {
    .doc =
        "delivered, retry, throttled, rejected, target_gone, ambiguous, unauthorized, internal "
        "or hang; retry and throttled may name a wait, as in throttled 2s.",
    .min = "1"};
constexpr sdk::Option kWeight = {.type = sdk::kNumber, .doc = "How often, beside the others."};
constexpr sdk::Option kOptions[] = {
    {.key = "script",
     .type = sdk::kList,
     .doc = "What the attempts come to, one after another and again from the start.",
     .min = "1",
     .max = "10000",
     .element = &kStep},
    {.key = "rates",
     .type = sdk::kMap,
     .doc = "What attempts come to by chance, each with its weight.",
     .min = "1",
     .max = "100",
     .element = &kWeight},
    {.key = "seed",
     .type = sdk::kInteger,
     .doc = "Where the chance begins: the same seed gives the same verdicts.",
     .default_text = "1"},
    {.key = "latency",
     .type = sdk::kDuration,
     .doc = "How long each attempt takes.",
     .default_text = "0s",
     .max = "1h"},
    {.key = "idempotent",
     .type = sdk::kBoolean,
     .doc = "Say that the receiver drops repeated deliveries.",
     .default_text = "false"},
};

class FlakyOutput final : public sdk::Output {
 public:
  struct Settings {
    std::vector<flaky::Step> script;
    flaky::Lottery lottery;
    sdk::Duration latency{};
    bool idempotent = false;

    bool load(const sdk::Setup& setup, sdk::Fault& fault) {
      const sdk::Value& settings = setup.settings;
      latency = settings["latency"].duration();
      idempotent = settings["idempotent"].boolean();
      lottery.seed(static_cast<std::uint64_t>(settings["seed"].integer()));
      const sdk::Value steps = settings["script"];
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const auto step = flaky::parse_step(steps.at(i).text_view());
        if (!step) return fault.refuse(flaky::no_step(steps.at(i).text_view()), "script");
        script.push_back(*step);
      }
      const sdk::Value rates = settings["rates"];
      for (std::size_t i = 0; i < rates.size(); ++i) {
        const auto step = flaky::parse_step(rates.key(i));
        if (!step) return fault.refuse(flaky::no_step(rates.key(i)), "rates");
        if (rates.at(i).number() <= 0) {
          return fault.refuse("a weight is a number above 0", "rates." + std::string(rates.key(i)));
        }
        lottery.add(*step, rates.at(i).number());
      }
      return true;
    }
  };
  static constexpr sdk::About kAbout = {"flaky", "0.1.0",
                                        "Fails as a script says; for tests of what surrounds it.",
                                        kOptions, "script|rates"};
  static sdk::OutputTraits traits(const Settings& settings) {
    return {.batch_max = 16, .idempotent = settings.idempotent};
  }

  FlakyOutput(Settings& settings, sdk::Host host) : settings_(settings), host_(host) {}

  void deliver(const sdk::Attempt& attempt) override {
    const flaky::Step& step = next_step();
    if (!step.verdict) return;
    if (settings_.latency == sdk::Duration::zero()) {
      host_.complete(attempt.token(), *step.verdict);
      return;
    }
    const tocsin_token token = attempt.token();
    auto timer = std::make_unique<sdk::Timer>(host_, [this, token, verdict = *step.verdict] {
      const auto own = waiting_.extract(token);
      host_.complete(token, verdict);
    });
    if (!timer->start(settings_.latency)) return;
    waiting_[token] = std::move(timer);
  }
  void cancel(tocsin_token attempt) override { waiting_.erase(attempt); }

 private:
  const flaky::Step& next_step() {
    if (settings_.script.empty()) return settings_.lottery.draw();
    return settings_.script[position_++ % settings_.script.size()];
  }

  Settings& settings_;
  sdk::Host host_;
  std::size_t position_ = 0;
  std::unordered_map<tocsin_token, std::unique_ptr<sdk::Timer>> waiting_;
};

}  // namespace

TOCSIN_PLUGIN(FlakyOutput)
