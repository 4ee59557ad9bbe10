// What scripts may reach, and that what is ours behaves as Lua's does.

#include "gateway/script/sandbox.h"

#include <lauxlib.h>
#include <lua.h>

#include "gateway/script/state.h"
#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

class Sandbox : public ScriptTest {
 protected:
  /// Runs `code` as a filter's on_message; "drop" means that it returned true.
  void expect_true(std::string_view code) {
    const auto filter = filter_of("local function f() " + std::string(code) +
                                  " end\nreturn f() and \"drop\" or \"pass\"");
    EXPECT_EQ(ask(*filter), stage::FilterStatus::kDrop) << code << "\n" << logged();
  }
};

TEST_F(Sandbox, HasNoWayOut) {
  for (const char* name : {"io", "os", "package", "debug", "load", "loadstring", "loadfile",
                           "dofile", "collectgarbage", "string.dump", "coroutine.close"}) {
    expect_true("return " + std::string(name) + " == nil");
  }
  expect_true("return getmetatable('') == false");
  expect_true("return not pcall(setmetatable, {}, {__gc = print})");
  expect_true("return getmetatable(tocsin.json.array()) == false");
}

TEST_F(Sandbox, CatchesErrorsAsLuaDoes) {
  expect_true("local ok, a, b = pcall(function() return 1, 2 end) return ok and a == 1 and b == 2");
  expect_true("local t = {} local ok, e = pcall(error, t) return not ok and e == t");
  expect_true("local ok, e = pcall(nil) return not ok and type(e) == 'string'");
  expect_true("return not pcall(pcall)");
  expect_true("return select('#', pcall(function() end)) == 1");
  expect_true(
      "local ok, a, b = xpcall(function(...) return ... end, print, 1, 2) "
      "return ok and a == 1 and b == 2");
  expect_true(
      "local ok, e = xpcall(error, function(m) return m .. '!' end, 'x') "
      "return not ok and e == 'x!'");
  expect_true(
      "local ok, e = xpcall(error, function() error('again', 0) end) "
      "return not ok and e == 'again'");
  expect_true(
      "local closed = false "
      "pcall(function() local c <close> = setmetatable({}, {__close = function() "
      "closed = true end}) error('x') end) return closed");
}

TEST_F(Sandbox, RunsCoroutinesAsLuaDoes) {
  expect_true(
      "local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) "
      "local d, e = coroutine.yield(c * 2) return d + e end) "
      "local r = {coroutine.resume(co, 1, 2)} local s = {coroutine.resume(co, 5)} "
      "local t = {coroutine.resume(co, 3, 4)} "
      "return r[1] and r[2] == 3 and s[2] == 10 and t[2] == 7 "
      "and coroutine.status(co) == 'dead' "
      "and select(2, coroutine.resume(co)) == 'cannot resume dead coroutine'");
  expect_true(
      "local w = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) "
      "return w() == 1 and w() == 2 and w() == 3 and select('#', w()) == 0");
  expect_true(
      "local co = coroutine.create(function() error('x', 0) end) "
      "local ok, e = coroutine.resume(co) "
      "return not ok and e == 'x' and coroutine.status(co) == 'dead'");
  expect_true(
      "local ok, e = pcall(coroutine.wrap(function() error({code = 7}) end)) "
      "return not ok and e.code == 7");
  expect_true(
      "local seen local co = coroutine.create(function() seen = coroutine.status("
      "coroutine.running()) end) coroutine.resume(co) return seen == 'running'");
  expect_true(
      "local outer outer = coroutine.create(function() "
      "return coroutine.wrap(function() return coroutine.status(outer) end)() end) "
      "return select(2, coroutine.resume(outer)) == 'normal'");
  expect_true("return select(2, coroutine.running()) and not coroutine.isyieldable()");
  expect_true("return coroutine.wrap(function() return coroutine.isyieldable() end)()");
  expect_true(
      "return coroutine.wrap(function() return pcall(function() "
      "return coroutine.yield(1) end) end)() == 1");
}

TEST_F(Sandbox, KeepsTheTableFunctions) {
  expect_true(
      "local t = {3, 1, 2} table.sort(t) table.insert(t, 1, 0) table.insert(t, 4) "
      "return table.concat(t, ',') == '0,1,2,3,4' and table.remove(t) == 4 "
      "and table.remove(t, 1) == 0 and #table.move(t, 1, 3, 2) == 4 "
      "and select('#', table.unpack({1, nil, 3}, 1, 3)) == 3");
  expect_true("return utf8.len('h\xC3\xA9') == 2 and utf8.codepoint('\xC3\xA9') == 233");
}

TEST_F(Sandbox, UnwindsAsCppDoes) {
  struct Flag {
    bool& died;
    ~Flag() { died = true; }
  };
  auto state = State::create({}, SystemClock::instance());
  static bool died = false;
  std::string failure;
  EXPECT_FALSE((*state)->run_protected(
      [](lua_State* lua) -> int {
        const Flag flag{died};
        return luaL_error(lua, "x");
      },
      nullptr, failure));
  EXPECT_TRUE(died) << "Lua is compiled as C: its errors jump over destructors";
}

TEST_F(Sandbox, EndsWhatTakesTooLong) {
  auto state = State::create(
      {.instructions_max = std::int64_t{1} << 50, .slice_max = std::chrono::milliseconds(1)},
      SystemClock::instance());
  std::string failure;
  Spent spent = Spent::kNothing;
  EXPECT_FALSE((*state)->run_protected(
      [](lua_State* lua) -> int {
        luaL_loadbufferx(lua, "while true do pcall(next) end", 29, "@x.lua", "t");
        lua_call(lua, 0, 0);
        return 0;
      },
      nullptr, failure, &spent));
  EXPECT_EQ(spent, Spent::kTime);
  EXPECT_EQ(failure, "x.lua:1: the script ran too long");
}

// Time stands still here, so that nothing else ends them.
TEST_F(Sandbox, ChargesForTextsThatCCodeReads) {
  std::uint64_t ended = 0;
  for (const char* what :
       {"string.packsize(blank)", "string.pack(blank)", "string.unpack(blank, '')",
        "tonumber(digits)", "tonumber(digits, 10)", "local x = digits + 1", "local x = 2 // digits",
        "local x = -digits", "string.format('%q', ('\\0'):rep(40000))"}) {
    const auto filter =
        filter_of("for i = 1, 25 do " + std::string(what) + " end return \"drop\"",
                  "local blank = (' '):rep(500000) local digits = ('1'):rep(500000)");
    EXPECT_EQ(ask(*filter), stage::FilterStatus::kPass) << what;
    EXPECT_EQ(errors(Failure::Kind::kInstructions), ++ended) << what << ": " << logged();
  }
}

TEST_F(Sandbox, BeginsAnewWhenItsMemoryIsFull) {
  const auto filter = filter_of(R"(
    if n.topic == "fill" then for i = 1, 1000000 do kept[i] = ("0123456789abcdef"):rep(4000) .. i end end
    count = (count or 0) + 1
    return count == 1 and "drop" or "pass")",
                                "kept = {}");
  EXPECT_EQ(ask(*filter), stage::FilterStatus::kDrop);
  EXPECT_EQ(ask(*filter), stage::FilterStatus::kPass);
  EXPECT_EQ(ask(*filter, "fill"), stage::FilterStatus::kPass);
  EXPECT_EQ(errors(Failure::Kind::kMemory), 1U);
  EXPECT_EQ(ask(*filter), stage::FilterStatus::kDrop) << "its globals were kept";
  EXPECT_NE(logged().find("the script's memory was full: it begins anew"), std::string::npos);
}

}  // namespace
}  // namespace tocsin::script
