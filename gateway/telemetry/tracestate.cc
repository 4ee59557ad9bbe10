#include "gateway/telemetry/tracestate.h"

#include <algorithm>

namespace tocsin::telemetry {
namespace {

constexpr std::size_t kKeyBytesMax = 256;
constexpr std::size_t kValueBytesMax = 256;
// Members above this size are the first to go when the list grows too long.
constexpr std::size_t kLargeMemberBytes = 128;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool starts_key(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_key_char(char c) {
  return starts_key(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
}

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kKeyBytesMax && starts_key(key.front()) &&
         std::all_of(key.begin(), key.end(), is_key_char);
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= kValueBytesMax && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

std::size_t bytes_of(const Tracestate::Member& member) {
  return member.key.size() + 1 + member.value.size();
}

}  // namespace

std::optional<Tracestate> Tracestate::parse(std::string_view header) {
  Tracestate state;
  while (!header.empty()) {
    const std::size_t comma = std::min(header.find(','), header.size());
    const std::string_view member = without_blanks(header.substr(0, comma));
    header.remove_prefix(std::min(comma + 1, header.size()));
    if (member.empty()) continue;

    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || state.size_ == kTracestateMembersMax) {
      return std::nullopt;
    }
    const std::string_view key = member.substr(0, equals);
    const std::string_view value = member.substr(equals + 1);
    if (!is_key(key) || !is_value(value) || state.find(key)) return std::nullopt;
    state.members_[state.size_++] = {key, value};
  }
  return state;
}

std::optional<std::string_view> Tracestate::find(std::string_view key) const {
  for (std::size_t i = 0; i < size_; ++i) {
    if (members_[i].key == key) return members_[i].value;
  }
  return std::nullopt;
}

bool Tracestate::put(std::string_view key, std::string_view value) {
  if (!is_key(key) || !is_value(value)) return false;
  std::size_t gap = 0;
  while (gap < size_ && members_[gap].key != key) ++gap;
  if (gap == size_) {
    if (size_ < kTracestateMembersMax) ++size_;
    gap = size_ - 1;
  }
  std::move_backward(members_.begin(), members_.begin() + gap, members_.begin() + gap + 1);
  members_[0] = {key, value};
  return true;
}

void Tracestate::append_to(std::string& out) const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < size_; ++i) total += bytes_of(members_[i]) + (i > 0 ? 1 : 0);

  std::array<bool, kTracestateMembersMax> dropped{};
  const auto drop = [&](std::size_t i) {
    dropped[i] = true;
    total -= std::min(total, bytes_of(members_[i]) + 1);
  };
  for (std::size_t i = size_; i-- > 0 && total > kTracestateBytesMax;) {
    if (bytes_of(members_[i]) > kLargeMemberBytes) drop(i);
  }
  for (std::size_t i = size_; i-- > 0 && total > kTracestateBytesMax;) {
    if (!dropped[i]) drop(i);
  }

  bool first = true;
  for (std::size_t i = 0; i < size_; ++i) {
    if (dropped[i]) continue;
    if (!first) out += ',';
    first = false;
    out += members_[i].key;
    out += '=';
    out += members_[i].value;
  }
}

}  // namespace tocsin::telemetry
