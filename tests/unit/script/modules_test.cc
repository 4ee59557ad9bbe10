// What `require` finds, and when.

#include "gateway/script/modules.h"

#include <filesystem>

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

class ModulesTest : public ScriptTest {
 protected:
  /// Reads own/r.lua with this text; empty: it was taken.
  std::string open(std::string_view text) {
    auto opened = Script::open_route(folder.write("own/r.lua", text), folders());
    if (!opened) return opened.error().what;
    last = std::move(*opened);
    return {};
  }
  /// The same of a text that returns what `value` says, named by its output.
  std::string value_of(std::string_view before, std::string_view value) {
    std::string why =
        open(std::string(before) + "\nreturn function() return " + std::string(value) + " end");
    return why.empty() ? routed() : why;
  }
  /// What route() of the script says in a state of its own: an output's name, or why none.
  std::string routed() {
    ScriptRoute route(worker_of(instance_of(last)), {"yes", "no"});
    stage::RouteOpinion opinion;
    route.route({.topic = "t"}, opinion);
    if (!opinion.has_one) return opinion.problem;
    return opinion.outputs[0] == 0 ? "yes" : "no";
  }
  ModuleFolders folders() const { return {{folder.at("library")}, {folder.at("shared")}}; }
  static bool says(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
  }

  std::shared_ptr<const Script> last;
};

TEST_F(ModulesTest, AreFoundInTheLibraryBesideTheScriptAndInTheSharedFolders) {
  folder.write("library/answer.lua", "return {is = 'yes'}");
  folder.write("own/near.lua", "return {is = 'yes'}");
  folder.write("own/deep/down.lua", "return {is = 'yes'}");
  folder.write("shared/far.lua", "return {is = 'yes'}");
  for (const char* name : {"tocsin.answer", "near", "deep.down", "far"}) {
    EXPECT_EQ(value_of("local m = require \"" + std::string(name) + "\"", "m.is"), "yes") << name;
  }
  folder.write("shared/near.lua", "return {is = 'no'}");
  EXPECT_EQ(value_of("local m = require 'near'", "m.is"), "yes") << "the script's folder first";
}

TEST_F(ModulesTest, OfTheLibraryCannotBeReplaced) {
  folder.write("own/tocsin/answer.lua", "return {is = 'no'}");
  folder.write("shared/tocsin/answer.lua", "return {is = 'no'}");
  EXPECT_TRUE(says(open("require 'tocsin.answer'"), "there is no module \"tocsin.answer\""));
}

TEST_F(ModulesTest, RunOnceInEachState) {
  folder.write("own/once.lua", "runs = (runs or 0) + 1");
  EXPECT_EQ(value_of("local a, b = require 'once', require 'once'",
                     "runs == 1 and a == true and b == true and 'yes' or 'no'"),
            "yes");
}

TEST_F(ModulesTest, MayRequireOthersButNotThemselves) {
  folder.write("own/a.lua", "local b = require 'b' return {is = b.is}");
  folder.write("own/b.lua", "return {is = 'yes'}");
  EXPECT_EQ(value_of("local a = require 'a'", "a.is"), "yes");
  folder.write("own/b.lua", "return require 'a'");
  EXPECT_TRUE(says(open("require 'a'"), "the module \"a\" requires itself"));
}

TEST_F(ModulesTest, AreReadOnlyWhileTheScriptIs) {
  folder.write("own/near.lua", "return {is = 'yes'}");
  EXPECT_TRUE(says(value_of("", "require('near').is"), "was not loaded with the script"));
  EXPECT_EQ(value_of("require 'near'", "require('near').is"), "yes");
  std::filesystem::remove(folder.at("own/near.lua"));
  EXPECT_EQ(routed(), "yes") << "later states run what was read";
}

TEST_F(ModulesTest, MakeTheScriptAnotherWhenTheyChange) {
  folder.write("own/near.lua", "return 1");
  ASSERT_EQ(open("require 'near' return print"), "");
  const ContentHash first = last->hash();
  ASSERT_EQ(open("require 'near' return print"), "");
  EXPECT_EQ(last->hash(), first);
  folder.write("own/near.lua", "return 2");
  ASSERT_EQ(open("require 'near' return print"), "");
  EXPECT_NE(last->hash(), first);
}

TEST_F(ModulesTest, CannotBeNamedOutOfTheirFolders) {
  folder.write("outside.lua", "return 1");
  for (const char* name : {"../outside", "..outside", "/etc/passwd", "a/b", "", ".", "a..b", ".a",
                           "a.", "a\\0b", "a b"}) {
    const std::string why = open("require \"" + std::string(name) + "\"");
    EXPECT_TRUE(says(why, "this is no module's name")) << name << ": " << why;
  }
  EXPECT_TRUE(says(open("require {}"), "string expected"));
}

TEST_F(ModulesTest, SayWhereTheyWereLookedForAndWhereTheyFail) {
  const std::string missing = open("\nrequire 'gone'");
  EXPECT_TRUE(missing.starts_with(folder.at("own/r.lua") + ":2: there is no module \"gone\""))
      << missing;
  EXPECT_TRUE(says(missing, folder.at("own/gone.lua"))) << missing;
  EXPECT_TRUE(says(missing, folder.at("shared/gone.lua"))) << missing;
  folder.write("library/bad.lua", "\nlocal x =");
  EXPECT_TRUE(open("require 'tocsin.bad'").starts_with(folder.at("library/bad.lua") + ":2: "));
  folder.write("own/deep/fails.lua", "\n\nerror('no')");
  EXPECT_TRUE(open("require 'deep.fails'").starts_with(folder.at("own/deep/fails.lua") + ":3: no"));
}

TEST_F(ModulesTest, HaveLimits) {
  folder.write("own/large.lua", "return \"" + std::string(300'000, 'x') + "\"");
  EXPECT_TRUE(says(open("require 'large'"), "larger than 256 KiB"));
  std::string all;
  for (std::size_t i = 0; i <= Modules::kFilesMax; ++i) {
    const std::string name = "m" + std::to_string(i);
    folder.write("own/" + name + ".lua", "return 1");
    all += "require '" + name + "' ";
  }
  EXPECT_TRUE(says(open(all), "a script may load 32 modules"));
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    folder.write("own/" + std::string(name) + ".lua",
                 "--" + std::string(250'000, 'x') + "\nreturn 1");
  }
  EXPECT_TRUE(says(open("for _, m in ipairs {'a', 'b', 'c', 'd', 'e'} do require(m) end"),
                   "may have 1 MiB in all"));
  folder.write("own/hungry.lua", "local t = {} for i = 1, 1e7 do t[i] = i end return t");
  EXPECT_TRUE(says(open("require 'hungry'"), "the script took too much memory"));
  folder.write("own/endless.lua", "while true do end");
  EXPECT_TRUE(says(open("require 'endless'"), "the script ran too many instructions"));
}

TEST_F(ModulesTest, AreFoundByPluginsOfAFolder) {
  folder.write("shared/helper.lua", "return function(n) return n.topic == 'noise' end");
  folder.write("shared/filter_quiet.lua", R"(
local is_noise = require "helper"
return {name = "quiet", kind = "filter", doc = "Drops noise.", create = function()
  return {on_message = function(n) return is_noise(n) and "drop" or "pass" end}
end})");
  Scripts plugins({folder.at("shared")}, {}, {folder.at("library")});
  auto found = plugins.find(Kind::kFilter, "quiet");
  ASSERT_TRUE(found) << found.error().what;
  ScriptFilter filter(worker_of(instance_of(*found)));
  EXPECT_EQ(ask(filter, "noise"), stage::FilterStatus::kDrop);
  EXPECT_EQ(ask(filter, "news"), stage::FilterStatus::kPass);
}

}  // namespace
}  // namespace tocsin::script
