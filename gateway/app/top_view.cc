#include "gateway/app/top_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "gateway/app/age_text.h"
#include "gateway/app/metrics_text.h"
#include "gateway/app/text_table.h"
#include "gateway/base/json_writer.h"
#include "gateway/base/units.h"

namespace tocsin::app {

namespace {

using Output = TopSample::Output;

const Value::List& list_member(const Value& object, std::string_view name) {
  static const Value::List kNone;
  const Value* member = object.find(name);
  return member != nullptr && member->is<Value::List>() ? member->as<Value::List>() : kNone;
}

// A throttle is no failure, and neither is what was delivered.
std::optional<double> failed_attempts(const MetricsText& metrics, std::string_view output) {
  MetricsText::Labels labels;
  if (!output.empty()) labels.emplace_back("output", output);
  auto failed = metrics.sum("tocsin_attempts_total", labels);
  for (const std::string_view verdict : {"delivered", "throttled"}) {
    labels.emplace_back("verdict", verdict);
    if (failed) *failed -= metrics.sum("tocsin_attempts_total", labels).value_or(0);
    labels.pop_back();
  }
  return failed;
}

std::optional<double> settled(const MetricsText& metrics, std::string_view output,
                              std::string_view result) {
  MetricsText::Labels labels = {{"result", result}};
  if (!output.empty()) labels.emplace_back("output", output);
  return metrics.sum("tocsin_deliveries_total", labels);
}

Output read_output(const Value& row, const MetricsText& metrics) {
  Output output;
  output.name = text_member(row, "name");
  output.state = text_member(row, "state");
  output.reason = text_member(row, "reason");
  output.breaker = text_member(row, "breaker");
  output.in_flight = number_member(row, "in_flight");
  output.queued = number_member(row, "ready") +
                  std::max<std::int64_t>(0, number_member(row, "in_memory") - output.in_flight);
  output.dead = number_member(row, "dead");
  output.delivered = settled(metrics, output.name, "delivered");
  output.failed = failed_attempts(metrics, output.name);
  return output;
}

void read_health(const Value& health, TopSample& sample) {
  sample.gateway = text_member(health, "state");
  for (const Value& reason : list_member(health, "overload")) {
    if (reason.is<std::string>()) sample.overload.push_back(reason.as<std::string>());
  }
  const Value* store = health.find("store");
  if (store == nullptr || !store->is<Value::Map>()) return;
  const Value* accepting = store->find("accepting");
  sample.accepting = accepting != nullptr && accepting->is<bool>() && accepting->as<bool>();
  if (store->find("oldest_ready_age_ms") != nullptr) {
    sample.oldest_ms = number_member(*store, "oldest_ready_age_ms");
  }
}

std::string rate_text(TopView::Rate rate) {
  if (!rate) return "-";
  const bool small = *rate > 0 && *rate < 9.95;
  const auto tenths = static_cast<std::int64_t>(std::llround(*rate * 10));
  if (small) return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
  return std::to_string(std::llround(*rate));
}

Cell rate_cell(TopView::Rate rate, Tone some = Tone::kPlain) {
  Cell cell(rate_text(rate), rate && *rate > 0 ? some : Tone::kPlain);
  cell.right = true;
  return cell;
}

void rate_pair(JsonWriter& json, std::string_view name, TopView::Rate rate) {
  if (!rate) return;
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.3f", *rate);
  json.key(name);
  json.number_text({text.data(), static_cast<std::size_t>(size)});
}

void number_pair(JsonWriter& json, std::string_view name, std::int64_t number) {
  json.key(name);
  json.number(number);
}

std::string oldest_text(std::optional<std::int64_t> ms) {
  if (!ms) return {};
  const auto age = std::chrono::milliseconds(*ms);
  if (age < std::chrono::seconds(1)) return ", the oldest is due now";
  return ", the oldest overdue for " + age_text(age);
}

Cell state_cell(const Output& output) {
  const std::string text =
      output.reason.empty() ? output.state : output.state + ": " + output.reason;
  if (output.state == "running") return {text, Tone::kGood};
  return {text, output.state == "paused" ? Tone::kBad : Tone::kWarning};
}

Cell breaker_cell(const Output& output) {
  if (output.breaker.empty()) return {"-", Tone::kFaint};
  return {output.breaker, output.breaker == "closed" ? Tone::kPlain : Tone::kWarning};
}

// The first `rows` lines, each cut to `columns`. An escape sequence takes no column and is kept.
std::string cut(std::string_view text, std::size_t rows, std::size_t columns) {
  std::string out;
  std::size_t lines = 0;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      if (++lines == rows) break;
      out += c;
      column = 0;
    } else if (c == '\x1B') {
      const std::size_t end = std::min(text.size() - 1, text.find('m', i));
      out += text.substr(i, end - i + 1);
      i = end;
    } else {
      const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
      if (begins) ++column;
      if (columns == 0 || column <= columns) out += c;
    }
  }
  return out;
}

}  // namespace

tl::expected<TopSample, AdminFailure> take_sample(AdminDoor& door, MonoTime now) {
  const auto health = ask_admin(door, {.target = "/v1/health"});
  if (!health) return tl::unexpected(health.error());
  const auto outputs = ask_admin(door, {.target = "/v1/outputs"});
  if (!outputs) return tl::unexpected(outputs.error());
  const Result<AdminReply> page = door.ask({.target = "/metrics"});
  if (!page) return tl::unexpected(AdminFailure{page.error().text(), {}, 0});
  if (page->status != 200) {
    return tl::unexpected(AdminFailure{"there are no metrics now", {}, page->status});
  }
  const MetricsText metrics = MetricsText::read(page->body);
  TopSample sample;
  sample.at = now;
  read_health(health->json, sample);
  for (const Value& row : list_member(outputs->json, "outputs")) {
    const Output& output = sample.outputs.emplace_back(read_output(row, metrics));
    sample.queued += output.queued;
    sample.dead += output.dead;
  }
  sample.accepted = metrics.sum("tocsin_notifications_total", {{"outcome", "committed"}});
  sample.refused = metrics.sum("tocsin_overload_refused_total");
  sample.delivered = settled(metrics, "", "delivered");
  sample.failed = failed_attempts(metrics, "");
  sample.gave_up = settled(metrics, "", "dead");
  return sample;
}

void TopView::add(TopSample sample) {
  before_ = std::exchange(now_, std::move(sample));
  missing_.clear();
}

TopView::Rate TopView::rate(std::optional<double> now, std::optional<double> before) const {
  if (!before_ || !now || !missing_.empty()) return std::nullopt;
  const double seconds = std::chrono::duration<double>(now_->at - before_->at).count();
  const double more = *now - before.value_or(0);
  if (seconds <= 0 || more < 0) return std::nullopt;
  return more / seconds;
}

TopView::OutputRates TopView::rates_of(const Output& output) const {
  if (!before_) return {};
  const auto was = std::ranges::find(before_->outputs, output.name, &Output::name);
  if (was == before_->outputs.end()) return {};
  return {rate(output.delivered, was->delivered), rate(output.failed, was->failed)};
}

std::string TopView::head(bool colour) const {
  std::string text = "tocsin at " + printable(where_);
  if (now_) text += ", " + printable(now_->gateway);
  text += ", every " + format_duration(interval_) + "\n";
  if (!missing_.empty()) {
    text += toned("not reachable: " + printable(missing_) + "; trying again", Tone::kBad, colour);
    text += now_ ? "\nbefore that:\n" : "\n";
  }
  if (!now_) return text;
  const auto before = [this](auto member) {
    return before_ ? (*before_).*member : std::optional<double>();
  };
  const auto per_second = [&](auto member) {
    return rate_text(rate((*now_).*member, before(member)));
  };
  text += "accepted " + per_second(&TopSample::accepted) + "/s, refused " +
          per_second(&TopSample::refused) + "/s, delivered " + per_second(&TopSample::delivered) +
          "/s, failed attempts " + per_second(&TopSample::failed) + "/s, given up " +
          per_second(&TopSample::gave_up) + "/s\n";
  text += std::to_string(now_->queued) + " waiting" + oldest_text(now_->oldest_ms) + "; ";
  text += toned(std::to_string(now_->dead) + (now_->dead == 1 ? " dead letter" : " dead letters"),
                now_->dead > 0 ? Tone::kBad : Tone::kPlain, colour);
  if (!now_->accepting) text += "; " + toned("the store takes nothing", Tone::kBad, colour);
  for (std::size_t i = 0; i < now_->overload.size(); ++i) {
    text += i == 0 ? "; " : ", ";
    text += toned((i == 0 ? "overload: " : "") + printable(now_->overload[i]), Tone::kBad, colour);
  }
  return text + "\n";
}

std::string TopView::table(bool colour) const {
  TextTable table(
      {"OUTPUT", "QUEUED", "IN FLIGHT", "DELIVERED/S", "FAILED/S", "DEAD", "BREAKER", "STATE"});
  for (const Output& output : now_->outputs) {
    const OutputRates rates = rates_of(output);
    table.add({output.name, output.queued, output.in_flight, rate_cell(rates.delivered),
               rate_cell(rates.failed, Tone::kBad),
               Cell(output.dead, output.dead > 0 ? Tone::kBad : Tone::kPlain), breaker_cell(output),
               state_cell(output)});
  }
  return table.empty() ? "no outputs\n" : table.text(colour);
}

std::string TopView::text(bool colour, std::size_t rows, std::size_t columns) const {
  std::string all = head(colour);
  if (now_) all += "\n" + table(colour);
  return cut(all, rows, columns);
}

std::string TopView::json() const {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("gateway", where_);
  if (!missing_.empty()) json.pair("unreachable", missing_);
  if (now_ && missing_.empty()) {
    const auto total = [&](std::string_view name, auto member) {
      rate_pair(json, name,
                rate((*now_).*member, before_ ? (*before_).*member : std::optional<double>()));
    };
    json.pair("state", now_->gateway);
    json.key("accepting");
    json.boolean(now_->accepting);
    json.key("overload");
    json.begin_array();
    for (const std::string& reason : now_->overload) json.text(reason);
    json.end_array();
    total("accepted_per_second", &TopSample::accepted);
    total("refused_per_second", &TopSample::refused);
    total("delivered_per_second", &TopSample::delivered);
    total("failed_attempts_per_second", &TopSample::failed);
    total("given_up_per_second", &TopSample::gave_up);
    number_pair(json, "queued", now_->queued);
    number_pair(json, "dead", now_->dead);
    if (now_->oldest_ms) number_pair(json, "oldest_ms", *now_->oldest_ms);
    json.key("outputs");
    json.begin_array();
    for (const Output& output : now_->outputs) {
      const OutputRates rates = rates_of(output);
      json.begin_object();
      json.pair("name", output.name);
      json.pair("state", output.state);
      if (!output.reason.empty()) json.pair("reason", output.reason);
      if (!output.breaker.empty()) json.pair("breaker", output.breaker);
      number_pair(json, "queued", output.queued);
      number_pair(json, "in_flight", output.in_flight);
      rate_pair(json, "delivered_per_second", rates.delivered);
      rate_pair(json, "failed_attempts_per_second", rates.failed);
      number_pair(json, "dead", output.dead);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  return text + "\n";
}

}  // namespace tocsin::app
