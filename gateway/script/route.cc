#include "gateway/script/route.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "gateway/base/units.h"
#include "gateway/message/address.h"
#include "gateway/message/notification_codec.h"
#include "gateway/message/verdict.h"
#include "gateway/script/call.h"
#include "gateway/script/creation.h"
#include "gateway/script/notification_table.h"
#include "gateway/script/state.h"
#include "gateway/script/text.h"

namespace tocsin::script {

namespace {

using stage::RouteOpinion;

constexpr Duration kDelayMax = std::chrono::hours(24 * 366);
constexpr std::array<std::string_view, 6> kFields = {"outputs",  "to",       "delay",
                                                     "priority", "continue", "reason"};

/// Reads what the script returned. Everything raises that an operator would want to hear of.
class OpinionReader {
 public:
  OpinionReader(lua_State* lua, const std::vector<std::string>& outputs, RouteOpinion& opinion)
      : lua_(lua), outputs_(outputs), opinion_(opinion) {}

  void read() {
    if (lua_isnoneornil(lua_, 1)) return;
    if (lua_type(lua_, 1) == LUA_TSTRING) {
      output(text_at(lua_, 1));
    } else if (lua_istable(lua_, 1)) {
      lua_settop(lua_, 1);
      table();
    } else {
      luaL_error(lua_, "a route returns nothing, a name or a table, not a %s",
                 luaL_typename(lua_, 1));
    }
    opinion_.has_one = true;
  }

 private:
  // {"ops", "mail"} or {outputs = {"ops", "mail"}}, and what else it wants.
  void table() {
    know_fields();
    const bool is_list = lua_rawlen(lua_, 1) > 0;
    const int type = lua_getfield(lua_, 1, "outputs");
    if (is_list && type != LUA_TNIL) luaL_error(lua_, "the route names outputs twice");
    if (is_list) lua_pushvalue(lua_, 1);
    if (type == LUA_TSTRING) {
      output(text_at(lua_, -1));
    } else if (lua_istable(lua_, -1)) {
      outputs();
    }
    lua_settop(lua_, 1);
    if (opinion_.outputs.empty()) luaL_error(lua_, "the route names no outputs");
    recipients();
    delay();
    reason();
    priority();
    lua_getfield(lua_, 1, "continue");
    opinion_.goes_on = lua_toboolean(lua_, -1) != 0;
    lua_pop(lua_, 1);
  }

  // One that is misspelt would be a wish that nobody hears.
  void know_fields() {
    for (lua_pushnil(lua_); lua_next(lua_, 1) != 0; lua_pop(lua_, 1)) {
      State::of(lua_).charge(lua_, 1);
      if (lua_type(lua_, -2) != LUA_TSTRING) continue;
      const std::string_view name = text_at(lua_, -2);
      if (std::find(kFields.begin(), kFields.end(), name) == kFields.end()) {
        luaL_error(lua_, "a route has no field \"%s\"", name.data());
      }
    }
  }

  // The list on top of the stack, which stays.
  template <typename Take>
  void each_text(const char* what, Take take) {
    const auto length = static_cast<lua_Integer>(lua_rawlen(lua_, -1));
    for (lua_Integer i = 1; i <= length; ++i) {
      if (lua_rawgeti(lua_, -1, i) != LUA_TSTRING) luaL_error(lua_, "%s must be texts", what);
      take(text_at(lua_, -1));
      lua_pop(lua_, 1);
    }
  }

  void outputs() {
    each_text("outputs", [this](std::string_view name) { output(name); });
  }

  void output(std::string_view name) {
    const auto known = std::find(outputs_.begin(), outputs_.end(), name);
    if (known == outputs_.end()) luaL_error(lua_, "there is no output \"%s\"", name.data());
    const auto index = static_cast<std::uint32_t>(known - outputs_.begin());
    if (std::find(opinion_.outputs.begin(), opinion_.outputs.end(), index) ==
        opinion_.outputs.end()) {
      opinion_.outputs.push_back(index);
    }
  }

  void recipients() {
    const int type = lua_getfield(lua_, 1, "to");
    if (type == LUA_TSTRING) {
      recipient(text_at(lua_, -1));
    } else if (type == LUA_TTABLE) {
      each_text("recipients", [this](std::string_view text) { recipient(text); });
    } else if (type != LUA_TNIL) {
      luaL_error(lua_, "to must be a list of recipients");
    }
    lua_pop(lua_, 1);
  }

  void recipient(std::string_view written) {
    const auto recipient = message::parse_recipient(written);
    if (!recipient)
      luaL_error(lua_, "a recipient of the route: %s", recipient.error().what.c_str());
    std::string text = message::normal_address(written);
    // One that is named twice counts once, as in a notification.
    State::of(lua_).charge(lua_, static_cast<std::int64_t>(opinion_.recipients.size()));
    if (std::find(opinion_.recipients.begin(), opinion_.recipients.end(), text) !=
        opinion_.recipients.end()) {
      return;
    }
    if (opinion_.recipients.size() >= message::kRecipientsMax) {
      luaL_error(lua_, "there are too many recipients");
    }
    opinion_.recipients.push_back(std::move(text));
  }

  void delay() {
    const int type = lua_getfield(lua_, 1, "delay");
    if (type == LUA_TNUMBER) {
      const lua_Number wanted = lua_tonumber(lua_, -1);
      if (std::isnan(wanted)) luaL_error(lua_, "delay is not a number");
      const lua_Number ms = std::clamp<lua_Number>(wanted, 0, 3.2e10);
      opinion_.delay = std::chrono::milliseconds(static_cast<std::int64_t>(ms));
    } else if (type == LUA_TSTRING) {
      const Result<Duration> parsed = parse_duration(text_at(lua_, -1));
      if (!parsed) luaL_error(lua_, "delay: %s", parsed.error().what.c_str());
      opinion_.delay = *parsed;
    } else if (type != LUA_TNIL) {
      luaL_error(lua_, "delay must be a duration such as \"5m\", or milliseconds");
    }
    if (opinion_.delay) opinion_.delay = std::clamp(*opinion_.delay, Duration::zero(), kDelayMax);
    lua_pop(lua_, 1);
  }

  void reason() {
    const int type = lua_getfield(lua_, 1, "reason");
    if (type == LUA_TSTRING)
      opinion_.reason = text_at(lua_, -1).substr(0, message::kReasonBytesMax);
    if (type != LUA_TSTRING && type != LUA_TNIL) luaL_error(lua_, "reason must be a text");
    lua_pop(lua_, 1);
  }

  void priority() {
    const int type = lua_getfield(lua_, 1, "priority");
    if (type == LUA_TSTRING) opinion_.priority = message::parse_class(text_at(lua_, -1));
    if (type != LUA_TNIL && !opinion_.priority) {
      luaL_error(lua_, "priority must be \"critical\" or \"normal\"");
    }
    lua_pop(lua_, 1);
  }

  lua_State* lua_;
  const std::vector<std::string>& outputs_;
  RouteOpinion& opinion_;
};

}  // namespace

class ScriptRoute::Asked final : public Call {
 public:
  Asked(Worker& worker, const std::vector<std::string>& outputs)
      : Call(worker), outputs_(outputs) {}

  void ask(const message::Notification& notification, RouteOpinion& opinion) {
    notification_ = &notification;
    opinion_ = &opinion;
    begin();
  }
  bool may_wait() const override { return false; }

 private:
  const char* callback() const override { return "route"; }

  int push(lua_State* lua) override {
    push_entry(lua, Entry::kRoute);
    table_.push(lua, *notification_);
    return 1;
  }
  void take(lua_State* lua) override {
    table_.check_unchanged(lua);
    OpinionReader(lua, outputs_, *opinion_).read();
  }
  void ended(const Failure* failure) override {
    table_.hide();
    if (failure == nullptr) return;
    opinion_->clear();
    opinion_->problem = failure->what;
  }
  void renewed() override { table_.forget(); }

  const std::vector<std::string>& outputs_;
  const message::Notification* notification_ = nullptr;
  RouteOpinion* opinion_ = nullptr;
  NotificationTable table_;
};

ScriptRoute::ScriptRoute(Worker& worker, std::vector<std::string> outputs)
    : outputs_(std::move(outputs)), asked_(std::make_unique<Asked>(worker, outputs_)) {}
ScriptRoute::~ScriptRoute() = default;

void ScriptRoute::route(const message::Notification& notification, RouteOpinion& opinion) {
  opinion.clear();
  asked_->ask(notification, opinion);
}

}  // namespace tocsin::script
