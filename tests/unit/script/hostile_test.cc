// Scripts that mean harm. Each is asked once to do its worst: the filter must come back (one that
// does not runs into the time limit of the test), count why, and serve the next notification as if
// nothing had been.

#include <chrono>

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

using stage::FilterStatus;

struct Attack {
  const char* name;
  const char* code;    ///< run for the topic "evil"
  const char* reason;  ///< one of failure_name(), or several apart by |
  const char* around = "";
};

void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

const Attack kAttacks[] = {
    {"EndlessLoop", "while true do end", "instructions"},
    {"EndlessRecursion", "local function f() return 1 + f() end f()", "error|memory"},
    {"EndlessTailCalls", "local function f() return f() end f()", "instructions"},
    {"EndlessGoto", "::again:: goto again", "instructions"},

    {"PcallAroundTheBudget", "while true do pcall(function() while true do end end) end",
     "instructions"},
    {"PcallInPcallInPcall", R"(
       local function f() while true do pcall(f) end end
       pcall(f))",
     "instructions|memory"},
    {"XpcallWhoseHandlerNeverEnds",
     "xpcall(function() while true do end end, function() while true do end end)", "instructions"},
    {"XpcallWhoseHandlerFails", R"(
       local function h() error({}) end
       while true do xpcall(function() error("x") end, h) end)",
     "instructions"},
    {"ErrorsInErrorHandlers", R"(
       local function h(e) local ok, e2 = xpcall(error, h, e) error(e2) end
       while true do xpcall(error, h, "x") end)",
     "instructions|memory|error"},
    {"ErrorWithAnEndlessTostring", R"(
       error(setmetatable({}, {__tostring = function() while true do end end})))",
     "error"},

    {"CoroutineThatNeverEnds", "coroutine.wrap(function() while true do end end)()",
     "instructions"},
    {"CoroutinesUnderPcallWithoutEnd", R"(
       while true do pcall(coroutine.wrap(function() while true do end end)) end)",
     "instructions"},
    {"CoroutinesInCoroutines", R"(
       local function f(n)
         for i = 1, 100 do
           local co = coroutine.create(f)
           pcall(coroutine.resume, co, n + 1)
           coroutine.resume(co, n + 1)
         end
       end
       f(1))",
     "instructions|memory"},
    {"DeepNestOfCoroutines", R"(
       local function f(n) return coroutine.wrap(f)(n + 1) end
       f(1))",
     "error|memory"},
    {"CoroutinesThatYieldForEver", R"(
       local co = coroutine.wrap(function() while true do coroutine.yield() end end)
       while true do co() end)",
     "instructions"},
    {"CoroutineThatResumesItsCaller", R"(
       local me = coroutine.running()
       coroutine.wrap(function() assert(coroutine.resume(me)) end)()
       while true do end)",
     "error"},
    {"YieldToTheHost", "coroutine.yield(1, 2, 3)", "error"},
    {"CoroutinesKeptForEver", R"(
       local all = {}
       while true do
         local co = coroutine.create(function() coroutine.yield() end)
         coroutine.resume(co)
         all[#all + 1] = co
       end)",
     "memory|instructions"},

    {"CloseVariableThatNeverEnds", R"(
       local c <close> = setmetatable({}, {__close = function() while true do end end})
       while true do end)",
     "instructions"},
    {"CloseVariableOfACoroutineThatNeverEnds", R"(
       coroutine.wrap(function()
         local c <close> = setmetatable({}, {__close = function() while true do end end})
         while true do end
       end)())",
     "instructions"},
    {"CloseVariableAfterAnError", R"(
       coroutine.wrap(function()
         local c <close> = setmetatable({}, {__close = function() while true do end end})
         error("x")
       end)())",
     "instructions"},
    {"ManyCloseVariables", R"(
       local mt = {__close = function() while true do end end}
       local function f() local c <close> = setmetatable({}, mt) f() end
       pcall(f)
       while true do end)",
     "instructions|memory"},
    {"ForLoopWithAClosingValueThatNeverEnds", R"(
       local c = setmetatable({}, {__close = function() while true do end end})
       for _ in function() return 1 end, nil, nil, c do error("x") end)",
     "instructions"},
    {"FinalizerThatNeverEnds", R"(
       setmetatable({}, {__gc = function() while true do end end}))",
     "error"},
    {"FinalizerThatComesLater", R"(
       local mt = {}
       for i = 1, 1000 do setmetatable({}, mt) end
       mt.__gc = function() while true do end end
       local t = {}
       while true do t = {t and nil} end)",
     "instructions|memory"},

    {"MemoryInAGlobal",
     "t = {} while true do t[#t + 1] = (\"0123456789abcdef\"):rep(1000) .. #t end", "memory"},
    {"MemoryUnderPcall", R"(
       local t = {}
       while true do pcall(function() while true do t[#t + 1] = {#t} end end) end)",
     "memory|instructions"},
    {"StringThatDoubles", "local s = \"x\" while true do s = s .. s end", "memory"},
    {"StringThatDoublesUnderPcall", R"(
       while true do pcall(function() local s = "x" while true do s = s .. s end end) end)",
     "memory"},
    {"RepOfALot", "local s = (\"x\"):rep(1 << 40)", "error"},
    {"RepOfNothingForEver", "local s = (\"\"):rep(1 << 62) while true do end", "instructions"},
    {"RepUnderPcall", "while true do pcall(string.rep, \"x\", 1 << 20) end", "memory|instructions"},
    {"FormatOfALot", R"(
       local s = ("x"):rep(1 << 20)
       while true do s = string.format("%s%s", s, s) end)",
     "memory"},
    {"ConcatOfALot", R"(
       local t = {}
       for i = 1, 60000 do t[i] = "0123456789012345678901234567890123456789" end
       while true do table.concat(t) end)",
     "memory|instructions"},
    {"ConcatFromAMadeUpIndex", R"(
       table.concat(setmetatable({}, {__index = type}), "", 1, math.maxinteger))",
     "instructions|memory"},
    {"GarbageNextToTheLimit", R"(
       local keep = {}
       for i = 1, 100000 do keep[i] = {} if i % 1000 == 0 then collected = i end end
       while true do local s = ("x"):rep(200000) .. #keep end)",
     "memory|instructions"},
    {"PackOfALot", "string.pack(\"!16 c2000000000\", \"x\")", "memory|error"},

    {"PatternThatBacktracks", R"(
       local s = ("a"):rep(3000)
       while true do s:find("a*a*a*a*a*a*a*a*b") end)",
     "instructions"},
    {"PatternUnderPcall", R"(
       local s = ("a"):rep(30000)
       while true do pcall(string.find, s, ".-.-.-.-.-.-.-b") end)",
     "instructions"},
    {"PatternInGsub", R"(
       local s = ("a"):rep(30000)
       s:gsub("a-a-a-a-b", "x"))",
     "instructions"},
    {"PatternInGmatch", R"(
       for w in (("a"):rep(30000)):gmatch("(a*)(a*)(a*)b") do end)",
     "instructions"},
    {"PlainFindThatIsQuadratic", R"(
       local s = ("a"):rep(1 << 20)
       local p = ("a"):rep(1 << 19) .. "b"
       while true do s:find(p, 1, true) end)",
     "instructions"},
    {"GsubCallbackThatCallsGsub", R"(
       local function f(c) return (("aaaa"):gsub(".", f)) end
       f("a"))",
     "error|instructions"},
    {"GsubThatGrows", R"(
       local s = ("a"):rep(100000)
       s:gsub(".", ("b"):rep(1000)))",
     "error"},
    {"BalanceWithoutEnd", R"(
       local s = ('('):rep(100000)
       while true do s:find('%b()') end)",
     "instructions"},

    {"MoveOfNothingForEver", "table.move({}, 1, math.maxinteger - 1, 2)", "instructions"},
    {"InsertIntoAMadeUpLength", R"(
       table.insert(setmetatable({}, {__len = function() return 1 << 53 end}), 1, 1))",
     "error"},
    {"LengthThatChangesItsMind", R"(
       local n = 0
       local t = setmetatable({}, {__len = function() n = n + 1 return n > 1 and 1 << 53 or 0 end})
       table.remove(t, 1))",
     "error"},
    {"SortThatNeverEnds", R"(
       local t = {}
       for i = 1, 1000 do t[i] = i end
       table.sort(t, function() while true do end end))",
     "instructions"},
    {"SortWithALyingComparison", R"(
       local t = {}
       for i = 1, 2000 do t[i] = i end
       while true do pcall(table.sort, t, function() return true end) end)",
     "instructions"},
    {"UnpackOfALot", "while true do pcall(table.unpack, {}, 1, 1 << 20) end",
     "instructions|memory"},
    {"MetamethodsInMetamethods", R"(
       local mt = {}
       mt.__index = function(t, k) return t[k + 1] end
       local x = setmetatable({}, mt)[1])",
     "error|memory"},
    {"EqualityOfLongStrings", R"(
       local a, b = ("x"):rep((1 << 20)) .. "a", ("x"):rep((1 << 20)) .. "b"
       while true do local c = a == b end)",
     "instructions"},
    {"Utf8OfALot", R"(
       local s = ("x"):rep(1 << 20)
       while true do utf8.len(s) end)",
     "instructions"},

    {"SleepInALoopEndsWithTheHostsPatience", "while true do tocsin.sleep(0) end", "hold"},
    {"SleepThroughPcall", "while true do pcall(tocsin.sleep, 10) end", "hold"},
    {"JsonThatIsDeep", R"(
       local t = {}
       for i = 1, 1000 do t = {t} end
       while true do tocsin.json.encode(t) end)",
     "error"},
    {"JsonThatHoldsItself", "local t = {} t.t = t tocsin.json.encode(t)", "error"},
    {"JsonOfALot", R"(
       local s = "[" .. ("1,"):rep(200000) .. "1]"
       while true do tocsin.json.decode(s) end)",
     "instructions|memory"},
    {"TemplatesWithoutEnd", "while true do tocsin.template(\"{{topic}}\") end",
     "error|instructions"},
    {"LogsWithoutEnd", "while true do tocsin.log.debug(\"x\") end", "instructions"},
    {"TheHostsOwnLibraryIsTakenAway", "tocsin = nil string = nil pcall = nil error()", "error"},
};

/// Time passes for scripts, and stands still for the loop.
class HostileScript : public ScriptTest, public ::testing::WithParamInterface<Attack> {
 protected:
  HostileScript() : ScriptTest(&SystemClock::instance()) {}

  // A slow machine may run out of time before it runs out of anything else.
  static bool is_expected(std::string_view reasons, std::string_view name) {
    return name == "time" ||
           ("|" + std::string(reasons) + "|").find("|" + std::string(name) + "|") !=
               std::string::npos;
  }
};

TEST_P(HostileScript, IsContainedAndServesOn) {
  const Attack& attack = GetParam();
  const auto filter = filter_of("if n.topic == \"evil\" then " + std::string(attack.code) +
                                    " end\nreturn n.topic == \"drop\" and \"drop\" or \"pass\"",
                                attack.around);
  HeardCall call(arena, "evil");
  FilterStatus status = filter->on_message(call);
  if (std::string_view(attack.reason) == "hold") {
    EXPECT_EQ(status, FilterStatus::kHold);
    for (int i = 0; i < 600 && call.decided.empty(); ++i) advance(std::chrono::milliseconds(10));
    ASSERT_FALSE(call.decided.empty()) << "held for ever";
    status = call.decided.front();
    EXPECT_EQ(errors(Failure::Kind::kExpired) + errors(Failure::Kind::kInstructions), 1U);
  } else {
    std::uint64_t counted = 0;
    for (const auto kind : {Failure::Kind::kError, Failure::Kind::kInstructions,
                            Failure::Kind::kTime, Failure::Kind::kMemory}) {
      if (errors(kind) == 0) continue;
      counted += errors(kind);
      EXPECT_TRUE(is_expected(attack.reason, failure_name(kind)))
          << "was counted as " << failure_name(kind) << ": " << logged();
    }
    EXPECT_EQ(counted, 1U) << logged();
  }
  EXPECT_EQ(status, FilterStatus::kPass);
  advance(std::chrono::minutes(1));  // it may have taken more than its share of the loop
  EXPECT_EQ(ask(*filter, "drop"), FilterStatus::kDrop) << logged();
  EXPECT_EQ(ask(*filter, "pass"), FilterStatus::kPass);
}

INSTANTIATE_TEST_SUITE_P(, HostileScript, ::testing::ValuesIn(kAttacks),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tocsin::script
