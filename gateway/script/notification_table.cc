// proxy   always empty, so that every read comes by and no write stays
//   metatable   __index = fields, __newindex raises
// fields  topic, level, rank, and what was read
//   metatable   __index = read_field: makes what is missing and puts it there
// labels, to
//   metatable   __newindex raises: who adds to them means to change the notification. What is
//               there can be written over, which is found when the call is over: tables that stand
//               before them could not be read by next() and table.concat().

#include "gateway/script/notification_table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <string>

#include "gateway/script/convert.h"
#include "gateway/script/state.h"
#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

constexpr std::array<std::string_view, 10> kLazy = {
    "title", "body",        "labels",     "to",         "data",
    "key",   "external_id", "deliver_at", "expires_at", "identity"};

// Keys of tables that scripts cannot make or guess: addresses.
const char kProxyKey = 0;
const char kOwnerKey = 0;
const char kClosedKey = 0;

int refuse_write(lua_State* lua) {
  return luaL_error(lua, "a notification cannot be changed here");
}

constexpr const char* kNoChange = "a notification cannot be changed here: make a table of your own";

int refuse_addition(lua_State* lua) { return luaL_error(lua, "%s", kNoChange); }

// Of the table on top. It stays one whose contents every function reads as they lie.
void close_table(lua_State* lua) {
  if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &kClosedKey) != LUA_TTABLE) {
    lua_pop(lua, 1);
    lua_createtable(lua, 0, 2);
    lua_pushcfunction(lua, refuse_addition);
    lua_setfield(lua, -2, "__newindex");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_pushvalue(lua, -1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &kClosedKey);
  }
  lua_setmetatable(lua, -2);
}

void push_time(lua_State* lua, const std::optional<WallTime>& time) {
  if (!time) return lua_pushnil(lua);
  lua_pushinteger(
      lua, std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count());
}

void push_labels(lua_State* lua, std::span<const message::Label> labels) {
  lua_createtable(lua, 0, static_cast<int>(labels.size()));
  for (const message::Label& label : labels) {
    push_text(lua, label.name);
    push_text(lua, label.value);
    lua_rawset(lua, -3);
  }
  close_table(lua);
}

void assign(std::string& text, const message::Recipient& recipient) {
  text.assign(recipient.kind).append(":").append(recipient.value);
}

void push_recipients(lua_State* lua, std::span<const message::Recipient> to) {
  lua_createtable(lua, static_cast<int>(to.size()), 0);
  lua_Integer i = 0;
  std::string text;
  for (const message::Recipient& recipient : to) {
    assign(text, recipient);
    push_text(lua, text);
    lua_rawseti(lua, -2, ++i);
  }
  close_table(lua);
}

bool is_text(lua_State* lua, int index, std::string_view text) {
  return lua_type(lua, index) == LUA_TSTRING && text_at(lua, index) == text;
}

// The first that is not what the table on top says; null: all are. Nothing can be added, so that
// those that were there are all there are.
const message::Label* changed_label(lua_State* lua, std::span<const message::Label> labels) {
  for (const message::Label& label : labels) {
    push_text(lua, label.name);
    lua_rawget(lua, -2);
    if (!is_text(lua, -1, label.value)) return &label;
    lua_pop(lua, 1);
  }
  return nullptr;
}

bool recipients_changed(lua_State* lua, std::span<const message::Recipient> to) {
  std::string text;
  lua_Integer i = 0;
  for (const message::Recipient& recipient : to) {
    assign(text, recipient);
    lua_rawgeti(lua, -1, ++i);
    if (!is_text(lua, -1, text)) return true;
    lua_pop(lua, 1);
  }
  return false;
}

}  // namespace

// The registry holds the fields table under this object's address, and in it the proxy.
void NotificationTable::push(lua_State* lua, const message::Notification& notification,
                             std::string_view identity) {
  if (made_in_ != &State::of(lua)) make(lua);
  notification_ = &notification;
  identity_ = identity;
  lua_rawgetp(lua, LUA_REGISTRYINDEX, this);
  push_text(lua, notification.topic);
  lua_setfield(lua, -2, "topic");
  push_text(lua, message::level_name(notification.level));
  lua_setfield(lua, -2, "level");
  lua_pushinteger(lua, static_cast<lua_Integer>(notification.level));
  lua_setfield(lua, -2, "rank");
  for (std::size_t i = 0; read_ != 0 && i < kLazy.size(); ++i) {
    if ((read_ & (1U << i)) == 0) continue;
    push_text(lua, kLazy[i]);
    lua_pushnil(lua);
    lua_rawset(lua, -3);
  }
  read_ = 0;
  lua_rawgetp(lua, -1, &kProxyKey);
  lua_replace(lua, -2);
}

void NotificationTable::make(lua_State* lua) {
  luaL_checkstack(lua, 6, nullptr);
  lua_createtable(lua, 0, 8);  // fields
  lua_newtable(lua);           // proxy
  lua_createtable(lua, 0, 3);  // its metatable
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, refuse_write);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  lua_rawsetp(lua, -2, &kProxyKey);
  lua_pushlightuserdata(lua, this);
  lua_rawsetp(lua, -2, &kOwnerKey);
  lua_createtable(lua, 0, 1);  // the metatable of fields
  lua_pushlightuserdata(lua, this);
  lua_pushcclosure(lua, read_field, 1);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_rawsetp(lua, LUA_REGISTRYINDEX, this);
  made_in_ = &State::of(lua);
  read_ = 0;
}

int NotificationTable::read_field(lua_State* lua) {
  auto& self = *static_cast<NotificationTable*>(lua_touserdata(lua, lua_upvalueindex(1)));
  const std::string_view name = lua_type(lua, 2) == LUA_TSTRING ? text_at(lua, 2) : "";
  const auto* const field = std::find(kLazy.begin(), kLazy.end(), name);
  if (field == kLazy.end()) {
    return luaL_error(lua, "a notification has no field %s", luaL_tolstring(lua, 2, nullptr));
  }
  if (self.notification_ == nullptr) return luaL_error(lua, "this notification is over");
  self.push_field(lua, name);
  lua_pushvalue(lua, 2);
  lua_pushvalue(lua, -2);
  lua_rawset(lua, 1);
  self.read_ |= 1U << static_cast<unsigned>(field - kLazy.begin());
  return 1;
}

void NotificationTable::push_field(lua_State* lua, std::string_view name) {
  const message::Notification& n = *notification_;
  if (name == "title") return push_text(lua, n.title);
  if (name == "body") return push_text(lua, n.body);
  if (name == "key") return push_text(lua, n.key);
  if (name == "external_id") return push_text(lua, n.external_id);
  if (name == "identity") return push_text(lua, identity_);
  if (name == "labels") return push_labels(lua, n.labels);
  if (name == "to") return push_recipients(lua, n.to);
  if (name == "deliver_at") return push_time(lua, n.deliver_at);
  if (name == "expires_at") return push_time(lua, n.expires_at);
  if (n.data.empty()) return lua_pushnil(lua);
  if (push_decoded_json(lua, n.data) == 2) lua_pop(lua, 1);  // nil; it was valid when it came in
}

// Field `name` of what was shown, if the script read it; else nothing is pushed.
bool NotificationTable::pushes_read(lua_State* lua, std::string_view name) const {
  if (made_in_ != &State::of(lua)) return false;
  const auto* const field = std::find(kLazy.begin(), kLazy.end(), name);
  if ((read_ & 1U << static_cast<unsigned>(field - kLazy.begin())) == 0) return false;
  lua_rawgetp(lua, LUA_REGISTRYINDEX, this);
  push_text(lua, name);
  lua_rawget(lua, -2);
  return true;
}

void NotificationTable::check_unchanged(lua_State* lua) const {
  const int top = lua_gettop(lua);
  luaL_checkstack(lua, 4, nullptr);
  if (pushes_read(lua, "labels")) {
    State::of(lua).charge(lua, static_cast<std::int64_t>(notification_->labels.size()));
    if (const message::Label* label = changed_label(lua, notification_->labels)) {
      push_text(lua, label->name);
      luaL_error(lua, "labels[\"%s\"] was written over: %s", lua_tostring(lua, -1), kNoChange);
    }
    lua_settop(lua, top);
  }
  if (pushes_read(lua, "to")) {
    State::of(lua).charge(lua, static_cast<std::int64_t>(notification_->to.size()));
    if (recipients_changed(lua, notification_->to)) {
      luaL_error(lua, "to was written over: %s", kNoChange);
    }
    lua_settop(lua, top);
  }
}

const message::Notification& NotificationTable::checked(lua_State* lua, int index) {
  luaL_checktype(lua, index, LUA_TTABLE);
  NotificationTable* self = nullptr;
  if (lua_getmetatable(lua, index) != 0) {
    lua_pushliteral(lua, "__index");
    if (lua_rawget(lua, -2) == LUA_TTABLE) {
      lua_rawgetp(lua, -1, &kOwnerKey);
      self = static_cast<NotificationTable*>(lua_touserdata(lua, -1));
      lua_pop(lua, 1);
    }
    lua_pop(lua, 2);
  }
  if (self == nullptr) luaL_argerror(lua, index, "a notification is expected");
  if (self->notification_ == nullptr) luaL_error(lua, "this notification is over");
  return *self->notification_;
}

}  // namespace tocsin::script
