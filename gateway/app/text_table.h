#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::app {

/// What a colour means; without colours it is nothing.
enum class Tone { kPlain, kGood, kWarning, kBad, kFaint };

/// Converts from what a cell shows, so that a row reads as a list of values.
struct Cell {
  // NOLINTBEGIN(google-explicit-constructor)
  Cell(std::string_view t, Tone how = Tone::kPlain) : text(t), tone(how) {}
  Cell(const char* t, Tone how = Tone::kPlain) : text(t), tone(how) {}
  Cell(std::string t, Tone how = Tone::kPlain) : text(std::move(t)), tone(how) {}
  Cell(std::int64_t number, Tone how = Tone::kPlain)
      : text(std::to_string(number)), tone(how), right(true) {}
  // NOLINTEND(google-explicit-constructor)

  std::string text;
  Tone tone = Tone::kPlain;
  bool right = false;  ///< aligned to the right, as numbers are
};

/// Columns under titles, for people.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string_view> titles) : titles_(std::move(titles)) {}
  /// As many cells as there are titles.
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }
  std::string text(bool colour) const;

 private:
  std::vector<std::string_view> titles_;
  std::vector<std::vector<Cell>> rows_;
};

/// The text with everything that a terminal would act on (control characters of ASCII and of
/// Unicode, bytes that are not UTF-8) replaced by '?': what came from outside is never an escape
/// sequence.
std::string printable(std::string_view text);

/// How many columns printable text takes, every character taken for one.
std::size_t columns_of(std::string_view text);

/// "2026-01-31T23:59:59.999Z" as people read it: "2026-01-31 23:59:59Z".
std::string short_time(std::string_view time);

std::string toned(std::string_view text, Tone tone, bool colour);

}  // namespace tocsin::app
