// A child works through the trials and reports each on a pipe; when it dies, the trial it had not
// reported killed it, and another child goes on behind that one.
//
//   report: code u8 (kOk or 1 + Code) | lengths u16 u16 | what | key

#include "gateway/plugin/create_trial.h"

#include <optional>
#include <string>
#include <utility>

#include "gateway/plugin/trial_child.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/sink.h"

namespace tocsin::plugin {

namespace {

using Outcome = tl::expected<void, Refusal>;

constexpr std::uint8_t kOk = 0;
constexpr std::size_t kTextMax = 1024;

struct Header {
  std::uint8_t code;
  std::uint16_t what_len;
  std::uint16_t key_len;
};

// ---- the child

void report(int fd, const Outcome& outcome) {
  std::string what;
  std::string key;
  Header header{kOk, 0, 0};
  if (!outcome) {
    what = outcome.error().what.substr(0, kTextMax);
    key = outcome.error().key.substr(0, kTextMax);
    header = {static_cast<std::uint8_t>(1 + static_cast<int>(outcome.error().code)),
              static_cast<std::uint16_t>(what.size()), static_cast<std::uint16_t>(key.size())};
  }
  TrialChild::tell(fd, &header, sizeof(header));
  TrialChild::tell(fd, what.data(), what.size());
  TrialChild::tell(fd, key.data(), key.size());
}

void serve(std::span<const CreateTrial> trials, const templates::SettingsPtr& templates, int fd) {
  // What a dead plugin leaves on standard error is the operator's best hint, so nothing is closed.
  telemetry::Log log(telemetry::standard_error_sink(), {.level = telemetry::LogLevel::kWarning});
  telemetry::Metrics metrics(1);
  PluginMetrics plugin_metrics(metrics);
  const Services services{.log = log, .metrics = plugin_metrics, .templates = templates};
  for (const CreateTrial& trial : trials) {
    Outcome outcome;
    {
      auto made = Instance::create(*trial.plugin, trial.name, *trial.settings, services);
      if (!made) outcome = tl::unexpected(std::move(made).error());
    }
    log.flush(std::chrono::seconds(1));
    report(fd, outcome);
  }
}

// ---- the parent

std::optional<Outcome> read_report(TrialChild& child, const CreateTrial& trial, MonoTime until) {
  Header header{};
  if (!child.hear(&header, sizeof(header), until)) return std::nullopt;
  if (header.code == kOk) return Outcome();
  Refusal refusal;
  refusal.code = static_cast<Code>(header.code - 1);
  refusal.what.resize(header.what_len);
  refusal.key.resize(header.key_len);
  if (!child.hear(refusal.what.data(), refusal.what.size(), until) ||
      !child.hear(refusal.key.data(), refusal.key.size(), until)) {
    return std::nullopt;
  }
  refusal.place = place_of(*trial.settings, refusal.key);
  return Outcome(tl::unexpected(std::move(refusal)));
}

Refusal refused(const CreateTrial& trial, std::string what) {
  return {Code::kInternal, std::move(what), {}, trial.settings->place()};
}

// Appends the outcomes of trials up to and with the first that ends its child.
void try_some(std::span<const CreateTrial> trials, const templates::SettingsPtr& templates,
              Duration patience, std::vector<Outcome>& out) {
  Result<TrialChild> child =
      TrialChild::start([trials, &templates](int fd) { serve(trials, templates, fd); });
  if (!child) {
    for (const CreateTrial& trial : trials) {
      out.push_back(tl::unexpected(refused(trial, child.error().what)));
    }
    return;
  }
  for (const CreateTrial& trial : trials) {
    const MonoTime until = SystemClock::instance().mono() + patience;
    std::optional<Outcome> outcome = read_report(*child, trial, until);
    if (!outcome) {
      out.push_back(tl::unexpected(refused(trial, child->end() + " in create or destroy")));
      return;
    }
    out.push_back(std::move(*outcome));
  }
}

}  // namespace

std::vector<Outcome> try_create(std::span<const CreateTrial> trials, Duration patience,
                                const templates::SettingsPtr& templates) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(trials.size());
  while (outcomes.size() < trials.size()) {
    try_some(trials.subspan(outcomes.size()), templates, patience, outcomes);
  }
  return outcomes;
}

}  // namespace tocsin::plugin
