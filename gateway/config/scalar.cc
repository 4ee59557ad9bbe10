#include "gateway/config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "gateway/base/address.h"
#include "gateway/base/text.h"

namespace tocsin::config {

namespace {

Result<Value::Data> parse_boolean(std::string_view text) {
  if (text == "true") return Value::Data(true);
  if (text == "false") return Value::Data(false);
  constexpr std::array<std::string_view, 5> kYes = {"yes", "on", "y", "1", "true"};
  constexpr std::array<std::string_view, 5> kNo = {"no", "off", "n", "0", "false"};
  const auto means = [&](const auto& words) {
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return equals_ignoring_case(word, text); });
  };
  if (means(kYes)) return fail(Code::kInvalid, "write true");
  if (means(kNo)) return fail(Code::kInvalid, "write false");
  return fail(Code::kInvalid, "write true or false");
}

std::string integer_hint(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.starts_with("0x") || digits.starts_with("0o")) return "write it in decimal digits";
  if (digits.starts_with('+')) return "write it without the plus sign";
  if (!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos) {
    if (digits[0] == '0' && digits.size() > 1) return "write it without leading zeros";
    return "it does not fit into 64 bits";
  }
  if (!digits.empty() && digits.find_first_not_of("0123456789_,' ") == digits.npos) {
    return "write the digits without separators";
  }
  if (!digits.empty() && digits[0] >= '0' && digits[0] <= '9') {
    return "write digits only, without a unit or a fraction";
  }
  return "write digits, such as 100";
}

Result<Value::Data> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  // 010 is eight in YAML 1.1 and ten in 1.2: too good a trap to leave open.
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  const bool ambiguous = digits.size() > 1 && digits[0] == '0';
  if (error != std::errc() || stop != end || ambiguous) {
    return fail(Code::kInvalid, integer_hint(text));
  }
  return Value::Data(value);
}

Result<Value::Data> parse_number(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) {
    return fail(Code::kInvalid, "write a number such as 0.5");
  }
  return Value::Data(value);
}

std::string join(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

Result<Value::Data> parse_choice(const Option& option, std::string_view text) {
  const std::vector<std::string_view> words = words_of(option.choices);
  if (std::find(words.begin(), words.end(), text) != words.end()) {
    return Value::Data(std::string(text));
  }
  if (const auto near = closest(text, words)) {
    return fail(Code::kInvalid, "did you mean " + std::string(*near) + "?");
  }
  return fail(Code::kInvalid, "");
}

template <typename T>
Result<Value::Data> as_data(Result<T> parsed) {
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  return Value::Data(std::move(*parsed));
}

Result<Value::Data> as_size(Result<std::uint64_t> parsed) {
  if (!parsed) return tl::unexpected(std::move(parsed).error());
  return Value::Data(Value::Size{*parsed});
}

// One number to compare bounds by, whatever the type. Doubles hold all of them closely enough.
double magnitude(const Value::Data& data) {
  if (const auto* integer = std::get_if<std::int64_t>(&data)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&data)) return *number;
  if (const auto* text = std::get_if<std::string>(&data)) return static_cast<double>(text->size());
  if (const auto* wait = std::get_if<Duration>(&data)) return static_cast<double>(wait->count());
  if (const auto* size = std::get_if<Value::Size>(&data)) return static_cast<double>(size->bytes);
  if (const auto* rate = std::get_if<Rate>(&data)) return rate->per_second();
  if (const auto* list = std::get_if<Value::List>(&data)) return static_cast<double>(list->size());
  if (const auto* map = std::get_if<Value::Map>(&data)) return static_cast<double>(map->size());
  return 0;
}

bool measured_by_length(const Value::Data& data) {
  return std::holds_alternative<std::string>(data) || std::holds_alternative<Value::List>(data) ||
         std::holds_alternative<Value::Map>(data);
}

double bound_of(const Option& option, std::string_view bound, bool length) {
  Option plain = option;
  plain.choices = {};
  if (length) plain.type = OptionType::kInteger;
  const Result<Value::Data> parsed = parse_scalar(plain, bound);
  TOCSIN_ASSERT(parsed.has_value(), "an option table has a bound that does not parse");
  return magnitude(*parsed);
}

}  // namespace

bool is_scalar(OptionType type) {
  switch (type) {
    case OptionType::kList:
    case OptionType::kMap:
    case OptionType::kTable:
    case OptionType::kPlugin:
    case OptionType::kAny:
      return false;
    default:
      return true;
  }
}

std::vector<std::string_view> words_of(std::string_view choices) {
  std::vector<std::string_view> words;
  while (!choices.empty()) {
    const std::size_t bar = std::min(choices.find('|'), choices.size());
    words.push_back(choices.substr(0, bar));
    choices.remove_prefix(std::min(bar + 1, choices.size()));
  }
  return words;
}

std::string expectation(const Option& option) {
  std::string text;
  switch (option.type) {
    case OptionType::kBoolean:
      text = "true or false";
      break;
    case OptionType::kInteger:
      text = "a whole number";
      break;
    case OptionType::kNumber:
      text = "a number";
      break;
    case OptionType::kString:
      text = "text";
      break;
    case OptionType::kDuration:
      text = "a duration such as 30s";
      break;
    case OptionType::kSize:
      text = "a size such as 64KiB";
      break;
    case OptionType::kRate:
      text = "a rate such as 10/s";
      break;
    case OptionType::kByteRate:
      text = "a size per second such as 64KiB/s";
      break;
    case OptionType::kChoice:
      return join(words_of(option.choices));
    case OptionType::kAddress:
      text = "an address such as 127.0.0.1:8080";
      break;
    case OptionType::kList:
      text = "a list";
      break;
    case OptionType::kMap:
    case OptionType::kTable:
      text = "a mapping";
      break;
    case OptionType::kPlugin:
      text = "a name or a mapping with a type";
      break;
    case OptionType::kAny:
      text = "a value";
      break;
  }
  for (const std::string_view word : words_of(option.choices)) text.append(" or ").append(word);
  return text;
}

Result<Value::Data> parse_scalar(const Option& option, std::string_view text) {
  if (option.type == OptionType::kChoice) return parse_choice(option, text);
  const std::vector<std::string_view> words = words_of(option.choices);
  if (std::find(words.begin(), words.end(), text) != words.end()) {
    return Value::Data(std::string(text));
  }
  if (const auto near = closest(text, words); near && option.type != OptionType::kString) {
    return fail(Code::kInvalid, "did you mean " + std::string(*near) + "?");
  }
  switch (option.type) {
    case OptionType::kBoolean:
      return parse_boolean(text);
    case OptionType::kInteger:
      return parse_integer(text);
    case OptionType::kNumber:
      return parse_number(text);
    case OptionType::kDuration:
      return as_data(parse_duration(text));
    case OptionType::kSize:
      return as_size(parse_size(text));
    case OptionType::kRate:
      return as_data(parse_rate(text));
    case OptionType::kByteRate:
      return as_size(parse_byte_rate(text));
    case OptionType::kAddress:
      TOCSIN_TRY(parse_address(text));
      return Value::Data(std::string(text));
    default:
      return Value::Data(std::string(text));
  }
}

std::string broken_bound(const Option& option, const Value::Data& data) {
  const bool length = measured_by_length(data);
  // A word such as "auto" in place of a number has no size to measure.
  const bool word = std::holds_alternative<std::string>(data) && option.type != OptionType::kString;
  if (word) return {};
  const double size = magnitude(data);
  const std::string verb = length && option.type != OptionType::kString ? "must have " : "must be ";
  std::string_view unit;
  if (length) unit = option.type == OptionType::kString ? " bytes long" : " entries";
  if (!option.min.empty() && size < bound_of(option, option.min, length)) {
    if (length && size == 0) return "must not be empty";
    return verb + "at least " + std::string(option.min) + std::string(unit);
  }
  if (!option.max.empty() && size > bound_of(option, option.max, length)) {
    return verb + "at most " + std::string(option.max) + std::string(unit);
  }
  return {};
}

}  // namespace tocsin::config
