#include "gateway/app/route_suite.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "gateway/base/json_reader.h"
#include "gateway/base/text.h"
#include "gateway/config/include.h"
#include "gateway/config/key_advice.h"
#include "gateway/message/address.h"
#include "gateway/message/time_text.h"

namespace tocsin::app {

namespace {

using enum OptionType;
using config::Diagnostics;
using config::path_of_item;
using ExpectKind = Expectation::Kind;

// ---- what may be written

constexpr unsigned kRequired = Option::kRequired;

constexpr std::array<Option, 3> kDeliveryOptions = {{
    {.key = "output", .doc = "The output's name.", .flags = kRequired, .min = "1"},
    {.key = "address", .doc = "kind:value; without it the output's own address.", .min = "1"},
    {.key = "priority",
     .type = kChoice,
     .doc = "Its priority; without it any.",
     .choices = "critical|normal"},
}};
constexpr OptionTable kDelivery = {"delivery", "One delivery.", kDeliveryOptions, "output", {}};
constexpr Option kDeliveryItem = {
    .key = "", .type = kTable, .doc = "One delivery.", .table = &kDelivery};
constexpr Option kOutputItem = {.key = "", .doc = "An output's name.", .min = "1"};

constexpr std::array<Option, 5> kExpectOptions = {{
    {.key = "outputs",
     .type = kList,
     .doc = "Exactly these outputs get it, in any order.",
     .min = "1",
     .element = &kOutputItem},
    {.key = "deliveries",
     .type = kList,
     .doc = "Exactly these deliveries are made, in any order.",
     .min = "1",
     .element = &kDeliveryItem},
    {.key = "dropped_by", .doc = "The filter of this name drops it.", .min = "1"},
    {.key = "unrouted", .type = kChoice, .doc = "true: no route takes it.", .choices = "true"},
    {.key = "no_address",
     .type = kChoice,
     .doc = "true: routes name outputs, and none of them has anybody to deliver to.",
     .choices = "true"},
}};
constexpr OptionTable kExpect = {"expectation",
                                 "What becomes of the event.",
                                 kExpectOptions,
                                 {},
                                 "outputs|deliveries|dropped_by|unrouted|no_address"};

constexpr Option kEvent = {
    .key = "event", .type = kAny, .doc = "The notification, as its sender would write it."};
constexpr Option kFile = {.key = "file", .doc = "A file with it, as JSON.", .min = "1"};
constexpr Option kExpected = {
    .key = "expect", .type = kTable, .doc = "What becomes of it.", .table = &kExpect};

constexpr std::array<Option, 4> kStepOptions = {{
    {.key = "after",
     .type = kDuration,
     .doc = "How long after the step before.",
     .default_text = "0s",
     .max = "365d"},
    kEvent,
    kFile,
    kExpected,
}};
constexpr OptionTable kStep = {"step", "One event of several.", kStepOptions, {}, "event|file"};
constexpr Option kStepItem = {.key = "", .type = kTable, .doc = "One event.", .table = &kStep};

constexpr std::array<Option, 6> kCaseOptions = {{
    {.key = "name", .doc = "What it shows, in a sentence.", .flags = kRequired, .min = "1"},
    {.key = "now",
     .doc = "When it begins, such as 2026-03-01T22:30:00Z.",
     .default_text = "2026-01-01T00:00:00Z"},
    kEvent,
    kFile,
    kExpected,
    {.key = "steps",
     .type = kList,
     .doc = "Several events in a row, for filters that remember.",
     .min = "1",
     .max = "1000",
     .element = &kStepItem},
}};
constexpr OptionTable kCase = {
    "case", "Events and what becomes of them.", kCaseOptions, {}, "event|file|steps"};
constexpr Option kCaseItem = {.key = "", .type = kTable, .doc = "One case.", .table = &kCase};

constexpr std::array<Option, 2> kSuiteOptions = {{
    {.key = "config", .doc = "The gateway's file, beside this one.", .min = "1"},
    {.key = "cases",
     .type = kList,
     .doc = "The cases.",
     .flags = kRequired,
     .min = "1",
     .max = "10000",
     .element = &kCaseItem},
}};
constexpr OptionTable kSuite = {"suite", "Cases for routes.", kSuiteOptions, {}, {}};

struct NoComponents final : config::ComponentCatalog {
  const OptionTable* find(std::string_view, std::string_view) const override { return nullptr; }
  std::vector<std::string_view> names(std::string_view) const override { return {}; }
};

// ---- from settings to cases

std::string beside(const std::string& suite, const std::string& path) {
  const std::size_t slash = suite.rfind('/');
  if (path.starts_with('/') || slash == std::string::npos) return path;
  return suite.substr(0, slash + 1) + path;
}

Expectation::Delivery delivery_of(const Value& written) {
  Expectation::Delivery delivery{written.string("output"), {}, written.at("output").place()};
  if (const Value* address = written.find("address")) {
    delivery.address = message::normal_address(address->as<std::string>());
  }
  if (const Value* priority = written.find("priority")) {
    delivery.priority = message::parse_class(priority->as<std::string>());
  }
  return delivery;
}

Expectation expectation_of(const Value& written) {
  Expectation expect;
  const Value::Entry& entry = written.as<Value::Map>().front();
  expect.place = entry.key_place;
  if (entry.key == "unrouted") {
    expect.kind = ExpectKind::kUnrouted;
  } else if (entry.key == "no_address") {
    expect.kind = ExpectKind::kNoAddress;
  } else if (entry.key == "dropped_by") {
    expect.kind = ExpectKind::kDropped;
    expect.dropped_by = entry.value.as<std::string>();
    expect.dropped_by_place = entry.value.place();
  } else if (entry.key == "outputs") {
    expect.kind = ExpectKind::kOutputs;
    for (const Value& output : entry.value.as<Value::List>()) {
      expect.deliveries.push_back({output.as<std::string>(), {}, output.place()});
    }
  } else {
    expect.kind = ExpectKind::kDeliveries;
    for (const Value& delivery : entry.value.as<Value::List>()) {
      expect.deliveries.push_back(delivery_of(delivery));
    }
  }
  return expect;
}

class SuiteBuilder {
 public:
  SuiteBuilder(const std::string& path, const config::Environment& environment)
      : path_(path), environment_(environment) {}

  Diagnostics build(const Value& root, RouteSuite& suite) {
    suite.path = path_;
    if (const Value* config = root.find("config")) {
      suite.config_path = beside(path_, config->as<std::string>());
    }
    const auto& cases = root.at("cases").as<Value::List>();
    for (std::size_t i = 0; i < cases.size(); ++i) {
      suite.cases.push_back(case_of(cases[i], path_of_item("cases", i)));
    }
    return std::move(faults_);
  }

 private:
  void blame(const Place& place, const std::string& path, std::string message, std::string hint) {
    faults_.push_back({place, path, std::move(message), std::move(hint), false});
  }

  SuiteCase case_of(const Value& written, const std::string& path) {
    SuiteCase made{written.string("name"), written.place(), kSuiteNow, {}};
    const Value& now = written.at("now");
    if (const auto time = message::parse_time(now.as<std::string>())) {
      made.now = *time;
    } else {
      blame(now.place(), path + ".now", time.error().what, "");
    }
    const Value* steps = written.find("steps");
    const Value* expect = written.find("expect");
    if (steps == nullptr) {
      if (expect == nullptr) {
        blame(written.place(), path, "the key \"expect\" is missing",
              "write expect: {outputs: [NAME]}");
      }
      made.steps.push_back(step_of(written, path));
      return made;
    }
    if (expect != nullptr) {
      blame(expect->place(), path + ".expect", "a case of several steps expects nothing itself",
            "write expect: in its steps");
    }
    for (std::size_t i = 0; i < steps->as<Value::List>().size(); ++i) {
      made.steps.push_back(step_of(steps->as<Value::List>()[i], path_of_item(path + ".steps", i)));
    }
    if (std::ranges::none_of(made.steps, [](const SuiteStep& step) {
          return step.expect.kind != ExpectKind::kNothing;
        })) {
      blame(steps->place(), path + ".steps", "no step expects anything",
            "write expect: in at least one");
    }
    return made;
  }

  SuiteStep step_of(const Value& written, const std::string& path) {
    SuiteStep step;
    step.place = written.place();
    if (const Value* after = written.find("after")) step.after = after->as<Duration>();
    if (const Value* expect = written.find("expect")) step.expect = expectation_of(*expect);
    if (const Value* event = written.find("event")) {
      step.written = *event;
      JsonWriter json(step.event);
      write_json(json, *event);
    } else if (const Value* file = written.find("file")) {
      const std::string& name = file->as<std::string>();
      auto text = environment_.read_file(beside(path_, name), kEventBytesMax);
      if (!text) blame(file->place(), path + ".file", name + ": " + text.error().what, "");
      if (text) step.event = std::move(*text);
    }
    return step;
  }

  const std::string& path_;
  const config::Environment& environment_;
  Diagnostics faults_;
};

// ---- names

class NameChecker {
 public:
  explicit NameChecker(const Value& root) {
    for (const Value::Entry& output : root.at("outputs").as<Value::Map>()) {
      outputs_.emplace_back(output.key);
    }
    for (const Value& filter : root.at("filters").as<Value::List>()) {
      const Value* id = filter.find("id");
      filters_.emplace_back(id == nullptr ? filter.string("type") : id->as<std::string>());
    }
  }

  Diagnostics run(const RouteSuite& suite) {
    for (const SuiteCase& one : suite.cases) {
      for (const SuiteStep& step : one.steps) {
        for (const Expectation::Delivery& delivery : step.expect.deliveries) {
          check(delivery.output, delivery.place, "output", outputs_);
        }
        if (step.expect.kind != ExpectKind::kDropped) continue;
        check(step.expect.dropped_by, step.expect.dropped_by_place, "filter", filters_);
      }
    }
    return std::move(faults_);
  }

 private:
  void check(const std::string& name, const Place& place, const std::string& what,
             const std::vector<std::string_view>& names) {
    if (std::ranges::count(names, name) > 0) return;
    std::string hint;
    if (const auto meant = closest(name, names)) {
      hint = "did you mean \"" + std::string(*meant) + "\"?";
    } else if (!names.empty()) {
      hint = "the configuration has " + config::quoted_list(names);
    }
    faults_.push_back({place,
                       {},
                       "the configuration has no " + what + " \"" + name + "\"",
                       std::move(hint),
                       false});
  }

  std::vector<std::string_view> outputs_;
  std::vector<std::string_view> filters_;
  Diagnostics faults_;
};

// One segment of an RFC 6901 pointer without its escapes.
std::string unescaped(std::string_view segment) {
  std::string text;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const bool escape = segment[i] == '~' && i + 1 < segment.size();
    text += escape ? (segment[++i] == '1' ? '/' : '~') : segment[i];
  }
  return text;
}

const Value* member(const Value& value, const std::string& name) {
  if (value.is<Value::Map>()) return value.find(name);
  if (!value.is<Value::List>()) return nullptr;
  const auto& list = value.as<Value::List>();
  std::size_t index = list.size();
  std::from_chars(name.data(), name.data() + name.size(), index);
  return index < list.size() ? &list[index] : nullptr;
}

}  // namespace

tl::expected<RouteSuite, config::Rejection> load_route_suite(
    const std::string& path, const config::Environment& environment) {
  NoComponents none;
  auto loaded = config::load(path, kSuite, none, environment);
  if (!loaded) {
    for (config::Diagnostic& fault : loaded.error().diagnostics) {
      if (fault.message != config::kEmptyFile) continue;
      fault.message = "the suite is empty: it tests nothing";
      fault.hint = "name its configuration (config: FILE) and at least one case (cases:)";
    }
    return tl::unexpected(std::move(loaded.error()));
  }
  RouteSuite suite;
  Diagnostics faults = SuiteBuilder(path, environment).build(loaded->root, suite);
  if (!faults.empty()) {
    config::sort_by_place(faults);
    return tl::unexpected(config::Rejection{std::move(faults), std::move(loaded->sources)});
  }
  suite.sources = std::move(loaded->sources);
  return suite;
}

Diagnostics check_suite_names(const RouteSuite& suite, const Value& root) {
  return NameChecker(root).run(suite);
}

Place place_in_event(const SuiteStep& step, std::string_view pointer) {
  if (step.written.is_null()) return step.place;
  const Value* at = &step.written;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    const Value* next = member(*at, unescaped(pointer.substr(0, end)));
    if (next == nullptr) break;
    at = next;
    pointer.remove_prefix(end);
  }
  return at->place();
}

}  // namespace tocsin::app
