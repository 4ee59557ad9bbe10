// Each text that must be refused, with the pointer and the sentence its sender reads.
#include "gateway/message/notification_codec.h"
#include "tests/unit/message/decode_fixture.h"

namespace tocsin::message {
namespace {

using NotificationFaults = DecodeTest;

struct Case {
  std::string json;
  std::string fault;
};

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_F(NotificationFaults, OfTypes) {
  const Case cases[] = {
      {"[]", ": a notification is a JSON object, not an array"},
      {"\"x\"", ": a notification is a JSON object, not a string"},
      {"null", ": a notification is a JSON object, not null"},
      {"17", ": a notification is a JSON object, not a number"},
      {R"({"topic":1})", "/topic: must be a string, not a number"},
      {R"({"topic":true})", "/topic: must be a string, not a boolean"},
      {R"({"topic":"a","key":null})",
       "/key: must be a string, not null; leave it out when there is none"},
      {R"({"topic":["a"]})", "/topic: must be a string, not an array"},
      {R"({"topic":"a","labels":[]})", "/labels: must be an object of strings, not an array"},
      {R"({"topic":"a","labels":"x"})", "/labels: must be an object of strings, not a string"},
      {R"({"topic":"a","labels":{"n":1}})", "/labels/n: must be a string, not a number"},
      {R"({"topic":"a","labels":{"n":{}}})", "/labels/n: must be a string, not an object"},
      {R"({"topic":"a","to":{}})", "/to: must be an array of strings, not an object"},
      {R"({"topic":"a","to":"e:x"})", "/to: must be an array of strings, not a string"},
      {R"({"topic":"a","to":["e:x",7]})", "/to/1: must be a string, not a number"},
      {R"({"topic":"a","to":[["e:x"]]})", "/to/0: must be a string, not an array"},
      {R"({"topic":"a","supersede":"yes"})", "/supersede: must be true or false, not a string"},
      {R"({"topic":"a","supersede":1})", "/supersede: must be true or false, not a number"},
      {R"({"topic":"a","supersede":{}})", "/supersede: must be true or false, not an object"},
      {R"({"topic":"a","supersede":true})",
       "/supersede: needs a key, which says what it supersedes"},
      {R"({"topic":"a","supersede":false})", "decoded"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault(c.json), c.fault) << c.json;
}

TEST_F(NotificationFaults, OfNames) {
  const Case cases[] = {
      {"{}", "/topic: is required"},
      {R"({"title":"x"})", "/topic: is required"},
      {R"({"topic":"a","tittle":"x"})",
       "/tittle: there is no field \"tittle\"; did you mean \"title\"?"},
      {R"({"topic":"a","Topic":"a"})",
       "/Topic: there is no field \"Topic\"; did you mean \"topic\"?"},
      {R"({"topic":"a","a/b~c":1})", "/a~1b~0c: there is no field \"a/b~c\""},
      {R"({"topic":"a","topic":"a"})", "/topic: the field is given twice"},
      {R"({"topic":"a","\u0074opic":"a"})", "/topic: the field is given twice"},
      {R"({"topic":"a","labels":{"x":"1","y":"2","x":"1"}})",
       "/labels/x: the name \"x\" is given twice"},
      {R"({"topic":"a","data":{"x":1,"x":1}})", "/data/x: the name \"x\" is given twice"},
      {R"({"topic":"a","data":[0,{"y":{"x":1,"\u0078":2}}]})",
       "/data/1/y/x: the name \"x\" is given twice"},
      {R"({"topic":"a","data":{"":1,"":1}})", "/data/: the name \"\" is given twice"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault(c.json), c.fault) << c.json;
}

TEST_F(NotificationFaults, OfNamesThatMayRecurElsewhere) {
  EXPECT_EQ(fault(R"({"topic":"a","data":{"x":{"x":1},"y":[{"x":1},{"x":1}]}})"), "decoded");
  EXPECT_EQ(fault(R"({"topic":"a","labels":{"topic":"1","data":"2"}})"), "decoded");
}

TEST_F(NotificationFaults, OfANameTwiceAmongManyWhereverItStands) {
  for (const std::size_t count : {15U, 16U, 17U, 100U, 5000U}) {
    for (const std::size_t twice : {std::size_t{0}, count / 2, count - 1}) {
      std::string json = R"({"topic":"a","data":{"x":[{)";
      for (std::size_t i = 0; i < count; ++i) json += "\"n" + std::to_string(i) + "\":0,";
      const std::string name = "n" + std::to_string(twice);
      EXPECT_EQ(fault(json + "\"other\":0}]}}"), "decoded");
      EXPECT_EQ(fault(json + "\"" + name + "\":0}]}}"),
                "/data/x/0/" + name + ": the name \"" + name + "\" is given twice");
    }
  }
}

TEST_F(NotificationFaults, OfTexts) {
  const Case cases[] = {
      {R"({"topic":""})", "/topic: must not be empty"},
      {R"({"topic":"a..b"})", "/topic: a segment between two dots must not be empty"},
      {R"({"topic":".a"})", "/topic: a segment between two dots must not be empty"},
      {R"({"topic":"a."})", "/topic: a segment between two dots must not be empty"},
      {R"({"topic":"a.*"})", "/topic: must not hold *, which stands for other topics in routes"},
      {R"({"topic":"a\nb"})", "/topic: holds a control character or a line break"},
      {R"({"topic":")" + std::string(257, 'x') + "\"}",
       "/topic: must have at most 256 bytes, and has 257"},
      {R"({"topic":"a","title":"x\ny"})", "/title: holds a control character or a line break"},
      {R"({"topic":"a","title":")" + std::string(1025, 'x') + "\"}",
       "/title: must have at most 1024 bytes, and has 1025"},
      {R"({"topic":"a","body":"x\u0000y"})", "/body: holds the character U+0000"},
      {R"({"topic":"a","labels":{"x":"\u0000"}})", "/labels/x: holds the character U+0000"},
      {R"({"topic":"a","key":")" + std::string(257, 'x') + "\"}",
       "/key: must have at most 256 bytes, and has 257"},
      {R"({"topic":"a","idempotency_key":""})", "/idempotency_key: must not be empty"},
      {R"({"topic":"a","level":"warnign"})",
       "/level: \"warnign\" is no level; did you mean \"warning\"?"},
      {R"({"topic":"a","level":"7"})",
       "/level: \"7\" is no level: trace, debug, info, notice, "
       "warning, error, critical, emergency"},
      {R"({"topic":"a","labels":{"":"x"}})", "/labels/: a label needs a name"},
      {R"({"topic":"a","labels":{"a\tb":"x"}})",
       "/labels/a\tb: the name of a label holds a control character"},
      {R"({"topic":"a","labels":{")" + std::string(129, 'n') + R"(":"x"}})",
       "/labels/" + std::string(64, 'n') +
           ": the name of a label must have at most 128 bytes, and has 129"},
      {R"({"topic":"a","labels":{"n":")" + std::string(1025, 'x') + R"("}})",
       "/labels/n: must have at most 1024 bytes, and has 1025"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault(c.json), c.fault) << c.json;
}

TEST_F(NotificationFaults, OfRecipients) {
  const std::string how = "write kind:value, as in email:ops@example.com or phone:+15550111";
  for (const char* wrong : {"", "x", ":x", "email:", "Email:x", "1a:x", "e mail:x", "-a:x"}) {
    EXPECT_EQ(fault(R"({"topic":"a","to":[")" + std::string(wrong) + "\"]}"), "/to/0: " + how);
  }
  EXPECT_EQ(fault(R"({"topic":"a","to":["e:x\r\nBcc: y"]})"),
            "/to/0: holds a control character or a line break");
  EXPECT_EQ(fault(R"({"topic":"a","to":["e:)" + std::string(511, 'x') + "\"]}"),
            "/to/0: must have at most 512 bytes, and has 513");
  EXPECT_EQ(fault(R"({"topic":"a","to":["a_1-b:x:y"]})"), "decoded");
}

TEST_F(NotificationFaults, OfNumbersOfThings) {
  std::string labels = R"({"topic":"a","labels":{"n":"")";
  for (int i = 1; i < 64; ++i) labels += ",\"n" + std::to_string(i) + "\":\"\"";
  EXPECT_EQ(fault(labels + "}}"), "decoded");
  EXPECT_EQ(fault(labels + ",\"more\":\"\"}}"), "/labels: there may be at most 64 labels");
  std::string to = R"({"topic":"a","to":["e:x")";
  for (int i = 1; i < 1000; ++i) to += ",\"e:" + std::to_string(i) + "\"";
  EXPECT_EQ(fault(to + "]}"), "decoded");
  EXPECT_EQ(fault(to + ",\"e:more\"]}"), "/to: there may be at most 1000 recipients");
}

TEST_F(NotificationFaults, OfTimes) {
  const Case cases[] = {
      {R"({"topic":"a","deliver_at":"tomorrow"})",
       "/deliver_at: is not a time: write date, time and zone, as in 2026-01-31T12:00:00Z"},
      {R"({"topic":"a","deliver_at":"2026-01-01T00:00:00"})",
       "/deliver_at: is not a time: the zone is missing: end with Z or with an offset such as "
       "+01:00"},
      {R"({"topic":"a","delay":"5"})",
       "/delay: is not a duration: the unit is missing: write 5s for seconds, or 5ms, 5m, 5h, "
       "5d"},
      {R"({"topic":"a","delay":"106000d"})", "/delay: reaches beyond the year 2261"},
      {R"({"topic":"a","delay":"5m","deliver_at":"2026-01-01T00:00:01Z"})",
       "/delay: give deliver_at or delay, not both"},
      {R"({"topic":"a","expires_at":"2026-01-01T00:00:00Z"})", "/expires_at: is in the past"},
      {R"({"topic":"a","expires_at":"2026-01-01T00:05:00Z","delay":"5m"})",
       "/expires_at: is not after the time of delivery"},
      {R"({"topic":"a","expires_at":"2026-01-01T01:00:00Z","deliver_at":"2026-01-01T02:00:00Z"})",
       "/expires_at: is not after the time of delivery"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault(c.json), c.fault) << c.json;
  EXPECT_EQ(fault(R"({"topic":"a","deliver_at":"2020-01-01T00:00:00Z"})"), "decoded");
}

TEST_F(NotificationFaults, OfSyntax) {
  const Case cases[] = {
      {"", ": at byte 0: there is no JSON value"},
      {" ", ": at byte 1: there is no JSON value"},
      {"{", ": at byte 1: a name in double quotes is missing"},
      {R"({"topic":"a",})", "/topic: at byte 13: a name in double quotes is missing"},
      {R"({"topic" "a"})", "/topic: at byte 9: a colon is missing behind a name"},
      {R"({"topic":"a" "key":"k"})", "/topic: at byte 13: a comma or } is missing"},
      {R"({"topic":"a"}{})", ": at byte 13: something follows behind the value"},
      {R"({"topic":"a","data":[1 2]})", "/data/0: at byte 23: a comma or ] is missing"},
      {R"({"topic":"a","data":tru})", "/data: at byte 23: this is no JSON value"},
      {R"({"topic":"a","data":NaN})", "/data: at byte 20: this is no JSON value"},
      {R"({"topic":'a'})", "/topic: at byte 9: this is no JSON value"},
      {R"({"topic":"a","data":1.})", "/data: at byte 22: a digit is missing behind the point"},
      {R"({"topic":"a","data":1e})", "/data: at byte 22: a digit is missing in the exponent"},
      {R"({"topic":"a","data":1e999})", "/data: at byte 20: a number beyond a double"},
      {R"({"topic":"\x"})", "/topic: at byte 10: an unknown escape in a string"},
      {"{\"topic\":\"a\nb\"}", "/topic: at byte 11: a control character in a string"},
      {R"({"topic":"\u12G4"})", "/topic: at byte 10: \\u takes four hexadecimal digits"},
      {R"({"topic":"a)", "/topic: at byte 11: a string is not closed"},
      {R"({"topic":"a")", "/topic: at byte 12: a comma or } is missing"},
      {"\xEF\xBB\xBF{}", ": at byte 0: a byte order mark, which JSON does not have"},
      {"// x\n{}", ": at byte 0: this is no JSON value"},
  };
  for (const Case& c : cases) EXPECT_EQ(fault(c.json), c.fault) << c.json;
}

TEST_F(NotificationFaults, OfBytesThatAreNotUtf8) {
  for (const char* wrong : {"\x80", "\xC0\x80", "\xC3", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF",
                            "\xE2\x82", "\xF0\x80\x80\x80"}) {
    for (const char* form : {"{\"topic\":\"a%\"}", "{\"topic\":\"a\",\"data\":[\"%\"]}",
                             "{\"topic\":\"a\",\"data\":{\"%\":1}}"}) {
      std::string json(form);
      const std::size_t at = json.find('%');
      json.replace(at, 1, wrong);
      EXPECT_NE(fault(json).find("at byte " + std::to_string(at) + ": bytes that are not UTF-8"),
                std::string::npos)
          << fault(json);
    }
    EXPECT_NE(fault("{\"topic\":\"a\"," + std::string(wrong) + "}").find("at byte 13"),
              std::string::npos);
  }
}

TEST_F(NotificationFaults, OfLoneSurrogates) {
  for (const char* wrong : {"\\ud800", "\\ud800x", "\\ud800\\u0041", "\\ud800\\ud800", "\\udc00",
                            "\\udfff\\ud800", "x\\udc00y"}) {
    for (const char* form :
         {"{\"topic\":\"a\",\"title\":\"%\"}", "{\"topic\":\"a\",\"data\":\"%\"}",
          "{\"topic\":\"a\",\"data\":[{\"%\":1}]}", "{\"%\":\"a\"}",
          "{\"topic\":\"a\",\"labels\":{\"n\":\"%\"}}"}) {
      std::string json(form);
      json.replace(json.find('%'), 1, wrong);
      EXPECT_NE(fault(json).find("surrogate"), std::string::npos) << json << "\n" << fault(json);
    }
  }
  EXPECT_EQ(fault(R"({"topic":"a","data":"\ud83d\udd14"})"), "decoded");
}

TEST_F(NotificationFaults, OfNulBytesWhereverTheyStand) {
  const std::string json = R"({"topic":"a","data":[1,{"b":"c"}]})";
  for (std::size_t i = 0; i <= json.size(); ++i) {
    std::string broken = json;
    broken.insert(i, 1, '\0');
    EXPECT_NE(fault(broken).find("at byte " + std::to_string(i) + ": a NUL byte"),
              std::string::npos)
        << i << " " << fault(broken);
  }
}

TEST_F(NotificationFaults, OfDepth) {
  const std::string deepest = repeated("[", 31) + repeated("]", 31);
  EXPECT_EQ(fault(R"({"topic":"a","data":)" + deepest + "}"), "decoded");
  const std::string pointer = "/data" + repeated("/0", 31);
  EXPECT_EQ(fault(R"({"topic":"a","data":[)" + deepest + "]}"),
            pointer + ": arrays and objects may stand at most 32 deep in one another");
  const auto tight =
      decode_notification(R"({"topic":"a","labels":{"x":"y"}})", arena_, {.depth_max = 1});
  EXPECT_FALSE(tight);
}

TEST_F(NotificationFaults, OfBombs) {
  for (const char* unit : {"[", "{\"a\":", "[{\"a\":"}) {
    const std::string bomb = repeated(unit, 200'000);
    EXPECT_NE(fault(R"({"topic":"a","data":)" + bomb).find("deep in one another"),
              std::string::npos);
    EXPECT_NE(fault(bomb), "decoded");
  }
}

TEST_F(NotificationFaults, ShowNamesOfTheInputOnlyUpToALength) {
  const std::string name = repeated("\xC3\xA9", 5000);
  const std::string shown = repeated("\xC3\xA9", 32);
  EXPECT_EQ(fault("{\"x" + name + "\":1}"),
            "/x" + shown.substr(0, 62) + ": there is no field \"x" + shown.substr(0, 62) + "\"");
  EXPECT_LT(fault(R"({"topic":"a","delay":")" + name + "\"}").size(), 200U);
  EXPECT_LT(fault(R"({"topic":"a","level":")" + name + "\"}").size(), 300U);
}

}  // namespace
}  // namespace tocsin::message
