// item:       single characters, sets and classes, each with a quantifier; or one of ( ) %b %f %1 $
// run():      matches the rest of the pattern; what follows an item is tried at each of its ends
// recursion:  one level for each item whose end is open, so never deeper than the pattern is long

#include "gateway/script/pattern.h"

namespace tocsin::script {

namespace {

bool is_lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_letter(unsigned char c) { return is_lower(c) || is_upper(c); }
bool is_graph(unsigned char c) { return c > 32 && c < 127; }
bool is_hex(unsigned char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The classes of the C locale, whatever the process's is. Upper case is the complement.
bool in_class(unsigned char c, char name) {
  bool is_in = false;
  switch (is_upper(static_cast<unsigned char>(name)) ? name + 32 : name) {
    case 'a':
      is_in = is_letter(c);
      break;
    case 'c':
      is_in = c < 32 || c == 127;
      break;
    case 'd':
      is_in = is_digit(c);
      break;
    case 'g':
      is_in = is_graph(c);
      break;
    case 'l':
      is_in = is_lower(c);
      break;
    case 'p':
      is_in = is_graph(c) && !is_letter(c) && !is_digit(c);
      break;
    case 's':
      is_in = c == ' ' || (c >= 9 && c <= 13);
      break;
    case 'u':
      is_in = is_upper(c);
      break;
    case 'w':
      is_in = is_letter(c) || is_digit(c);
      break;
    case 'x':
      is_in = is_hex(c);
      break;
    case 'z':  // as old scripts write NUL
      is_in = c == 0;
      break;
    default:
      return c == static_cast<unsigned char>(name);  // an escaped character
  }
  return is_in != is_upper(static_cast<unsigned char>(name));
}

}  // namespace

std::string_view PatternMatcher::fault_text(Fault fault) {
  switch (fault) {
    case Fault::kStepsSpent:
      return "the pattern took too many steps";
    case Fault::kTooDeep:
      return "pattern too complex";
    case Fault::kEndsWithPercent:
      return "malformed pattern (ends with '%')";
    case Fault::kSetNotClosed:
      return "malformed pattern (missing ']')";
    case Fault::kBalanceNeedsTwo:
      return "malformed pattern (missing arguments to '%b')";
    case Fault::kFrontierNeedsSet:
      return "missing '[' after '%f' in pattern";
    case Fault::kTooManyCaptures:
      return "too many captures";
    case Fault::kCaptureNotOpen:
      return "invalid pattern capture";
    case Fault::kUnknownCapture:
      return "invalid capture index in pattern";
    case Fault::kNone:
      break;
  }
  return "no fault";
}

std::size_t PatternMatcher::match(std::size_t at) {
  captures_ = 0;
  depth_ = 0;
  const std::size_t end = run(at, 0);
  return fault_ == Fault::kNone ? end : kNone;
}

std::size_t PatternMatcher::fail(Fault fault) {
  if (fault_ == Fault::kNone) fault_ = fault;
  return kNone;
}

bool PatternMatcher::spend() {
  if (--steps_ >= 0) return true;
  fail(Fault::kStepsSpent);
  return false;
}

// The loop goes on where an item has one way to match; where it has several, run() calls itself.
std::size_t PatternMatcher::run(std::size_t at, std::size_t item) {
  if (++depth_ > kDepthMax) return --depth_, fail(Fault::kTooDeep);
  while (at != kNone && item < pattern_.size() && fault_ == Fault::kNone) {
    if (!spend()) break;
    const char first = pattern_[item];
    const char second = item + 1 < pattern_.size() ? pattern_[item + 1] : '\0';
    if (first == '(') {
      const bool is_position = second == ')';
      at = open_capture(at, item + (is_position ? 2 : 1), is_position ? kPosition : kOpen);
      break;
    }
    if (first == ')') {
      at = close_capture(at, item + 1);
      break;
    }
    if (first == '$' && item + 1 == pattern_.size()) {
      if (at != subject_.size()) at = kNone;
      break;
    }
    if (first == '%' && second == 'b') {
      at = balanced(at, item + 2);
      item += 4;
      continue;
    }
    if (first == '%' && second == 'f') {
      const std::size_t set = item + 2;
      if (set >= pattern_.size() || pattern_[set] != '[') {
        at = fail(Fault::kFrontierNeedsSet);
        break;
      }
      const std::size_t end = item_end(set);
      if (end == kNone || !frontier(at, set, end)) at = kNone;
      item = end;
      continue;
    }
    if (first == '%' && is_digit(static_cast<unsigned char>(second))) {
      at = repeated(at, second);
      item += 2;
      continue;
    }
    const std::size_t end = item_end(item);
    if (end == kNone) {
      at = kNone;
      break;
    }
    const char quantifier = end < pattern_.size() ? pattern_[end] : '\0';
    if (quantifier == '*' || quantifier == '+' || quantifier == '-' || quantifier == '?') {
      at = quantified(at, item, end);
      break;
    }
    at = is_one(at, item, end) ? at + 1 : kNone;
    item = end;
  }
  --depth_;
  return fault_ == Fault::kNone ? at : kNone;
}

std::size_t PatternMatcher::quantified(std::size_t at, std::size_t item, std::size_t end) {
  switch (pattern_[end]) {
    case '*':
      return greedy(at, item, end);
    case '+':
      return is_one(at, item, end) ? greedy(at + 1, item, end) : kNone;
    case '-':
      return lazy(at, item, end);
    default: {
      if (is_one(at, item, end)) {
        const std::size_t matched = run(at + 1, end + 1);
        if (matched != kNone) return matched;
      }
      return fault_ == Fault::kNone ? run(at, end + 1) : kNone;
    }
  }
}

std::size_t PatternMatcher::greedy(std::size_t at, std::size_t item, std::size_t end) {
  std::size_t many = 0;
  while (is_one(at + many, item, end)) {
    if (!spend()) return kNone;
    ++many;
  }
  for (;; --many) {
    const std::size_t matched = run(at + many, end + 1);
    if (matched != kNone || fault_ != Fault::kNone || many == 0) return matched;
  }
}

std::size_t PatternMatcher::lazy(std::size_t at, std::size_t item, std::size_t end) {
  for (;; ++at) {
    const std::size_t matched = run(at, end + 1);
    if (matched != kNone || fault_ != Fault::kNone) return matched;
    if (!is_one(at, item, end)) return kNone;
  }
}

// ---- captures

std::size_t PatternMatcher::open_capture(std::size_t at, std::size_t item, std::size_t length) {
  if (captures_ == kCapturesMax) return fail(Fault::kTooManyCaptures);
  capture_[captures_++] = {at, length};
  const std::size_t matched = run(at, item);
  if (matched == kNone) --captures_;
  return matched;
}

std::size_t PatternMatcher::close_capture(std::size_t at, std::size_t item) {
  std::size_t open = captures_;
  while (open > 0 && capture_[open - 1].length != kOpen) --open;
  if (open == 0) return fail(Fault::kCaptureNotOpen);
  Capture& capture = capture_[open - 1];
  capture.length = at - capture.begin;
  const std::size_t matched = run(at, item);
  if (matched == kNone) capture.length = kOpen;
  return matched;
}

// %1: the same text once more.
std::size_t PatternMatcher::repeated(std::size_t at, char digit) {
  const auto index = static_cast<std::size_t>(digit - '1');  // %0 wraps and is unknown
  if (index >= captures_ || capture_[index].length == kOpen) return fail(Fault::kUnknownCapture);
  const Capture& capture = capture_[index];
  if (capture.length == kPosition) return kNone;
  steps_ -= static_cast<std::int64_t>(capture.length / 16);
  const std::string_view text = subject_.substr(capture.begin, capture.length);
  return subject_.substr(at).starts_with(text) ? at + text.size() : kNone;
}

// ---- %b and %f

std::size_t PatternMatcher::balanced(std::size_t at, std::size_t item) {
  if (item + 1 >= pattern_.size()) return fail(Fault::kBalanceNeedsTwo);
  const char opening = pattern_[item];
  const char closing = pattern_[item + 1];
  if (at >= subject_.size() || subject_[at] != opening) return kNone;
  std::size_t open = 1;
  for (std::size_t i = at + 1; i < subject_.size(); ++i) {
    if (!spend()) return kNone;
    if (subject_[i] == closing) {
      if (--open == 0) return i + 1;
    } else if (subject_[i] == opening) {
      ++open;
    }
  }
  return kNone;
}

// Where a set begins: the byte before is not in it, the byte here is. Beyond both ends lies a NUL.
bool PatternMatcher::frontier(std::size_t at, std::size_t set, std::size_t end) {
  const auto byte = [this](std::size_t i) {
    return i < subject_.size() ? static_cast<unsigned char>(subject_[i])
                               : static_cast<unsigned char>(0);
  };
  const unsigned char before = at == 0 ? 0 : byte(at - 1);
  return !in_set(before, set, end - 1) && in_set(byte(at), set, end - 1);
}

// ---- single characters

// Behind the character, class or set that begins at `item`.
std::size_t PatternMatcher::item_end(std::size_t item) {
  const char first = pattern_[item++];
  if (first == '%') return item < pattern_.size() ? item + 1 : fail(Fault::kEndsWithPercent);
  if (first != '[') return item;
  if (item < pattern_.size() && pattern_[item] == '^') ++item;
  do {  // a ] that comes first stands for itself
    if (item >= pattern_.size()) return fail(Fault::kSetNotClosed);
    if (!spend()) return kNone;
    if (pattern_[item++] == '%') ++item;
  } while (item >= pattern_.size() || pattern_[item] != ']');
  return item + 1;
}

bool PatternMatcher::is_one(std::size_t at, std::size_t item, std::size_t end) {
  if (at >= subject_.size()) return false;
  const auto c = static_cast<unsigned char>(subject_[at]);
  switch (pattern_[item]) {
    case '.':
      return true;
    case '%':
      return in_class(c, pattern_[item + 1]);
    case '[':
      steps_ -= static_cast<std::int64_t>((end - item) / 4);
      return in_set(c, item, end - 1);
    default:
      return c == static_cast<unsigned char>(pattern_[item]);
  }
}

bool PatternMatcher::in_set(unsigned char c, std::size_t set, std::size_t closing) const {
  std::size_t at = set + 1;
  const bool is_negative = pattern_[at] == '^';
  if (is_negative) ++at;
  for (; at < closing; ++at) {
    if (pattern_[at] == '%') {
      ++at;
      if (in_class(c, pattern_[at])) return !is_negative;
    } else if (at + 2 < closing && pattern_[at + 1] == '-') {
      const auto low = static_cast<unsigned char>(pattern_[at]);
      const auto high = static_cast<unsigned char>(pattern_[at + 2]);
      if (low <= c && c <= high) return !is_negative;
      at += 2;
    } else if (c == static_cast<unsigned char>(pattern_[at])) {
      return !is_negative;
    }
  }
  return is_negative;
}

}  // namespace tocsin::script
