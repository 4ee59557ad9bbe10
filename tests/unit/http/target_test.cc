#include "gateway/http/target.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace tocsin::http {
namespace {

std::string normal(std::string_view path) {
  BlockPool pool;
  Arena arena(pool, 65536);
  const char* error = nullptr;
  const std::string out(normalise_path(path, arena, error));
  return error == nullptr ? out : std::string("error: ") + error;
}

TEST(NormalisePath, DecodesOnlyWhatNeedsNoEncodingAndResolvesDots) {
  const struct {
    const char* from;
    const char* to;
  } table[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"//", "//"},
      {"/a//b/", "/a//b/"},
      {"/%61%2d%7E", "/a-~"},
      {"/%2f%2F", "/%2F%2F"},
      {"/%c3%a4", "/%C3%A4"},
      {"/%25%32%35", "/%2525"},
      {"/a%20b", "/a%20b"},
      {"/.", "/"},
      {"/./", "/"},
      {"/a/.", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/../b", "/b"},
      {"/a/b/../../c", "/c"},
      {"/a//..", "/a/"},
      {"/a//../b", "/a/b"},
      {"/a/%2e%2E/b", "/b"},
      {"/a/.%2e/b", "/b"},
      {"/a/%2E", "/a/"},
      {"/.a/..b/...", "/.a/..b/..."},
      {"/..", "error: The path climbs above the root."},
      {"/../", "error: The path climbs above the root."},
      {"/a/../../b", "error: The path climbs above the root."},
      {"/%2e%2e/b", "error: The path climbs above the root."},
      {"/%00", "error: The path holds an encoded NUL."},
      {"/%", "error: The path holds a broken percent-encoding."},
      {"/%4", "error: The path holds a broken percent-encoding."},
      {"/%4/1", "error: The path holds a broken percent-encoding."},
      {"/%g1", "error: The path holds a broken percent-encoding."},
  };
  for (const auto& row : table) EXPECT_EQ(normal(row.from), row.to) << row.from;
}

TEST(NormalisePath, IsItsOwnFixedPointAndLeavesNoDotSegment) {
  std::mt19937 random(7);
  constexpr std::string_view kPieces[] = {"/",   "/",   ".",   "..",   "a", "%2e",
                                          "%2F", "%61", "%25", "/../", "b"};
  for (int round = 0; round < 20'000; ++round) {
    std::string path = "/";
    for (std::size_t i = 0, n = random() % 12; i < n; ++i)
      path += kPieces[random() % std::size(kPieces)];
    const std::string once = normal(path);
    if (once.starts_with("error")) continue;
    ASSERT_EQ(normal(once), once) << path;
    ASSERT_EQ(once.front(), '/');
    const std::string closed = once + "/";
    ASSERT_EQ(closed.find("/./"), std::string::npos) << path;
    ASSERT_EQ(closed.find("/../"), std::string::npos) << path;
  }
}

TEST(NormalisePath, EncodesBackslashes) {
  EXPECT_EQ(normal("/\\a\\"), "/%5Ca%5C");
  EXPECT_EQ(normal("/a\\..\\b"), "/a%5C..%5Cb") << "they part no segments";
  EXPECT_EQ(normal("/" + std::string(9, '\\')), "/%5C%5C%5C%5C%5C%5C%5C%5C%5C");
}

TEST(NormalisePath, SaysWhenThereIsNoMemoryForIt) {
  BlockPool pool;
  Arena arena(pool, 4);
  const char* error = nullptr;
  normalise_path("/a/../bbbbbbbbbbbbbb", arena, error);
  EXPECT_STREQ(error, "The path is too long.");
}

struct Read {
  std::string error, scheme, authority, path, query;
};

Read read(std::string_view target, std::initializer_list<std::string_view> hosts,
          std::string_view method = "GET", int minor = 1) {
  BlockPool pool;
  Arena arena(pool, 65536);
  RequestHead head;
  head.method = method;
  head.target = target;
  head.minor_version = static_cast<std::uint8_t>(minor);
  for (const std::string_view host : hosts) EXPECT_TRUE(head.headers.add("Host", host));
  const char* error = read_target(head, "http", arena);
  if (error != nullptr) return {error, {}, {}, {}, {}};
  return {{},
          std::string(head.scheme),
          std::string(head.authority),
          std::string(head.path),
          std::string(head.query)};
}

TEST(ReadTarget, SplitsOriginForm) {
  const Read r = read("/a/../b?c=%2e?d", {"h:80"});
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.authority, "h:80");
  EXPECT_EQ(r.path, "/b");
  EXPECT_EQ(r.query, "c=%2e?d");
  EXPECT_EQ(r.scheme, "http");
}

TEST(ReadTarget, SplitsAbsoluteForm) {
  EXPECT_EQ(read("http://h", {"h"}).path, "/");
  EXPECT_EQ(read("http://h?q", {"H"}).query, "q");
  EXPECT_EQ(read("HTTP://h/x", {"h"}).path, "/x");
  EXPECT_EQ(read("http://h:81/x", {}, "GET", 0).authority, "h:81");
}

TEST(ReadTarget, TakesTheAsteriskOnlyFromOptions) {
  EXPECT_EQ(read("*", {"h"}, "OPTIONS").path, "*");
  EXPECT_NE(read("*", {"h"}, "GET").error, "");
}

TEST(ReadTarget, WantsExactlyOneSoundHost) {
  EXPECT_NE(read("/", {}).error, "");
  EXPECT_EQ(read("/", {}, "GET", 0).error, "");
  EXPECT_NE(read("/", {"a", "a"}).error, "");
  EXPECT_NE(read("/", {"a", "a"}, "GET", 0).error, "");
  for (const char* good :
       {"a", "a.b-c_d~e", "1.2.3.4", "a:80", "a:", "[::1]", "[::1]:80", "[1:2:3:4:5:6:7:8]"}) {
    EXPECT_EQ(read("/", {good}).error, "") << good;
  }
  for (const char* bad :
       {"",          ":80",  "a b",  "a,b", "a/b",    "a@b",     "u:p@a",   "a:b",
        "a:123456",  "a:-1", "[::1", "[]",  "[::1]x", "[::1]:x", "[a]",     "[::::]",
        "[1.2.3.4]", "a%41", "a\\b", "a?b", "a#b",    "::1",     "\xc3\xa4"}) {
    EXPECT_NE(read("/", {bad}).error, "") << bad;
  }
}

TEST(ReadTarget, RefusesAHostThatDiffersFromTheTarget) {
  EXPECT_NE(read("http://a/", {"b"}).error, "");
  EXPECT_NE(read("http://a:80/", {"a"}).error, "");
}

TEST(ReadTarget, RefusesOtherForms) {
  for (const char* bad : {"", "a", "ftp://a/", "http:/a", "http:///a", "http://", "http://u@a/",
                          "http://a b/", "/a#b", "http://a/#", "://a"}) {
    EXPECT_NE(read(bad, {"a"}).error, "") << bad;
  }
}

}  // namespace
}  // namespace tocsin::http
