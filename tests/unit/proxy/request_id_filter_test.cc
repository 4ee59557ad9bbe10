#include "gateway/proxy/request_id_filter.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/http/server_harness.h"

namespace tocsin::proxy {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

/// Requests pass the filter; what the handler and the logs see of them is kept.
class RequestIdFilterTest : public http::ServerTest {
 protected:
  void serve(RequestIdFilterFactory::Options options = {}) {
    factory = std::make_unique<RequestIdFilterFactory>(options);
    source->filters = {factory.get()};
    source->script = [this, name = options.header](http::Exchange& exchange,
                                                   http::RequestHead& head) {
      fields_for_handler = head.headers.count(name);
      for_handler = head.headers.find(name).value_or("");
      for_logs = exchange.facts().request_id;
      http::ResponseHead& answer = exchange.fresh_head(204);
      if (!handlers_own.empty()) (void)answer.headers.add(name, handlers_own);
      exchange.send_head(answer, true);
    };
    start();
  }
  /// The id in the answer to a request with these fields.
  std::string ask(std::string_view fields, std::string_view name = "X-Request-Id") {
    http::RawClient client = connect();
    const std::string answer =
        exchange(client, "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n");
    const std::string before = "\r\n" + std::string(name) + ": ";
    const std::size_t at = answer.find(before);
    if (at == std::string::npos) return "<none in " + answer + ">";
    EXPECT_EQ(answer.find(before, at + 1), std::string::npos) << "two ids in one answer";
    const std::size_t begin = at + before.size();
    return answer.substr(begin, answer.find('\r', begin) - begin);
  }
  std::string answered_to(std::string_view id) {
    return ask("X-Request-Id: " + std::string(id) + "\r\n");
  }

  std::unique_ptr<RequestIdFilterFactory> factory;
  std::string for_handler, for_logs, handlers_own;
  std::size_t fields_for_handler = 0;
};

constexpr const char* kMade = "[0-9a-f]{32}";

TEST_F(RequestIdFilterTest, NamesARequestForClientHandlerAndLogsAlike) {
  serve();
  const std::string id = ask("");
  EXPECT_THAT(id, MatchesRegex(kMade));
  EXPECT_EQ(for_handler, id);
  EXPECT_EQ(for_logs, id);
  EXPECT_NE(ask(""), id);
}

TEST_F(RequestIdFilterTest, KeepsAHarmlessIdOfTheClient) {
  serve();
  const std::string longest(RequestIdFilterFactory::kIdBytesMax, 'x');
  for (const std::string& id : {std::string("a"), std::string("Az09-_.=+/:"), longest}) {
    EXPECT_EQ(answered_to(id), id);
    EXPECT_EQ(for_handler, id);
    EXPECT_EQ(for_logs, id);
  }
}

TEST_F(RequestIdFilterTest, ReplacesAnIdThatAnybodyCouldMisread) {
  serve();
  const std::string too_long(RequestIdFilterFactory::kIdBytesMax + 1, 'x');
  for (const std::string& id : {std::string(), std::string("a b"), std::string("$(id)"),
                                std::string("a\"b"), std::string("\xc3\xa9"), too_long}) {
    EXPECT_THAT(answered_to(id), MatchesRegex(kMade)) << id;
    EXPECT_THAT(for_handler, MatchesRegex(kMade)) << "the handler must not see the client's either";
    EXPECT_EQ(fields_for_handler, 1U);
  }
}

TEST_F(RequestIdFilterTest, TrustsNoClientWhenToldSo) {
  serve({.trust_incoming = false});
  EXPECT_THAT(answered_to("mine"), MatchesRegex(kMade));
  EXPECT_THAT(for_handler, MatchesRegex(kMade));
  EXPECT_EQ(fields_for_handler, 1U);
}

TEST_F(RequestIdFilterTest, UsesTheFieldItIsToldTo) {
  serve({.header = "X-Trace"});
  EXPECT_EQ(ask("X-Trace: t1\r\nX-Request-Id: r1\r\n", "X-Trace"), "t1");
  EXPECT_EQ(for_logs, "t1");
}

TEST_F(RequestIdFilterTest, OverwritesTheIdOfTheHandlersAnswer) {
  serve();
  handlers_own = "somebody-elses";
  EXPECT_EQ(answered_to("mine"), "mine");
}

TEST_F(RequestIdFilterTest, NamesRefusedRequestsToo) {
  serve();
  http::RawClient client = connect();
  exchange(client, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\n");
  hold_requests();
  exchange(client, "\r\n");
  http::ResponseHead head;
  factory->refusing(held[0]->exchange(), head);  // as a route table does
  const std::string id(head.headers.find("X-Request-Id").value_or(""));
  EXPECT_THAT(id, MatchesRegex(kMade)) << "what the client says of itself was not read in full";
  EXPECT_EQ(held[0]->exchange().facts().request_id, id);
}

}  // namespace
}  // namespace tocsin::proxy
