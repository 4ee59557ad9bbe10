// From the settings of `routes:` to routes. The table below is what an operator may write; what it
// cannot say (a topic is one pattern or a list of them, an output must exist) is checked here.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "gateway/base/text.h"
#include "gateway/routing/route.h"

namespace tocsin::routing {

namespace {

using enum OptionType;

constexpr std::size_t kListedMax = 16;  // names in a hint; more help nobody
constexpr std::string_view kLevels =
    "trace|debug|info|notice|warning|warn|error|critical|fatal|emergency";

constexpr Option kLabelPattern = {
    .key = "", .doc = "The label's value; * stands for any text.", .max = "1024"};
constexpr std::array<Option, 5> kMatchOptions = {{
    {.key = "min_level",
     .type = kChoice,
     .doc = "Takes notifications of this level and above.",
     .choices = kLevels},
    {.key = "level",
     .type = kChoice,
     .doc = "Takes notifications of exactly this level.",
     .choices = kLevels},
    {.key = "topic",
     .type = kAny,
     .doc = "Takes topics of this pattern, or of one in this list: * is one segment between dots, "
            "** any number of them."},
    {.key = "labels",
     .type = kMap,
     .doc = "Takes notifications that have all these labels.",
     .default_text = "{}",
     .max = "64",
     .element = &kLabelPattern},
    {.key = "key",
     .doc = "Takes notifications with this key; * stands for any text.",
     .min = "1",
     .max = "1024"},
}};
constexpr OptionTable kMatch = {
    "match", "Which notifications a route takes; all conditions must hold.", kMatchOptions, {}, {}};

constexpr Option kOutput = {.key = "", .doc = "The name of an output.", .min = "1"};
constexpr std::array<Option, 5> kRouteOptions = {{
    {.key = "match",
     .type = kTable,
     .doc = "Which notifications it takes; all if it is left out.",
     .default_text = "{}",
     .table = &kMatch},
    {.key = "outputs",
     .type = kList,
     .doc = "Where they are delivered.",
     .min = "1",
     .element = &kOutput},
    {.key = "script",
     .doc = "A Lua file whose function route(notification) says where; a relative path starts at "
            "this file's folder.",
     .min = "1",
     .max = "4096"},
    {.key = "continue",
     .type = kBoolean,
     .doc = "Ask the routes below as well; otherwise the first one that takes a notification ends.",
     .default_text = "false"},
    {.key = "priority",
     .type = kChoice,
     .doc = "Whether its deliveries go before the others of their output; the level says it where "
            "this is left out: critical and above do. A script's own word goes first.",
     .choices = "critical|normal"},
}};
constexpr OptionTable kRoute = {
    "route", "Which notifications go to which outputs.", kRouteOptions, {}, "outputs|script"};

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string item_path(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

class RouteBuilder {
 public:
  explicit RouteBuilder(std::span<const std::string_view> outputs) : names_(outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      indexes_.emplace(outputs[i], static_cast<std::uint32_t>(i));
    }
  }

  tl::expected<std::vector<Route>, std::vector<RouteFault>> run(const Value& list) {
    std::vector<Route> routes;
    std::optional<Place> end;  // of the first route that leaves nothing to those below
    const auto& items = list.as<Value::List>();
    routes.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string path = item_path("routes", i);
      if (end) {
        blame(items[i].place(), path, "no notification reaches this route",
              "the route at " + end->text() + " takes all: move it to the end");
      }
      const std::size_t faults = faults_.size();
      const Route& added = routes.emplace_back(route(items[i], path));
      const bool is_sound = faults_.size() == faults;  // else a condition may be missing
      const bool ends = !added.goes_on && added.script.empty() && added.match.takes_all();
      if (!end && is_sound && ends) end = added.place;
    }
    if (!faults_.empty()) return tl::unexpected(std::move(faults_));
    return routes;
  }

 private:
  void blame(const Place& place, std::string path, std::string message, std::string hint) {
    faults_.push_back({place, std::move(path), std::move(message), std::move(hint)});
  }

  Route route(const Value& settings, const std::string& path) {
    Route route;
    route.name = path;
    route.place = settings.place();
    route.match = match(settings.at("match"), path + ".match");
    if (const Value* script = settings.find("script")) {
      route.script = script->as<std::string>();
      route.script_index = scripts_++;
    } else {
      route.outputs = outputs(settings.at("outputs"), path + ".outputs");
    }
    route.goes_on = settings.boolean("continue");
    if (const Value* priority = settings.find("priority")) {
      route.priority = message::parse_class(priority->as<std::string>());
    }
    return route;
  }

  RouteMatch match(const Value& settings, const std::string& path) {
    RouteMatch match;
    match.min_level = level(settings.find("min_level"));
    match.level = level(settings.find("level"));
    if (match.min_level && match.level) {
      blame(settings.at("level").place(), path + ".level", "level and min_level exclude each other",
            "keep the one that is meant");
    }
    if (const Value* topic = settings.find("topic")) topics(*topic, path + ".topic", match);
    match.labels = labels(settings.at("labels"), path + ".labels");
    if (const Value* key = settings.find("key")) {
      match.key = compile({{"key", key->as<std::string>()}}, key->place(), path + ".key");
    }
    return match;
  }

  static std::optional<message::Level> level(const Value* value) {
    if (value == nullptr) return std::nullopt;
    return message::parse_level(value->as<std::string>());
  }

  void topics(const Value& value, const std::string& path, RouteMatch& match) {
    if (!value.is<Value::List>()) return topic(value, path, match);
    const auto& items = value.as<Value::List>();
    if (items.empty()) {
      blame(value.place(), path, "an empty list matches nothing",
            "name a pattern, or remove the key to take every topic");
    }
    for (std::size_t i = 0; i < items.size(); ++i) topic(items[i], item_path(path, i), match);
  }

  void topic(const Value& value, const std::string& path, RouteMatch& match) {
    if (!value.is<std::string>()) {
      return blame(value.place(), path, "expected a topic pattern, or a list of them",
                   "write it as text in quotes, as in \"orders.*\"");
    }
    auto glob = policy::Glob::compile(value.as<std::string>());
    if (!glob) {
      return blame(value.place(), path, glob.error().what, "look at its " + glob.error().where);
    }
    match.topics.push_back(std::move(*glob));
  }

  policy::LabelMatcher labels(const Value& value, const std::string& path) {
    std::vector<policy::LabelMatcher::Condition> conditions;
    for (const Value::Entry& entry : value.as<Value::Map>()) {
      conditions.emplace_back(entry.key, entry.value.as<std::string>());
    }
    return compile(std::move(conditions), value.place(), path);
  }

  policy::LabelMatcher compile(std::vector<policy::LabelMatcher::Condition> conditions,
                               const Place& place, const std::string& path) {
    auto matcher = policy::LabelMatcher::compile(std::move(conditions));
    if (matcher) return std::move(*matcher);
    blame(place, path, matcher.error().what, {});
    return {};
  }

  std::vector<std::uint32_t> outputs(const Value& value, const std::string& path) {
    std::vector<std::uint32_t> found;
    const auto& items = value.as<Value::List>();
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto& name = items[i].as<std::string>();
      const auto known = indexes_.find(name);
      if (known == indexes_.end()) {
        blame(items[i].place(), item_path(path, i), "there is no output " + in_quotes(name),
              hint_for(name));
      } else if (std::find(found.begin(), found.end(), known->second) != found.end()) {
        blame(items[i].place(), item_path(path, i),
              "the output " + in_quotes(name) + " is in this list twice", "once is enough");
      } else {
        found.push_back(known->second);
      }
    }
    return found;
  }

  std::string hint_for(std::string_view name) const {
    if (const auto near = closest(name, names_)) return "did you mean " + in_quotes(*near) + "?";
    if (names_.empty()) return "no output is configured: add one under outputs:";
    if (names_.size() == 1) return "the only output is " + in_quotes(names_[0]);
    if (names_.size() > kListedMax) return "there are " + std::to_string(names_.size()) + " others";
    std::string text = "the outputs are ";
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (i > 0) text += i + 1 == names_.size() ? " and " : ", ";
      text += in_quotes(names_[i]);
    }
    return text;
  }

  std::span<const std::string_view> names_;
  std::unordered_map<std::string_view, std::uint32_t> indexes_;
  std::uint32_t scripts_ = 0;
  std::vector<RouteFault> faults_;
};

}  // namespace

const OptionTable& route_options() { return kRoute; }

tl::expected<std::vector<Route>, std::vector<RouteFault>> build_routes(
    const Value& list, std::span<const std::string_view> outputs) {
  return RouteBuilder(outputs).run(list);
}

}  // namespace tocsin::routing
