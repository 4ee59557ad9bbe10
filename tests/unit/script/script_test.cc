#include "gateway/script/script.h"

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

using ::testing::Test;

class ScriptFile : public Test {
 protected:
  Result<std::unique_ptr<Script>> open(std::string_view text, Kind kind = Kind::kFilter) {
    path = folder.write("filter_x.lua", text);
    TableInspector inspect = [](const OptionTable& table) {
      std::vector<std::string> mistakes;
      if (!table.options.empty() && table.options[0].default_text == "wrong") {
        mistakes.emplace_back("x.a: the default is wrong");
      }
      return mistakes;
    };
    return Script::open(path, kind, "x", inspect);
  }
  std::string refusal(std::string_view text) {
    const auto opened = open(text);
    EXPECT_FALSE(opened);
    if (opened) return "";
    std::string what = opened.error().what;
    return what.starts_with(path) ? what.substr(path.size()) : "without its path: " + what;
  }
  static std::string with(std::string_view fields) {
    return "return {name = \"x\", kind = \"filter\", doc = \"Does x.\", create = function() end, " +
           std::string(fields) + "}";
  }

  ScriptFolder folder;
  std::string path;
};

TEST_F(ScriptFile, DeclaresWhatAPluginDeclares) {
  const auto opened = open(with(R"(version = "1.2", scalar_key = "min", options = {
    {key = "min", type = "choice", choices = {"low", "high"}, required = true, doc = "The least."},
    {key = "count", type = "integer", default = 3, min = 1, max = 9, reloadable = true, doc = "N."},
    {key = "token", secret = true, doc = "A secret."},
    {key = "headers", type = "map", default = "{}", doc = "More.", element = {doc = "A value."}},
    {key = "deep", type = "table", doc = "More.", options = {{key = "on", type = "boolean", doc = "?"}}},
  })"));
  ASSERT_TRUE(opened) << opened.error().what;
  const Script& script = **opened;
  EXPECT_EQ(script.name(), "x");
  EXPECT_EQ(script.version(), "1.2");
  EXPECT_EQ(script.doc(), "Does x.");
  const OptionTable& table = script.options();
  EXPECT_EQ(table.name, "x");
  EXPECT_EQ(table.scalar_key, "min");
  ASSERT_EQ(table.options.size(), 5U);
  EXPECT_EQ(table.options[0].type, OptionType::kChoice);
  EXPECT_EQ(table.options[0].choices, "low|high");
  EXPECT_EQ(table.options[0].flags, Option::kRequired);
  EXPECT_EQ(table.options[1].default_text, "3");
  EXPECT_EQ(table.options[1].max, "9");
  EXPECT_EQ(table.options[1].flags, Option::kReloadable);
  EXPECT_EQ(table.options[2].type, OptionType::kString);
  EXPECT_EQ(table.options[2].flags, Option::kSecret);
  ASSERT_NE(table.options[3].element, nullptr);
  EXPECT_EQ(table.options[3].element->doc, "A value.");
  ASSERT_NE(table.options[4].table, nullptr);
  EXPECT_EQ(table.options[4].table->options[0].key, "on");
}

TEST_F(ScriptFile, IsRefusedInOneSentenceWithItsPlace) {
  EXPECT_EQ(refusal("local x =\n\nreturn"), ":3: unexpected symbol near 'return'");
  EXPECT_EQ(refusal("local x = 1\nerror('no')"), ":2: no");
  EXPECT_EQ(refusal("return 1"), ": it must return a table with name, kind, options and create");
  EXPECT_EQ(refusal("return {kind = 'filter', doc = 'd'}"), ": the table it returns has no name");
  EXPECT_EQ(refusal("return {name = 'x', kind = 'filter', doc = 'd'}"),
            ": the table it returns has no function create");
  EXPECT_EQ(refusal("return {name = 'y', kind = 'filter', doc = 'd', create = print}"),
            ": it calls itself y, not x as its file does");
  EXPECT_EQ(refusal("return {name = 'x', kind = 'output', doc = 'd', create = print}"),
            ": it says it is of kind output, its file says filter");
  EXPECT_EQ(refusal("while true do end"), ":1: the script ran too many instructions");
  EXPECT_EQ(refusal("\x1bLua"), ": attempt to load a binary chunk (mode is 't')");
}

TEST_F(ScriptFile, NamesTheOptionAtFault) {
  EXPECT_EQ(refusal(with("options = 1")), ": options must be a list of tables");
  EXPECT_EQ(refusal(with("options = {{doc = 'd'}}")), ": an option has no key");
  EXPECT_EQ(refusal(with("options = {{key = 'a'}}")), ": the option a has no doc");
  EXPECT_EQ(refusal(with("options = {{key = 'a', doc = 'd', tpye = 'x'}}")),
            ": the option a has the unknown field tpye");
  EXPECT_EQ(refusal(with("options = {{key = 'a', doc = 'd', type = 'x'}}")),
            ": the option a has the unknown type x");
  EXPECT_EQ(refusal(with("options = {{key = 'a', doc = 'd'}, {key = 'a', doc = 'd'}}")),
            ": the option a is there twice");
  EXPECT_EQ(refusal(with("options = {{key = 'id', doc = 'd'}}")),
            ": the option id has a key that belongs to the gateway");
  EXPECT_EQ(refusal(with("options = {{key = 'a', type = 'list', doc = 'd'}}")),
            ": the option a does not say what its element is");
  EXPECT_EQ(refusal(with("options = {{key = 'a', doc = 'd', default = 'wrong'}}")),
            ": its options are wrong: x.a: the default is wrong");
}

TEST_F(ScriptFile, IsToldApartByItsText) {
  const std::string text = with("");
  const auto one = open(text);
  const auto same = open(text);
  const auto other = open(text + " -- and a remark");
  EXPECT_EQ((*one)->hash(), (*same)->hash());
  EXPECT_NE((*one)->hash(), (*other)->hash());
}

TEST_F(ScriptFile, IsNotThereOrTooLarge) {
  TableInspector inspect;
  const auto missing = Script::open("/nowhere/filter_x.lua", Kind::kFilter, "x", inspect);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(refusal(std::string(kScriptBytesMax + 1, ' ')), ": it is larger than 256 KiB");
}

class ScriptInstance : public ScriptTest {};

TEST_F(ScriptInstance, SeesItsSettings) {
  const auto script = script_of(Kind::kFilter, R"(
    assert(cfg.text == "a" and cfg.flag == true and cfg.number == 2 and cfg.wait == 1500)
    assert(cfg.bytes == 1024 and cfg.list[2] == "y" and cfg.rate.count == 10)
    assert(cfg.rate.period_ms == 1000 and cfg.type == nil and cfg.map.k == "v")
    return {on_message = function() end})");
  Value::Map map;
  const auto add = [&map](std::string key, Value::Data data) {
    map.push_back({std::move(key), Value(std::move(data), {}), {}});
  };
  add("type", std::string("test"));
  add("text", std::string("a"));
  add("flag", true);
  add("number", std::int64_t{2});
  add("wait", Duration(std::chrono::milliseconds(1500)));
  add("bytes", Value::Size{1024});
  add("rate", Rate{10, std::chrono::seconds(1)});
  add("list", Value::List{Value(std::string("x"), {}), Value(std::string("y"), {})});
  add("map", Value::Map{{"k", Value(std::string("v"), {}), {}}});
  const auto made = Instance::create(script, "test", Value(std::move(map), {}), services);
  EXPECT_TRUE(made) << made.error().what;
}

TEST_F(ScriptInstance, MayRefuseItsSettings) {
  const auto script = script_of(Kind::kFilter, "return nil, \"the key is not good\", \"key\"");
  const auto file = std::make_shared<const std::string>("conf.yaml");
  const Value settings(Value::Map{{"key", Value(std::string("k"), {file, 7, 9}), {file, 7, 4}}},
                       {file, 6, 3});
  const auto made = Instance::create(script, "test", settings, services);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().what, "the key is not good");
  EXPECT_EQ(made.error().key, "key");
  EXPECT_EQ(made.error().place.text(), "conf.yaml:7:9");
}

TEST_F(ScriptInstance, SaysWhereItsCreationWentWrong) {
  const auto why = [this](Kind kind, const char* create) {
    const auto script = script_of(kind, create);
    const auto made = Instance::create(script, "test", Value(Value::Map(), {}), services);
    EXPECT_FALSE(made);
    std::string what = made ? "" : made.error().what;
    return what.starts_with(script->path()) ? what.substr(script->path().size()) : what;
  };
  EXPECT_EQ(why(Kind::kFilter, "\nerror(\"no\")"), ":3: no");
  EXPECT_EQ(why(Kind::kFilter, "return {}"),
            ": the table that create() returned has no function on_message");
  EXPECT_EQ(why(Kind::kOutput, "return {}"),
            ": the table that create() returned has no function deliver");
  EXPECT_EQ(why(Kind::kOutput, "return {deliver = print, traits = {has_own_address = false}}"),
            ": an output without an address of its own must say its address_kind");
  EXPECT_EQ(why(Kind::kFilter, "tocsin.kv.get(\"x\")"),
            ":2: this is possible only while notifications flow");
  EXPECT_EQ(why(Kind::kFilter, "tocsin.sleep(1)"), ":2: sleep cannot wait here");
  EXPECT_EQ(why(Kind::kFilter, "while true do end"), ":2: the script ran too many instructions");
}

TEST_F(ScriptInstance, OfAnOutputHasTraits) {
  Instance& instance = instance_of(script_of(Kind::kOutput, R"(
    return {deliver = print, traits = {address_kind = "phone", has_own_address = false,
                                       idempotent = true, account = "bot-1"}})"));
  EXPECT_EQ(instance.traits().address_kind, "phone");
  EXPECT_FALSE(instance.traits().has_own_address);
  EXPECT_TRUE(instance.traits().idempotent);
  EXPECT_EQ(instance.traits().account, "bot-1");
  EXPECT_EQ(instance.voice().label, "output/test");
}

}  // namespace
}  // namespace tocsin::script
