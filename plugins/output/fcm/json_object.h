#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/plugin.hpp"

namespace tocsin::output_fcm {

struct JsonMember {
  std::string name;
  std::string json;  ///< the value as JSON, without blanks
  std::string text;  ///< the value, if it is a text
  bool is_text = false;
};

/// In the order they were written; of repeated names the last counts.
using JsonObject = std::vector<JsonMember>;

inline constexpr std::size_t kJsonDepthMax = 32;
inline constexpr std::size_t kJsonMembersMax = 1024;

/// None: it is no object in JSON, or goes beyond a limit.
std::optional<JsonObject> read_object(std::string_view json);

/// Of a mapping as it stands in a configuration, or a text that is an object in JSON; empty when
/// nothing was given. None: it is neither.
std::optional<JsonObject> read_object(sdk::Value value);

const JsonMember* find_member(const JsonObject& object, std::string_view name);

/// Names with values as JSON; those without a value are left out.
using JsonAdditions = std::span<const std::pair<std::string_view, std::string>>;

/// Appends the object with those of `more` that it has not itself.
void write_object(std::string& out, const JsonObject& object, JsonAdditions more = {});

}  // namespace tocsin::output_fcm
