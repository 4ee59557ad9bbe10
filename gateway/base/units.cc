// Durations, sizes and rates as operators write them. A unit is always due, because a bare 30 has
// been seconds in one program and milliseconds in the next once too often. Arithmetic is on
// integers, so that 0.1s is exactly 100ms.

#include "gateway/base/units.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

namespace tocsin {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

// Largest first: a sum of durations goes down this list, and formatting takes the first that
// divides.
constexpr std::array<Unit, 6> kDurationUnits = {{{"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000}}};

constexpr std::int64_t kKibi = 1024;
constexpr std::int64_t kKilo = 1000;
constexpr std::array<Unit, 9> kSizeUnits = {{{"TiB", kKibi* kKibi* kKibi* kKibi},
                                             {"TB", kKilo* kKilo* kKilo* kKilo},
                                             {"GiB", kKibi* kKibi* kKibi},
                                             {"GB", kKilo* kKilo* kKilo},
                                             {"MiB", kKibi* kKibi},
                                             {"MB", kKilo* kKilo},
                                             {"KiB", kKibi},
                                             {"kB", kKilo},
                                             {"B", 1}}};

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "12.5ms" cut at its seams; the views point into the text.
struct Quantity {
  std::string_view whole;
  std::string_view fraction;
  std::string_view unit;
};

// Takes one quantity off the front of `text`; nothing when it does not start with a digit.
std::optional<Quantity> take_quantity(std::string_view& text) {
  std::size_t i = 0;
  while (i < text.size() && is_digit(text[i])) ++i;
  if (i == 0) return std::nullopt;
  Quantity quantity{text.substr(0, i), {}, {}};
  if (i < text.size() && text[i] == '.') {
    const std::size_t start = ++i;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i == start) return std::nullopt;
    quantity.fraction = text.substr(start, i - start);
  }
  const std::size_t unit = i;
  while (i < text.size() && is_letter(text[i])) ++i;
  quantity.unit = text.substr(unit, i - unit);
  text.remove_prefix(i);
  return quantity;
}

enum class Scaling { kExact, kOverflow, kRemainder };

// whole.fraction * factor, exactly or not at all.
Scaling scale(const Quantity& quantity, std::int64_t factor, std::int64_t& out) {
  std::int64_t whole = 0;
  const auto* end = quantity.whole.data() + quantity.whole.size();
  if (std::from_chars(quantity.whole.data(), end, whole).ec != std::errc()) {
    return Scaling::kOverflow;
  }
  if (__builtin_mul_overflow(whole, factor, &out)) return Scaling::kOverflow;
  std::string_view fraction = quantity.fraction;
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  if (fraction.empty()) return Scaling::kExact;
  // Nothing finer than 10^-18 of any unit is whole, and 18 digits times any factor fit 128 bits.
  if (fraction.size() > 18) return Scaling::kRemainder;
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  for (const char digit : fraction) {
    numerator = numerator * 10 + (digit - '0');
    denominator *= 10;
  }
  const __int128 scaled = static_cast<__int128>(numerator) * factor;
  if (scaled % denominator != 0) return Scaling::kRemainder;
  const auto part = static_cast<std::int64_t>(scaled / denominator);
  return __builtin_add_overflow(out, part, &out) ? Scaling::kOverflow : Scaling::kExact;
}

std::string number_of(const Quantity& quantity) {
  std::string text(quantity.whole);
  if (!quantity.fraction.empty()) text.append(".").append(quantity.fraction);
  return text;
}

tl::unexpected<Error> no_duration_unit(const Quantity& quantity) {
  const std::string number = number_of(quantity);
  if (quantity.unit.empty()) {
    return fail(Code::kInvalid, "the unit is missing: write " + number + "s for seconds, or " +
                                    number + "ms, " + number + "m, " + number + "h, " + number +
                                    "d");
  }
  return fail(Code::kInvalid,
              "there is no unit \"" + std::string(quantity.unit) + "\": use us, ms, s, m, h or d");
}

tl::unexpected<Error> no_size_unit(const Quantity& quantity) {
  const std::string number = number_of(quantity);
  if (quantity.unit.empty()) {
    return fail(Code::kInvalid, "the unit is missing: write " + number +
                                    "B for bytes, or use KiB, MiB, GiB, kB, MB, GB");
  }
  const char first = quantity.unit[0];
  const char letter = static_cast<char>(first >= 'a' ? first - 32 : first);
  const bool bare =
      quantity.unit.size() == 1 || (quantity.unit.size() == 2 && quantity.unit[1] == 'B');
  if (bare && std::string_view("KMGT").find(letter) != std::string_view::npos) {
    const std::string decimal = letter == 'K' ? "k" : std::string(1, letter);
    return fail(Code::kInvalid, "write " + number + letter + "iB (powers of 1024) or " + number +
                                    decimal + "B (powers of 1000)");
  }
  return fail(Code::kInvalid, "there is no unit \"" + std::string(quantity.unit) +
                                  "\": use B, KiB, MiB, GiB, TiB, kB, MB, GB or TB");
}

tl::unexpected<Error> not_a_quantity(std::string_view text, std::string_view example) {
  if (!text.empty() && text[0] == '-') return fail(Code::kInvalid, "it cannot be negative");
  if (text.find(' ') != std::string_view::npos) {
    return fail(Code::kInvalid, "write it without spaces, as in " + std::string(example));
  }
  return fail(Code::kInvalid, "write a number and its unit, as in " + std::string(example));
}

std::string format_with(std::span<const Unit> units, std::int64_t value) {
  for (const Unit& unit : units) {
    if (value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return {};
}

std::string format_number(double number) {
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return error == std::errc() ? std::string(buffer.data(), end) : std::string("0");
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const std::string_view all = text;
  std::int64_t total = 0;
  const Unit* previous = nullptr;
  do {
    const std::optional<Quantity> quantity = take_quantity(text);
    if (!quantity) return not_a_quantity(all, "30s");
    const Unit* unit = find_unit(kDurationUnits, quantity->unit);
    if (unit == nullptr) {
      if (quantity->unit.empty() && !text.empty()) return not_a_quantity(all, "30s");
      return no_duration_unit(*quantity);
    }
    if (previous != nullptr && unit->factor >= previous->factor) {
      return fail(Code::kInvalid, "a sum goes from large units to small ones, as in 1h30m");
    }
    previous = unit;
    std::int64_t part = 0;
    const Scaling scaling = scale(*quantity, unit->factor, part);
    if (scaling == Scaling::kRemainder) {
      return fail(Code::kInvalid, "it is finer than a nanosecond");
    }
    if (scaling == Scaling::kOverflow || __builtin_add_overflow(total, part, &total)) {
      return fail(Code::kInvalid, "it is longer than 292 years");
    }
  } while (!text.empty());
  return Duration(total);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  if (text == "0") return std::uint64_t{0};
  std::string_view rest = text;
  const std::optional<Quantity> quantity = take_quantity(rest);
  if (!quantity || !rest.empty()) return not_a_quantity(text, "64KiB");
  const Unit* unit = find_unit(kSizeUnits, quantity->unit);
  if (unit == nullptr) return no_size_unit(*quantity);
  std::int64_t bytes = 0;
  switch (scale(*quantity, unit->factor, bytes)) {
    case Scaling::kExact:
      return static_cast<std::uint64_t>(bytes);
    case Scaling::kOverflow:
      return fail(Code::kInvalid, "it is larger than 8388607TiB");
    case Scaling::kRemainder:
      break;
  }
  return fail(Code::kInvalid, "it is not a whole number of bytes");
}

Result<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    double bare = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bare);
    const bool number = error == std::errc() && end == text.data() + text.size() && bare >= 0;
    const std::string count = number ? std::string(text) : "10";
    return fail(Code::kInvalid, "the period is missing: write " + count + "/s, " + count + "/m, " +
                                    count + "/h or " + count + "/d");
  }
  const std::string_view count_text = text.substr(0, slash);
  std::string period_text(text.substr(slash + 1));
  Rate rate;
  const char* count_end = count_text.data() + count_text.size();
  const auto [end, error] =
      std::from_chars(count_text.data(), count_end, rate.count, std::chars_format::fixed);
  const bool digits_only = !count_text.empty() && is_digit(count_text[0]);
  if (error != std::errc() || end != count_end || !digits_only) {
    return fail(Code::kInvalid, "write a count, a slash and a period, as in 10/s");
  }
  if (rate.count <= 0) return fail(Code::kInvalid, "a rate of 0 would let nothing through");
  if (!period_text.empty() && is_letter(period_text[0])) period_text.insert(0, "1");
  const Result<Duration> period = parse_duration(period_text);
  if (!period || *period <= Duration::zero()) {
    return fail(Code::kInvalid, "after the slash comes a period: s, m, h, d, or such as 10s");
  }
  rate.period = *period;
  return rate;
}

Result<std::uint64_t> parse_byte_rate(std::string_view text) {
  constexpr std::string_view kPerSecond = "/s";
  if (text == "0") return std::uint64_t{0};
  if (!text.ends_with(kPerSecond)) {
    const std::string whole(text);
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    if (digits) return fail(Code::kInvalid, "unit and period are missing: write " + whole + "B/s");
    if (parse_size(text)) {
      return fail(Code::kInvalid, "the period is missing: write " + whole + "/s");
    }
    return fail(Code::kInvalid, "write a size per second, as in 64KiB/s");
  }
  return parse_size(text.substr(0, text.size() - kPerSecond.size()));
}

std::string format_duration(Duration value) {
  if (value == Duration::zero()) return "0s";
  const std::int64_t ns = value.count();
  std::string text = format_with(kDurationUnits, ns);
  if (!text.empty()) return text;
  // Below a microsecond only the fraction can tell; three digits are always enough.
  const std::int64_t rest = ns % 1000 < 0 ? -(ns % 1000) : ns % 1000;
  std::string fraction = std::to_string(1000 + rest).substr(1);
  while (fraction.back() == '0') fraction.pop_back();
  const std::string sign = ns < 0 && ns / 1000 == 0 ? "-" : "";
  return sign + std::to_string(ns / 1000) + "." + fraction + "us";
}

std::string format_size(std::uint64_t bytes) {
  if (bytes == 0) return "0B";
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return std::to_string(bytes) + "B";
  }
  return format_with(kSizeUnits, static_cast<std::int64_t>(bytes));
}

std::string format_rate(const Rate& value) {
  std::string period = format_duration(value.period);
  if (period.size() == 2 && period[0] == '1') period.erase(0, 1);
  return format_number(value.count) + "/" + period;
}

std::string format_byte_rate(std::uint64_t bytes_per_second) {
  return format_size(bytes_per_second) + "/s";
}

}  // namespace tocsin
