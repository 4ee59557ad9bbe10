#include "gateway/http/date.h"

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

std::string_view DateCache::text(MonoTime now, const Clock& clock) {
  if (length_ == 0 || now >= stale_at_) {
    const WallTime wall = clock.wall();
    length_ = format_http_date(wall, text_.data(), text_.size());
    stale_at_ = now + (std::chrono::ceil<std::chrono::seconds>(wall + Duration(1)) - wall);
  }
  return {text_.data(), length_};
}

}  // namespace tocsin::http
