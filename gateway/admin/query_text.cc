#include "gateway/admin/query_text.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "gateway/base/text.h"

namespace tocsin::admin {

namespace {

constexpr std::size_t kShownBytesMax = 64;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!is_utf8(decoded)) return std::nullopt;
  return decoded;
}

std::string unknown(std::string_view name, std::span<const std::string_view> known) {
  std::string text = "unknown parameter \"" + std::string(name.substr(0, kShownBytesMax)) + "\"";
  if (known.empty()) return text + "; this takes none";
  text += "; there is ";
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) text += i + 1 == known.size() ? " and " : ", ";
    text += known[i];
  }
  return text;
}

}  // namespace

Result<std::vector<Parameter>> read_query(std::string_view query,
                                          std::span<const std::string_view> known) {
  std::vector<Parameter> parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const auto name = decode(pair.substr(0, equals));
    if (!name) return fail(Code::kInvalid, "the query is not well encoded");
    if (std::find(known.begin(), known.end(), *name) == known.end()) {
      return fail(Code::kInvalid, unknown(*name, known));
    }
    const auto value = equals == pair.npos ? std::string() : decode(pair.substr(equals + 1));
    if (!value) return fail(Code::kInvalid, "the value of " + *name + " is not well encoded");
    if (value->empty()) return fail(Code::kInvalid, *name + " has no value");
    const bool again = std::any_of(parameters.begin(), parameters.end(),
                                   [&](const Parameter& earlier) { return earlier.name == *name; });
    if (again) return fail(Code::kInvalid, *name + " is given twice");
    parameters.push_back({*name, *value});
  }
  return parameters;
}

Result<std::uint32_t> read_limit(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end || number == 0 || number > max) {
    return fail(Code::kInvalid, "limit is a number from 1 to " + std::to_string(max));
  }
  return number;
}

}  // namespace tocsin::admin
