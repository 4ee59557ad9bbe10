#include "gateway/config/preset.h"

#include <gtest/gtest.h>

#include "gateway/config/yaml_reader.h"

namespace tocsin::config {
namespace {

class Presets : public testing::Test {
 protected:
  Node filled(const std::string& text) {
    const auto file = sources.add("main.yaml", text);
    auto root = read_yaml(sources.text("main.yaml"), file);
    EXPECT_TRUE(root);
    apply_presets(*root, {"own", "shipped"}, environment, sources, faults);
    return std::move(*root);
  }
  // The faults, each on a line.
  std::string faults_of(const std::string& text) {
    filled(text);
    std::string lines;
    for (const Diagnostic& fault : faults) lines += one_line(fault) + "\n";
    return lines;
  }
  static const Node* at(const Node& root, std::string_view output, std::string_view key) {
    const Node::Entry* found = root.find("outputs")->value.find(output)->value.find(key);
    return found == nullptr ? nullptr : &found->value;
  }

  MemoryEnvironment environment;
  SourceFiles sources;
  Diagnostics faults;
};

TEST_F(Presets, FillInWhatAnOutputDoesNotHaveAndKeepTheirPlaces) {
  environment.files["shipped/chat.yaml"] =
      "type: webhook\nurl: http://chat.example/\nheaders: {A: theirs, B: theirs}\nlist: [1, 2]\n";
  const Node root = filled(
      "outputs:\n  ops: {type: webhook, preset: chat, headers: {A: own, C: own}, list: [3]}\n");
  ASSERT_TRUE(faults.empty());
  EXPECT_EQ(at(root, "ops", "url")->text, "http://chat.example/");
  EXPECT_EQ(at(root, "ops", "url")->place.text(), "shipped/chat.yaml:2:6");
  EXPECT_EQ(at(root, "ops", "headers")->find("A")->value.text, "own");
  EXPECT_EQ(at(root, "ops", "headers")->find("B")->value.text, "theirs");
  EXPECT_EQ(at(root, "ops", "headers")->entries.size(), 3U);
  EXPECT_EQ(at(root, "ops", "list")->items.size(), 1U);
}

TEST_F(Presets, OfTheFirstFolderGoBeforeOthers) {
  environment.files["shipped/chat.yaml"] = "url: http://shipped.example/\n";
  environment.files["own/chat.yaml"] = "url: http://own.example/\n";
  const Node root = filled("outputs: {a: {type: webhook, preset: chat}}\n");
  EXPECT_EQ(at(root, "a", "url")->text, "http://own.example/");
}

TEST_F(Presets, AreFilledInFromTheEnvironmentToo) {
  environment.variables["HOST"] = "chat.example";
  environment.files["own/chat.yaml"] = "url: http://${HOST}/\n";
  const Node root = filled("outputs: {a: {type: webhook, preset: chat}}\n");
  EXPECT_EQ(at(root, "a", "url")->text, "http://chat.example/");
}

TEST_F(Presets, ThatAreNotThereAreAnsweredWithASuggestion) {
  environment.files["own/discord.yaml"] = "type: webhook\n";
  environment.files["shipped/teams.yaml"] = "type: webhook\n";
  EXPECT_EQ(faults_of("outputs: {a: {type: webhook, preset: dicsord}, b: {preset: zzz}}\n"),
            "main.yaml:1:38: outputs.a.preset: there is no preset \"dicsord\"; did you mean "
            "discord?\n"
            "main.yaml:1:60: outputs.b.preset: there is no preset \"zzz\"; there are discord, "
            "teams\n");
}

TEST_F(Presets, NeverLeaveTheirFolders) {
  environment.files["secret.yaml"] = "url: http://x/\n";
  EXPECT_EQ(faults_of("outputs: {a: {preset: ../secret}}\n"),
            "main.yaml:1:23: outputs.a.preset: a preset's name has letters, digits, - and _; "
            "gateway.preset_path names further folders of presets\n");
}

TEST_F(Presets, AreForOutputsOfTheirTypeAlone) {
  environment.files["own/chat.yaml"] = "type: webhook\n";
  EXPECT_EQ(faults_of("outputs: {a: {type: smtp, preset: chat}}\n"),
            "main.yaml:1:21: outputs.a.preset: the preset chat is for outputs of type webhook; "
            "write type: webhook\n");
}

TEST_F(Presets, SayWhereTheyThemselvesAreBroken) {
  environment.files["own/list.yaml"] = "- a\n";
  environment.files["own/torn.yaml"] = "a: [\n";
  const std::string said =
      faults_of("outputs: {a: {type: webhook, preset: list}, b: {type: webhook, preset: torn}}\n");
  EXPECT_NE(said.find("own/list.yaml:1:1: outputs.a.preset: a preset holds keys of an output"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("own/torn.yaml:"), std::string::npos) << said;
}

}  // namespace
}  // namespace tocsin::config
