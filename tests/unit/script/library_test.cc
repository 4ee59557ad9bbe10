// The modules tocsin.NAME, and that what editors are told of scripts is what scripts are given.

#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "gateway/script/host.h"
#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

const fs::path kLua = fs::path(TOCSIN_SOURCE_DIR) / "lua";

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Names modules() {
  Names names;
  for (const auto& entry : fs::directory_iterator(kLua / "tocsin")) {
    names.insert(entry.path().stem().string());
  }
  return names;
}

/// The names of functions and other fields of the table on top of the stack, and of tables in it.
void collect(lua_State* lua, const std::string& prefix, Names& names) {
  for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
    const std::string name = prefix + "." + lua_tostring(lua, -2);
    if (lua_istable(lua, -1)) {
      collect(lua, name, names);
    } else {
      names.insert(name);
    }
  }
}

int collect_host(lua_State* lua) {
  auto& names = *static_cast<Names*>(lua_touserdata(lua, 1));
  lua_getglobal(lua, "tocsin");
  collect(lua, "tocsin", names);
  return 0;
}

/// What of `text` matches, its first group.
Names all_of(const std::string& text, const std::string& pattern) {
  Names found;
  const std::regex wanted(pattern);
  for (std::sregex_iterator at(text.begin(), text.end(), wanted), end; at != end; ++at) {
    found.insert((*at)[1]);
  }
  return found;
}

/// The fields of a class as the stubs declare it.
Names fields_of(const std::string& stubs, const std::string& name) {
  const std::size_t begin = stubs.find("---@class tocsin." + name);
  EXPECT_NE(begin, std::string::npos) << name;
  const std::size_t end = stubs.find("\n\n", begin);
  return all_of(stubs.substr(begin, end - begin), "---@field (\\w+)\\??");
}

class Library : public ScriptTest {
 protected:
  /// Runs a text in which all modules are locals; empty: every assert held.
  std::string run(const std::string& text) {
    std::string whole;
    for (const std::string& name : modules()) {
      whole += "local " + name + " = require \"tocsin." + name + "\" ";
    }
    auto opened = Script::open_route(folder.write("r.lua", whole + text + "\nreturn print"),
                                     {{(kLua / "tocsin").string()}, {}});
    return opened ? std::string() : opened.error().what;
  }
};

TEST_F(Library, TakesAddressesApart) {
  EXPECT_EQ(run(R"(
local kind, value = address.parse("email:a@b:c") assert(kind == "email" and value == "a@b:c")
assert(address.parse("nobody") == nil and address.parse("Email:x") == nil and address.parse("a:") == nil)
assert(address.value("phone:+1", "phone") == "+1" and address.value("phone:+1", "email") == nil)
local list = address.of_kind({"email:b", "phone:1", "email:a", "email:b"}, "email")
assert(#list == 2 and list[1] == "b" and list[2] == "a")
local mailbox, domain = address.email("Ops@Example.COM") assert(mailbox == "Ops" and domain == "example.com")
for _, bad in ipairs {"a", "@b.c", "a@", "a@b..c", "a@-b", "a@b.", "a b@c.d", "a@b c", ("x"):rep(65) .. "@b.c"} do
  assert(address.email(bad) == nil, bad)
end
assert(address.phone("+1 (555) 01-1122") == "+1555011122" and address.phone("0044 20 7946 0018") == "+442079460018")
assert(address.phone("555 0111") == nil and address.phone("+0123456789") == nil)
assert(address.masked("email:somebody@example.com") == "email:s***@example.com")
assert(address.masked("phone:+15550111") == "phone:+1***11" and address.masked("push:abc") == "push:***")
)"),
            "");
}

TEST_F(Library, ComparesLabels) {
  EXPECT_EQ(run(R"(
local have = {team = "payments", env = "prod", host = "web-1"}
assert(labels.match(have, {}) and labels.match(have, {team = "pay*", env = {"stage", "prod"}}))
assert(not labels.match(have, {team = "pay"}) and not labels.match(have, {env = {}}) and not labels.match(have, {x = "*"}))
assert(labels.match({a = "abcabc"}, {a = "a*c*bc"}) and labels.match({a = ""}, {a = "*"}))
assert(not labels.match({a = "abc"}, {a = "abc*abc"}) and not labels.match({a = "aa"}, {a = "a*a*a"}))
assert(labels.match({a = "a.c"}, {a = "a.c"}) and not labels.match({a = "abc"}, {a = "a.c"}))
assert(labels.text(have) == "env=prod, host=web-1, team=payments" and labels.text({a = "1"}, "", ": ") == "a: 1")
local picked = labels.pick(have, {"env", "gone"}) assert(picked.env == "prod" and picked.gone == nil and picked.team == nil)
local value, name = labels.first(have, {"gone", "host"}) assert(value == "web-1" and name == "host")
assert(labels.first(have, {"gone"}) == nil)
)"),
            "");
}

TEST_F(Library, CutsTextsBetweenCharacters) {
  EXPECT_EQ(run(R"(
assert(text.length("h\u{e4}llo") == 5 and text.length("\xff\xe2\x82a") == 4 and text.length("") == 0)
assert(text.cut("h\u{e4}llo", 5) == "h\u{e4}llo" and text.cut("h\u{e4}llo", 4) == "h...")
assert(text.cut("\u{20ac}\u{20ac}\u{20ac}", 2, "") == "\u{20ac}\u{20ac}" and text.cut("abcd", 2) == "ab")
assert(text.cut_bytes("\u{20ac}uro", 2, "") == "" and text.cut_bytes("a\u{20ac}", 3, "") == "a")
assert(text.cut_bytes("\u{20ac}uros", 6) == "\u{20ac}..." and text.cut_bytes("abc", 3) == "abc")
assert(text.trim("  a b \n") == "a b" and text.trim(" \t") == "" and text.one_line(" a\r\n\tb\0c ") == "a b c")
assert(table.concat(text.lines("a\r\nb\n\nc"), "|") == "a|b||c" and #text.lines("") == 0)
assert(table.concat(text.lines("a\nb\nc\nd", 2), "|") == "a|...")
assert(text.begins("abc", "ab") and not text.begins("a", "ab") and text.ends("abc", "bc") and text.ends("a", ""))
assert(text.html("<a b=\"c\">&'") == "&lt;a b=&quot;c&quot;&gt;&amp;&#39;" and text.url("a b/\u{fc}~") == "a%20b%2F%C3%BC~")
)"),
            "");
}

TEST_F(Library, CutsLongTextsWithinTheLimits) {
  EXPECT_EQ(run("assert(text.length(text.cut((\"\u00e4\"):rep(100000), 2000)) == 2000)"), "");
}

TEST_F(Library, MakesVerdicts) {
  EXPECT_EQ(run(R"(
local kind, detail = verdict.throttled(5, "account", "slowly")
assert(kind == "throttled" and detail.after_ms == 5 and detail.scope == "account" and detail.reason == "slowly")
assert(verdict.delivered() == "delivered" and verdict.retry() == "retry" and verdict.rejected("x") == "rejected")
assert(verdict.target_gone("x") == "target_gone" and verdict.ambiguous("x") == "ambiguous")
assert(verdict.unauthorized("x") == "unauthorized")
local function answer(status, body) return {status = status, headers = {}, body = body} end
local provider = {field = "error.code", codes = {["17"] = "target_gone"}, id_field = "id"}
kind, detail = verdict.of_answer(answer(200, '{"id": 12}'), nil, provider)
assert(kind == "delivered" and detail.provider_id == "12")
kind, detail = verdict.of_answer(answer(400, '{"error": {"code": 17}}'), nil, provider)
assert(kind == "target_gone" and detail.reason == "the provider says 17")
for _, body in ipairs {"", "{", '{"error": null}', '{"error": {"code": null}}', '{"error": {"code": 18}}', "[1]"} do
  assert(verdict.of_answer(answer(400, body), nil, provider) == "rejected", body)
end
assert(verdict.of_answer(nil, {what = "no", kind = "connect", sent = false, idempotent = false}, provider) == "retry")
)"),
            "");
}

TEST_F(Library, WritesUrls) {
  EXPECT_EQ(run(R"(
assert(web.query {b = {1, 2}, a = "x y"} == "a=x%20y&b=1&b=2" and web.query {} == "")
assert(web.url("http://h/api", {"us ers", "1"}, {p = 2}) == "http://h/api/us%20ers/1?p=2")
assert(web.url("http://h/?x=1", nil, {p = 2}) == "http://h/?x=1&p=2" and web.url("http://h/") == "http://h/")
)"),
            "");
}

TEST_F(Library, ReadsClocks) {
  EXPECT_EQ(run(R"(
assert(time.ms("5m") == 300000 and time.ms("250ms") == 250 and time.ms("x") == nil and time.ms("5") == nil)
assert(time.words(7500000) == "2h 5m" and time.words(45000) == "45s" and time.words(12) == "12ms")
assert(time.words(86405000) == "1d" and time.words(0) == "0ms")
local new_year = 1767225600000
local clock = time.clock(new_year) assert(clock.weekday == "thursday" and clock.hour == 0 and clock.minute == 0)
clock = time.clock(new_year, -60) assert(clock.weekday == "wednesday" and clock.hour == 23)
assert(time.within(new_year, "22:00", "07:00") and not time.within(new_year, "08:00", "18:00"))
assert(not time.within(new_year, "22:00", "00:00") and time.within(new_year, "00:00", "24:00"))
assert(time.until_clock(new_year, "07:00") == 7 * 3600000 and time.until_clock(new_year, "00:00") == 0)
assert(not pcall(time.within, 0, "25:00", "07:00") and not pcall(time.within, 0, "seven", "07:00"))
)"),
            "");
}

// ---- what editors are told

TEST(Stubs, NameWhatTheHostGivesAndNothingElse) {
  auto state = State::create({}, SystemClock::instance());
  ASSERT_TRUE(state);
  std::string failure;
  ASSERT_TRUE(open_host(**state, std::make_unique<Host>(), failure)) << failure;
  Names given;
  ASSERT_TRUE((*state)->run_protected(collect_host, &given, failure)) << failure;
  const std::string stubs = text_of(kLua / "types" / "tocsin.lua");
  Names told = all_of(stubs, "\nfunction (tocsin[\\w.]+)\\(");
  told.merge(all_of(stubs, "\n(tocsin[\\w.]+) = nil"));
  EXPECT_EQ(told, given);
}

TEST_F(Library, IsAnnotatedInItsOwnFiles) {
  for (const std::string& name : modules()) {
    const std::string source = text_of(kLua / "tocsin" / (name + ".lua"));
    const Names written = all_of(source, "\n(?:---[^\n]*\n)+function " + name + "\\.(\\w+)\\(");
    std::string same;
    for (const std::string& function : written) same += function + " = true, ";
    EXPECT_EQ(run("local told = {" + same + "} for name in pairs(" + name +
                  ") do assert(told[name], name) told[name] = nil end assert(next(told) == nil, "
                  "next(told))"),
              "")
        << name;
    EXPECT_NE(source.find("---@class tocsin." + name + "\n"), std::string::npos) << name;
  }
}

TEST_F(Library, StubsNameTheFieldsOfANotification) {
  const Names told = fields_of(text_of(kLua / "types" / "tocsin.lua"), "Notification");
  EXPECT_GE(told.size(), 13U);
  HeardCall call(arena);
  const message::Recipient to{"email", "a@b"};
  call.heard.to = {&to, 1};
  call.heard.data = "{\"a\":1}";
  call.heard.deliver_at = call.heard.expires_at = WallTime(std::chrono::seconds(5));
  call.own_identity = "i";
  std::string code = "for _, name in ipairs {";
  for (const std::string& name : told) code += "\"" + name + "\", ";
  const auto filter = filter_of(code +
                                "} do if n[name] == nil then error(name) end end "
                                "return \"drop\"");
  EXPECT_EQ(filter->on_message(call), stage::FilterStatus::kDrop) << logged();
}

struct Told final : stage::AttemptDone {
  void complete(stage::AttemptToken, message::Verdict verdict) override { said = verdict.reason; }
  std::string said;
};

TEST_F(Library, StubsNameTheFieldsOfAnAttempt) {
  Told told;
  ScriptOutput output(
      worker_of(instance_of(script_of(Kind::kOutput, R"(return {deliver = function(attempt)
  local names = {}
  for name in pairs(attempt) do names[#names + 1] = name end
  return "rejected", {reason = table.concat(names, " ") .. " "}
end})"))),
      told);
  const message::Notification notification;
  const stage::Attempt attempt{.token = 1, .delivery = {{1}, 0}, .notification = &notification};
  output.deliver({&attempt, 1});
  EXPECT_EQ(all_of(told.said, "(\\w+) "),
            fields_of(text_of(kLua / "types" / "tocsin.lua"), "Attempt"));
}

}  // namespace
}  // namespace tocsin::script
