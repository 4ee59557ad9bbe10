#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/result.h"

namespace tocsin::policy {

/// A compiled pattern for topics such as "orders.eu.created". Both sides are cut at dots; the empty
/// topic has no segment.
///
///   orders.eu.created    those segments, byte for byte
///   orders.*.created     `*` alone: exactly one segment, whatever its text
///   orders.**            `**` alone: any number of segments, also none ("orders" matches)
///   orders.eu-*.new*     `*` inside a segment: any run of bytes there, also none, never a dot
///
/// There is no escape: a backslash is a byte like any other, and a topic is not meant to hold `*`.
/// Case matters. A value: copy it, share it const between threads.
class Glob {
 public:
  static constexpr std::size_t kBytesMax = 1024;

  /// Code::kInvalid with `where` = "column N" (from 1) for an empty pattern or segment, `**` beside
  /// other text, or a pattern beyond kBytesMax.
  static Result<Glob> compile(std::string_view pattern);

  /// Allocates nothing. Time is at most proportional to pattern bytes * topic bytes.
  bool match(std::string_view topic) const;

  /// match() together with the bytes and segments it looked at: what the bound above is tested
  /// with, and what `explain` may show.
  std::pair<bool, std::size_t> match_and_count(std::string_view topic) const;

  /// The text it was compiled from.
  const std::string& pattern() const { return pattern_; }
  /// No wildcard at all: only the pattern itself matches, so that a router may look it up by hash.
  bool is_literal() const { return literal_; }

 private:
  enum class Kind : std::uint8_t { kLiteral, kWild, kOne, kAny };
  struct Segment {
    Kind kind;
    std::uint16_t begin;  ///< in pattern_
    std::uint16_t size;
  };

  Glob() = default;
  Result<void> add_segment(std::size_t begin, std::size_t end);
  std::string_view text(const Segment& segment) const {
    return std::string_view(pattern_).substr(segment.begin, segment.size);
  }
  template <typename Meter>
  bool segment_matches(const Segment& segment, std::string_view part, Meter& meter) const;
  template <typename Meter>
  bool run(std::string_view topic, Meter& meter) const;

  std::string pattern_;
  std::vector<Segment> segments_;
  bool literal_ = true;
};

/// Conditions on labels, all of which must hold: a label of that name exists and its value matches.
/// In a value `*` is any run of bytes, dots included ("*" asks only that the label is there); `**`
/// is the same. A value, as Glob is.
class LabelMatcher {
 public:
  static constexpr std::size_t kConditionsMax = 64;
  using Condition = std::pair<std::string, std::string>;  ///< label name, value pattern

  /// Code::kInvalid for an empty or repeated name, more than kConditionsMax conditions, or a
  /// pattern beyond Glob::kBytesMax; `where` is the name.
  static Result<LabelMatcher> compile(std::vector<Condition> conditions);

  /// `find(std::string_view name)` returns the value as std::optional<std::string_view>. No
  /// conditions match everything. Allocates nothing.
  template <typename Find>
  bool match(Find&& find) const {
    for (const Condition& condition : conditions_) {
      const std::optional<std::string_view> value = find(std::string_view(condition.first));
      if (!value || !value_matches(condition.second, *value)) return false;
    }
    return true;
  }

  const std::vector<Condition>& conditions() const { return conditions_; }

 private:
  static bool value_matches(std::string_view pattern, std::string_view value);

  std::vector<Condition> conditions_;
};

}  // namespace tocsin::policy
