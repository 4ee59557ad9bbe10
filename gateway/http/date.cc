#include "gateway/http/date.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace tocsin::http {

std::size_t format_http_date(WallTime when, char* out, std::size_t room) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  // Not strftime: its names follow the locale.
  const int length = std::snprintf(out, room, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays[utc.tm_wday], utc.tm_mday, kMonths[utc.tm_mon],
                                   utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return length > 0 && static_cast<std::size_t>(length) < room ? static_cast<std::size_t>(length)
                                                               : 0;
}

namespace {

std::optional<int> number(std::string_view digits) {
  int value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || digits.front() == '-') return std::nullopt;
  return value;
}

std::optional<int> month_of(std::string_view name) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t at = name.size() == 3 ? kMonths.find(name) : kMonths.npos;
  if (at == kMonths.npos || at % 3 != 0) return std::nullopt;
  return static_cast<int>(at / 3) + 1;
}

// "06 Nov 1994 08:49:37", whichever form it came in.
struct DateParts {
  std::string_view day, month, year, time;
};

std::optional<DateParts> split_date(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == text.npos) {  // asctime: "Sun Nov  6 08:49:37 1994"
    if (text.size() != 24) return std::nullopt;
    const std::size_t pad = text[8] == ' ' ? 1 : 0;
    return DateParts{text.substr(8 + pad, 2 - pad), text.substr(4, 3), text.substr(20),
                     text.substr(11, 8)};
  }
  const std::string_view rest = text.substr(comma + 1);
  if (!rest.ends_with(" GMT")) return std::nullopt;
  if (rest.size() == 25) {  // " 06 Nov 1994 08:49:37 GMT"
    return DateParts{rest.substr(1, 2), rest.substr(4, 3), rest.substr(8, 4), rest.substr(13, 8)};
  }
  if (rest.size() == 23) {  // " 06-Nov-94 08:49:37 GMT"
    return DateParts{rest.substr(1, 2), rest.substr(4, 3), rest.substr(8, 2), rest.substr(11, 8)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
  const std::optional<DateParts> parts = split_date(text);
  if (!parts || parts->time[2] != ':' || parts->time[5] != ':') return std::nullopt;
  const std::optional<int> month = month_of(parts->month);
  const std::optional<int> day = number(parts->day);
  std::optional<int> year = number(parts->year);
  const std::optional<int> hour = number(parts->time.substr(0, 2));
  const std::optional<int> minute = number(parts->time.substr(3, 2));
  const std::optional<int> second = number(parts->time.substr(6, 2));
  if (!month || !day || !year || !hour || !minute || !second) return std::nullopt;
  // Two digits mean the century that was current when servers wrote such dates.
  if (parts->year.size() == 2) *year += *year < 70 ? 2000 : 1900;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  // A leap second is 60. Beyond 2200 the nanoseconds of a WallTime end.
  if (!date.ok() || *year > 2200 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

std::string_view DateCache::text(MonoTime now, const Clock& clock) {
  if (length_ == 0 || now >= stale_at_) {
    const WallTime wall = clock.wall();
    length_ = format_http_date(wall, text_.data(), text_.size());
    stale_at_ = now + (std::chrono::ceil<std::chrono::seconds>(wall + Duration(1)) - wall);
  }
  return {text_.data(), length_};
}

}  // namespace tocsin::http
