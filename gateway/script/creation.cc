#include "gateway/script/creation.h"

#include <lauxlib.h>
#include <lua.h>

#include <utility>

#include "gateway/script/convert.h"
#include "gateway/script/host.h"
#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

constexpr std::uint32_t kBatchMax = 64;

// The registry keys of the entries: addresses, which no script can name.
const char kEntryKeys[5] = {};

const void* key_of(Entry entry) { return &kEntryKeys[static_cast<std::size_t>(entry)]; }

struct Attempted {
  const Script& script;
  const Value& settings;
  Creation& creation;
};

// A function of the object on top of the stack.
void keep(lua_State* lua, const char* name, Entry entry, bool is_required) {
  const int type = lua_getfield(lua, -1, name);
  if (type != LUA_TFUNCTION && (is_required || type != LUA_TNIL)) {
    luaL_error(lua, "the table that create() returned has no function %s", name);
  }
  lua_rawsetp(lua, LUA_REGISTRYINDEX, key_of(entry));
}

bool flag_of(lua_State* lua, const char* name, bool otherwise) {
  const bool is_given = lua_getfield(lua, -1, name) != LUA_TNIL;
  const bool is_set = is_given ? lua_toboolean(lua, -1) != 0 : otherwise;
  lua_pop(lua, 1);
  return is_set;
}

std::string text_of(lua_State* lua, const char* name) {
  std::string text;
  if (lua_getfield(lua, -1, name) != LUA_TNIL) text = checked_text(lua, -1);
  lua_pop(lua, 1);
  return text;
}

// The object's field `traits`, a table or nothing.
stage::OutputTraits read_traits(lua_State* lua) {
  stage::OutputTraits traits;
  traits.batch_max = kBatchMax;
  if (lua_getfield(lua, -1, "traits") == LUA_TTABLE) {
    traits.address_kind = text_of(lua, "address_kind");
    traits.has_own_address = flag_of(lua, "has_own_address", true);
    traits.idempotent = flag_of(lua, "idempotent", false);
    traits.account = text_of(lua, "account");
  } else if (!lua_isnil(lua, -1)) {
    luaL_error(lua, "traits must be a table");
  }
  lua_pop(lua, 1);
  if (traits.address_kind.empty() && !traits.has_own_address) {
    luaL_error(lua, "an output without an address of its own must say its address_kind");
  }
  return traits;
}

// create() may refuse: nil, the reason, the option at fault.
void note_refusal(lua_State* lua, Creation& creation) {
  creation.refused = lua_isnil(lua, -2) ? "create() returned nothing" : text_at(lua, -2);
  if (lua_type(lua, -1) == LUA_TSTRING) creation.key = text_at(lua, -1);
}

int run_create(lua_State* lua) {
  auto& attempted = *static_cast<Attempted*>(lua_touserdata(lua, 1));
  const Script& script = attempted.script;
  script.run(lua);
  if (script.kind() == Kind::kRoute) {
    lua_rawsetp(lua, LUA_REGISTRYINDEX, key_of(Entry::kRoute));
    return 0;
  }
  lua_getfield(lua, -1, "create");
  push_value(lua, attempted.settings, true);
  lua_call(lua, 1, 3);
  if (!lua_istable(lua, -3)) return note_refusal(lua, attempted.creation), 0;
  lua_pop(lua, 2);
  keep(lua, "reconfigure", Entry::kReconfigure, false);
  push_entry(lua, Entry::kReconfigure);
  attempted.creation.can_reconfigure = !lua_isnil(lua, -1);
  lua_pop(lua, 1);
  if (script.kind() == Kind::kFilter) {
    keep(lua, "on_message", Entry::kOnMessage, true);
    keep(lua, "on_outcome", Entry::kOnOutcome, false);
  } else {
    keep(lua, "deliver", Entry::kDeliver, true);
    attempted.creation.traits = read_traits(lua);
  }
  return 0;
}

}  // namespace

Creation create_state(const Script& script, const Value& settings, const Voice& voice,
                      const Services& services, const Environment* environment) {
  Creation creation;
  Result<std::unique_ptr<State>> state = State::create(services.limits, services.clock);
  if (!state) {
    creation.refused = state.error().what;
    return creation;
  }
  auto host = std::make_unique<Host>(voice, services, environment);
  Attempted attempted{script, settings, creation};
  std::string failure;
  if (!open_host(**state, std::move(host), failure) ||
      !(*state)->run_protected(run_create, &attempted, failure)) {
    creation.refused = script.placed(failure);
  } else if (creation.refused.empty()) {
    creation.state = std::move(*state);
  }
  return creation;
}

namespace {

struct Proposed {
  const Value& settings;
  std::optional<Objection> objection;
};

// It refuses as create() does: nil, the reason, the option at fault.
int run_reconfigure(lua_State* lua) {
  auto& proposed = *static_cast<Proposed*>(lua_touserdata(lua, 1));
  push_entry(lua, Entry::kReconfigure);
  push_value(lua, proposed.settings, true);
  lua_call(lua, 1, 3);
  if (lua_toboolean(lua, -3) != 0 || lua_type(lua, -2) != LUA_TSTRING) return 0;
  proposed.objection = Objection{std::string(text_at(lua, -2)), {}};
  if (lua_type(lua, -1) == LUA_TSTRING) proposed.objection->key = text_at(lua, -1);
  return 0;
}

}  // namespace

std::optional<Objection> reconfigure_state(State& state, const Script& script,
                                           const Value& settings) {
  Proposed proposed{settings, std::nullopt};
  std::string failure;
  if (state.run_protected(run_reconfigure, &proposed, failure)) {
    return std::move(proposed.objection);
  }
  return Objection{script.placed(failure), {}};
}

void push_entry(lua_State* lua, Entry entry) { lua_rawgetp(lua, LUA_REGISTRYINDEX, key_of(entry)); }

}  // namespace tocsin::script
