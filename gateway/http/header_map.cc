#include "gateway/http/header_map.h"

#include <algorithm>
#include <array>

#include "gateway/base/byte_scan.h"

namespace tocsin::http {

bool HeaderMap::set(std::string_view name, std::string_view value) {
  Header* const end = fields_ + count_;
  const auto same_name = [&](const Header& field) {
    return equals_ignoring_case(field.name, name);
  };
  Header* const first = std::find_if(fields_, end, same_name);
  if (first == end) return add(name, value);
  first->value = value;
  Header* const out = std::remove_if(first + 1, end, same_name);
  count_ = static_cast<std::size_t>(out - fields_);
  return true;
}

std::size_t HeaderMap::remove(std::string_view name) {
  Header* end = fields_ + count_;
  Header* out = std::remove_if(
      fields_, end, [&](const Header& field) { return equals_ignoring_case(field.name, name); });
  count_ = static_cast<std::size_t>(out - fields_);
  return static_cast<std::size_t>(end - out);
}

std::size_t HeaderMap::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(all().begin(), all().end(),
                    [&](const Header& field) { return equals_ignoring_case(field.name, name); }));
}

bool HeaderMap::list_has(std::string_view name, std::string_view token) const {
  return std::any_of(all().begin(), all().end(), [&](const Header& field) {
    return equals_ignoring_case(field.name, name) && list_holds(field.value, token);
  });
}

bool list_holds(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

namespace {

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kTokenByte = make_token_table();

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kTokenByte[static_cast<unsigned char>(c)];
  });
}

bool is_field_value(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!text.empty() && (is_blank(text.front()) || is_blank(text.back()))) return false;
  return !scan::holds_control_but_tab(text);
}

}  // namespace tocsin::http
