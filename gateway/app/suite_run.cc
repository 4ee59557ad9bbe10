#include "gateway/app/suite_run.h"

#include <algorithm>
#include <set>
#include <utility>

#include "gateway/app/explanation.h"

namespace tocsin::app {

namespace {

using Kind = Expectation::Kind;
using Outcome = Rehearsed::Outcome;
using Lines = std::vector<std::string>;

constexpr std::size_t kRoutesShownMax = 20;  // of one complaint

void say(Lines& lines, std::string_view what, const std::string& text) {
  std::string line(what);
  line.resize(std::max(line.size() + 1, std::size_t{12}), ' ');
  lines.push_back(line + text);
}

// "ops-mail", "ops-mail to email:a@b.example"
std::string text_of(const std::string& output, const std::string& address) {
  return address.empty() ? output : output + " to " + address;
}

std::string priority_text(std::optional<message::DeliveryClass> priority) {
  return priority ? " (" + std::string(message::class_name(*priority)) + ")" : "";
}

std::string joined(const std::multiset<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : ", ") + one;
  return text.empty() ? "nothing" : text;
}

std::multiset<std::string> minus(const std::multiset<std::string>& from,
                                 const std::multiset<std::string>& what) {
  std::multiset<std::string> left;
  std::ranges::set_difference(from, what, std::inserter(left, left.end()));
  return left;
}

/// One event against what was expected of it.
class Comparison {
 public:
  Comparison(const Expectation& expect, const Rehearsed& event, const Snapshot& snapshot)
      : expect_(expect), event_(event), snapshot_(snapshot) {}

  /// Empty: as expected.
  Lines complaints() const {
    Lines lines;
    switch (expect_.kind) {
      case Kind::kNothing:
        return {};
      case Kind::kOutputs:
      case Kind::kDeliveries:
        compare_deliveries(lines);
        break;
      case Kind::kDropped:
        if (event_.outcome == Outcome::kDropped && event_.dropped_by == expect_.dropped_by) {
          return {};
        }
        say(lines, "expected", "dropped by the filter " + expect_.dropped_by);
        say(lines, "got", got());
        break;
      case Kind::kUnrouted:
        if (event_.outcome != Outcome::kUnrouted) expected_outcome(lines, "unrouted");
        break;
      case Kind::kNoAddress:
        if (event_.outcome != Outcome::kNoAddress) expected_outcome(lines, "no address");
        break;
    }
    if (!lines.empty()) add_reasons(lines);
    return lines;
  }

 private:
  std::multiset<std::string> wanted() const {
    std::multiset<std::string> texts;
    for (const auto& one : expect_.deliveries) {
      texts.insert(text_of(one.output, one.address) + priority_text(one.priority));
    }
    return texts;
  }

  // What is said of a delivery's priority: nothing where nobody asked.
  std::string priority_shown(const std::string& output, const Rehearsed::Delivery& got) const {
    const bool is_asked = std::ranges::any_of(expect_.deliveries, [&](const auto& wanted) {
      return wanted.priority && wanted.output == output && wanted.address == got.address;
    });
    return is_asked ? priority_text(got.priority) : "";
  }

  // An output once, or each of its deliveries.
  std::multiset<std::string> gotten() const {
    std::multiset<std::string> texts;
    for (const Rehearsed::Delivery& one : event_.deliveries) {
      const std::string& output = snapshot_.outputs().at(one.output).plugin.id;
      if (expect_.kind != Kind::kOutputs) {
        texts.insert(text_of(output, one.address) + priority_shown(output, one));
      } else if (!texts.contains(output)) {
        texts.insert(output);
      }
    }
    return texts;
  }

  std::string got() const {
    return event_.outcome == Outcome::kRouted ? joined(gotten()) : outcome_line(event_, snapshot_);
  }

  void expected_outcome(Lines& lines, const std::string& what) const {
    say(lines, "expected", what);
    say(lines, "got", got());
  }

  void compare_deliveries(Lines& lines) const {
    const auto want = wanted();
    const auto have = gotten();
    if (want == have) return;
    say(lines, "expected", joined(want));
    say(lines, "got", got());
    if (have.empty()) return;
    const auto missing = minus(want, have);
    const auto unexpected = minus(have, want);
    if (!missing.empty()) say(lines, "missing", joined(missing));
    if (!unexpected.empty()) say(lines, "unexpected", joined(unexpected));
  }

  // Routes that took it, and those that could have led to what was expected.
  bool tells(std::size_t route) const {
    if (event_.routes[route].kind == routing::RouteExplanation::Kind::kTook) return true;
    return std::ranges::any_of(
        snapshot_.router().routes()[route].outputs, [&](std::uint32_t output) {
          const std::string& name = snapshot_.outputs().at(output).plugin.id;
          return std::ranges::count(expect_.deliveries, name, &Expectation::Delivery::output) > 0;
        });
  }

  void add_reasons(Lines& lines) const {
    for (const Rehearsed::FilterStep& step : event_.filters) {
      if (step.decision != Rehearsed::Decision::kDropped) continue;
      say(lines, "filter",
          step.filter->id + " at " + step.filter->settings->place().text() + " dropped it" +
              (step.reason.empty() ? "" : ": " + step.reason));
    }
    std::size_t shown = 0;
    for (std::size_t i = 0; i < event_.routes.size() && shown < kRoutesShownMax; ++i) {
      if (!tells(i)) continue;
      const routing::Route& route = snapshot_.router().routes()[i];
      say(lines, "route",
          route.name + " at " + route.place.text() + " " +
              route_words(event_.routes[i], snapshot_));
      ++shown;
    }
    for (const std::uint32_t output : event_.without_address) {
      say(lines, "address", snapshot_.outputs().at(output).plugin.id + " has nobody to deliver to");
    }
  }

  const Expectation& expect_;
  const Rehearsed& event_;
  const Snapshot& snapshot_;
};

void complain(const SuiteCase& tried, std::size_t step, const Lines& lines, Lines& into) {
  const bool several = tried.steps.size() > 1;
  const SuiteStep& at = tried.steps[step];
  if (several) {
    const Place& place = at.expect.place.file ? at.expect.place : at.place;
    into.push_back("step " + std::to_string(step + 1) + " at " + place.text());
  }
  for (const std::string& line : lines) into.push_back((several ? "  " : "") + line);
}

Lines play(const SuiteCase& tried, Rehearsal& rehearsal) {
  Lines complaints;
  for (std::size_t i = 0; i < tried.steps.size(); ++i) {
    const SuiteStep& step = tried.steps[i];
    if (step.after > Duration::zero()) rehearsal.wait(step.after);
    const auto event = rehearsal.hear(step.event);
    if (!event) {
      const message::Invalid& why = event.error();
      const std::string where = why.pointer.empty() ? "" : why.pointer + ": ";
      complain(
          tried, i,
          {place_in_event(step, why.pointer).text() + ": no notification: " + where + why.detail},
          complaints);
      continue;
    }
    const Lines lines = Comparison(step.expect, *event, rehearsal.snapshot()).complaints();
    if (!lines.empty()) complain(tried, i, lines, complaints);
  }
  return complaints;
}

}  // namespace

tl::expected<std::vector<CaseResult>, config::Diagnostics> run_suite(
    const RouteSuite& suite, const config::LoadedConfig& config, const PluginCatalog& catalog,
    const Rehearsal::Lent& lent, const Clock& clock) {
  std::vector<CaseResult> results;
  results.reserve(suite.cases.size());
  for (const SuiteCase& tried : suite.cases) {
    const MonoTime began = clock.mono();
    auto rehearsal = Rehearsal::make(config, catalog, tried.now, lent);
    if (!rehearsal) return tl::unexpected(std::move(rehearsal.error()));
    Lines complaints = play(tried, **rehearsal);
    results.push_back({&tried, std::move(complaints), clock.mono() - began});
  }
  return results;
}

}  // namespace tocsin::app
