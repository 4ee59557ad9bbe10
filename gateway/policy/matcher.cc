// Matching with stars needs no recursion: when what follows the newest star fails, only that star
// has to swallow one more; an earlier one never does, for whatever it could swallow the newer one
// can too. The same argument is used twice, over segments and over the bytes of one, so that the
// whole is bounded by pattern bytes * topic bytes.
#include "gateway/policy/matcher.h"

#include <algorithm>

namespace tocsin::policy {

namespace {

struct NoMeter {
  void add(std::size_t) {}
};
struct CountingMeter {
  std::size_t steps = 0;
  void add(std::size_t n) { steps += n; }
};

/// `pattern` with `*` for any run of bytes against all of `text`.
template <typename Meter>
bool run_matches(std::string_view pattern, std::string_view text, Meter& meter) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = kNone;
  std::size_t star_text = 0;
  while (t < text.size()) {
    meter.add(1);
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != kNone) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

tl::unexpected<Error> refuse(std::string what, std::size_t offset) {
  return fail(Code::kInvalid, std::move(what), "column " + std::to_string(offset + 1));
}

/// Where the segment that begins at `begin` ends.
std::size_t end_of(std::string_view topic, std::size_t begin) {
  return std::min(topic.find('.', begin), topic.size());
}

}  // namespace

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.empty()) return refuse("a topic pattern must not be empty; ** matches all", 0);
  if (pattern.size() > kBytesMax) {
    return refuse("a topic pattern may have at most 1024 bytes", kBytesMax);
  }
  Glob glob;
  glob.pattern_ = pattern;
  for (std::size_t begin = 0; begin <= pattern.size();) {
    const std::size_t end = end_of(pattern, begin);
    TOCSIN_TRY(glob.add_segment(begin, end));
    begin = end + 1;
  }
  return glob;
}

Result<void> Glob::add_segment(std::size_t begin, std::size_t end) {
  const std::string_view part = std::string_view(pattern_).substr(begin, end - begin);
  if (part.empty()) return refuse("a segment of a topic pattern must not be empty", begin);
  Kind kind = Kind::kLiteral;
  if (part == "*") {
    kind = Kind::kOne;
  } else if (part == "**") {
    kind = Kind::kAny;
  } else if (const std::size_t twice = part.find("**"); twice != std::string_view::npos) {
    return refuse("** must stand alone between dots", begin + twice);
  } else if (part.find('*') != std::string_view::npos) {
    kind = Kind::kWild;
  }
  if (kind != Kind::kLiteral) literal_ = false;
  const bool repeats = kind == Kind::kAny && !segments_.empty() && segments_.back().kind == kind;
  if (repeats) return {};
  segments_.push_back(
      {kind, static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(part.size())});
  return {};
}

template <typename Meter>
bool Glob::segment_matches(const Segment& segment, std::string_view part, Meter& meter) const {
  switch (segment.kind) {
    case Kind::kLiteral:
      meter.add(std::min<std::size_t>(segment.size, part.size()));
      return text(segment) == part;
    case Kind::kWild:
      return run_matches(text(segment), part, meter);
    case Kind::kOne:
      return true;
    case Kind::kAny:
      break;
  }
  return false;
}

template <typename Meter>
bool Glob::run(std::string_view topic, Meter& meter) const {
  constexpr std::size_t kNone = std::string_view::npos;
  // A position is where a segment begins; one past the last dot-or-end means none is left.
  const std::size_t finish = topic.size() + 1;
  std::size_t at = topic.empty() ? finish : 0;
  std::size_t p = 0;
  std::size_t star = kNone;
  std::size_t star_at = 0;
  while (at != finish) {
    if (p < segments_.size() && segments_[p].kind == Kind::kAny) {
      star = p++;
      star_at = at;
      if (p == segments_.size()) return true;
      continue;
    }
    const std::size_t end = end_of(topic, at);
    meter.add(1 + end - at);
    if (p < segments_.size() && segment_matches(segments_[p], topic.substr(at, end - at), meter)) {
      ++p;
      at = end + 1;
    } else if (star != kNone) {
      p = star + 1;
      star_at = end_of(topic, star_at) + 1;
      at = star_at;
    } else {
      return false;
    }
  }
  if (p < segments_.size() && segments_[p].kind == Kind::kAny) ++p;
  return p == segments_.size();
}

bool Glob::match(std::string_view topic) const {
  if (literal_) return topic == pattern_;
  NoMeter meter;
  return run(topic, meter);
}

std::pair<bool, std::size_t> Glob::match_and_count(std::string_view topic) const {
  CountingMeter meter;
  const bool matched = run(topic, meter);
  return {matched, meter.steps};
}

Result<LabelMatcher> LabelMatcher::compile(std::vector<Condition> conditions) {
  if (conditions.size() > kConditionsMax) {
    return fail(Code::kInvalid, "at most 64 labels may be matched");
  }
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    const auto& [name, pattern] = conditions[i];
    if (name.empty()) return fail(Code::kInvalid, "a label name must not be empty");
    if (pattern.size() > Glob::kBytesMax) {
      return fail(Code::kInvalid, "a label pattern may have at most 1024 bytes", name);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (conditions[j].first == name) return fail(Code::kInvalid, "a label is named twice", name);
    }
  }
  LabelMatcher matcher;
  matcher.conditions_ = std::move(conditions);
  return matcher;
}

bool LabelMatcher::value_matches(std::string_view pattern, std::string_view value) {
  NoMeter meter;
  return run_matches(pattern, value, meter);
}

}  // namespace tocsin::policy
