#include "gateway/http/request_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/http/request_recorder.h"

namespace tocsin::http {
namespace {

using namespace std::string_literals;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n";
const std::string kPost = "POST / HTTP/1.1\r\nHost: a\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

int status_of(std::string_view bytes, const RequestLimits& limits = {}) {
  RequestRecorder recorder(limits);
  recorder.feed(bytes);
  return recorder.status();
}

// The bytes are one whole request and nothing else.
bool is_one_request(std::string_view bytes) {
  RequestRecorder recorder;
  recorder.feed(bytes);
  return recorder.status() == 0 && recorder.requests() == 1 && recorder.used() == bytes.size();
}

struct Case {
  std::string name;
  std::string bytes;
  int status = 400;
};

std::vector<Case> refused() {
  return {
      // request line
      {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab before the target", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab before the version", "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"bare LF after the version", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare CR after the version", "GET / HTTP/1.1\rHost: a\r\n\r\n"},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"no version and bare LF", "GET /\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"lower-case http", "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"RTSP", "GET / RTSP/1.0\r\nHost: a\r\n\r\n"},
      {"RTSP's own method", "DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n"},
      {"ICE", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"TLS hello", "\x16\x03\x01\x02"s},
      {"unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
      {"control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"byte beyond ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target that is a word", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a bare LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a bare CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"CR CR LF first", "\r\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      // fields
      {"space before the colon", kGet + "X : b\r\n\r\n"},
      {"tab before the colon", kGet + "X\t: b\r\n\r\n"},
      {"space inside a name", kGet + "X Y: b\r\n\r\n"},
      {"empty name", kGet + ": b\r\n\r\n"},
      {"no colon", kGet + "X\r\n\r\n"},
      {"name beyond ASCII", kGet + "X\xff: b\r\n\r\n"},
      {"parenthesis in a name", kGet + "X(: b\r\n\r\n"},
      {"whitespace before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"folded with a space", kGet + "X: b\r\n c\r\n\r\n"},
      {"folded with a tab", kGet + "X: b\r\n\tc\r\n\r\n"},
      {"folded empty value", kGet + "X:\r\n c\r\n\r\n"},
      {"bare LF after a field", kGet + "X: b\n\r\n"},
      {"bare LF ends the head", kGet + "X: b\r\n\n"},
      {"bare CR in a value", kGet + "X: b\rc\r\n\r\n"},
      {"CR CR LF after a value", kGet + "X: b\r\r\n\r\n"},
      {"NUL in a value", kGet + "X: b\0c\r\n\r\n"s},
      {"control byte in a value", kGet + "X: b\x01\r\n\r\n"},
      {"DEL in a value", kGet + "X: b\x7f\r\n\r\n"},
      // Content-Length
      {"two equal lengths", kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
      {"two different lengths", kPost + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"},
      {"a list of lengths", kPost + "Content-Length: 3, 3\r\n\r\nabc"},
      {"signed length", kPost + "Content-Length: +3\r\n\r\nabc"},
      {"negative length", kPost + "Content-Length: -3\r\n\r\nabc"},
      {"hexadecimal length", kPost + "Content-Length: 0x3\r\n\r\nabc"},
      {"empty length", kPost + "Content-Length:\r\n\r\nabc"},
      {"blank length", kPost + "Content-Length:  \r\n\r\nabc"},
      {"length with a space inside", kPost + "Content-Length: 3 3\r\n\r\nabc"},
      {"length with a fraction", kPost + "Content-Length: 3.0\r\n\r\nabc"},
      {"length that overflows", kPost + "Content-Length: 18446744073709551616\r\n\r\nabc"},
      {"greatest length", kPost + "Content-Length: 18446744073709551615\r\n\r\nabc", 413},
      // Transfer-Encoding
      {"length, then coding",
       kPost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"coding, then length",
       kPost + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"},
      {"chunked, identity", kPost + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
      {"identity, chunked", kPost + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"},
      {"gzip, chunked", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"gzip", kPost + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n"},
      {"identity", kPost + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
      {"empty coding", kPost + "Transfer-Encoding:\r\n\r\n0\r\n\r\n"},
      {"xchunked", kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {"chunked with a comma behind", kPost + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"},
      {"chunked with a comma before", kPost + "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"},
      {"chunked with a tab behind", kPost + "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"},
      {"chunked with a parameter", kPost + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"},
      {"chunked twice in one", kPost + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked in two fields",
       kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"codings in two fields",
       kPost + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"coding on 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      // chunks
      {"size without digits", kChunked + "\r\nabc"},
      {"size that is no number", kChunked + "G\r\nabc"},
      {"size with a prefix", kChunked + "0x3\r\nabc\r\n0\r\n\r\n"},
      {"negative size", kChunked + "-3\r\nabc\r\n0\r\n\r\n"},
      {"size that overflows", kChunked + "10000000000000000\r\nabc"},
      {"space before the size", kChunked + " 3\r\nabc\r\n0\r\n\r\n"},
      {"space after the size", kChunked + "3 \r\nabc\r\n0\r\n\r\n"},
      {"tab after the size", kChunked + "3\t\r\nabc\r\n0\r\n\r\n"},
      {"bare LF after the size", kChunked + "3\nabc\r\n0\r\n\r\n"},
      {"bare CR after the size", kChunked + "3\rabc\r\n0\r\n\r\n"},
      {"CR CR LF after the size", kChunked + "3\r\r\nabc\r\n0\r\n\r\n"},
      {"bare LF after the data", kChunked + "3\r\nabc\n0\r\n\r\n"},
      {"bare CR after the data", kChunked + "3\r\nabc\r0\r\n\r\n"},
      {"nothing after the data", kChunked + "3\r\nabc0\r\n\r\n"},
      {"more data than promised", kChunked + "3\r\nabcd\r\n0\r\n\r\n"},
      {"nameless extension", kChunked + "3;=b\r\nabc\r\n0\r\n\r\n"},
      {"extension of semicolons", kChunked + "3;;a\r\nabc\r\n0\r\n\r\n"},
      {"empty extension", kChunked + "3;\r\nabc\r\n0\r\n\r\n"},
      {"quote in the middle of an extension", kChunked + "3;a=b\"c\"\r\nabc\r\n0\r\n\r\n"},
      {"space before an extension", kChunked + "3 ;a\r\nabc\r\n0\r\n\r\n"},
      {"space in an extension", kChunked + "3;a b\r\nabc\r\n0\r\n\r\n"},
      {"bare LF in an extension", kChunked + "3;a\nabc\r\n0\r\n\r\n"},
      {"bare LF in a quoted extension", kChunked + "3;a=\"b\nc\"\r\nabc\r\n0\r\n\r\n"},
      {"CRLF in a quoted extension", kChunked + "3;a=\"b\r\nc\"\r\nabc\r\n0\r\n\r\n"},
      {"control byte in an extension", kChunked + "3;a=\x01\r\nabc\r\n0\r\n\r\n"},
      {"bare LF after the last size", kChunked + "0\n\r\n"},
      {"bare LF ends the body", kChunked + "0\r\n\n"},
      {"bare LF after a trailer", kChunked + "0\r\nX: y\n\r\n"},
      {"bare LF behind trailers", kChunked + "0\r\nX: y\r\n\n"},
      {"space before a trailer's colon", kChunked + "0\r\nX : y\r\n\r\n"},
      {"folded trailer", kChunked + "0\r\nX: y\r\n z\r\n\r\n"},
      {"whitespace before the first trailer", kChunked + "0\r\n X: y\r\n\r\n"},
      {"trailer without colon", kChunked + "0\r\nX\r\n\r\n"},
      {"Content-Length as trailer", kChunked + "0\r\nContent-Length: 5\r\n\r\n"},
      {"Transfer-Encoding as trailer", kChunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"Host as trailer", kChunked + "0\r\nHost: b\r\n\r\n"},
      {"Connection as trailer", kChunked + "0\r\nConnection: close\r\n\r\n"},
      {"Authorization as trailer", kChunked + "0\r\nauthorization: x\r\n\r\n"},
      {"Upgrade as trailer", kChunked + "0\r\nUpgrade: x\r\n\r\n"},
  };
}

std::vector<std::string> served() {
  return {
      kGet + "\r\n",
      "\r\n" + kGet + "\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "HEAD /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
      "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
      kGet + "X:\r\n\r\n",
      kGet + "X:b\r\n\r\n",
      kGet + "X: \t b c \t \r\n\r\n",
      kGet + "X: \xc3\xa4\r\n\r\n",
      kGet + "Content-Length: 3\r\n\r\nabc",
      "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
      kPost + "Content-Length: 3\r\n\r\nabc",
      kPost + "Content-Length: \t03 \r\n\r\nabc",
      kPost + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
      kPost + "Transfer-Encoding: ChUnKeD\r\n\r\n0\r\n\r\n",
      kPost + "Transfer-Encoding:\tchunked \r\n\r\n0\r\n\r\n",
      kPost + "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc",
      kChunked + "3\r\nabc\r\n0\r\n\r\n",
      kChunked + "3\r\nabc\r\nA\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n",
      kChunked + "0003\r\nabc\r\n00\r\n\r\n",
      kChunked + "3;a;b=c;d=\"e;\\\"f\"\r\nabc\r\n0;x=y\r\n\r\n",
      kChunked + "3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n",
  };
}

TEST(RequestParser, RefusesWhatCouldBeReadInTwoWays) {
  for (const Case& c : refused()) EXPECT_EQ(status_of(c.bytes), c.status) << c.name;
}

TEST(RequestParser, ReadsWhatIsSound) {
  for (const std::string& bytes : served()) EXPECT_TRUE(is_one_request(bytes)) << bytes;
}

TEST(RequestParser, TellsHeadBodyTrailersAndEnd) {
  RequestRecorder recorder;
  recorder.feed("PUT /x?y HTTP/1.1\r\nHost: a\r\nX:  v \r\nTransfer-Encoding: chunked\r\n\r\n" +
                "3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n"s);
  EXPECT_EQ(recorder.transcript(),
            "head PUT /x?y 1.1 more keep\n  Host=a\n  X=v\n  Transfer-Encoding=chunked\n"
            "body abcde\n  X-Sum=9\ncomplete\n");
}

TEST(RequestParser, SeparatesPipelinedRequests) {
  RequestRecorder recorder;
  recorder.feed(kGet + "\r\n" + kPost + "Content-Length: 2\r\n\r\nhi\r\n" + kGet + "\r\n");
  EXPECT_EQ(recorder.transcript(),
            "head GET / 1.1 end keep\n  Host=a\ncomplete\n"
            "head POST / 1.1 more keep\n  Host=a\n  Content-Length=2\nbody hi\ncomplete\n"
            "head GET / 1.1 end keep\n  Host=a\ncomplete\n");
}

TEST(RequestParser, FindsOutWhetherTheConnectionStays) {
  const auto keeps = [](const std::string& bytes) {
    RequestRecorder recorder;
    recorder.feed(bytes);
    EXPECT_EQ(recorder.requests(), 1U) << bytes;
    return recorder.keep_alive();
  };
  EXPECT_TRUE(keeps(kGet + "\r\n"));
  EXPECT_FALSE(keeps(kGet + "Connection: close\r\n\r\n"));
  EXPECT_FALSE(keeps(kGet + "Connection: keep-alive, Close\r\n\r\n"));
  EXPECT_FALSE(keeps(kGet + "Connection: x\r\nConnection:\tclose\t,\r\n\r\n"));
  EXPECT_TRUE(keeps(kGet + "Connection: closed\r\n\r\n"));
  EXPECT_TRUE(keeps(kGet + "Proxy-Connection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n"));
}

TEST(RequestParser, GoesOnAfterARequestThatLlhttpWouldCloseAfter) {
  RequestRecorder recorder;
  recorder.feed(kGet + "Proxy-Connection: close\r\n\r\n" + kGet + "\r\n");
  EXPECT_EQ(recorder.status(), 0);
  EXPECT_EQ(recorder.requests(), 2U);
}

TEST(RequestParser, HoldsTheLimitOfTheTargetToTheByte) {
  RequestLimits limits;
  limits.target_bytes_max = 10;
  EXPECT_EQ(status_of("GET /123456789 HTTP/1.1\r\n\r\n", limits), 0);
  EXPECT_EQ(status_of("GET /1234567890 HTTP/1.1\r\n\r\n", limits), 414);
  EXPECT_EQ(status_of("GET /123456789\x01 HTTP/1.1\r\n\r\n", limits), 400);
  EXPECT_EQ(status_of("GET /1234567890\x01 HTTP/1.1\r\n\r\n", limits), 414);
}

TEST(RequestParser, HoldsTheLimitOfTheHeadToTheByte) {
  const std::string bytes = kGet + "X: 12345\r\n\r\n";
  RequestLimits limits;
  limits.head_bytes_max = bytes.size();
  EXPECT_EQ(status_of(bytes, limits), 0);
  EXPECT_EQ(status_of("\r\n" + bytes, limits), 0) << "the empty line is not the head's";
  limits.head_bytes_max = bytes.size() - 1;
  EXPECT_EQ(status_of(bytes, limits), 431);
}

TEST(RequestParser, HoldsTheLimitOfTheFieldCountInHeadAndTrailers) {
  RequestLimits limits;
  limits.header_count_max = 3;
  EXPECT_EQ(status_of(kGet + "X: 1\r\nX: 2\r\n\r\n", limits), 0);
  EXPECT_EQ(status_of(kGet + "X: 1\r\nX: 2\r\nX: 3\r\n\r\n", limits), 431);
  EXPECT_EQ(status_of(kChunked + "0\r\nA: 1\r\nA: 2\r\nA: 3\r\n\r\n", limits), 0);
  EXPECT_EQ(status_of(kChunked + "0\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\n\r\n", limits), 431);
}

TEST(RequestParser, NeverTakesMoreFieldsThanTheTableHolds) {
  RequestLimits limits;
  limits.header_count_max = 1000;
  std::string bytes = "GET / HTTP/1.1\r\n";
  for (std::size_t i = 0; i < HeaderMap::kFieldsMax; ++i) bytes += "X: 1\r\n";
  EXPECT_EQ(status_of(bytes + "\r\n", limits), 0);
  EXPECT_EQ(status_of(bytes + "X: 1\r\n\r\n", limits), 431);
}

TEST(RequestParser, HoldsTheLimitOfTheBodyToTheByte) {
  RequestLimits limits;
  limits.body_bytes_max = 5;
  EXPECT_EQ(status_of(kPost + "Content-Length: 5\r\n\r\n12345", limits), 0);
  EXPECT_EQ(status_of(kPost + "Content-Length: 6\r\n\r\n", limits), 413) << "before any of it came";
  EXPECT_EQ(status_of(kChunked + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", limits), 0);
  RequestRecorder recorder(limits);
  recorder.feed(kChunked + "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  EXPECT_EQ(recorder.status(), 413);
  EXPECT_EQ(recorder.body(), "abcde");
}

TEST(RequestParser, TakesAChunkOfAnySizeOnlyUpToTheBodyLimit) {
  RequestLimits limits;
  limits.body_bytes_max = 4;
  EXPECT_EQ(status_of(kChunked + "ffffffffffffffff\r\nabcde", limits), 413);
}

TEST(RequestParser, EndsEndlessFraming) {
  std::string zeros = kChunked + std::string(17 * 1024, '0');
  EXPECT_EQ(status_of(zeros), 400);
  EXPECT_EQ(status_of(kChunked + "3;" + std::string(17 * 1024, 'a')), 400);
  std::string trailers = kChunked + "0\r\n";
  for (int i = 0; i < 90; ++i) trailers += "X: " + std::string(200, 'b') + "\r\n";
  EXPECT_EQ(status_of(trailers + "\r\n"), 400);
}

TEST(RequestParser, ForgivesFramingThatBodyPaysFor) {
  std::string bytes = kChunked;
  for (int i = 0; i < 50'000; ++i) bytes += "1\r\na\r\n";
  EXPECT_TRUE(is_one_request(bytes + "0\r\n\r\n"));
}

TEST(RequestParser, CountsFramingAlikeHoweverTheHeadWasCut) {
  const std::string head =
      kPost + "X: " + std::string(2000, 'x') + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t zeros = 16 * 1024 - 8; zeros < 16 * 1024 + 8; ++zeros) {
    const std::string body = std::string(zeros, '0') + "\r\n\r\n";
    RequestRecorder whole;
    whole.feed(head + body);
    RequestRecorder cut;
    cut.feed(head);
    cut.feed(body);
    EXPECT_EQ(whole.transcript(), cut.transcript()) << zeros;
  }
}

TEST(RequestParser, StopsAfterTheEventThatAskedForIt) {
  for (const std::string& bytes : served()) {
    RequestRecorder flowing;
    flowing.feed(bytes);
    RequestRecorder stopping;
    stopping.stop_always();
    stopping.feed(bytes);
    EXPECT_EQ(flowing.transcript(), stopping.transcript());
    EXPECT_EQ(stopping.requests(), 1U) << bytes;
  }
}

class Stopper final : public RequestParser::Events {
 public:
  void on_head(bool) override {
    if (stop_at_head) parser->stop();
  }
  void on_body(std::string_view bytes) override {
    body += bytes;
    parser->stop();
  }
  void on_complete() override { complete = true; }
  RequestParser* parser = nullptr;
  std::string body;
  bool stop_at_head = false;
  bool complete = false;
};

TEST(RequestParser, TellsTheEndOfABodyThatWasStoppedAtItsLastByte) {
  BlockPool pool;
  Arena arena(pool, 65536);
  RequestHead head;
  const RequestLimits limits;
  Stopper events;
  RequestParser parser(limits);
  events.parser = &parser;
  parser.begin(head, arena, events);
  const std::string bytes = kPost + "Content-Length: 3\r\n\r\nabc";
  EXPECT_EQ(parser.feed(bytes), bytes.size());
  EXPECT_EQ(events.body, "abc");
  EXPECT_FALSE(events.complete);
  ASSERT_TRUE(parser.stalled());
  EXPECT_EQ(parser.feed({}), 0U);
  EXPECT_TRUE(events.complete);
  EXPECT_TRUE(parser.complete());
}

TEST(RequestParser, CompletesAMessageWithoutBodyThoughStoppedAtItsHead) {
  BlockPool pool;
  Arena arena(pool, 65536);
  RequestHead head;
  const RequestLimits limits;
  Stopper events;
  events.stop_at_head = true;
  RequestParser parser(limits);
  events.parser = &parser;
  parser.begin(head, arena, events);
  parser.feed(kGet + "\r\n");
  EXPECT_TRUE(events.complete);
}

// --- the cut of the bytes must not matter
// ----------------------------------------------------------

std::string read_in_pieces(std::string_view bytes, std::mt19937& random, std::size_t piece_max) {
  RequestRecorder recorder;
  while (!bytes.empty()) {
    const std::size_t piece = std::min(bytes.size(), 1 + random() % piece_max);
    recorder.feed(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
  return recorder.transcript();
}

std::string read_whole(std::string_view bytes) {
  RequestRecorder recorder;
  recorder.feed(bytes);
  return recorder.transcript();
}

std::vector<std::string> corpus() {
  std::vector<std::string> all = served();
  for (const Case& c : refused()) all.push_back(c.bytes);
  std::string pipelined;
  for (const std::string& bytes : served()) pipelined += bytes;
  all.push_back(pipelined);
  return all;
}

TEST(RequestParser, ReadsTheSameWhereverTheBytesAreCut) {
  for (const std::string& bytes : corpus()) {
    const std::string whole = read_whole(bytes);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      RequestRecorder recorder;
      recorder.feed(std::string_view(bytes).substr(0, cut));
      recorder.feed(std::string_view(bytes).substr(cut));
      ASSERT_EQ(recorder.transcript(), whole) << "cut at " << cut << " of " << bytes;
    }
    std::mt19937 random(1);
    ASSERT_EQ(read_in_pieces(bytes, random, 1), whole) << bytes;
  }
}

std::string mutated(std::string bytes, std::mt19937& random) {
  constexpr std::string_view kSpice("\r\n \t:;,0\0\x7f\xff\"aZ", 15);
  for (std::size_t i = 0, changes = 1 + random() % 3; i < changes && !bytes.empty(); ++i) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 3) {
      case 0:
        bytes[at] = kSpice[random() % kSpice.size()];
        break;
      case 1:
        bytes.insert(at, 1, kSpice[random() % kSpice.size()]);
        break;
      default:
        bytes.erase(at, 1 + random() % 2);
        break;
    }
  }
  return bytes;
}

TEST(RequestParser, ReadsMutatedRequestsTheSameInAnyPieces) {
  std::mt19937 random(20260101);
  const std::vector<std::string> seeds = corpus();
  for (int round = 0; round < 20'000; ++round) {
    const std::string bytes = mutated(seeds[random() % seeds.size()], random);
    const std::string whole = read_whole(bytes);
    ASSERT_EQ(read_in_pieces(bytes, random, 1 + random() % 20), whole) << bytes;
  }
}

TEST(RequestParser, SaysWhatIsWrongWithAnEmptyLine) {
  const auto detail = [](std::string_view bytes) {
    RequestRecorder recorder;
    recorder.feed(bytes);
    EXPECT_EQ(recorder.status(), 400) << bytes;
    return std::string(recorder.detail());
  };
  EXPECT_EQ(detail("GET / HTTP/1.1\r\nHost: a\r\n\rX"), "A line does not end in CRLF.");
  EXPECT_EQ(detail("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            "More than one empty line stands before the request.");
  EXPECT_EQ(detail("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\rX"),
            "A chunk is malformed.");
}

TEST(RequestParser, KeepsTheVersionItRefuses) {
  for (const std::string_view bytes :
       {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    RequestRecorder recorder;
    recorder.feed(bytes);
    EXPECT_EQ(recorder.status(), 505);
    EXPECT_EQ(recorder.head().major_version, 2) << bytes;
    EXPECT_EQ(recorder.head().minor_version, 0) << bytes;
  }
}

}  // namespace
}  // namespace tocsin::http
