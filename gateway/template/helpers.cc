// The only file that sees cctz. It reads the machine's tz database, once for each zone and while a
// template is compiled; localtime_r would have one zone for the whole process.

#include "gateway/template/helpers.h"

#include <cctz/time_zone.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <span>
#include <system_error>
#include <variant>

#include "gateway/base/text.h"
#include "gateway/message/time_text.h"
#include "tocsin/sdk/cut.hpp"

namespace tocsin::templates {

namespace {

using Value = std::optional<std::string>;
using Words = std::span<const std::string>;

constexpr std::size_t kDecimalsMax = 18;
constexpr std::size_t kCutMax = 1024 * 1024;
constexpr std::size_t kFormatBytesMax = 128;

std::optional<std::size_t> parse_count(std::string_view text, std::size_t max) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool good = error == std::errc() && end == text.data() + text.size() && number <= max;
  return good ? std::optional(number) : std::nullopt;
}

// ---- escaping

void append_html(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += quotes ? "&quot;" : "\"";
        break;
      case '\'':
        out += quotes ? "&#39;" : "'";
        break;
      default:
        out += c;
    }
  }
}

void append_json(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  append_json_string(out, text);
  out.erase(begin, 1);
  out.pop_back();
}

void append_url(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const char lower = to_lower(c);
    const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
}

// Only what the database may hold: the library would read any file by its path.
bool load_zone(const std::string& name, cctz::time_zone& zone) {
  const bool path =
      name.starts_with('/') || name.starts_with("file:") || name.find("..") != std::string::npos;
  return !name.empty() && !path && cctz::load_time_zone(name, &zone);
}

// ---- the helpers

struct Default {
  std::string text;
  bool apply(Value& value) const {
    if (!value || value->empty()) value = text;
    return false;
  }
};

struct Map {
  std::vector<std::pair<std::string, std::string>> values;
  std::optional<std::string> other;  // unless given, what is not named stays
  bool apply(Value& value) const {
    if (!value) return false;
    for (const auto& [from, to] : values) {
      if (from != *value) continue;
      value = to;
      return false;
    }
    if (other) value = *other;
    return false;
  }
};

struct Cut {
  std::size_t max;
  sdk::CutUnit unit;
  bool apply(Value& value) const {
    if (!value) return false;
    std::string shorter;
    const bool cut = sdk::append_cut(shorter, *value, max, unit);
    value = std::move(shorter);
    return cut;
  }
};

struct Escaped {
  Escape escape;
  bool apply(Value& value) const {
    if (!value) return false;
    std::string out;
    append_escaped(out, *value, escape);
    value = std::move(out);
    return false;
  }
};

struct Number {
  std::optional<std::size_t> decimals;
  std::string group = ",";
  std::string point = ".";

  bool apply(Value& value) const {
    if (!value) return false;
    std::string digits = plain_digits(*value);
    if (digits.empty()) return false;
    const bool negative = digits[0] == '-';
    if (negative) digits.erase(0, 1);
    const std::size_t dot = std::min(digits.find('.'), digits.size());
    std::string out = negative && digits.find_first_of("123456789") != std::string::npos ? "-" : "";
    for (std::size_t i = 0; i < dot; ++i) {
      if (i != 0 && (dot - i) % 3 == 0) out += group;
      out += digits[i];
    }
    if (dot < digits.size()) out.append(point).append(digits, dot + 1);
    value = std::move(out);
    return false;
  }

 private:
  // Decimal digits without exponent, rounded where that was asked for; empty: it is no number.
  // Whole numbers are never made a double, which could not hold all their digits.
  std::string plain_digits(std::string_view text) const {
    const std::string_view unsigned_text = text.substr(text.starts_with('-') ? 1 : 0);
    if (!unsigned_text.empty() && is_digits(unsigned_text)) {
      std::string whole(text);
      if (decimals.value_or(0) > 0) whole.append(".").append(*decimals, '0');
      return whole;
    }
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool good =
        error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
    if (!good || std::abs(number) >= 1e18) return {};
    std::array<char, 64> room;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
    const std::to_chars_result written =
        decimals ? std::to_chars(room.data(), room.data() + room.size(), number,
                                 std::chars_format::fixed, static_cast<int>(*decimals))
                 : std::to_chars(room.data(), room.data() + room.size(), number,
                                 std::chars_format::fixed);
    if (written.ec != std::errc()) return {};
    return {room.data(), written.ptr};
  }
};

struct Time {
  std::string format;
  cctz::time_zone zone;

  bool apply(Value& value) const {
    if (!value) return false;
    const std::optional<WallTime> instant = parse(*value);
    if (instant) value = cctz::format(format, *instant, zone);
    return false;
  }

 private:
  static std::optional<WallTime> parse(std::string_view text) {
    if (const Result<WallTime> time = message::parse_time(text)) return *time;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    constexpr std::int64_t kSecondsMax = 9'000'000'000;  // what nanoseconds in 64 bits can hold
    const bool good = error == std::errc() && end == text.data() + text.size() &&
                      std::abs(seconds) <= kSecondsMax;
    return good ? std::optional(WallTime(std::chrono::seconds(seconds))) : std::nullopt;
  }
};

using AnyHelper = std::variant<Default, Map, Cut, Escaped, Number, Time>;
using Parsed = tl::expected<AnyHelper, std::string>;

tl::unexpected<std::string> refuse(std::string what) { return tl::unexpected(std::move(what)); }

Parsed parse_default(Words arguments) {
  if (arguments.size() != 1) {
    return refuse("default takes one text, as in {{body | default \"none\"}}");
  }
  return Default{arguments[0]};
}

Parsed parse_cut(Words arguments) {
  const auto refuse_these = [] {
    return refuse(
        "cut takes a number from 1 and what it counts, as in cut 80, cut 80 utf16 or cut 80 bytes");
  };
  if (arguments.empty() || arguments.size() > 2) return refuse_these();
  const std::optional<std::size_t> max = parse_count(arguments[0], kCutMax);
  if (!max || *max == 0) return refuse_these();
  const std::string unit = arguments.size() == 2 ? arguments[1] : "characters";
  if (unit == "characters") return Cut{*max, sdk::CutUnit::kCodePoints};
  if (unit == "utf16") return Cut{*max, sdk::CutUnit::kUtf16};
  if (unit == "bytes") return Cut{*max, sdk::CutUnit::kBytes};
  return refuse_these();
}

Parsed parse_number(Words arguments) {
  Number number;
  if (!arguments.empty()) number.decimals = parse_count(arguments[0], kDecimalsMax);
  if (arguments.size() > 3 || (!arguments.empty() && !number.decimals)) {
    return refuse(
        "number takes how many decimals (0 to 18), what stands between groups of three digits and "
        "the decimal point, as in number 2 or number 2 . ,");
  }
  if (arguments.size() > 1) number.group = arguments[1];
  if (arguments.size() > 2) number.point = arguments[2];
  return number;
}

Parsed parse_time_helper(Words arguments, const std::string& own_zone) {
  if (arguments.empty() || arguments.size() > 2 || arguments[0].size() > kFormatBytesMax) {
    return refuse("time takes a format and a zone, as in time \"%d.%m.%Y %H:%M\" Europe/Berlin");
  }
  const std::string& name = arguments.size() == 2 ? arguments[1] : own_zone;
  Time time{arguments[0], {}};
  if (!load_zone(name, time.zone)) {
    return refuse("this machine's tz database has no zone \"" + name + "\"");
  }
  return time;
}

Parsed parse_escape(Words arguments, std::string_view name, Escape escape) {
  if (!arguments.empty()) return refuse(std::string(name) + " takes no argument");
  return Escaped{escape};
}

Parsed parse_map(Words arguments) {
  Map map;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) {
      map.values.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    } else if (i + 1 == arguments.size()) {
      map.other = word;
    } else {
      return refuse("map takes FROM=TO, and at its end one text for all other values");
    }
  }
  if (map.values.empty()) return refuse("map takes FROM=TO, as in {{level | map error=high low}}");
  return map;
}

Parsed parse_any(const std::string& name, Words arguments, const std::string& zone) {
  if (name == "default") return parse_default(arguments);
  if (name == "cut") return parse_cut(arguments);
  if (name == "map") return parse_map(arguments);
  if (name == "number") return parse_number(arguments);
  if (name == "time") return parse_time_helper(arguments, zone);
  if (name == "html") return parse_escape(arguments, name, Escape::kHtml);
  if (name == "slack") return parse_escape(arguments, name, Escape::kSlack);
  if (name == "json") return parse_escape(arguments, name, Escape::kJson);
  if (name == "url") return parse_escape(arguments, name, Escape::kUrl);
  constexpr std::string_view kNames[] = {"default", "cut",   "map",  "number", "time",
                                         "html",    "slack", "json", "url"};
  const std::optional<std::string_view> meant = closest(name, kNames);
  return refuse("there is no helper \"" + name + "\"" +
                (meant ? "; did you mean " + std::string(*meant) + "?"
                       : "; there are default, cut, map, number, time, html, slack, json and url"));
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, Escape escape) {
  switch (escape) {
    case Escape::kNone:
      out.append(text);
      return;
    case Escape::kHtml:
      append_html(out, text, true);
      return;
    case Escape::kSlack:
      append_html(out, text, false);
      return;
    case Escape::kJson:
      append_json(out, text);
      return;
    case Escape::kUrl:
      append_url(out, text);
      return;
  }
}

struct Helper::Made {
  AnyHelper helper;
};

Helper::Helper(std::unique_ptr<const Made> made) : made_(std::move(made)) {}
Helper::Helper(Helper&&) noexcept = default;
Helper& Helper::operator=(Helper&&) noexcept = default;
Helper::~Helper() = default;

tl::expected<Helper, std::string> Helper::parse(const std::vector<std::string>& words,
                                                const std::string& zone) {
  if (words.empty()) return tl::unexpected(std::string("a helper's name is missing behind |"));
  Parsed parsed = parse_any(words[0], Words(words).subspan(1), zone);
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  return Helper(std::make_unique<const Made>(Made{std::move(*parsed)}));
}

bool Helper::apply(std::optional<std::string>& value) const {
  return std::visit([&value](const auto& helper) { return helper.apply(value); }, made_->helper);
}

bool is_time_zone(const std::string& name) {
  cctz::time_zone zone;
  return load_zone(name, zone);
}

}  // namespace tocsin::templates
