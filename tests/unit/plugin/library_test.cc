#include "gateway/plugin/library.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/plugin/libraries.h"

namespace tocsin::plugin {
namespace {

const std::string kFolder = TOCSIN_TEST_PLUGINS "/";

std::string refusal(const std::string& name, Kind kind = Kind::kOutput) {
  TableInspector inspect;
  const std::string path = kFolder + "broken/" + std::string(kind_name(kind)) + "_" + name + ".so";
  const auto library = Library::open(path, kind, name, inspect);
  if (library) return "loaded";
  EXPECT_TRUE(library.error().what.starts_with(path + ": ")) << library.error().what;
  return library.error().what.substr(path.size() + 2);
}

TEST(Library, ThatKeepsTheContractIsLoaded) {
  TableInspector inspect;
  const auto library =
      Library::open(kFolder + "good/output_plain.so", Kind::kOutput, "plain", inspect);
  ASSERT_TRUE(library) << library.error().text();
  EXPECT_EQ((*library)->name(), "plain");
  EXPECT_EQ((*library)->version(), "0.0.1");
  EXPECT_TRUE((*library)->has(Kind::kOutput));
  EXPECT_FALSE((*library)->has(Kind::kFilter));
  EXPECT_EQ((*library)->options().options[0].key, "url");
}

TEST(Library, ThatIsNotThereIsSaidToBe) { EXPECT_EQ(refusal("absent"), "it cannot be read"); }

TEST(Library, ThatIsNoSharedObjectIsRefused) {
  EXPECT_EQ(refusal("text"), "it is no shared object");
}

TEST(Library, ThatIsAPipeIsNotWaitedFor) {
  const std::string path =
      ::testing::TempDir() + "output_pipe-" + std::to_string(::getpid()) + ".so";
  ::unlink(path.c_str());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  TableInspector inspect;
  const auto library = Library::open(path, Kind::kOutput, "pipe", inspect);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().what, path + ": it is a pipe");
  ::unlink(path.c_str());
}

TEST(Library, ThatLacksASymbolIsRefusedWithItsName) {
  EXPECT_EQ(refusal("undefined_symbol"),
            "it cannot be loaded: undefined symbol: tocsin_test_nobody_has_this");
}

TEST(Library, WithoutEntryIsNoPlugin) {
  EXPECT_EQ(refusal("no_entry"), "it exports no tocsin_plugin_v0, so it is no plugin of Tocsin");
}

TEST(Library, OfAnotherMajorIsToldApartByItsEntry) {
  EXPECT_EQ(refusal("other_entry"),
            "it was built for major 3 of the contract, this gateway speaks major 0");
}

TEST(Library, ThatSaysAnotherMajorIsRefused) {
  EXPECT_EQ(refusal("major"), "it says major 7, this gateway speaks major 0");
}

TEST(Library, BuiltWithAnotherHeaderIsRefused) {
  const std::string words = refusal("hash");
  EXPECT_TRUE(
      words.starts_with("it was built with another plugin.h (0123456789ab..., this gateway "
                        "has "))
      << words;
  EXPECT_TRUE(words.ends_with("...): build it again with this gateway's SDK")) << words;
}

TEST(Library, WithADescriptorTooSmallIsRefused) {
  EXPECT_EQ(refusal("size"), "its descriptor is too small to be one");
}

TEST(Library, WithABadNameIsRefused) {
  EXPECT_EQ(refusal("name"), "its name is not made of a-z, 0-9 and _ as it must be");
}

TEST(Library, OfNoKindIsRefused) { EXPECT_EQ(refusal("no_kind"), "it is of no kind"); }

TEST(Library, ThatIsNotOfItsFilesKindIsRefused) {
  EXPECT_EQ(refusal("mistaken", Kind::kFilter), "it is no filter, which its file name says");
}

TEST(Library, ThatLacksAFunctionOfItsLifeIsRefused) {
  EXPECT_EQ(refusal("no_fini"), "one of create, destroy, worker_init and worker_fini is missing");
}

TEST(Library, WithMalformedOptionsIsRefusedByTheOption) {
  EXPECT_EQ(refusal("option_twice"), "its option url is there twice");
  EXPECT_EQ(refusal("option_type"), "its option odd has the unknown type 99");
  EXPECT_EQ(refusal("option_key"), "its option delivery has a key that belongs to the gateway");
}

TEST(Library, WhoseDefaultsAreWrongIsRefusedInTheInspectorsWords) {
  TableInspector inspect = [](const OptionTable& table) {
    EXPECT_EQ(table.options[1].default_text, "soon");
    return std::vector<std::string>{"timeout: the default does not parse"};
  };
  const std::string path = kFolder + "broken/output_option_default.so";
  const auto library = Library::open(path, Kind::kOutput, "option_default", inspect);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().what,
            path + ": its options are wrong: timeout: the default does not parse");
}

TEST(Library, ThatCallsItselfOtherwiseIsRefused) {
  TableInspector inspect;
  const std::string path = kFolder + "good/output_plain.so";
  const auto library = Library::open(path, Kind::kOutput, "fancy", inspect);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().what, path + ": it calls itself plain, not fancy as its file does");
}

TEST(Libraries, LoadWhatIsAskedForAndOnce) {
  Libraries libraries({kFolder + "good"}, nullptr);
  const auto first = libraries.find(Kind::kOutput, "plain");
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(libraries.find(Kind::kOutput, "plain").value(), *first);
}

TEST(Libraries, SayWhichFileWasLookedFor) {
  Libraries libraries({kFolder + "good"}, nullptr);
  const auto found = libraries.find(Kind::kOutput, "slack");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kNotFound);
  EXPECT_EQ(found.error().what, "no folder of plugin_path has output_slack.so");
}

TEST(Libraries, RefuseANameThatTwoFoldersHaveAndNameBothFiles) {
  Libraries libraries({kFolder + "good", kFolder + "again"}, nullptr);
  const auto found = libraries.find(Kind::kOutput, "plain");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().what, "output plain is there twice: " + kFolder +
                                    "again/output_plain.so and " + kFolder +
                                    "good/output_plain.so");
}

TEST(Libraries, NameAFileThatEndsTheProcessWhileItIsLoadedAndGoOn) {
  Libraries libraries({kFolder + "deadly", kFolder + "good"}, nullptr);
  const auto refusal = [&](std::string_view name) {
    const auto found = libraries.find(Kind::kOutput, name);
    return found ? "loaded" : found.error().what;
  };
  const std::string path = kFolder + "deadly/output_";
  EXPECT_EQ(refusal("crashes"), path + "crashes.so: it died with SIGABRT while it was loaded");
  EXPECT_EQ(refusal("entry"), path + "entry.so: it died with SIGABRT while it was loaded");
  EXPECT_EQ(refusal("exits"),
            path + "exits.so: it ended the process with exit code 3 while it was loaded");
  EXPECT_EQ(refusal("plain"), "loaded");
}

TEST(Libraries, DoNotWaitForAFileThatHangsWhileItIsLoaded) {
  Libraries libraries({kFolder + "hanging"}, nullptr, std::chrono::milliseconds(50));
  const auto found = libraries.find(Kind::kOutput, "hangs");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().what, kFolder +
                                    "hanging/output_hangs.so: it did not return in time "
                                    "while it was loaded");
}

TEST(Libraries, ListFilesWithoutLoadingThem) {
  Libraries libraries({kFolder + "good", "/nowhere"}, nullptr);
  ASSERT_EQ(libraries.files().size(), 2U);
  EXPECT_EQ(libraries.files()[0].name, "plain");
  EXPECT_EQ(libraries.files()[1].name, "unruly");
  ASSERT_EQ(libraries.unreadable().size(), 1U);
  EXPECT_EQ(libraries.unreadable()[0], "/nowhere: No such file or directory");
}

}  // namespace
}  // namespace tocsin::plugin
