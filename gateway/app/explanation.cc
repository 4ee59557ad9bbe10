// The reader was woken up: in the order in which things happen, each step says why.

#include "gateway/app/explanation.h"

#include <algorithm>

#include "gateway/app/text_table.h"
#include "gateway/base/units.h"
#include "gateway/config/key_advice.h"
#include "gateway/message/time_text.h"

namespace tocsin::app {

namespace {

using Decision = Rehearsed::Decision;
using Outcome = Rehearsed::Outcome;
using RouteKind = routing::RouteExplanation::Kind;

constexpr std::size_t kEventColumnsMax = 400;

// ---- words that both forms use

std::string_view word_of(Decision decision) {
  switch (decision) {
    case Decision::kNotAsked:
      return "not asked";
    case Decision::kPassed:
      return "passed";
    case Decision::kDropped:
      break;
  }
  return "dropped";
}

std::string_view word_of(RouteKind kind) {
  switch (kind) {
    case RouteKind::kTook:
      return "took it";
    case RouteKind::kPassed:
      return "no match";
    case RouteKind::kNotReached:
      break;
  }
  return "not reached";
}

std::string name_of(std::uint32_t output, const Snapshot& snapshot) {
  return snapshot.outputs().at(output).plugin.id;
}

std::string names_of(const std::vector<std::uint32_t>& outputs, const Snapshot& snapshot) {
  std::string text;
  for (const std::uint32_t output : outputs) {
    text += (text.empty() ? "" : ", ") + name_of(output, snapshot);
  }
  return text;
}

std::string priority_words(const routing::RouteExplanation& route) {
  if (!route.priority) return {};
  return ", priority " + std::string(message::class_name(*route.priority));
}

std::string reasons_of(const routing::RouteExplanation& route) {
  std::string text;
  for (const std::string& reason : route.reasons) text += (text.empty() ? "" : "; ") + reason;
  return text;
}

std::string why_address(const Rehearsed::Delivery& delivery, const Snapshot& snapshot) {
  const std::string& kind = snapshot.outputs().at(delivery.output).traits.address_kind;
  if (!delivery.address.empty()) return "in the event's `to`, and of the kind this output takes";
  if (kind.empty()) return "it takes no addresses";
  return "the event's `to` has no " + kind + ": address";
}

std::string why_nobody(std::uint32_t output, const Snapshot& snapshot) {
  return "the event's `to` has no " + snapshot.outputs().at(output).traits.address_kind +
         ": address, and this output has none of its own";
}

std::string time_text(WallTime time) {
  message::TimeBuffer buffer;
  return std::string(message::format_time(time, buffer));
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

// ---- for people

std::string shown(const Value& value) {
  if (value.is<std::string>()) return value.as<std::string>();
  if (value.is<bool>()) return value.as<bool>() ? "true" : "false";
  if (value.is<std::int64_t>()) return std::to_string(value.as<std::int64_t>());
  if (value.is<double>()) return std::to_string(value.as<double>());
  if (value.is<Duration>()) return format_duration(value.as<Duration>());
  if (value.is<Value::Size>()) return format_size(value.as<Value::Size>().bytes);
  if (value.is<Rate>()) return format_rate(value.as<Rate>());
  if (value.is<Value::List>()) return "[...]";
  return value.is_null() ? "null" : "{...}";
}

// A filter as the configuration writes it: "level {min: warning}".
std::string settings_of(const PluginPart& filter, const PluginCatalog& catalog) {
  const OptionTable* table = catalog.find("filter", filter.type);
  std::string text;
  for (const Value::Entry& entry : filter.settings->as<Value::Map>()) {
    if (entry.key == "type" || entry.key == "id") continue;
    const Option* option = table == nullptr ? nullptr : config::find_option(*table, entry.key);
    const bool hidden = option == nullptr || config::holds_secret(*option);
    text += (text.empty() ? "" : ", ") + entry.key + ": " + (hidden ? "***" : shown(entry.value));
  }
  return text.empty() ? filter.type : filter.type + " {" + text + "}";
}

Cell decision_cell(Decision decision) {
  const Tone tone = decision == Decision::kPassed    ? Tone::kGood
                    : decision == Decision::kDropped ? Tone::kBad
                                                     : Tone::kFaint;
  return {word_of(decision), tone};
}

std::string filters_text(const Rehearsed& event, const PluginCatalog& catalog, bool colour) {
  if (event.filters.empty()) return "There are no filters.\n";
  TextTable table({"FILTER", "DECISION", "WHY"});
  for (const Rehearsed::FilterStep& step : event.filters) {
    const PluginPart& filter = *step.filter;
    std::string why = step.reason.empty() ? settings_of(filter, catalog) : step.reason;
    if (step.held > Duration::zero()) why += "; held it for " + format_duration(step.held);
    if (step.remembers) why += "; remembers it";
    table.add({filter.id, decision_cell(step.decision), why});
  }
  return table.text(colour);
}

Cell route_cell(RouteKind kind) {
  return {word_of(kind), kind == RouteKind::kTook ? Tone::kGood : Tone::kFaint};
}

std::string routes_text(const Rehearsed& event, const Snapshot& snapshot, bool colour) {
  if (event.routes.empty() && event.outcome != Outcome::kDropped) return "There are no routes.\n";
  TextTable table({"ROUTE", "AT", "DECISION", "WHY"});
  const auto routes = snapshot.router().routes();
  for (std::size_t i = 0; i < event.routes.size(); ++i) {
    const routing::RouteExplanation& route = event.routes[i];
    std::vector<std::string> lines = route.reasons;
    if (route.kind == RouteKind::kTook) {
      lines.push_back("to " + names_of(route.outputs, snapshot) + priority_words(route) +
                      (route.goes_on ? "; continue: the next route is asked too" : ""));
    } else if (route.kind == RouteKind::kNotReached) {
      lines.emplace_back("an earlier route ended the search");
    }
    const std::string at = routes[i].place.text();
    table.add({routes[i].name, at, route_cell(route.kind), lines.front()});
    for (std::size_t line = 1; line < lines.size(); ++line) table.add({"", "", "", lines[line]});
  }
  return table.text(colour);
}

std::string deliveries_text(const Rehearsed& event, const Snapshot& snapshot, bool colour) {
  TextTable table({"OUTPUT", "TYPE", "ADDRESS", "PRIORITY", "WHY"});
  for (const Rehearsed::Delivery& delivery : event.deliveries) {
    const OutputPart& output = snapshot.outputs().at(delivery.output);
    const std::string address = delivery.address.empty() ? "its own" : delivery.address;
    table.add({output.plugin.id,
               output.plugin.type,
               {address, Tone::kGood},
               message::class_name(delivery.priority),
               why_address(delivery, snapshot)});
  }
  for (const std::uint32_t output : event.without_address) {
    table.add({name_of(output, snapshot),
               snapshot.outputs().at(output).plugin.type,
               {"nobody", Tone::kBad},
               "",
               why_nobody(output, snapshot)});
  }
  return table.text(colour);
}

std::string event_text(const Rehearsed& event) {
  std::string text = printable(event.notification);
  if (text.size() > kEventColumnsMax) {
    text.resize(kEventColumnsMax);
    text = printable(text) + "...";
  }
  return text;
}

// What only a running gateway knows.
std::string caveat_text(const Rehearsed& event) {
  if (event.outcome != Outcome::kRouted) return {};
  std::string text;
  if (std::ranges::any_of(event.filters, &Rehearsed::FilterStep::remembers)) {
    text =
        "Filters that remember began with nothing here: a running gateway may have heard the like\n"
        "before and drop it.\n";
  }
  return text +
         "What came of deliveries only a running gateway knows: tocsin outputs, tocsin dlq list.\n";
}

std::string bare_outcome(const Rehearsed& event) {
  switch (event.outcome) {
    case Outcome::kRouted:
      break;
    case Outcome::kDropped:
      return "dropped by the filter " + event.dropped_by;
    case Outcome::kUnrouted:
      return "unrouted: no route takes it, and its sender is answered 422";
    case Outcome::kNoAddress:
      return "no address: no output that a route names has anybody to deliver to, and its sender "
             "is "
             "answered 422";
    case Outcome::kTooMany:
      return "too many deliveries for one notification, and its sender is answered 422";
    case Outcome::kTooLarge:
      return "too large for one notification";
  }
  std::string text = "routed: " + counted(event.deliveries.size(), "delivery", "deliveries");
  if (event.deliver_at) text += ", not before " + time_text(*event.deliver_at);
  if (event.expires_at) text += ", not after " + time_text(*event.expires_at);
  return text;
}

}  // namespace

std::string route_words(const routing::RouteExplanation& route, const Snapshot& snapshot) {
  std::string text(word_of(route.kind));
  if (route.kind == RouteKind::kTook) {
    text += " to " + names_of(route.outputs, snapshot) + priority_words(route);
  }
  const std::string reasons = reasons_of(route);
  return reasons.empty() ? text : text + ": " + reasons;
}

std::string outcome_line(const Rehearsed& event, const Snapshot& snapshot) {
  std::string text = bare_outcome(event);
  if (event.outcome != Outcome::kRouted || event.without_address.empty()) return text;
  return text + "; nobody to deliver to at " + names_of(event.without_address, snapshot);
}

std::string explanation_text(const Rehearsed& event, const Snapshot& snapshot,
                             const PluginCatalog& catalog, bool colour) {
  std::string text = event_text(event) + "\n\n" + filters_text(event, catalog, colour) + "\n";
  if (event.outcome != Outcome::kDropped) {
    text += routes_text(event, snapshot, colour) + "\n";
    if (!event.deliveries.empty() || !event.without_address.empty()) {
      text += deliveries_text(event, snapshot, colour) + "\n";
    }
  }
  const Tone tone = event.outcome == Outcome::kRouted ? Tone::kGood : Tone::kBad;
  text += toned(outcome_line(event, snapshot), tone, colour) + "\n";
  return text + toned(caveat_text(event), Tone::kFaint, colour);
}

// ---- for programs

namespace {

void write_filters(JsonWriter& json, const Rehearsed& event) {
  json.key("filters");
  json.begin_array();
  for (const Rehearsed::FilterStep& step : event.filters) {
    json.begin_object();
    json.pair("name", step.filter->id);
    json.pair("type", step.filter->type);
    json.pair("at", step.filter->settings->place().text());
    json.pair("decision", word_of(step.decision));
    if (!step.reason.empty()) json.pair("reason", step.reason);
    json.key("remembers");
    json.boolean(step.remembers);
    json.pair("held", format_duration(step.held));
    json.end_object();
  }
  json.end_array();
}

void write_texts(JsonWriter& json, std::string_view key, const std::vector<std::string>& texts) {
  json.key(key);
  json.begin_array();
  for (const std::string& text : texts) json.text(text);
  json.end_array();
}

void write_routes(JsonWriter& json, const Rehearsed& event, const Snapshot& snapshot) {
  json.key("routes");
  json.begin_array();
  const auto routes = snapshot.router().routes();
  for (std::size_t i = 0; i < event.routes.size(); ++i) {
    const routing::RouteExplanation& route = event.routes[i];
    json.begin_object();
    json.pair("name", routes[i].name);
    json.pair("at", routes[i].place.text());
    json.pair("decision", word_of(route.kind));
    write_texts(json, "reasons", route.reasons);
    std::vector<std::string> outputs;
    for (const std::uint32_t output : route.outputs) outputs.push_back(name_of(output, snapshot));
    write_texts(json, "outputs", outputs);
    json.key("continue");
    json.boolean(route.goes_on);
    if (route.priority) json.pair("priority", message::class_name(*route.priority));
    json.end_object();
  }
  json.end_array();
}

void write_deliveries(JsonWriter& json, const Rehearsed& event, const Snapshot& snapshot) {
  json.key("deliveries");
  json.begin_array();
  for (const Rehearsed::Delivery& delivery : event.deliveries) {
    json.begin_object();
    json.pair("output", name_of(delivery.output, snapshot));
    json.pair("type", snapshot.outputs().at(delivery.output).plugin.type);
    if (!delivery.address.empty()) json.pair("address", delivery.address);
    json.pair("priority", message::class_name(delivery.priority));
    json.pair("why", why_address(delivery, snapshot));
    json.end_object();
  }
  json.end_array();
  json.key("without_address");
  json.begin_array();
  for (const std::uint32_t output : event.without_address) {
    json.begin_object();
    json.pair("output", name_of(output, snapshot));
    json.pair("why", why_nobody(output, snapshot));
    json.end_object();
  }
  json.end_array();
}

}  // namespace

void write_explanation(JsonWriter& json, const Rehearsed& event, const Snapshot& snapshot) {
  json.begin_object();
  json.pair("outcome", outcome_name(event.outcome));
  if (event.outcome == Outcome::kDropped) json.pair("dropped_by", event.dropped_by);
  json.key("notification");
  json.json(event.notification);
  write_filters(json, event);
  write_routes(json, event, snapshot);
  write_deliveries(json, event, snapshot);
  json.end_object();
}

}  // namespace tocsin::app
