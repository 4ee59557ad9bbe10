#include "gateway/proxy/access_log_filter.h"

#include <gmock/gmock.h>

#include <regex>
#include <string>
#include <vector>

#include "tests/unit/http/server_harness.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AccessLogFilterTest : public http::ServerTest {
 protected:
  void serve(AccessLogFormat format, const http::ServerOptions& options = {}) {
    factory.emplace("public", format, writer);
    source->filters = {&*factory};
    start(options);
  }
  void ask(std::string_view request) {
    http::RawClient client = connect();
    exchange(client, request);
  }
  /// Every line so far, the clients' ports made the same.
  std::vector<std::string> lines() {
    advance(seconds(1));
    EXPECT_TRUE(log.flush(seconds(10)));
    std::vector<std::string> all = sink->lines();
    for (std::string& line : all) {
      line = std::regex_replace(line, std::regex("127\\.0\\.0\\.1:[0-9]+"), "127.0.0.1:PORT");
    }
    return all;
  }
  std::string line() {
    const std::vector<std::string> all = lines();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? std::string() : all.front();
  }

  std::shared_ptr<telemetry::SinkState> sink = std::make_shared<telemetry::SinkState>();
  telemetry::LineLog log{std::make_unique<telemetry::TestSink>(sink)};
  AccessLogWriter writer{loop, log};
  std::optional<AccessLogFilterFactory> factory;
};

TEST_F(AccessLogFilterTest, WritesAJsonObjectALine) {
  serve(AccessLogFormat::kJson);
  ask("POST /x?y=1 HTTP/1.1\r\nHost: a.example\r\nUser-Agent: t/1\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(line(),
            R"({"time":"2026-01-01T00:00:00.000Z","listener":"public","route":"test",)"
            R"("client":"127.0.0.1:PORT","method":"POST","host":"a.example","target":"/x?y=1",)"
            R"("protocol":"HTTP/1.1","status":200,"request_bytes":3,"response_bytes":2,)"
            R"("duration_ms":0.000,"first_byte_ms":0.000,"user_agent":"t/1"})");
}

TEST_F(AccessLogFilterTest, WritesTheCombinedFormatOfOtherServers) {
  serve(AccessLogFormat::kCombined);
  ask("GET /x?y=1 HTTP/1.0\r\nHost: a\r\nReferer: http://r.example/\r\nUser-Agent: t/1\r\n\r\n");
  ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(lines(), ElementsAre("127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET /x?y=1 "
                                   "HTTP/1.0\" 200 2 \"http://r.example/\" \"t/1\"",
                                   "127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] \"GET /x "
                                   "HTTP/1.1\" 200 2 \"-\" \"-\""));
}

TEST_F(AccessLogFilterTest, MeasuresFromTheFirstByteOfTheRequest) {
  serve(AccessLogFormat::kJson);
  hold_requests();
  http::RawClient client = connect();
  exchange(client, "GET / HTT");
  advance(milliseconds(250));
  exchange(client, "P/1.1\r\nHost: a\r\n\r\n");
  advance(milliseconds(1250));
  http::Exchange& exchange = held[0]->exchange();
  exchange.send_head(exchange.fresh_head(200), false);
  advance(std::chrono::microseconds(5));
  exchange.send_data("x", true);
  run();
  EXPECT_THAT(line(), HasSubstr("\"duration_ms\":1500.005,\"first_byte_ms\":1500.000"));
}

TEST_F(AccessLogFilterTest, KeepsALineOneLineWhateverTheClientSends) {
  serve(AccessLogFormat::kJson);
  ask("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\"b\\c\td\xff\r\n\r\n");
  const std::string text = line();
  EXPECT_THAT(text, HasSubstr(R"("user_agent":"a\"b\\c\td)"));
  EXPECT_THAT(text, EndsWith("\"}"));
}

TEST_F(AccessLogFilterTest, EscapesWhatCouldEndAQuoteInTheCombinedFormat) {
  serve(AccessLogFormat::kCombined);
  ask("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\"b\\c\td\xff\r\n\r\n");
  EXPECT_THAT(line(), EndsWith(R"("a\x22b\x5Cc\x09d\xFF")"));
}

TEST_F(AccessLogFilterTest, SaysWhenTheClientLeftBeforeAnAnswer) {
  serve(AccessLogFormat::kJson);
  hold_requests();
  {
    http::RawClient client = connect();
    exchange(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
    client.reset();
    run();
  }
  const std::string text = line();
  EXPECT_THAT(text, HasSubstr("\"status\":0,"));
  EXPECT_THAT(text, Not(HasSubstr("first_byte_ms")));
  EXPECT_THAT(text, EndsWith("\"flags\":\"downstream_closed,request_incomplete\"}"));
}

TEST_F(AccessLogFilterTest, SaysWhenTheBodyDidNotCome) {
  serve(AccessLogFormat::kJson);
  hold_requests();
  http::RawClient client = connect();
  exchange(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  advance(http::ServerTimeouts().body + seconds(1));
  const std::string text = line();
  EXPECT_THAT(text, HasSubstr("\"status\":408,"));
  EXPECT_THAT(text, EndsWith("\"flags\":\"local_answer,request_incomplete,timed_out\"}"));
}

TEST_F(AccessLogFilterTest, WritesWhatWasRefusedBeforeAnyRoute) {
  serve(AccessLogFormat::kJson);
  hold_requests();
  http::RawClient client = connect();
  exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  factory->note_refused(held[0]->exchange(),
                        {.local_answer = true, .timed_out = true});  // as a route table does
  const std::string text = line();
  EXPECT_THAT(text, EndsWith("\"flags\":\"local_answer,timed_out\"}"));
}

// A line of 16 KiB or more was dropped, so a client could keep itself out of the log.
class AccessLogLines : public AccessLogFilterTest,
                       public testing::WithParamInterface<AccessLogFormat> {};

TEST_P(AccessLogLines, AreWrittenHoweverMuchTheClientSends) {
  const std::string agents[] = {std::string(20'000, 'a'), std::string(9'000, '"'),
                                std::string(9'000, '\xff'), std::string(9'000, '\xc2')};
  serve(GetParam());
  for (const std::string& agent : agents) {
    ask("GET /" + std::string(8'000, '"') + " HTTP/1.1\r\nHost: " + std::string(3'000, 'h') +
        "\r\nUser-Agent: " + agent + "\r\n\r\n");
  }
  const std::vector<std::string> all = lines();
  ASSERT_EQ(all.size(), std::size(agents));
  for (const std::string& text : all) {
    EXPECT_LT(text.size(), telemetry::kLineBytesMax);
    const bool json = GetParam() == AccessLogFormat::kJson;
    EXPECT_THAT(text, EndsWith(json ? "...\",\"truncated\":true}" : "...\""));
  }
  EXPECT_EQ(log.lines_cut(), all.size());
  EXPECT_EQ(log.lines_dropped(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Formats, AccessLogLines,
                         testing::Values(AccessLogFormat::kJson, AccessLogFormat::kCombined));

TEST_F(AccessLogFilterTest, CutsBetweenCharacters) {
  serve(AccessLogFormat::kJson);
  std::string agent = "a";
  while (agent.size() < 4'000) agent += "\u00fc";
  ask("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: " + agent + "\r\n\r\n");
  EXPECT_THAT(line(), HasSubstr("\u00fc...\""));
}

TEST_F(AccessLogFilterTest, NamesTheProtocolThatWasSpoken) {
  serve(AccessLogFormat::kJson);
  hold_requests();
  http::RawClient client = connect();
  exchange(client, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  held[0]->exchange().request_head().major_version = 2;
  factory->note_refused(held[0]->exchange(), {.local_answer = true});
  EXPECT_THAT(line(), HasSubstr("\"protocol\":\"HTTP/2.0\""));
}

TEST_F(AccessLogFilterTest, HandsLinesOverSoonAndNotOneByOne) {
  serve(AccessLogFormat::kJson);
  ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  advance(milliseconds(150));
  ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(log.flush(seconds(10)));
  EXPECT_THAT(sink->lines(), IsEmpty());
  advance(milliseconds(50));
  EXPECT_TRUE(log.flush(seconds(10)));
  EXPECT_EQ(sink->lines().size(), 2U);
  EXPECT_EQ(sink->writes(), 1);
}

}  // namespace
}  // namespace tocsin::proxy
