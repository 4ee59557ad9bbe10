#include "gateway/proxy/fixed_answers.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/http/server_harness.h"

namespace tocsin::proxy {
namespace {

using http::body_of;
using http::RawClient;
using http::statuses;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Every request of a real connection goes to one handler.
class FixedAnswersTest : public http::ServerTest {
 protected:
  void serve(http::Handler& handler, const http::ServerOptions& options = {}) {
    source->script = [&handler](http::Exchange& exchange, http::RequestHead& head) {
      handler.on_request(exchange, head);
    };
    start(options);
  }
  std::string ask(std::string_view target, std::string_view method = "GET") {
    RawClient client = connect();
    return exchange(
        client, std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  FixedAnswer hello{{.status = 201,
                     .body = "hello\n",
                     .content_type = "text/plain",
                     .headers = {{"X-First", "1"}, {"X-Second", "2"}}}};
};

const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

TEST_F(FixedAnswersTest, SendsStatusTypeFieldsAndBodyAsConfigured) {
  serve(hello);
  const std::string answer = ask("/");
  EXPECT_THAT(statuses(answer), ElementsAre(201));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\nX-First: 1\r\nX-Second: 2\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_EQ(body_of(answer), "hello\n");
}

TEST_F(FixedAnswersTest, TellsHeadTheLengthAndSendsNoBody) {
  serve(hello);
  const std::string answer = ask("/", "HEAD");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(FixedAnswersTest, SendsNoTypeWithoutABody) {
  FixedAnswer empty({.status = 204, .content_type = "text/plain"});
  serve(empty);
  const std::string answer = ask("/");
  EXPECT_THAT(statuses(answer), ElementsAre(204));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Type")));
}

TEST_F(FixedAnswersTest, WaitsForTheLastByteOfABody) {
  serve(hello);
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kPost + "Content-Length: 3\r\n\r\n"), IsEmpty());
  EXPECT_THAT(exchange(client, "ab"), IsEmpty());
  EXPECT_THAT(statuses(exchange(client, "c")), ElementsAre(201));
  EXPECT_THAT(statuses(exchange(client, kPost + "Content-Length: 1\r\n\r\nx")), ElementsAre(201))
      << "the connection stays in use";
}

TEST_F(FixedAnswersTest, WaitsForTheEndOfAChunkedBody) {
  serve(hello);
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kChunked + "1\r\na\r\n0\r\n"), IsEmpty());
  EXPECT_THAT(statuses(exchange(client, "\r\n")), ElementsAre(201));
}

TEST_F(FixedAnswersTest, AnswersBehindTrailersOnce) {
  serve(hello);
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kChunked + "1\r\na\r\n0\r\nX-Sum: 1\r\n"), IsEmpty());
  EXPECT_THAT(statuses(exchange(client, "\r\n")), ElementsAre(201));
}

TEST_F(FixedAnswersTest, LetsAClientThatExpectsItGoOnFirst) {
  serve(hello);
  RawClient client = connect();
  const std::string before =
      exchange(client, kPost + "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(statuses(before), ElementsAre(100));
  EXPECT_THAT(statuses(exchange(client, "x")), ElementsAre(201));
}

TEST_F(FixedAnswersTest, AnswersPipelinedRequestsInOrder) {
  serve(hello);
  RawClient client = connect();
  const std::string with_body = kPost + "Content-Length: 2\r\n\r\nab";
  const std::string without = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_THAT(statuses(exchange(client, with_body + without + with_body)),
              ElementsAre(201, 201, 201));
}

TEST_F(FixedAnswersTest, YieldsToTheRefusalOfABodyThatGrowsTooLarge) {
  http::ServerOptions options;
  options.request.body_bytes_max = 4;
  serve(hello, options);
  RawClient client = connect();
  EXPECT_THAT(statuses(exchange(client, kChunked + "5\r\n12345\r\n0\r\n\r\n")), ElementsAre(413));
}

TEST_F(FixedAnswersTest, YieldsToTheRefusalOfAMalformedBody) {
  serve(hello);
  RawClient client = connect();
  EXPECT_THAT(statuses(exchange(client, kChunked + "1\r\na\r\nzz\r\n")), ElementsAre(400));
}

TEST_F(FixedAnswersTest, YieldsToTheRefusalOfABodyThatStops) {
  serve(hello);
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kPost + "Content-Length: 3\r\n\r\na"), IsEmpty());
  advance(http::ServerTimeouts().body + seconds(1));
  client.pull();
  EXPECT_THAT(statuses(client.take()), ElementsAre(408));
}

TEST_F(FixedAnswersTest, ForgetsARequestWhoseClientLeaves) {
  serve(hello);
  RawClient client = connect();
  EXPECT_THAT(exchange(client, kPost + "Content-Length: 3\r\n\r\na"), IsEmpty());
  client.reset();
  run();
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(FixedAnswersTest, RedirectsToTheSamePlaceWhateverWasAsked) {
  Redirect redirect({.to = "https://b.example/new", .status = 308});
  serve(redirect);
  const std::string answer = ask("/old/page?x=1");
  EXPECT_THAT(statuses(answer), ElementsAre(308));
  EXPECT_THAT(answer, HasSubstr("Location: https://b.example/new\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 0\r\n"));
}

TEST_F(FixedAnswersTest, RedirectsWithThePathBehindThePrefixAndTheQuery) {
  Redirect redirect({.to = "https://b.example/new", .append_path = true, .prefix = "/old"});
  serve(redirect);
  EXPECT_THAT(ask("/old/page?x=1"), HasSubstr("Location: https://b.example/new/page?x=1\r\n"));
  EXPECT_THAT(ask("/old"), HasSubstr("Location: https://b.example/new\r\n"));
  EXPECT_THAT(ask("/old?"), HasSubstr("Location: https://b.example/new\r\n"));
}

TEST_F(FixedAnswersTest, NeverLetsSlashesMeetInALocation) {
  Redirect to_root({.to = "/", .append_path = true, .prefix = "/old"});
  serve(to_root);
  EXPECT_THAT(ask("/old//evil.example/x"), HasSubstr("Location: /evil.example/x\r\n"));
  EXPECT_THAT(ask("/old///"), HasSubstr("Location: /\r\n"));
  EXPECT_THAT(ask("/old/x"), HasSubstr("Location: /x\r\n"));
}

// Without a slash of its own "https://b.example" went on as the name of a host the client chose.
TEST_F(FixedAnswersTest, NeverAppendsToTheNameOfTheHost) {
  Redirect below_root({.to = "https://b.example", .append_path = true, .prefix = "/"});
  serve(below_root);
  EXPECT_THAT(ask("/.evil.example"), HasSubstr("Location: https://b.example/.evil.example\r\n"));
  EXPECT_THAT(ask("/@evil.example/"), HasSubstr("Location: https://b.example/@evil.example/\r\n"));
  EXPECT_THAT(ask("/?x=1"), HasSubstr("Location: https://b.example?x=1\r\n"));
}

// Browsers take a backslash for a slash, and two of these begin with the name of a host.
TEST_F(FixedAnswersTest, EncodesBackslashes) {
  Redirect to_root({.to = "/", .append_path = true, .prefix = "/"});
  serve(to_root);
  EXPECT_THAT(ask("/\\evil.example"), HasSubstr("Location: /%5Cevil.example\r\n"));
  EXPECT_THAT(ask("/\\/evil.example"), HasSubstr("Location: /%5C/evil.example\r\n"));
}

TEST_F(FixedAnswersTest, ExplainsAProblemAndListsWhatIsAllowed) {
  ProblemAnswer problem(405, "Not so.", "GET, HEAD");
  serve(problem);
  const std::string answer = ask("/", "DELETE");
  EXPECT_THAT(statuses(answer), ElementsAre(405));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n"));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(body_of(answer), HasSubstr("\"detail\":\"Not so.\""));
}

}  // namespace
}  // namespace tocsin::proxy
