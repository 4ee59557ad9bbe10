#include "gateway/message/time_text.h"

#include <chrono>
#include <optional>

namespace tocsin::message {

namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads a text from the left.
struct Cursor {
  std::string_view rest;

  bool take(char c) {
    if (rest.empty() || rest[0] != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  std::optional<int> digits(std::size_t count) {
    if (rest.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(rest[i])) return std::nullopt;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(count);
    return value;
  }
  // `mark` and so many digits.
  std::optional<int> marked_digits(char mark, std::size_t count) {
    return take(mark) ? digits(count) : std::nullopt;
  }
};

tl::unexpected<Error> not_a_time() {
  return fail(Code::kInvalid, "write date, time and zone, as in 2026-01-31T12:00:00Z");
}

std::optional<std::int64_t> take_date(Cursor& text) {
  const std::optional<int> year = text.digits(4);
  const std::optional<int> month = text.marked_digits('-', 2);
  const std::optional<int> day = text.marked_digits('-', 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kSecondsPerDay;
}

std::optional<std::int64_t> take_clock(Cursor& text) {
  const std::optional<int> hour = text.digits(2);
  const std::optional<int> minute = text.marked_digits(':', 2);
  const std::optional<int> second = text.marked_digits(':', 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  return *hour * 3600 + *minute * 60 + *second;
}

std::optional<std::int64_t> take_fraction(Cursor& text) {
  if (!text.take('.')) return 0;
  std::int64_t ns = 0;
  std::int64_t unit = kNsPerSecond;
  std::size_t digits = 0;
  for (; !text.rest.empty() && is_digit(text.rest[0]); text.rest.remove_prefix(1), ++digits) {
    unit /= 10;  // 0 from the tenth digit on
    ns += unit * (text.rest[0] - '0');
  }
  if (digits == 0) return std::nullopt;
  return ns;
}

// Seconds east of UTC.
std::optional<std::int64_t> take_zone(Cursor& text) {
  if (text.take('Z') || text.take('z')) return 0;
  const bool west = !text.rest.empty() && text.rest[0] == '-';
  if (!text.take(west ? '-' : '+')) return std::nullopt;
  const std::optional<int> hours = text.digits(2);
  const std::optional<int> minutes = text.marked_digits(':', 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

}  // namespace

Result<WallTime> parse_time(std::string_view text) {
  Cursor cursor{text};
  const std::optional<std::int64_t> date = take_date(cursor);
  if (!date || !(cursor.take('T') || cursor.take('t'))) return not_a_time();
  const std::optional<std::int64_t> clock = take_clock(cursor);
  const std::optional<std::int64_t> fraction = clock ? take_fraction(cursor) : std::nullopt;
  if (!fraction) return not_a_time();
  if (cursor.rest.empty()) {
    return fail(Code::kInvalid, "the zone is missing: end with Z or with an offset such as +01:00");
  }
  const std::optional<std::int64_t> zone = take_zone(cursor);
  if (!zone || !cursor.rest.empty()) return not_a_time();
  // The earliest instant is a whole second too early before its fraction is added.
  const __int128 ns = static_cast<__int128>(*date + *clock - *zone) * kNsPerSecond + *fraction;
  if (ns < WallTime::min().time_since_epoch().count() ||
      ns > WallTime::max().time_since_epoch().count()) {
    return fail(Code::kInvalid, "only the years 1678 to 2261 can be kept");
  }
  return WallTime(Duration(static_cast<std::int64_t>(ns)));
}

std::string_view format_time(WallTime time, TimeBuffer& buffer) {
  // By hand: the midnight before the earliest instant is beyond what nanoseconds can count.
  constexpr std::int64_t kNsPerDay = kSecondsPerDay * kNsPerSecond;
  const std::int64_t count = time.time_since_epoch().count();
  const std::int64_t rest = count % kNsPerDay;
  const std::int64_t in_day = rest < 0 ? rest + kNsPerDay : rest;
  const std::chrono::days day(count / kNsPerDay - (rest < 0 ? 1 : 0));
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::int64_t seconds = in_day / kNsPerSecond;
  char* at = buffer.data();
  const auto put = [&at](std::int64_t value, std::int64_t unit, char behind) {
    for (; unit > 0; unit /= 10) *at++ = static_cast<char>('0' + value / unit % 10);
    *at++ = behind;
  };
  put(static_cast<int>(date.year()), 1000, '-');
  put(static_cast<unsigned>(date.month()), 10, '-');
  put(static_cast<unsigned>(date.day()), 10, 'T');
  put(seconds / 3600, 10, ':');
  put(seconds / 60 % 60, 10, ':');
  const std::int64_t ns = in_day % kNsPerSecond;
  put(seconds % 60, 10, ns == 0 ? 'Z' : '.');
  if (ns != 0 && ns % 1'000'000 == 0) {
    put(ns / 1'000'000, 100, 'Z');
  } else if (ns != 0 && ns % 1000 == 0) {
    put(ns / 1000, 100'000, 'Z');
  } else if (ns != 0) {
    put(ns, 100'000'000, 'Z');
  }
  return {buffer.data(), static_cast<std::size_t>(at - buffer.data())};
}

}  // namespace tocsin::message
