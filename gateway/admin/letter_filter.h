#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/delivery/settle.h"
#include "gateway/policy/matcher.h"
#include "gateway/stage/ledger.h"

namespace tocsin::admin {

/// Which dead letters are meant. An output's, and those accepted within a time, are found through
/// an index; what else is asked is looked at letter by letter. Empty members ask for nothing.
struct LetterFilter {
  /// The names it is set by, in queries and in bodies. The bounds of a time are half open: after
  /// includes it, before does not.
  static constexpr std::array<std::string_view, 9> kNames = {
      "output",         "reason",          "topic",         "address",       "review",
      "accepted_after", "accepted_before", "updated_after", "updated_before"};

  std::string output;
  std::optional<delivery::GiveUpCause> cause;
  std::optional<policy::Glob> topic;
  std::string address;  ///< "kind:value", or "kind:" for all of a kind
  std::optional<message::ReviewState> review;
  std::optional<WallTime> accepted_after, accepted_before;
  std::optional<WallTime> updated_after, updated_before;

  /// Sets what has this name, one of kNames. A time is an instant (RFC 3339) or how long before
  /// `now` it was, as in 2h. Errors are Code::kInvalid with a sentence.
  Result<void> set(std::string_view name, const std::string& text, WallTime now);

  bool empty() const;
  /// What was set besides the output, as "reason=exhausted topic=orders.*".
  const std::string& text() const { return text_; }
  /// Whether letters have to be looked at, besides finding them.
  bool looks_inside() const;
  /// `of` is the letter's notification, or null when it is not known.
  bool matches(const stage::DeliveryRow& row, const stage::NotificationRow* of) const;

 private:
  Result<void> put(std::string_view name, const std::string& text, WallTime now);

  std::string text_;
};

/// A part of a walk over dead letters, from new to old.
struct LetterPage {
  struct Letter {
    const stage::DeliveryRow* row = nullptr;     ///< into `rows`
    const stage::NotificationRow* of = nullptr;  ///< its notification; may be null
  };
  LetterPage() = default;
  LetterPage(LetterPage&&) = default;
  LetterPage& operator=(LetterPage&&) = default;

  stage::QueryResult rows;
  std::vector<Letter> letters;              ///< those of `rows` that match
  std::optional<message::DeliveryId> next;  ///< where to go on; nothing: there are no more
};

/// Looks at the next `count` dead letters below `before`, or at the newest.
void next_letters(stage::Ledger& ledger, const LetterFilter& filter,
                  std::optional<message::DeliveryId> before, std::uint32_t count,
                  Function<void(Result<LetterPage>)> done);

}  // namespace tocsin::admin
