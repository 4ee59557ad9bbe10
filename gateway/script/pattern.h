#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tocsin::script {

/// Lua's patterns (reference manual 6.4.1), matched with a count of steps: Lua's own matcher takes
/// time that grows with a power of the subject, in C, where no instruction is counted. Knows no
/// Lua. One subject and one pattern; both outlive it.
class PatternMatcher {
 public:
  static constexpr std::size_t kCapturesMax = 32;
  static constexpr int kDepthMax = 200;
  static constexpr std::size_t kNone = ~std::size_t{0};

  enum class Fault : std::uint8_t {
    kNone,
    kStepsSpent,
    kTooDeep,
    kEndsWithPercent,
    kSetNotClosed,
    kBalanceNeedsTwo,
    kFrontierNeedsSet,
    kTooManyCaptures,
    kCaptureNotOpen,
    kUnknownCapture,
  };
  /// "the pattern ends with %", ...
  static std::string_view fault_text(Fault fault);

  /// `steps` goes down by one for each comparison; below zero everything stops.
  PatternMatcher(std::string_view subject, std::string_view pattern, std::int64_t& steps)
      : subject_(subject), pattern_(pattern), steps_(steps) {}

  /// Tries at `at` alone. The end of the match, or kNone: no match, or fault() says why not.
  std::size_t match(std::size_t at);
  Fault fault() const { return fault_; }

  struct Capture {
    std::size_t begin = 0;
    std::size_t length = 0;  ///< kPosition: it captures the place itself; kOpen: nothing closes it
  };
  static constexpr std::size_t kPosition = ~std::size_t{0} - 1;
  static constexpr std::size_t kOpen = ~std::size_t{0} - 2;
  /// Of the newest match.
  std::size_t captures() const { return captures_; }
  const Capture& capture(std::size_t index) const { return capture_[index]; }

 private:
  std::size_t fail(Fault fault);
  bool spend();
  std::size_t run(std::size_t at, std::size_t item);
  std::size_t quantified(std::size_t at, std::size_t item, std::size_t end);
  std::size_t greedy(std::size_t at, std::size_t item, std::size_t end);
  std::size_t lazy(std::size_t at, std::size_t item, std::size_t end);
  std::size_t open_capture(std::size_t at, std::size_t item, std::size_t length);
  std::size_t close_capture(std::size_t at, std::size_t item);
  std::size_t balanced(std::size_t at, std::size_t item);
  bool frontier(std::size_t at, std::size_t set, std::size_t end);
  std::size_t repeated(std::size_t at, char digit);
  std::size_t item_end(std::size_t item);
  bool is_one(std::size_t at, std::size_t item, std::size_t end);
  bool in_set(unsigned char c, std::size_t set, std::size_t closing) const;

  const std::string_view subject_;
  const std::string_view pattern_;
  std::int64_t& steps_;
  Fault fault_ = Fault::kNone;
  int depth_ = 0;
  std::size_t captures_ = 0;
  std::array<Capture, kCapturesMax> capture_{};
};

}  // namespace tocsin::script
