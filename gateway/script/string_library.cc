// The string functions that could run long in C, on the counted matcher of pattern.h. They behave
// as Lua's own do; tests/unit/script compares them on thousands of pairs.

#include <lauxlib.h>
#include <lua.h>
#include <string.h>  // memmem

#include <algorithm>
#include <string>
#include <string_view>

#include "gateway/script/pattern.h"
#include "gateway/script/sandbox.h"
#include "gateway/script/state.h"

namespace tocsin::script {

namespace {

using Fault = PatternMatcher::Fault;

constexpr std::size_t kBytesAnInstruction = 16;

std::string_view text_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = luaL_checklstring(lua, index, &length);
  return {text, length};
}

// Where `init` begins, from 0; beyond the text: length + 1.
std::size_t start_of(lua_Integer init, std::size_t length) {
  if (init > 0) {
    return std::min(static_cast<std::size_t>(init) - 1, length + 1);
  }
  if (init == 0 || init < -static_cast<lua_Integer>(length)) return 0;
  return length - static_cast<std::size_t>(-init);
}

void raise_fault(lua_State* lua, const PatternMatcher& matcher) {
  State::of(lua).check(lua);
  if (matcher.fault() == Fault::kNone) return;
  luaL_error(lua, "%s", PatternMatcher::fault_text(matcher.fault()).data());
}

// Whoever asks for one that nothing closed hears of it, and only then, as in Lua.
const PatternMatcher::Capture& closed_capture(lua_State* lua, const PatternMatcher& matcher,
                                              std::size_t index) {
  const PatternMatcher::Capture& capture = matcher.capture(index);
  if (capture.length == PatternMatcher::kOpen) luaL_error(lua, "unfinished capture");
  return capture;
}

void push_capture(lua_State* lua, const PatternMatcher& matcher, std::string_view subject,
                  std::size_t index) {
  const PatternMatcher::Capture& capture = closed_capture(lua, matcher, index);
  if (capture.length == PatternMatcher::kPosition) {
    lua_pushinteger(lua, static_cast<lua_Integer>(capture.begin) + 1);
  } else {
    lua_pushlstring(lua, subject.data() + capture.begin, capture.length);
  }
}

// All captures, or without any the whole match.
int push_captures(lua_State* lua, const PatternMatcher& matcher, std::string_view subject,
                  std::size_t begin, std::size_t end) {
  const std::size_t count = matcher.captures();
  if (count == 0) {
    lua_pushlstring(lua, subject.data() + begin, end - begin);
    return 1;
  }
  luaL_checkstack(lua, static_cast<int>(count), "too many captures");
  for (std::size_t i = 0; i < count; ++i) push_capture(lua, matcher, subject, i);
  return static_cast<int>(count);
}

bool is_plain(std::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") == std::string_view::npos;
}

int find_plain(lua_State* lua, std::string_view subject, std::string_view what, std::size_t from) {
  State::of(lua).charge(
      lua, static_cast<std::int64_t>((subject.size() - from + what.size()) / kBytesAnInstruction));
  const void* found =
      ::memmem(subject.data() + from, subject.size() - from, what.data(), what.size());
  if (found == nullptr) return lua_pushnil(lua), 1;
  const auto begin = static_cast<lua_Integer>(static_cast<const char*>(found) - subject.data());
  lua_pushinteger(lua, begin + 1);
  lua_pushinteger(lua, begin + static_cast<lua_Integer>(what.size()));
  return 2;
}

int find_or_match(lua_State* lua, bool is_find) {
  const std::string_view subject = text_at(lua, 1);
  std::string_view pattern = text_at(lua, 2);
  const std::size_t from = start_of(luaL_optinteger(lua, 3, 1), subject.size());
  if (from > subject.size()) return lua_pushnil(lua), 1;
  if (is_find && (lua_toboolean(lua, 4) != 0 || is_plain(pattern))) {
    return find_plain(lua, subject, pattern, from);
  }
  const bool is_anchored = pattern.starts_with('^');
  if (is_anchored) pattern.remove_prefix(1);
  PatternMatcher matcher(subject, pattern, State::of(lua).instructions_left());
  for (std::size_t begin = from; begin <= subject.size(); ++begin) {
    const std::size_t end = matcher.match(begin);
    if (end != PatternMatcher::kNone) {
      if (!is_find) return push_captures(lua, matcher, subject, begin, end);
      lua_pushinteger(lua, static_cast<lua_Integer>(begin) + 1);
      lua_pushinteger(lua, static_cast<lua_Integer>(end));
      const bool any = matcher.captures() > 0;
      return 2 + (any ? push_captures(lua, matcher, subject, begin, end) : 0);
    }
    raise_fault(lua, matcher);
    if (is_anchored) break;
    State::of(lua).charge(lua, 1);  // a pattern without items takes no steps
  }
  lua_pushnil(lua);
  return 1;
}

int find(lua_State* lua) { return find_or_match(lua, true); }
int match(lua_State* lua) { return find_or_match(lua, false); }

// ---- gmatch: upvalues are the subject, the pattern, where to go on, and the end of the last match

int next_match(lua_State* lua) {
  const std::string_view subject = text_at(lua, lua_upvalueindex(1));
  const std::string_view pattern = text_at(lua, lua_upvalueindex(2));
  const auto last_end = static_cast<std::size_t>(lua_tointeger(lua, lua_upvalueindex(4)));
  PatternMatcher matcher(subject, pattern, State::of(lua).instructions_left());
  auto begin = static_cast<std::size_t>(lua_tointeger(lua, lua_upvalueindex(3)));
  for (; begin <= subject.size(); ++begin) {
    const std::size_t end = matcher.match(begin);
    raise_fault(lua, matcher);
    // An empty match where the last one ended is not a new one.
    if (end != PatternMatcher::kNone && end != last_end) {
      lua_pushinteger(lua, static_cast<lua_Integer>(end));
      lua_copy(lua, -1, lua_upvalueindex(3));
      lua_replace(lua, lua_upvalueindex(4));
      return push_captures(lua, matcher, subject, begin, end);
    }
    State::of(lua).charge(lua, 1);
  }
  return 0;
}

int gmatch(lua_State* lua) {
  const std::string_view subject = text_at(lua, 1);
  text_at(lua, 2);
  const std::size_t from = start_of(luaL_optinteger(lua, 3, 1), subject.size());
  lua_settop(lua, 2);
  lua_pushinteger(lua, static_cast<lua_Integer>(from));
  lua_pushinteger(lua, -1);
  lua_pushcclosure(lua, next_match, 4);
  return 1;
}

// ---- gsub

/// Writes the result of gsub. Its text is outside of Lua's memory, so it has the limit of a block.
class Replacer {
 public:
  Replacer(lua_State* lua, std::string_view subject) : lua_(lua), subject_(subject) {}

  void append(std::string_view text) {
    State& state = State::of(lua_);
    if (text.size() > state.limits().block_bytes_max - out_.size()) {
      luaL_error(lua_, "the result of gsub is too large");
    }
    state.charge(lua_, static_cast<std::int64_t>(text.size() / kBytesAnInstruction));
    out_.append(text);
  }

  void replace(const PatternMatcher& matcher, std::size_t begin, std::size_t end) {
    const std::string_view whole = subject_.substr(begin, end - begin);
    switch (lua_type(lua_, 3)) {
      case LUA_TFUNCTION: {
        lua_pushvalue(lua_, 3);
        const int arguments = push_captures(lua_, matcher, subject_, begin, end);
        lua_call(lua_, arguments, 1);
        return append_value(whole);
      }
      case LUA_TTABLE:
        push_first(matcher, begin, end);
        lua_gettable(lua_, 3);
        return append_value(whole);
      default:
        return append_text(matcher, whole);
    }
  }

  std::string_view text() const { return out_; }

 private:
  void push_first(const PatternMatcher& matcher, std::size_t begin, std::size_t end) {
    if (matcher.captures() > 0) return push_capture(lua_, matcher, subject_, 0);
    lua_pushlstring(lua_, subject_.data() + begin, end - begin);
  }

  // False and nil keep what was matched.
  void append_value(std::string_view whole) {
    if (lua_toboolean(lua_, -1) == 0) {
      append(whole);
    } else if (lua_isstring(lua_, -1) == 0) {
      luaL_error(lua_, "invalid replacement value (a %s)", luaL_typename(lua_, -1));
    } else {
      append(text_at(lua_, -1));
    }
    lua_pop(lua_, 1);
  }

  // %0 to %9 stand for captures, %% for itself.
  void append_text(const PatternMatcher& matcher, std::string_view whole) {
    const std::string_view by = text_at(lua_, 3);
    std::size_t at = 0;
    while (at < by.size()) {
      const std::size_t percent = std::min(by.find('%', at), by.size());
      append(by.substr(at, percent - at));
      at = percent + 2;
      if (percent == by.size()) break;
      const char what = percent + 1 < by.size() ? by[percent + 1] : '\0';
      if (what == '%') {
        append("%");
      } else if (what == '0' || (what == '1' && matcher.captures() == 0)) {
        append(whole);
      } else if (what >= '1' && what <= '9') {
        append_capture(matcher, static_cast<std::size_t>(what - '1'));
      } else {
        luaL_error(lua_, "invalid use of '%%' in replacement string");
      }
    }
  }

  void append_capture(const PatternMatcher& matcher, std::size_t index) {
    if (index >= matcher.captures()) {
      luaL_error(lua_, "invalid capture index %%%d in replacement string",
                 static_cast<int>(index) + 1);
    }
    const PatternMatcher::Capture& capture = closed_capture(lua_, matcher, index);
    if (capture.length == PatternMatcher::kPosition) {
      append(std::to_string(capture.begin + 1));
    } else {
      append(subject_.substr(capture.begin, capture.length));
    }
  }

  lua_State* lua_;
  const std::string_view subject_;
  std::string out_;
};

int gsub(lua_State* lua) {
  const std::string_view subject = text_at(lua, 1);
  std::string_view pattern = text_at(lua, 2);
  const int type = lua_type(lua, 3);
  luaL_argexpected(
      lua,
      type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
      "string/function/table");
  const lua_Integer most = luaL_optinteger(lua, 4, static_cast<lua_Integer>(subject.size()) + 1);
  const bool is_anchored = pattern.starts_with('^');
  if (is_anchored) pattern.remove_prefix(1);
  PatternMatcher matcher(subject, pattern, State::of(lua).instructions_left());
  Replacer result(lua, subject);
  lua_Integer many = 0;
  std::size_t begin = 0;
  std::size_t last_end = PatternMatcher::kNone;
  while (many < most) {
    const std::size_t end = matcher.match(begin);
    raise_fault(lua, matcher);
    State::of(lua).charge(lua, 1);
    if (end != PatternMatcher::kNone && end != last_end) {
      ++many;
      result.replace(matcher, begin, end);
      begin = last_end = end;
    } else if (begin < subject.size()) {
      result.append(subject.substr(begin++, 1));
    } else {
      break;
    }
    if (is_anchored) break;
  }
  result.append(subject.substr(std::min(begin, subject.size())));
  lua_pushlstring(lua, result.text().data(), result.text().size());
  lua_pushinteger(lua, many);
  return 2;
}

// ---- rep: Lua's own loops also over nothing

int rep(lua_State* lua) {
  const std::string_view text = text_at(lua, 1);
  const lua_Integer times = luaL_checkinteger(lua, 2);
  const std::string_view between = lua_isnoneornil(lua, 3) ? "" : text_at(lua, 3);
  const std::size_t each = text.size() + between.size();
  if (times <= 0 || each == 0) return lua_pushliteral(lua, ""), 1;
  const auto many = static_cast<std::uint64_t>(times);
  State& state = State::of(lua);
  if (many > state.limits().block_bytes_max / each) {
    return luaL_error(lua, "resulting string too large");
  }
  state.charge(lua, static_cast<std::int64_t>(many / 4 + many * each / kBytesAnInstruction));
  luaL_Buffer buffer;
  luaL_buffinitsize(lua, &buffer, many * each);
  for (std::uint64_t i = 0; i < many; ++i) {
    if (i > 0) luaL_addlstring(&buffer, between.data(), between.size());
    luaL_addlstring(&buffer, text.data(), text.size());
  }
  luaL_pushresult(&buffer);
  return 1;
}

// ---- what is Lua's own, charged for the texts that it goes through

std::size_t bytes_of_texts(lua_State* lua) {
  std::size_t bytes = 0;
  for (int i = 1; i <= lua_gettop(lua); ++i) {
    if (lua_type(lua, i) == LUA_TSTRING) bytes += lua_rawlen(lua, i);
  }
  return bytes;
}

// %q looks at each byte and writes up to ten.
int format(lua_State* lua) {
  const std::size_t bytes = bytes_of_texts(lua);
  const bool quotes = text_at(lua, 1).find("%q") != std::string_view::npos;
  State::of(lua).charge(
      lua, static_cast<std::int64_t>(quotes ? bytes * 8 : bytes / kBytesAnInstruction));
  return call_guarded(lua);
}

// A format may be long and say nothing.
int charged_for_format(lua_State* lua) {
  const std::size_t bytes = bytes_of_texts(lua);
  State::of(lua).charge(
      lua, static_cast<std::int64_t>(text_at(lua, 1).size() + bytes / kBytesAnInstruction));
  return call_guarded(lua);
}

}  // namespace

void open_string_library(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {{"find", find}, {"match", match}, {"gmatch", gmatch},
                                     {"gsub", gsub}, {"rep", rep},     {nullptr, nullptr}};
  luaL_setfuncs(lua, kFunctions, 0);
  guard(lua, "format", format);
  for (const char* name : {"pack", "packsize", "unpack"}) guard(lua, name, charged_for_format);
  lua_pushnil(lua);
  lua_setfield(lua, -2, "dump");
}

}  // namespace tocsin::script
