#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gateway/base/value.h"
#include "gateway/script/environment.h"
#include "gateway/script/script.h"
#include "gateway/script/state.h"
#include "gateway/stage/output.h"

namespace tocsin::script {

/// A state in which a script has run and its create() has made an object.
struct Creation {
  std::shared_ptr<State> state;  ///< null: it was refused
  stage::OutputTraits traits;    ///< of outputs
  bool can_reconfigure = false;  ///< the object has a function reconfigure
  std::string refused;           ///< why, with file and line where there is one
  std::string key;               ///< the option at fault, when create() named one
};

/// `environment` is null on the control thread.
Creation create_state(const Script& script, const Value& settings, const Voice& voice,
                      const Services& services, const Environment* environment);

/// Why a script did not take other settings.
struct Objection {
  std::string what;  ///< with file and line where there is one
  std::string key;   ///< the option at fault, when it named one
};

/// Gives them to the reconfigure() of the object in `state`. Nothing: it took them.
std::optional<Objection> reconfigure_state(State& state, const Script& script,
                                           const Value& settings);

/// The functions that a script's object may have.
enum class Entry : std::uint8_t { kOnMessage, kOnOutcome, kDeliver, kRoute, kReconfigure };

/// Pushes it, or nil. Never raises.
void push_entry(lua_State* lua, Entry entry);

}  // namespace tocsin::script
