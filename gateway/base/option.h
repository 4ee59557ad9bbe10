#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace tocsin {

/// What a setting may hold. The same table drives validation, `plugins show`, the JSON Schema, the
/// reference pages and Lua, so a type says all that any of them needs.
enum class OptionType : std::uint8_t {
  kBoolean,
  kInteger,  ///< 64 bits, signed
  kNumber,   ///< double
  kString,
  kDuration,  ///< parse_duration
  kSize,      ///< parse_size
  kRate,      ///< parse_rate
  kByteRate,  ///< parse_byte_rate; a Value::Size in bytes per second
  kChoice,    ///< one of Option::choices
  kAddress,   ///< parse_address; the text is kept
  kList,      ///< of Option::element; a single scalar is not a list
  kMap,       ///< free keys, values of Option::element
  kTable,     ///< the keys of Option::table
  kPlugin,    ///< `name` or `{type: name, ...}` of kind Option::plugin_kind
  kAny,       ///< any YAML, kept as it is
};

struct OptionTable;

/// One row of a table: a key that an operator may write. All text is static and outlives the
/// table's users; defaults and bounds are written as an operator would write them ("30s", "64KiB").
/// A table, a map or a list has the default "{}" or "[]" (present, filled with its own defaults) or
/// none.
struct Option {
  enum Flag : unsigned {
    kRequired = 1U << 0,    ///< must be present; has no default
    kSecret = 1U << 1,      ///< never shown: logs, admin answers and `check` print ***
    kReloadable = 1U << 2,  ///< a change alone does not need a new instance
    kTemplate = 1U << 3,    ///< kString: a template, whose faults are told where they stand
  };

  std::string_view key = {};
  OptionType type = OptionType::kString;
  std::string_view doc = {};           ///< a sentence for operators, with the unit's meaning
  std::string_view default_text = {};  ///< empty: absent unless given
  unsigned flags = 0;
  std::string_view min = {};  ///< inclusive; empty: unbounded. Strings and lists: their length
  std::string_view max = {};
  std::string_view choices =
      {};  ///< "a|b|c" for kChoice; for others extra words allowed, e.g. "auto"
  const Option* element = nullptr;     ///< kList and kMap; its key is unused
  const OptionTable* table = nullptr;  ///< kTable
  std::string_view plugin_kind = {};   ///< kPlugin: "http_filter", "input", ...
};

/// The keys of one mapping. `scalar_key` names the option a bare scalar stands for, so that
/// `respond: 204` means `respond: {status: 204}`; empty: a mapping is required.
/// `exactly_one_of` lists groups of keys, of each of which exactly one must be given, groups apart
/// by a space: "path|prefix respond|redirect"; empty: free.
struct OptionTable {
  std::string_view name = {};  ///< how messages call it, e.g. "listener"
  std::string_view doc = {};
  std::span<const Option> options = {};
  std::string_view scalar_key = {};
  std::string_view exactly_one_of = {};
};

/// What the gateway itself reads beside a component's options, so that no component may take it.
inline constexpr std::array<std::string_view, 6> kGatewayKeys = {"type",      "id",     "delivery",
                                                                 "templates", "values", "preset"};
constexpr bool is_gateway_key(std::string_view key) {
  for (const std::string_view own : kGatewayKeys) {
    if (own == key) return true;
  }
  return false;
}

}  // namespace tocsin
