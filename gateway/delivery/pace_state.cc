#include "gateway/delivery/pace_state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/base/json_reader.h"
#include "gateway/message/time_text.h"

namespace tocsin::delivery {

namespace {

using policy::BreakerState;

// No span that is kept is longer; a number beyond it is somebody's mistake.
constexpr Duration kLongest = std::chrono::hours(24 * 365);

using Span = std::pair<std::string_view, Duration PaceState::*>;
constexpr std::array<Span, 7> kSpans = {{{"breaker_us", &PaceState::breaker_left},
                                         {"open_for_us", &PaceState::open_for},
                                         {"unclosed_us", &PaceState::unclosed_for},
                                         {"throttled_us", &PaceState::throttled_left},
                                         {"probe_us", &PaceState::probe_left},
                                         {"account_us", &PaceState::account_left},
                                         {"rate_us", &PaceState::rate_spent}}};
constexpr std::array<std::pair<std::string_view, bool PaceState::*>, 3> kFlags = {
    {{"paused", &PaceState::paused},
     {"halted", &PaceState::halted},
     {"recovering", &PaceState::recovering}}};
constexpr std::array<std::pair<std::string_view, std::uint32_t PaceState::*>, 2> kCounts = {
    {{"throttle_steps", &PaceState::throttle_steps}, {"account_steps", &PaceState::account_steps}}};
constexpr std::array kBreakers = {BreakerState::kOpen, BreakerState::kForcedOpen,
                                  BreakerState::kForcedClosed};

Duration span_of(const Value& document, std::string_view key) {
  const Value* found = document.find(key);
  if (found == nullptr || !found->is<std::int64_t>()) return Duration::zero();
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::microseconds>(kLongest).count();
  const auto count = std::clamp(found->as<std::int64_t>(), std::int64_t{0}, kMost);
  return std::chrono::microseconds(count);
}

std::uint32_t count_of(const Value& document, std::string_view key) {
  const Value* found = document.find(key);
  if (found == nullptr || !found->is<std::int64_t>()) return 0;
  constexpr std::int64_t kMost = 1000;  // the pause is the longest long before
  return static_cast<std::uint32_t>(std::clamp(found->as<std::int64_t>(), std::int64_t{0}, kMost));
}

std::string_view text_of(const Value& document, std::string_view key) {
  const Value* found = document.find(key);
  return found != nullptr && found->is<std::string>() ? found->as<std::string>()
                                                      : std::string_view();
}

}  // namespace

bool PaceState::worth_keeping() const {
  return breaker != BreakerState::kClosed || paused || halted || recovering ||
         std::max(throttle_steps, account_steps) > 0 ||
         std::max({throttled_left, account_left, rate_spent}) >= kWorthKeeping;
}

Duration PaceState::keep() const {
  if (forced()) return Duration::zero();
  if (paused || recovering || breaker == BreakerState::kOpen) return kBelieved;
  const auto counted = [](Duration left, std::uint32_t steps) {
    return steps > 0 ? left + kStepsKept : left;
  };
  return std::max({counted(throttled_left, throttle_steps), counted(account_left, account_steps),
                   rate_spent, kWorthKeeping});
}

PaceState PaceState::aged(WallTime now) const {
  const Duration gone = std::max(Duration::zero(), now - at);
  PaceState state = *this;
  state.at = now;
  if (gone >= throttled_left + kStepsKept) state.throttle_steps = 0;
  if (gone >= account_left + kStepsKept) state.account_steps = 0;
  for (Duration* left : {&state.breaker_left, &state.throttled_left, &state.probe_left,
                         &state.account_left, &state.rate_spent}) {
    *left = std::max(Duration::zero(), *left - gone);
  }
  return state;
}

void write_pace_state(JsonWriter& json, const PaceState& state) {
  json.begin_object();
  message::TimeBuffer buffer;
  json.pair("at", message::format_time(state.at, buffer));
  if (state.breaker != BreakerState::kClosed) {
    json.pair("breaker", policy::breaker_state_name(state.breaker));
  }
  for (const auto& [key, member] : kSpans) {
    // Rounded up: a rate is counted in nanoseconds, and none may be forgotten.
    const auto count = std::chrono::ceil<std::chrono::microseconds>(state.*member).count();
    if (count <= 0) continue;
    json.key(key);
    json.number(count);
  }
  for (const auto& [key, member] : kCounts) {
    if (state.*member == 0) continue;
    json.key(key);
    json.number(std::int64_t{state.*member});
  }
  for (const auto& [key, member] : kFlags) {
    if (!(state.*member)) continue;
    json.key(key);
    json.boolean(true);
  }
  if (!state.account.empty()) json.pair("account", state.account);
  json.end_object();
}

std::string encode_pace_state(const PaceState& state) {
  std::string text;
  JsonWriter json(text);
  write_pace_state(json, state);
  return text;
}

std::optional<PaceState> read_pace_state(const Value& document) {
  if (!document.is<Value::Map>()) return std::nullopt;
  const auto at = message::parse_time(text_of(document, "at"));
  if (!at) return std::nullopt;
  PaceState state;
  state.at = *at;
  const std::string_view breaker = text_of(document, "breaker");
  for (const BreakerState one : kBreakers) {
    if (policy::breaker_state_name(one) == breaker) state.breaker = one;
  }
  for (const auto& [key, member] : kSpans) state.*member = span_of(document, key);
  for (const auto& [key, member] : kCounts) state.*member = count_of(document, key);
  for (const auto& [key, member] : kFlags) {
    const Value* found = document.find(key);
    state.*member = found != nullptr && found->is<bool>() && found->as<bool>();
  }
  state.account = text_of(document, "account");
  return state;
}

std::optional<PaceState> decode_pace_state(std::string_view text) {
  const Result<Value> document = read_json(text);
  return document ? read_pace_state(*document) : std::nullopt;
}

}  // namespace tocsin::delivery
