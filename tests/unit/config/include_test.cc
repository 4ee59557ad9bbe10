#include "gateway/config/include.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gateway/config/limits.h"

namespace tocsin::config {
namespace {

// A real directory, so that globbing, links and permissions are the system's own.
class Includes : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tocsin_include_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((directory_ / name).parent_path());
    std::ofstream(directory_ / name, std::ios::binary) << text;
  }
  tl::expected<FileSet, Diagnostics> read() {
    return read_files((directory_ / "main.yaml").string(), SystemEnvironment(), sources_);
  }
  std::string first_fault() {
    const auto files = read();
    return files ? "accepted" : files.error().front().message;
  }
  std::vector<std::string> list_of(const Node& root, std::string_view key) {
    std::vector<std::string> texts;
    for (const Node& item : root.find(key)->value.items) texts.push_back(item.text);
    return texts;
  }

  std::filesystem::path directory_;
  SourceFiles sources_;
};

TEST_F(Includes, JoinListsInTheOrderOfFileNames) {
  write("main.yaml", "include: conf.d/*.yaml\nlist: [main]\n");
  write("conf.d/20.yaml", "list: [twenty]\n");
  write("conf.d/10.yaml", "list: [ten]\n");
  write("conf.d/9.yaml", "list: [nine]\n");
  write("conf.d/.hidden.yaml", "list: [hidden]\n");
  write("conf.d/10.yaml~", "list: [backup]\n");
  const auto files = read();
  ASSERT_TRUE(files);
  EXPECT_EQ(list_of(files->root, "list"),
            (std::vector<std::string>{"main", "ten", "twenty", "nine"}));
  EXPECT_EQ(files->files.size(), 4U);
  EXPECT_EQ(files->root.find("include"), nullptr);
}

TEST_F(Includes, MergeMappingsAtAnyDepth) {
  write("main.yaml", "include: [a.yaml, b.yaml]\nx: {y: {main: 1}}\n");
  write("a.yaml", "x: {y: {a: 1}, z: 1}\n");
  write("b.yaml", "x: {y: {b: 1}}\n");
  const auto files = read();
  ASSERT_TRUE(files);
  const Node& y = files->root.find("x")->value.find("y")->value;
  EXPECT_NE(y.find("main"), nullptr);
  EXPECT_NE(y.find("a"), nullptr);
  EXPECT_NE(y.find("b"), nullptr);
}

TEST_F(Includes, NameBothPlacesOfAnEqualKey) {
  write("main.yaml", "include: a.yaml\nx: {y: 1}\n");
  write("a.yaml", "x:\n  y: 2\n");
  const auto files = read();
  ASSERT_FALSE(files);
  ASSERT_EQ(files.error().size(), 1U);
  EXPECT_EQ(files.error()[0].place.text(), (directory_ / "a.yaml").string() + ":2:3");
  EXPECT_EQ(files.error()[0].hint, "it is already at " + (directory_ / "main.yaml").string() +
                                       ":2:5: keep one of the two");
}

TEST_F(Includes, TakeABlankSectionForNothing) {
  write("main.yaml", "include: a.yaml\nx:\ny: {k: 1}\n");
  write("a.yaml", "x: {k: 1}\ny:\n");
  const auto files = read();
  ASSERT_TRUE(files);
  EXPECT_NE(files->root.find("x")->value.find("k"), nullptr);
  EXPECT_NE(files->root.find("y")->value.find("k"), nullptr);
}

TEST_F(Includes, StartAtTheDirectoryOfTheIncludingFile) {
  write("main.yaml", "include: sub/a.yaml\n");
  write("sub/a.yaml", "include: b.yaml\n");
  write("sub/b.yaml", "list: [b]\n");
  EXPECT_TRUE(read());
}

TEST_F(Includes, AllowAPatternWithoutMatchButNoMissingFile) {
  write("main.yaml", "include: conf.d/*.yaml\na: 1\n");
  EXPECT_EQ(first_fault(), "accepted");
  write("main.yaml", "include: conf.d/a.yaml\na: 1\n");
  EXPECT_NE(first_fault().find("No such file"), std::string::npos);
}

TEST_F(Includes, FindACycleThroughALink) {
  write("main.yaml", "include: link.yaml\n");
  std::filesystem::create_symlink(directory_ / "main.yaml", directory_ / "link.yaml");
  EXPECT_NE(first_fault().find("includes itself"), std::string::npos);
}

TEST_F(Includes, RefuseTheSameFileTwice) {
  write("main.yaml", "include: [a.yaml, sub/../a.yaml]\n");
  write("a.yaml", "list: [a]\n");
  std::filesystem::create_directories(directory_ / "sub");
  EXPECT_NE(first_fault().find("a second time"), std::string::npos);
}

TEST_F(Includes, AreBoundedInDepth) {
  write("main.yaml", "include: 1.yaml\n");
  for (std::size_t i = 1; i <= kIncludeDepthMax + 1; ++i) {
    write(std::to_string(i) + ".yaml", "include: " + std::to_string(i + 1) + ".yaml\n");
  }
  write(std::to_string(kIncludeDepthMax) + ".yaml", "a: 1\n");
  EXPECT_EQ(first_fault(), "accepted");
  write(std::to_string(kIncludeDepthMax) + ".yaml",
        "include: " + std::to_string(kIncludeDepthMax + 1) + ".yaml\n");
  EXPECT_EQ(first_fault(), "includes are nested deeper than 8");
}

TEST_F(Includes, AreBoundedInNumber) {
  write("main.yaml", "include: conf.d/*.yaml\n");
  for (std::size_t i = 1; i < kFilesMax; ++i) {
    write("conf.d/" + std::to_string(i) + ".yaml", "k" + std::to_string(i) + ": 1\n");
  }
  EXPECT_EQ(first_fault(), "accepted");
  write("conf.d/last.yaml", "k: 1\n");
  EXPECT_EQ(first_fault(), "more than 256 files are included");
}

TEST_F(Includes, FillInThePathToo) {
  MemoryEnvironment environment;
  environment.variables["SITE"] = "berlin";
  environment.files = {{"main.yaml", "include: \"${SITE}.yaml\"\n"}, {"berlin.yaml", "a: 1\n"}};
  EXPECT_TRUE(read_files("main.yaml", environment, sources_));
}

TEST_F(Includes, ReportTheFaultsOfAllFiles) {
  write("main.yaml", "include: [a.yaml, b.yaml]\n");
  write("a.yaml", "x: [\n");
  write("b.yaml", "x: \"${TOCSIN_TEST_NEVER_SET}\"\n");
  const auto files = read();
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().size(), 2U);
}

TEST_F(Includes, SayWhyTheMainFileCannotBeRead) {
  EXPECT_EQ(first_fault(), "it cannot be read: No such file or directory");
  write("main.yaml", "");
  EXPECT_EQ(first_fault(), "the file is empty: it configures nothing");
  std::filesystem::remove(directory_ / "main.yaml");
  std::filesystem::create_directory(directory_ / "main.yaml");
  EXPECT_EQ(first_fault(), "it is a directory");
}

TEST_F(Includes, AreNotStoppedByAFifoNobodyWritesTo) {
  ASSERT_EQ(mkfifo((directory_ / "main.yaml").c_str(), 0600), 0);
  EXPECT_EQ(first_fault(), "it is not a regular file");
}

}  // namespace
}  // namespace tocsin::config
