#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "gateway/base/clock.h"

namespace tocsin::http {

/// The value of the Date field (IMF-fixdate, RFC 9110 5.6.7), made anew once a second. One per
/// loop.
class DateCache {
 public:
  /// `now` is the loop's instant; the wall clock is read only when the second has passed.
  std::string_view text(MonoTime now, const Clock& clock);

 private:
  std::array<char, 32> text_{};
  std::size_t length_ = 0;
  MonoTime stale_at_{};
};

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::size_t format_http_date(WallTime when, char* out, std::size_t room);

/// The three forms that RFC 9110 5.6.7 asks readers to take: "Sun, 06 Nov 1994 08:49:37 GMT",
/// "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994". The day's name is not compared
/// with the date. Nothing for anything else.
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace tocsin::http
