#pragma once

#include "gateway/message/verdict.h"

struct lua_State;

namespace tocsin::script {

/// What a script says of an attempt: a verdict's name at `index`, and behind it nothing or a table
/// with reason, after_ms, scope ("address", "output", "account"), provider_id. Raises for what is
/// no verdict.
message::Verdict verdict_at(lua_State* lua, int index);

/// Pushes the same two values.
void push_verdict(lua_State* lua, const message::Verdict& verdict);

}  // namespace tocsin::script
