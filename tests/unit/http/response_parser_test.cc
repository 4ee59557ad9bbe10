#include "gateway/http/response_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tocsin::http {
namespace {

using Kind = ResponseFault::Kind;

// Everything a reader of one response can see, as text, so that two runs compare at a glance.
class Transcript final : public ResponseParser::Events {
 public:
  void on_informational(const ResponseHead& head) override {
    text += "info " + std::to_string(head.status) + fields(head.headers) + "\n";
  }
  void on_head(ResponseHead& head, bool end) override {
    text += "head " + std::to_string(head.status) + fields(head.headers) +
            (end ? " end"
             : head.body_bytes == ResponseHead::kUnknownLength
                 ? " length unknown"
                 : " length " + std::to_string(head.body_bytes)) +
            "\n";
  }
  void on_body(std::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    body += bytes;
  }
  void on_complete() override { ++completions; }

  static std::string fields(const HeaderMap& headers) {
    std::string out;
    for (const Header& field : headers.all())
      out.append(" ").append(field.name).append("=").append(field.value);
    return out;
  }

  std::string text;
  std::string body;
  int completions = 0;
};

struct Read {
  std::string head;  // informational and final heads
  std::string body;
  bool complete = false;
  bool keep_alive = false;
  bool upgraded = false;
  Kind fault = Kind::kNone;
  std::string trailers;
  std::string unused;  // bytes behind the message

  bool operator==(const Read&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Read& read) {
  return out << read.head << "body '" << read.body << "' complete " << read.complete << " keep "
             << read.keep_alive << " upgraded " << read.upgraded << " fault "
             << static_cast<int>(read.fault) << " trailers" << read.trailers << " unused '"
             << read.unused << "'";
}

struct How {
  bool to_head = false;
  bool then_close = false;
  ResponseLimits limits{};
};

// Feeds `wire` in the pieces that `next_piece` asks for.
template <typename NextPiece>
Read read_in_pieces(std::string_view wire, const How& how, NextPiece next_piece) {
  BlockPool pool;
  Arena arena(pool, 1 << 20);
  Transcript seen;
  ResponseParser parser(how.limits, seen);
  ResponseHead head;
  parser.begin(how.to_head, head, arena);
  Read read;
  while (!wire.empty() && !parser.complete() && !parser.fault()) {
    // A fresh buffer of the exact size lets the sanitizer see a view that outlives its piece.
    const std::vector<char> piece(wire.begin(), wire.begin() + std::min(next_piece(), wire.size()));
    const std::size_t used = parser.feed({piece.data(), piece.size()});
    wire.remove_prefix(used);
    if (used < piece.size()) break;
  }
  if (how.then_close && !parser.fault()) parser.finish();
  read.complete = parser.complete();
  read.fault = parser.fault().kind;
  EXPECT_EQ(seen.completions, read.complete ? 1 : 0);
  EXPECT_EQ(parser.body_bytes() == seen.body.size() || parser.fault(), true);
  read.head = seen.text;
  read.body = seen.body;
  if (read.complete) {
    read.keep_alive = parser.keep_alive();
    read.upgraded = parser.upgraded();
    read.unused = wire;
    if (parser.trailers() != nullptr) read.trailers = Transcript::fields(*parser.trailers());
  }
  return read;
}

Read read_whole(std::string_view wire, const How& how = {}) {
  return read_in_pieces(wire, how, [&] { return wire.size(); });
}

Kind fault_of(std::string_view wire, const How& how = {}) { return read_whole(wire, how).fault; }

TEST(ResponseParser, ReadsABodyOfKnownLength) {
  const Read read = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello");
  EXPECT_EQ(read, (Read{"head 200 Content-Length=5 X-A=b length 5\n", "hello", true, true, false,
                        Kind::kNone, "", ""}));
}

TEST(ResponseParser, LeavesWhatFollowsACompleteResponse) {
  const Read read = read_whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n");
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(read.body, "ok");
  EXPECT_EQ(read.unused, "HTTP/1.1 200 OK\r\n");
}

TEST(ResponseParser, ReadsChunksAndTrailers) {
  const Read read = read_whole(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\nrest");
  EXPECT_EQ(read.head, "head 200 Transfer-Encoding=Chunked length unknown\n");
  EXPECT_EQ(read.body, "hello world");
  EXPECT_EQ(read.trailers, " X-Sum=1") << "what belongs into the head is ignored here";
  EXPECT_TRUE(read.keep_alive);
  EXPECT_EQ(read.unused, "rest");
}

TEST(ResponseParser, ReadsUntilCloseWhenNothingFramesTheBody) {
  const std::string wire = "HTTP/1.1 200 OK\r\n\r\nall of it";
  EXPECT_FALSE(read_whole(wire).complete);
  const Read read = read_whole(wire, {.then_close = true});
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(read.body, "all of it");
  EXPECT_FALSE(read.keep_alive);
}

TEST(ResponseParser, KnowsWhichResponsesHaveNoBody) {
  const std::string framing = "Content-Length: 5\r\n\r\n";
  EXPECT_EQ(read_whole("HTTP/1.1 200 OK\r\n" + framing, {.to_head = true}).head,
            "head 200 Content-Length=5 end\n");
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\n" + framing, {.to_head = true}).keep_alive);
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {.to_head = true})
                  .complete);
  EXPECT_TRUE(read_whole("HTTP/1.1 304 Not Modified\r\n" + framing).keep_alive);
  EXPECT_TRUE(read_whole("HTTP/1.1 204 No Content\r\n\r\n").keep_alive);
  EXPECT_TRUE(read_whole("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").keep_alive);
  EXPECT_TRUE(read_whole("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").complete);
  for (const Read& read :
       {read_whole("HTTP/1.1 204 No Content\r\n" + framing),
        read_whole("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")}) {
    EXPECT_TRUE(read.complete);
    EXPECT_FALSE(read.keep_alive) << "the announced body may yet come";
  }
}

TEST(ResponseParser, TellsInformationalHeadsApart) {
  const Read read = read_whole(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_EQ(read.head, "info 100\ninfo 103 Link=</a>\nhead 200 Content-Length=1 length 1\n");
  EXPECT_EQ(read.body, "x");
}

TEST(ResponseParser, CountsInformationalHeads) {
  std::string wire;
  for (int i = 0; i < 8; ++i) wire += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(fault_of(wire), Kind::kNone);
  EXPECT_EQ(fault_of(wire + "HTTP/1.1 102 Processing\r\n\r\n"), Kind::kTooLarge);
}

TEST(ResponseParser, HandsOverWhatFollowsAnUpgrade) {
  const Read read = read_whole(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "upgrade\r\n\r\n\x81\x02hi");
  EXPECT_TRUE(read.complete);
  EXPECT_TRUE(read.upgraded);
  EXPECT_EQ(read.unused, "\x81\x02hi");
}

TEST(ResponseParser, KeepsAliveOnlyWhenBothSidesMayBelieveIt) {
  const auto keeps = [](std::string_view version, const std::string& fields) {
    return read_whole("HTTP/" + std::string(version) + " 200 OK\r\nContent-Length: 0\r\n" + fields +
                      "\r\n")
        .keep_alive;
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: x, Close\r\n"));
  EXPECT_FALSE(keeps("1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("1.0", "Connection: keep-alive, close\r\n"));
}

TEST(ResponseParser, RefusesEveryDoubtAboutFraming) {
  const std::string_view doubts[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\rhello",
      "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\r\n\tfolded\r\n\r\n",
      "HTTP/1.1 200 OK\r\n X: leading space\r\n\r\n",
      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
      "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX(y): bad name\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
      "HTTP/1.1 200 O\x01K\r\n\r\n",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      "\nHTTP/1.1 200 OK\r\n\r\n",
      " HTTP/1.1 200 OK\r\n\r\n",
      "garbage",
      "HTTP/1.1 99 Low\r\n\r\n",
      "HTTP/1.1 600 High\r\n\r\n",
      "HTTP/1.1 2000 Long\r\n\r\n",
      "HTTP/1.1 20 Short\r\n\r\n",
      "HTTP/1.2 200 OK\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/0.9 200 OK\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.0 100 Continue\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
  };
  for (const std::string_view wire : doubts) EXPECT_EQ(fault_of(wire), Kind::kFraming) << wire;
}

TEST(ResponseParser, RefusesANulAnywhereInTheHead) {
  const std::string head = "HTTP/1.1 200 OK\r\nX-Name: value\r\n\r\n";
  for (std::size_t at = 0; at < head.size(); ++at) {
    std::string wire = head;
    wire[at] = '\0';
    EXPECT_EQ(fault_of(wire), Kind::kFraming) << at;
  }
}

TEST(ResponseParser, CallsAnEarlyEndACutNotAnEnd) {
  const std::string_view cut[] = {
      "",
      "HTTP/1.1 2",
      "HTTP/1.1 200 OK\r\nX: y\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n",
  };
  for (const std::string_view wire : cut) {
    EXPECT_EQ(fault_of(wire, {.then_close = true}), Kind::kCut) << wire;
  }
}

TEST(ResponseParser, BoundsTheHeadExactly) {
  const std::string head = "HTTP/1.1 200 OK\r\nX-Long: " + std::string(100, 'a') + "\r\n\r\n";
  How how;
  how.limits.head_bytes_max = head.size();
  EXPECT_EQ(fault_of(head, how), Kind::kNone);
  how.limits.head_bytes_max = head.size() - 1;
  EXPECT_EQ(fault_of(head, how), Kind::kTooLarge);
}

TEST(ResponseParser, BoundsEachHeadAloneHoweverTheOneBeforeArrived) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const std::string wire = "HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n" + head;
  How how;
  how.limits.head_bytes_max = head.size();
  EXPECT_TRUE(read_whole(wire, how).complete);
  EXPECT_TRUE(read_in_pieces(wire, how, [] { return std::size_t{1}; }).complete);
}

TEST(ResponseParser, DoesNotCountTheHeadAsFramingOfTheBody) {
  const std::string head = "HTTP/1.1 200 OK\r\nX: " + std::string(40 * 1024, 'a') + "\r\n";
  EXPECT_TRUE(read_whole(head + "Content-Length: 2\r\n\r\nok").complete);
  const std::string wire = head + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  EXPECT_TRUE(read_whole(wire).complete);
}

TEST(ResponseParser, BoundsTheNumberOfFields) {
  How how;
  how.limits.header_count_max = 3;
  const std::string three = "HTTP/1.1 204 No Content\r\nA: 1\r\nB: 2\r\nC: 3\r\n";
  EXPECT_EQ(fault_of(three + "\r\n", how), Kind::kNone);
  EXPECT_EQ(fault_of(three + "D: 4\r\n\r\n", how), Kind::kTooLarge);
  how.limits.header_count_max = 1000;  // the table itself ends
  std::string many = "HTTP/1.1 204 No Content\r\n";
  for (std::size_t i = 0; i <= HeaderMap::kFieldsMax; ++i) many += "A: 1\r\n";
  EXPECT_EQ(fault_of(many + "\r\n", how), Kind::kTooLarge);
}

TEST(ResponseParser, BoundsTheBodyHoweverItIsFramed) {
  How how;
  how.limits.body_bytes_max = 5;
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", how), Kind::kNone);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", how), Kind::kTooLarge);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n", how),
            Kind::kTooLarge);
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\n\r\nhello!", how), Kind::kTooLarge);
  how.to_head = true;
  EXPECT_EQ(fault_of("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", how), Kind::kNone);
}

TEST(ResponseParser, BoundsChunkExtensionsAndTrailersButNotSmallChunks) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(fault_of(head + "1;" + std::string(40'000, 'x') + "\r\n"), Kind::kTooLarge);
  std::string small;
  for (int i = 0; i < 50'000; ++i) small += "1\r\nx\r\n";
  const Read read = read_whole(head + small + "0\r\n\r\n");
  EXPECT_TRUE(read.complete);
  EXPECT_EQ(read.body.size(), 50'000u);
}

TEST(ResponseParser, StopsWhereItIsTold) {
  struct Stopper final : ResponseParser::Events {
    ResponseParser* parser = nullptr;
    std::string body;
    void on_informational(const ResponseHead&) override {}
    void on_head(ResponseHead&, bool) override { parser->stop(); }
    void on_body(std::string_view bytes) override {
      body += bytes;
      parser->stop();
    }
    void on_complete() override {}
  } stopper;
  BlockPool pool;
  Arena arena(pool, 64 * 1024);
  const ResponseLimits limits;
  ResponseParser parser(limits, stopper);
  stopper.parser = &parser;
  ResponseHead head;
  parser.begin(false, head, arena);
  std::string_view wire =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";
  wire.remove_prefix(parser.feed(wire));
  EXPECT_TRUE(wire.starts_with("2\r\nab")) << wire;
  wire.remove_prefix(parser.feed(wire));
  EXPECT_EQ(stopper.body, "ab");
  EXPECT_TRUE(wire.starts_with("\r\n3")) << wire;
  wire.remove_prefix(parser.feed(wire));
  EXPECT_EQ(stopper.body, "abcde");
  wire.remove_prefix(parser.feed(wire));
  EXPECT_TRUE(parser.complete());
  EXPECT_TRUE(wire.empty());
}

TEST(ResponseParser, ReportsTheEndAfterAStopAtTheLastByte) {
  struct Stopper final : ResponseParser::Events {
    ResponseParser* parser = nullptr;
    int completions = 0;
    void on_informational(const ResponseHead&) override {}
    void on_head(ResponseHead&, bool) override {}
    void on_body(std::string_view) override { parser->stop(); }
    void on_complete() override { ++completions; }
  } stopper;
  BlockPool pool;
  const ResponseLimits limits;
  for (const std::string_view framed :
       {"Content-Length: 2\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"}) {
    Arena arena(pool, 64 * 1024);
    ResponseParser parser(limits, stopper);
    stopper.parser = &parser;
    stopper.completions = 0;
    ResponseHead head;
    parser.begin(false, head, arena);
    const std::string wire = "HTTP/1.1 200 OK\r\n" + std::string(framed);
    const std::size_t used = parser.feed(wire);
    EXPECT_FALSE(parser.complete());
    parser.feed(std::string_view(wire).substr(used));
    EXPECT_TRUE(parser.complete()) << framed;
    EXPECT_EQ(stopper.completions, 1);
  }
}

TEST(ResponseParser, ServesOneResponseAfterAnother) {
  BlockPool pool;
  Arena arena(pool, 64 * 1024);
  const ResponseLimits limits;
  Transcript seen;
  ResponseParser parser(limits, seen);
  ResponseHead head;
  for (int i = 0; i < 3; ++i) {
    arena.reset();
    parser.begin(i == 1, head, arena);
    EXPECT_TRUE(parser.untouched());
    const std::string wire =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + std::string(i == 1 ? "" : "ok");
    EXPECT_EQ(parser.feed(wire), wire.size());
    EXPECT_TRUE(parser.complete());
    EXPECT_FALSE(parser.untouched());
  }
  EXPECT_EQ(seen.body, "okok");
}

const std::vector<std::string>& split_samples() {
  static const std::vector<std::string> samples = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhelloEXTRA",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4;a=b;c=\"d e\"\r\nWiki\r\n0005\r\npedia\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\nEXTRA",
      "HTTP/1.0 200 OK\r\nServer: old\r\n\r\nuntil the end",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nother protocol",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: \"x\"\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloBAD",
      "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
      "HTTP/1.1 200\r\nEmpty:\r\nContent-Length: 1\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
  };
  return samples;
}

TEST(ResponseParser, ReadsTheSameWhereverTheBytesAreCutInTwo) {
  for (const std::string& wire : split_samples()) {
    for (const bool to_head : {false, true}) {
      const How how{to_head, true, {}};
      const Read whole = read_whole(wire, how);
      for (std::size_t cut = 1; cut < wire.size(); ++cut) {
        bool first = true;
        const Read pieces = read_in_pieces(
            wire, how, [&] { return std::exchange(first, false) ? cut : wire.size(); });
        ASSERT_EQ(pieces, whole) << wire << "\ncut at " << cut;
      }
    }
  }
}

TEST(ResponseParser, ReadsTheSameByteByByteAndInRandomPiecesAlsoWhenDamaged) {
  std::mt19937 random(20260);
  for (int round = 0; round < 3000; ++round) {
    std::string wire = split_samples()[random() % split_samples().size()];
    for (std::size_t damage = random() % 3; damage > 0; --damage) {
      const std::size_t at = random() % wire.size();
      switch (random() % 3) {
        case 0:
          wire[at] = static_cast<char>(random());
          break;
        case 1:
          wire.erase(at, 1);
          break;
        default:
          wire.insert(at, 1, "\r\n :;0"[random() % 6]);
          break;
      }
    }
    const How how{random() % 8 == 0, random() % 2 == 0, {}};
    const Read whole = read_whole(wire, how);
    ASSERT_EQ(read_in_pieces(wire, how, [] { return std::size_t{1}; }), whole) << wire;
    ASSERT_EQ(read_in_pieces(wire, how, [&] { return std::size_t{1} + random() % 7; }), whole)
        << wire;
  }
}

}  // namespace
}  // namespace tocsin::http
