#include "gateway/http/filter_chain.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <string>

#include "tests/unit/http/chain_harness.h"

namespace tocsin::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = BodyWish::Kind;

TEST_F(ChainTest, RunsRequestHooksInOrderAndResponseHooksInReverse) {
  add(3);
  begin(true);
  EXPECT_EQ(log(), "a.head! b.head! c.head! handler! ");
  answer("ok");
  EXPECT_EQ(log(), "c.rhead b.rhead a.rhead codec(200) <ok>! ");
  finish();
  EXPECT_EQ(log(), "a.done b.done c.done ");
}

TEST_F(ChainTest, ShowsBodiesOnlyToThoseWhoWishThem) {
  add(3);
  filter(1).request_wish = filter(1).response_wish = {Kind::kStream, 0};
  begin(false);
  body("x", false);
  body("y", true);
  EXPECT_EQ(log(), "a.head b.head c.head handler b.data(x) handler(x) b.data(y)! handler(y)! ");
  answer("ok");
  EXPECT_EQ(log(), "c.rhead b.rhead a.rhead codec(200) b.rdata(ok)! <ok>! ");
  finish();
}

TEST_F(ChainTest, CarriesTrailersBothWaysThroughAllFilters) {
  add(2);
  begin(false);
  body("x", false);
  HeaderMap trailers;
  chain.push_request_trailers(trailers);
  EXPECT_EQ(log(), "a.head b.head handler handler(x) a.trailers b.trailers handler.trailers ");
  ResponseHead head;
  chain.push_response_head(head, false);
  chain.push_response_data("y", false);
  chain.push_response_trailers(trailers);
  EXPECT_EQ(log(), "b.rhead a.rhead codec(200) <y> b.rtrailers a.rtrailers codec.trailers ");
  finish();
}

TEST_F(ChainTest, KeepsHeadAndBodyFromLaterFiltersWhileOneBuffers) {
  add(3);
  filter(1).request_wish = {Kind::kBuffer, 10};
  filter(0).request_wish = filter(2).request_wish = {Kind::kStream, 0};
  begin(false);
  body("12", false);
  body("345", false);
  EXPECT_EQ(log(), "a.head b.head a.data(12) a.data(345) ");
  body("", true);
  EXPECT_EQ(log(), "a.data()! b.data(12345)! c.head handler c.data(12345)! handler(12345)! ");
  finish();
}

TEST_F(ChainTest, LetsTwoFiltersBufferOneAfterTheOther) {
  add(2);
  filter(0).request_wish = filter(1).request_wish = {Kind::kBuffer, 10};
  begin(false);
  body("ab", false);
  body("c", true);
  EXPECT_EQ(log(), "a.head a.data(abc)! b.head b.data(abc)! handler handler(abc)! ");
  finish();
}

TEST_F(ChainTest, BuffersUpToTrailersWhichThenCarryTheEnd) {
  add(2);
  filter(0).request_wish = {Kind::kBuffer, 10};
  begin(false);
  body("ab", false);
  HeaderMap trailers;
  chain.push_request_trailers(trailers);
  EXPECT_EQ(log(),
            "a.head a.data(ab) b.head handler handler(ab) a.trailers b.trailers handler.trailers ");
  finish();
}

TEST_F(ChainTest, DoesNotWaitForABodyThatIsNotThere) {
  add(1);
  filter(0).request_wish = {Kind::kBuffer, 10};
  begin(true);
  EXPECT_EQ(log(), "a.head! handler! ");
  finish();
}

TEST_F(ChainTest, AnswersARequestBodyBeyondABuffersLimit) {
  add(2);
  filter(0).request_wish = {Kind::kBuffer, 3};
  begin(false);
  body("abc", false);
  body("d", false);
  body("e", true);
  EXPECT_THAT(log(), HasSubstr("a.head a.rhead codec(413) "));
  EXPECT_EQ(local_answers, 1);
  finish();
  EXPECT_EQ(log(), "a.done ");
}

TEST_F(ChainTest, ReplacesAResponseBodyBeyondABuffersLimit) {
  add(3);
  filter(1).response_wish = {Kind::kBuffer, 3};
  begin(true);
  answer("abcd");
  const std::string all = log();
  EXPECT_THAT(all, HasSubstr("c.rhead b.rhead a.rhead codec(502) <{"));
  EXPECT_EQ(all.find("b.rdata"), std::string::npos)
      << "the refused body's filter sees nothing more";
  EXPECT_EQ(local_answers, 1);
  finish();
}

TEST_F(ChainTest, ChangesTheBodyBetweenFilters) {
  add(2);
  filter(0).request_wish = filter(1).request_wish = {Kind::kStream, 0};
  filter(0).replace_with = "new";
  begin(false);
  body("old", true);
  EXPECT_EQ(log(), "a.head b.head handler a.data(old)! b.data(new)! handler(new)! ");
  finish();
}

// --- answering from a hook
// -------------------------------------------------------------------------

TEST_F(ChainTest, AnswersFromARequestHeadThroughTheFiltersEntered) {
  add(3);
  filter(1).at["head"] = Act::kRespond;
  begin(false);
  EXPECT_EQ(log(), "a.head b.head b.rhead a.rhead codec(403) <no>! ");
  body("late", true);
  EXPECT_EQ(log(), "");
  finish();
  EXPECT_EQ(log(), "a.done b.done ");
}

TEST_F(ChainTest, AnswersFromRequestDataAndSilencesTheHandler) {
  add(2);
  filter(0).request_wish = {Kind::kStream, 0};
  filter(0).at["data"] = Act::kRespond;
  begin(false);
  EXPECT_EQ(log(), "a.head b.head handler ");
  body("x", false);
  EXPECT_EQ(log(), "a.data(x) a.rhead codec(403) <no>! ");
  answer("from the handler, too late");
  EXPECT_EQ(log(), "");
  finish();
}

TEST_F(ChainTest, AnswersFromRequestTrailers) {
  add(2);
  filter(1).at["trailers"] = Act::kRespond;
  begin(false);
  HeaderMap trailers;
  chain.push_request_trailers(trailers);
  EXPECT_EQ(log(), "a.head b.head handler a.trailers b.trailers b.rhead a.rhead codec(403) <no>! ");
  finish();
}

TEST_F(ChainTest, TakesAnAnswerForAnAnswerWhateverTheHookReturned) {
  add(1);
  filter(0).at["head"] = Act::kRespondAndContinue;
  begin(true);
  EXPECT_EQ(log(), "a.head! a.rhead codec(403) <no>! ");
  finish();
}

TEST_F(ChainTest, ReplacesTheAnswerFromAResponseHead) {
  add(3);
  filter(1).at["rhead"] = Act::kRespond;
  begin(true);
  answer("the handler's");
  EXPECT_EQ(log(), "a.head! b.head! c.head! handler! c.rhead b.rhead a.rhead codec(403) <no>! ");
  finish();
}

TEST_F(ChainTest, ReplacesTheAnswerFromABufferedBody) {
  add(2);
  filter(1).response_wish = {Kind::kBuffer, 100};
  filter(1).at["rdata"] = Act::kRespond;
  begin(true);
  answer("secret");
  EXPECT_EQ(log(), "a.head! b.head! handler! b.rhead b.rdata(secret)! a.rhead codec(403) <no>! ");
  finish();
}

TEST_F(ChainTest, AbortsWhenTheHeadToBeReplacedHasLeft) {
  add(1);
  filter(0).response_wish = {Kind::kStream, 0};
  filter(0).at["rdata"] = Act::kRespond;
  begin(true);
  answer("secret");
  EXPECT_EQ(log(), "a.head! handler! a.rhead codec(200) a.rdata(secret)! ABORT ");
  finish();
  EXPECT_EQ(log(), "a.done ");
}

TEST_F(ChainTest, AbortsWhenAnAnswerDoesNotFitTheArena) {
  add(1);
  filter(0).at["head"] = Act::kRespond;
  filter(0).answer_body.assign(2 * 1024 * 1024, 'x');
  begin(true);
  EXPECT_EQ(log(), "a.head! ABORT ");
  finish();
}

// --- holding
// ---------------------------------------------------------------------------------------

TEST_F(ChainTest, HoldsInEveryRequestHookUntilResumed) {
  add(2);
  filter(0).request_wish = {Kind::kStream, 0};
  filter(0).at["head"] = filter(0).at["data"] = filter(0).at["trailers"] = Act::kHold;
  begin(false);
  body("x", false);
  HeaderMap trailers;
  chain.push_request_trailers(trailers);
  EXPECT_EQ(log(), "a.head ");
  filter(0).context->resume();
  EXPECT_EQ(log(), "b.head handler a.data(x) ");
  filter(0).context->resume();
  EXPECT_EQ(log(), "handler(x) a.trailers ");
  filter(0).context->resume();
  EXPECT_EQ(log(), "b.trailers handler.trailers ");
  finish();
}

TEST_F(ChainTest, HoldsInEveryResponseHookUntilResumed) {
  add(2);
  filter(1).response_wish = {Kind::kStream, 0};
  filter(1).at["rhead"] = filter(1).at["rdata"] = filter(1).at["rtrailers"] = Act::kHold;
  begin(true);
  ResponseHead head;
  chain.push_response_head(head, false);
  chain.push_response_data("x", false);
  HeaderMap trailers;
  chain.push_response_trailers(trailers);
  EXPECT_EQ(log(), "a.head! b.head! handler! b.rhead ");
  filter(1).context->resume();
  EXPECT_EQ(log(), "a.rhead codec(200) b.rdata(x) ");
  filter(1).context->resume();
  EXPECT_EQ(log(), "<x> b.rtrailers ");
  filter(1).context->resume();
  EXPECT_EQ(log(), "a.rtrailers codec.trailers ");
  finish();
}

TEST_F(ChainTest, ForgetsAHoldThatWasResumedBeforeTheHookReturned) {
  add(1);
  filter(0).at["head"] = Act::kResumeAndHold;
  begin(true);
  EXPECT_EQ(log(), "a.head! handler! ");
  finish();
}

TEST_F(ChainTest, IgnoresAResumeThatNobodyWaitsFor) {
  add(2);
  filter(0).at["head"] = Act::kHold;
  begin(true);
  filter(1).context = filter(0).context;
  chain.stop_request();
  filter(0).context->resume();
  EXPECT_EQ(log(), "a.head! ");
  finish();
}

TEST_F(ChainTest, AnswersOutOfAHold) {
  add(2);
  filter(0).at["head"] = Act::kHold;
  begin(true);
  filter(0).respond_now();
  EXPECT_EQ(log(), "a.head! a.rhead codec(403) <no>! ");
  finish();
  EXPECT_EQ(log(), "a.done ");
}

TEST_F(ChainTest, ReplacesTheAnswerOutOfAHoldOfTheResponse) {
  add(2);
  filter(1).at["rhead"] = Act::kHold;
  begin(true);
  answer("the handler's");
  filter(1).respond_now();
  EXPECT_EQ(log(), "a.head! b.head! handler! b.rhead a.rhead codec(403) <no>! ");
  finish();
}

TEST_F(ChainTest, AnswersInPlaceOfAHandlerThatTakesTooLong) {
  add(2);
  begin(true);
  filter(1).respond_now();
  EXPECT_EQ(log(), "a.head! b.head! handler! b.rhead a.rhead codec(403) <no>! ");
  answer("late");
  EXPECT_EQ(log(), "");
  finish();
}

TEST_F(ChainTest, HoldsTheSourcesAtTheWatermarkAndReleasesThem) {
  add(1);
  filter(0).at["head"] = Act::kHold;
  begin(false);
  const std::string piece(FilterFlow::kWaitingMax, 'x');
  body(piece, false);
  EXPECT_EQ(log(), "a.head ");
  body("y", false);
  EXPECT_EQ(log(), "HOLD ");
  body("z", false);
  EXPECT_EQ(log(), "");
  filter(0).context->resume();
  EXPECT_THAT(log(), HasSubstr("yz) RELEASE "));
  filter(0).at["rhead"] = Act::kHold;
  ResponseHead head;
  chain.push_response_head(head, false);
  chain.push_response_data(piece + "y", false);
  EXPECT_EQ(log(), "a.rhead RHOLD ");
  filter(0).context->resume();
  EXPECT_THAT(log(), HasSubstr("y> RRELEASE "));
  finish();
}

TEST_F(ChainTest, IsDoneOnceInEveryState) {
  for (const char* where : {"head", "data", "trailers", "rhead", "rdata", "rtrailers"}) {
    for (const Act act : {Act::kContinue, Act::kHold, Act::kRespond}) {
      reset();
      add(2);
      for (std::size_t i = 0; i < 2; ++i)
        filter(i).request_wish = filter(i).response_wish = {Kind::kStream, 0};
      filter(1).at[where] = act;
      begin(false);
      body("x", false);
      HeaderMap trailers;
      chain.push_request_trailers(trailers);
      ResponseHead head;
      if (!chain.response_started()) {
        chain.push_response_head(head, false);
        chain.push_response_data("y", false);
        chain.push_response_trailers(trailers);
      }
      finish();
      const std::string all = log();
      for (const std::string done : {"a.done ", "b.done "}) {
        const std::size_t first = all.find(done);
        ASSERT_NE(first, std::string::npos) << where;
        EXPECT_EQ(all.find(done, first + 1), std::string::npos) << where;
      }
      EXPECT_EQ(alive, 0) << where;
    }
  }
}

TEST_F(ChainTest, BearsFiltersThatActInTheirLastCall) {
  add(2);
  filter(0).answers_in_done = true;
  begin(true);
  answer("ok");
  finish();
  EXPECT_THAT(log(), testing::EndsWith("<ok>! a.done b.done "));
}

TEST_F(ChainTest, DestroysFiltersThatNeverRan) {
  add(3);
  filter(0).at["head"] = Act::kHold;
  begin(true);
  EXPECT_EQ(alive, 3);
  finish();
  EXPECT_EQ(log(), "a.head! a.done ");
  EXPECT_EQ(alive, 0);
}

TEST_F(ChainTest, RefusesMoreFiltersThanItHasStepsFor) {
  add(FilterFlow::kStepsMax + 1);
  EXPECT_FALSE(build());
  finish();
  EXPECT_EQ(alive, 0);
}

// --- against a model
// -------------------------------------------------------------------------------

// Random filters that watch, buffer and hold at random never change, lose or reorder a byte, and
// everybody hears of exactly one end.
TEST_F(ChainTest, ConservesBodiesThroughRandomFilters) {
  std::mt19937 random(42);
  for (int round = 0; round < 3000; ++round) {
    reset();
    const std::size_t count = random() % 5;
    add(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto wish = [&] { return BodyWish{static_cast<Kind>(random() % 3), 1 << 20}; };
      filter(i).request_wish = wish();
      filter(i).response_wish = wish();
      for (const char* hook : {"head", "data", "trailers", "rhead", "rdata", "rtrailers"}) {
        constexpr Act kActs[] = {Act::kContinue, Act::kContinue, Act::kHold, Act::kResumeAndHold};
        filter(i).at[hook] = kActs[random() % 4];
      }
    }
    const bool with_trailers = random() % 2 == 0;
    std::string sent, sent_back;
    HeaderMap trailers;
    const auto resume_some = [&](bool all) {
      for (int turn = 0; turn < (all ? 100 : 1); ++turn) {
        for (std::size_t i = 0; i < count; ++i) {
          if (filter(i).context != nullptr && (all || random() % 3 == 0))
            filter(i).context->resume();
        }
      }
    };
    begin(false);
    for (std::size_t pieces = random() % 6; pieces-- > 0;) {
      std::string piece(random() % 5, static_cast<char>('a' + random() % 26));
      sent += piece;
      body(piece, false);
      resume_some(false);
    }
    with_trailers ? chain.push_request_trailers(trailers) : body("", true);
    resume_some(true);
    ResponseHead head;
    chain.push_response_head(head, false);
    for (std::size_t pieces = random() % 6; pieces-- > 0;) {
      std::string piece(random() % 5, static_cast<char>('a' + random() % 26));
      sent_back += piece;
      chain.push_response_data(piece, false);
      resume_some(false);
    }
    with_trailers ? chain.push_response_trailers(trailers) : chain.push_response_data("", true);
    resume_some(true);
    finish();
    ASSERT_EQ(handler_body, sent) << round;
    ASSERT_EQ(codec_body, sent_back) << round;
    ASSERT_EQ(handler_ends, 1) << round;
    ASSERT_EQ(codec_ends, 1) << round;
    for (std::size_t i = 0; i < count; ++i) {
      const Script& script = filter(i);
      const bool watches = script.request_wish.kind != Kind::kNone;
      const bool watches_back = script.response_wish.kind != Kind::kNone;
      ASSERT_EQ(script.done, 1) << round;
      ASSERT_EQ(script.seen, watches ? sent : "") << round;
      ASSERT_EQ(script.seen_back, watches_back ? sent_back : "") << round;
      ASSERT_EQ(script.ends, watches || with_trailers ? 1 : 0) << round;
      ASSERT_EQ(script.ends_back, watches_back || with_trailers ? 1 : 0) << round;
    }
    ASSERT_EQ(alive, 0);
  }
}

// The order of hooks when filter `request_answer` answers in its request head and filter
// `response_answer` in its response head; -1: none does.
std::string expected_order(int count, int request_answer, int response_answer) {
  const auto name = [](int i) { return std::string(1, static_cast<char>('a' + i)); };
  std::string order;
  int entered = 0;
  while (entered < count) {
    order += name(entered) + ".head! ";
    if (entered++ == request_answer) break;
  }
  bool local = request_answer >= 0 && request_answer < count;
  if (!local) order += "handler! ";
  for (int i = entered; i-- > 0;) {
    order += name(i) + ".rhead ";
    local = local || i == response_answer;
  }
  order += local ? "codec(403) <no>! " : "codec(200) <ok>! ";
  for (int i = 0; i < entered; ++i) order += name(i) + ".done ";
  return order;
}

TEST_F(ChainTest, KeepsTheOrderOfHooksHoweverTheyHoldAndAnswer) {
  std::mt19937 random(4711);
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  for (int round = 0; round < 3000; ++round) {
    reset();
    const int count = pick(7);
    const int request_answer = pick(9) - 1;
    const int response_answer = pick(9) - 1;
    add(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      constexpr Act kActs[] = {Act::kContinue, Act::kHold, Act::kResumeAndHold};
      auto& script = filter(static_cast<std::size_t>(i));
      script.at["head"] = i == request_answer ? Act::kRespond : kActs[pick(3)];
      script.at["rhead"] = i == response_answer ? Act::kRespond : kActs[pick(3)];
    }
    const auto resume_all = [&] {
      for (int turn = 0; turn < count; ++turn) {
        for (int i = 0; i < count; ++i) {
          auto& script = filter(static_cast<std::size_t>(i));
          if (script.context != nullptr) script.context->resume();
        }
      }
    };
    begin(true);
    resume_all();
    if (!chain.response_started()) answer("ok");
    resume_all();
    finish();
    ASSERT_EQ(log(), expected_order(count, request_answer, response_answer)) << round;
  }
}

}  // namespace
}  // namespace tocsin::http
