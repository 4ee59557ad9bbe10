#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

// What a template may do to a value on its way into the text: {{NAME | HELPER ARGUMENT...}}.
//
//   default TEXT                     the text when there is no value, or an empty one
//   cut N [characters|utf16|bytes]   at most so many, the marker of a cut among them
//   number [DECIMALS [GROUP [POINT]]]   1234567.5 -> 1,234,567.50; GROUP and POINT are "," and "."
//   time FORMAT [ZONE]               an RFC 3339 instant or Unix seconds, as strftime writes it
//   map FROM=TO... [TO]              TO for the value FROM; the last one, without =, for all others
//   html, slack, json, url           escaped for what it stands in, before the template's own
//                                    escaping
//
// What is no number or no time stays as it is. A text with blanks stands in double quotes.

namespace tocsin::templates {

enum class Escape : std::uint8_t {
  kNone,
  kHtml,   ///< & < > " '
  kJson,   ///< the inside of a JSON string
  kUrl,    ///< percent-encoded but for RFC 3986's unreserved characters
  kSlack,  ///< & < >, as Slack's mrkdwn wants it
};

void append_escaped(std::string& out, std::string_view text, Escape escape);

class TimeZones;

/// One helper with its arguments, checked. Immutable; any thread.
class Helper {
 public:
  /// `words` is the name and its arguments. Otherwise a sentence that says what would be right.
  static tl::expected<Helper, std::string> parse(const std::vector<std::string>& words,
                                                 const std::string& zone);

  Helper(Helper&&) noexcept;
  Helper& operator=(Helper&&) noexcept;
  ~Helper();

  /// Changes the value; nothing is one that is not there. Whether it was cut.
  bool apply(std::optional<std::string>& value) const;

 private:
  struct Made;
  explicit Helper(std::unique_ptr<const Made> made);
  std::unique_ptr<const Made> made_;
};

/// Whether the tz database of this machine has a zone of that name.
bool is_time_zone(const std::string& name);

}  // namespace tocsin::templates
