// Where one item of a batch ends and the next begins, seen from outside.

#include "tests/unit/plugins/input_http.h"

namespace tocsin {
namespace {

class HttpInputBatch : public HttpInputTest {
 protected:
  using Texts = std::vector<std::string>;

  void SetUp() override { start(); }

  Texts items_of_array(const std::string& body) {
    const std::size_t before = host.emits.size();
    post_batch(body);
    return host.emits.size() > before ? host.emits.back().items : Texts{"nothing was handed in"};
  }
  Texts items_of_lines(const std::string& body) {
    const std::size_t before = host.emits.size();
    post_lines(body);
    return host.emits.size() > before ? host.emits.back().items : Texts{"nothing was handed in"};
  }
  std::string refusal(tocsin_token exchange) {
    return status(exchange) == 400 ? detail(exchange) : std::to_string(status(exchange));
  }
};

std::string repeated(std::string_view item, int count, std::string_view between) {
  std::string text;
  for (int i = 0; i < count; ++i) text.append(i == 0 ? "" : between).append(item);
  return text;
}

TEST_F(HttpInputBatch, CutsAnArrayIntoItsItemsAsTheyWereWritten) {
  EXPECT_EQ(items_of_array(R"([{"topic":"a"},{"topic":"b"}])"),
            (Texts{R"({"topic":"a"})", R"({"topic":"b"})"}));
  EXPECT_EQ(items_of_array(" [ { } ,\r\n\t{ \"a\" : 1 } ] "), (Texts{"{ }", "{ \"a\" : 1 }"}));
}

TEST_F(HttpInputBatch, KeepsNestedItemsWhole) {
  const Texts items = {R"({"data":{"a":[{"b":[]},[[1],{}]]},"to":[]})", R"([{"x":[1,2]}])", "{}"};
  EXPECT_EQ(items_of_array("[" + items[0] + "," + items[1] + "," + items[2] + "]"), items);
}

TEST_F(HttpInputBatch, IsNotMisledByBracketsAndEscapesInStrings) {
  const Texts items = {R"({"a":"]},{["})", R"({"b\"]":"\\"})", R"({"c":"\u005d\\\"}"})"};
  EXPECT_EQ(items_of_array("[" + items[0] + "," + items[1] + "," + items[2] + "]"), items);
}

TEST_F(HttpInputBatch, LeavesWhatIsNoObjectToTheGatewayToRefuse) {
  EXPECT_EQ(items_of_array(R"([1,"a",null,true,-2.5e3,{}])"),
            (Texts{"0", "\"\"", "null", "true", "0", "{}"}));
}

TEST_F(HttpInputBatch, RefusesWhatIsNoArrayOfItems) {
  EXPECT_EQ(refusal(post_batch("[]")), "the batch has no items");
  EXPECT_EQ(refusal(post_batch("{}")), "expected an array of notifications, got an object");
  EXPECT_EQ(refusal(post_batch("7")), "expected an array of notifications");
  EXPECT_EQ(refusal(post_batch("null")), "expected an array of notifications");
}

TEST_F(HttpInputBatch, DoesNotTakeANulForTheEnd) {
  const std::string array = "[{}]";
  EXPECT_EQ(refusal(post_batch(array + '\0')), "not JSON at byte 4: a NUL byte");
  EXPECT_EQ(refusal(post_batch(array + '\0' + "[7]")), "not JSON at byte 4: a NUL byte");
}

TEST_F(HttpInputBatch, SaysAtWhichByteTheArrayIsNoJson) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not JSON at byte 0: The document is empty."},
      {"[{},]", "not JSON at byte 4: Invalid value."},
      {"[{}", "not JSON at byte 3: Missing a comma or ']' after an array element."},
      {"[{} {}]", "not JSON at byte 4: Missing a comma or ']' after an array element."},
      {"[{\"a\":}]", "not JSON at byte 6: Invalid value."},
      {"[{}]]", "not JSON at byte 4: The document root must not be followed by other values."},
      {"[{}] [{}]", "not JSON at byte 5: The document root must not be followed by other values."},
      {"[{'a':1}]", "not JSON at byte 2: Missing a name for object member."},
      {"[{}//\n]", "not JSON at byte 3: Missing a comma or ']' after an array element."},
  };
  for (const auto& [body, why] : cases) {
    EXPECT_EQ(refusal(post_batch(body)), why) << body;
  }
  EXPECT_TRUE(host.emits.empty());
}

TEST_F(HttpInputBatch, TakesAThousandItemsAndNoneOfMore) {
  EXPECT_EQ(items_of_array("[" + repeated("{}", 1000, ",") + "]").size(), 1000U);
  EXPECT_EQ(items_of_lines(repeated("{}", 1000, "\n")).size(), 1000U);
  const std::size_t before = host.emits.size();
  EXPECT_EQ(refusal(post_batch("[" + repeated("{}", 1001, ",") + "]")),
            "the batch has more than 1000 items");
  EXPECT_EQ(refusal(post_lines(repeated("{}", 1001, "\n"))), "the batch has more than 1000 items");
  EXPECT_EQ(host.emits.size(), before);
}

TEST_F(HttpInputBatch, StopsAtABombOfBracketsInsteadOfDiggingForItsEnd) {
  EXPECT_EQ(refusal(post_batch(std::string(500'000, '['))), "the items are nested too deeply");
  const std::string deep = "[" + repeated("{\"a\":", 100'000, "") + "1";
  EXPECT_EQ(refusal(post_batch(deep)), "the items are nested too deeply");
  const std::string depth_63 = std::string(63, '[') + std::string(63, ']');
  EXPECT_EQ(items_of_array("[" + depth_63 + "]"), Texts{depth_63});
  EXPECT_EQ(refusal(post_batch("[[" + depth_63 + "]]")), "the items are nested too deeply");
}

TEST_F(HttpInputBatch, CutsLinesAndLeavesOutEmptyOnes) {
  EXPECT_EQ(items_of_lines("{\"a\":1}\n{\"b\":2}"), (Texts{"{\"a\":1}", "{\"b\":2}"}));
  EXPECT_EQ(items_of_lines("{\"a\":1}\r\n\r\n \t\r\n\n  {\"b\":2} \t\r\n"),
            (Texts{"{\"a\":1}", "  {\"b\":2}"}));
}

TEST_F(HttpInputBatch, LeavesABrokenLineToTheGatewayToRefuse) {
  EXPECT_EQ(items_of_lines("{\"a\":\n}\n[1]\nx"), (Texts{"{\"a\":", "}", "[1]", "x"}));
}

TEST_F(HttpInputBatch, RefusesLinesOfWhichAllAreEmpty) {
  for (const char* body : {"", "\n", " \r\n\t\n\r\n"}) {
    EXPECT_EQ(refusal(post_lines(body)), "the batch has no items");
  }
}

TEST_F(HttpInputBatch, ForgetsOneBatchBeforeTheNext) {
  EXPECT_EQ(items_of_array("[{},{},{}]").size(), 3U);
  EXPECT_EQ(refusal(post_batch("[{},")), "not JSON at byte 4: Invalid value.");
  EXPECT_EQ(items_of_lines("{}\n{}").size(), 2U);
  EXPECT_EQ(items_of_array("[{}]").size(), 1U);
}

}  // namespace
}  // namespace tocsin
