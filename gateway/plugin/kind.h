#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin::plugin {

enum class Kind : std::uint8_t { kInput, kFilter, kOutput, kStorage, kHttpFilter, kHandler };
inline constexpr std::array<Kind, 6> kKinds = {Kind::kInput,   Kind::kFilter,     Kind::kOutput,
                                               Kind::kStorage, Kind::kHttpFilter, Kind::kHandler};

/// "input", "filter", "output", "storage", "http_filter", "handler".
constexpr std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, 6> kNames = {"input",   "filter",      "output",
                                                      "storage", "http_filter", "handler"};
  return kNames[static_cast<std::size_t>(kind)];
}

constexpr std::optional<Kind> parse_kind(std::string_view name) {
  for (const Kind kind : kKinds) {
    if (kind_name(kind) == name) return kind;
  }
  return std::nullopt;
}

/// [a-z][a-z0-9_]*, at most 64 bytes.
constexpr bool is_plugin_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name[0] < 'a' || name[0] > 'z') return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

}  // namespace tocsin::plugin
