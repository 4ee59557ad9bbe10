#pragma once

#include "gateway/base/value.h"

struct lua_State;

namespace tocsin::script {

/// Settings as scripts see them: durations in milliseconds, sizes in bytes, a rate as {count=,
/// period_ms=}, null as json.null. Keys of the gateway's own (type, id, delivery) are left out when
/// `top`. May raise.
void push_value(lua_State* lua, const Value& value, bool top = false);

/// The library `json` of scripts, as a table on top of the stack: encode, decode, null, array.
void push_json_library(lua_State* lua);

/// Pushes what `text` says, or nil and why not; how many values that are. May raise.
int push_decoded_json(lua_State* lua, std::string_view text);

}  // namespace tocsin::script
