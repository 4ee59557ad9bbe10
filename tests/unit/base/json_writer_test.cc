#include "gateway/base/json_writer.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

void write_sample(JsonWriter& json) {
  json.begin_object();
  json.pair("a", "x\"y");
  json.key("list");
  json.begin_array();
  json.number(-1);
  json.boolean(true);
  json.begin_object();
  json.end_object();
  json.number_text("0.5");
  json.json(R"({"b": 1})");
  json.end_array();
  json.end_object();
}

TEST(JsonWriter, WritesOnOneLine) {
  std::string out;
  JsonWriter json(out);
  write_sample(json);
  EXPECT_EQ(out, R"({"a":"x\"y","list":[-1,true,{},0.5,{"b": 1}]})");
}

TEST(JsonWriter, IndentsForPeople) {
  std::string out;
  JsonWriter json(out, 2);
  write_sample(json);
  EXPECT_EQ(out,
            "{\n  \"a\": \"x\\\"y\",\n  \"list\": [\n    -1,\n    true,\n    {},\n    0.5,\n    "
            "{\"b\": 1}\n  ]\n}");
}

TEST(JsonWriterDeathTest, RefusesBrokenGrammar) {
  std::string out;
  JsonWriter json(out);
  EXPECT_DEATH(json.key("a"), "outside of an object");
  json.begin_object();
  json.key("a");
  EXPECT_DEATH(json.end_object(), "too early");
}

}  // namespace
}  // namespace tocsin
