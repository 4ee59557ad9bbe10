#include "script.h"

#include <charconv>

namespace flaky {

namespace {

using tocsin::sdk::Duration;
using tocsin::sdk::Verdict;

constexpr std::int64_t kWaitCountMax = 1'000'000;  // also of minutes it fits into a Duration

std::optional<Duration> parse_wait(std::string_view text) {
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || count < 0 || count > kWaitCountMax) return std::nullopt;
  const std::string_view name(unit, static_cast<std::size_t>(end - unit));
  if (name == "ms") return std::chrono::milliseconds(count);
  if (name == "s") return std::chrono::seconds(count);
  if (name == "m") return std::chrono::minutes(count);
  return std::nullopt;
}

}  // namespace

std::optional<Step> parse_step(std::string_view text) {
  const std::size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  Duration wait = Duration::zero();
  if (space != text.npos) {
    const std::optional<Duration> given = parse_wait(text.substr(space + 1));
    if (!given || (word != "retry" && word != "throttled")) return std::nullopt;
    wait = *given;
  }
  const std::string reason = "the script says " + std::string(text);
  if (word == "delivered") return Step{Verdict::delivered("flaky")};
  if (word == "retry") return Step{Verdict::retry(reason, wait)};
  if (word == "throttled") return Step{Verdict::throttled(reason, wait)};
  if (word == "rejected") return Step{Verdict::rejected(reason)};
  if (word == "target_gone") return Step{Verdict::target_gone(reason)};
  if (word == "ambiguous") return Step{Verdict::ambiguous(reason)};
  if (word == "unauthorized") return Step{Verdict::unauthorized(reason)};
  if (word == "internal") return Step{Verdict::internal(reason)};
  if (word == "hang") return Step{};
  return std::nullopt;
}

std::string no_step(std::string_view text) {
  return "no attempt comes to \"" + std::string(text) +
         "\"; there are delivered, retry, \"retry 5s\", throttled, \"throttled 5s\", rejected, "
         "target_gone, ambiguous, unauthorized, internal and hang";
}

void Lottery::add(Step step, double weight) {
  steps_.push_back(std::move(step));
  sums_.push_back(weight + (sums_.empty() ? 0 : sums_.back()));
}

// splitmix64: one multiplication short of a good generator, and enough to choose a verdict.
const Step& Lottery::draw() {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  mixed ^= mixed >> 31;
  const double at = static_cast<double>(mixed >> 11) * 0x1p-53 * sums_.back();
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    if (at < sums_[i]) return steps_[i];
  }
  return steps_.back();
}

}  // namespace flaky
