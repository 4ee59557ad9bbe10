// Endpoints, methods, content types, keys, answers and the ends of exchanges.

#include "tests/unit/plugins/input_http.h"

namespace tocsin {
namespace {

using HttpInputAnswers = HttpInputTest;
using HttpInputEnds = HttpInputTest;
using HttpInputLedger = HttpInputTest;

// ---- endpoints

TEST_F(HttpInputTest, HandsOneNotificationInAndAnswersOnceItIsCommitted) {
  start();
  const tocsin_token exchange = post_one();
  ASSERT_EQ(host.emits.size(), 1U);
  EXPECT_EQ(host.emits[0].items, std::vector<std::string>{kOne});
  EXPECT_EQ(host.emits[0].caller, "");
  EXPECT_FALSE(answered(exchange));
  outcome({committed("ntf_1", 2)});
  EXPECT_EQ(status(exchange), 202U);
  EXPECT_EQ(answer(exchange).body, R"({"id":"ntf_1","status":"accepted","deliveries":2})");
  EXPECT_EQ(header(exchange, "Content-Type"), "application/json");
  EXPECT_EQ(header(exchange, "Location"), "/v1/notifications/ntf_1");
  EXPECT_EQ(header(exchange, "Idempotent-Replayed"), "");
}

TEST_F(HttpInputTest, TakesOneBelowAnyPrefixAndWithOrWithoutTheVersion) {
  start();
  for (const char* path : {"/v1/notifications", "/v1/notifications/", "/notifications"}) {
    const std::size_t before = host.emits.size();
    ask("POST", path, kOne, {{"Content-Type", "application/json"}}, "/api");
    EXPECT_EQ(host.emits.size(), before + 1) << path;
  }
}

TEST_F(HttpInputTest, TakesOneAtEachFurtherPathWhateverThePrefix) {
  host.settings.set_list("paths", {"/hooks/in", "/api/messages"});
  start();
  const Headers json = {{"content-type", "application/json"}};
  ask("POST", "/messages", kOne, json, "/api");
  ask("POST", "/hooks/in", kOne, json);
  EXPECT_EQ(host.emits.size(), 2U);
  EXPECT_EQ(status(ask("POST", "/messages", kOne, json, "/other")), 404U);
  EXPECT_EQ(status(ask("GET", "/hooks/in")), 405U);
}

TEST_F(HttpInputTest, TellsWhereTheStateIsAsItWasAsked) {
  host.settings.set_list("paths", {"/hooks/in", "/api/messages", "/v1/messages"});
  start();
  struct Case {
    const char* prefix;
    const char* path;
    const char* location;
  };
  const Case cases[] = {{"", "/v1/notifications", "/v1/notifications/ntf_1"},
                        {"", "/notifications", "/notifications/ntf_1"},
                        {"/v1", "/notifications", "/v1/notifications/ntf_1"},
                        {"/tocsin", "/v1/notifications", "/tocsin/v1/notifications/ntf_1"},
                        {"/tocsin", "/notifications", "/tocsin/notifications/ntf_1"},
                        {"/api", "/messages", "/api/v1/notifications/ntf_1"},
                        {"/v1", "/messages", "/v1/notifications/ntf_1"},
                        {"", "/hooks/in", "/v1/notifications/ntf_1"}};
  const Headers json = {{"content-type", "application/json"}};
  for (const Case& one : cases) {
    const tocsin_token exchange = ask("POST", one.path, kOne, json, one.prefix);
    outcome({committed("ntf_1")});
    EXPECT_EQ(header(exchange, "Location"), one.location) << one.prefix << one.path;
  }
}

TEST_F(HttpInputTest, RefusesPathsThatNoRequestCanHave) {
  for (const char* path :
       {"messages", "/a?b", "/a b", "/a#b", "/a\\b", "/\xc3\xbc", "/a/../b", "/a/.", "/./a"}) {
    host.settings.set_list("paths", {"/fine", path});
    EXPECT_TRUE(host.validate().starts_with(std::string("paths: ") + path + ": ")) << path;
  }
  host.settings.set_list("paths", {"/a.b/..c/%C3%BC"});
  EXPECT_EQ(host.validate(), "");
}

TEST_F(HttpInputTest, Answers404WhereThereIsNothing) {
  start();
  for (const char* path :
       {"/", "/v1", "/v2/notifications", "/v1/notification", "/v1/notificationsntf_1",
        "/v1/notifications/ntf_1/deliveries", "/v1/notifications//"}) {
    const tocsin_token exchange = post(path, kOne);
    EXPECT_EQ(status(exchange), 404U) << path;
    EXPECT_EQ(header(exchange, "Content-Type"), "application/problem+json");
  }
  EXPECT_TRUE(host.emits.empty());
}

TEST_F(HttpInputTest, Answers405WithTheMethodsThatThereAre) {
  start();
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"GET", "/v1/notifications", "POST"},
      {"DELETE", "/v1/notifications/", "POST"},
      {"PUT", "/v1/notifications/batch", "POST"},
      {"GET", "/v1/notifications/batch", "POST"},
      {"POST", "/v1/notifications/ntf_1", "GET, HEAD, DELETE, PATCH"},
      {"PUT", "/v1/notifications/ntf_1", "GET, HEAD, DELETE, PATCH"},
  };
  for (const auto& [method, path, allow] : cases) {
    const tocsin_token exchange = ask(method, path);
    EXPECT_EQ(status(exchange), 405U) << method << " " << path;
    EXPECT_EQ(header(exchange, "Allow"), allow) << method << " " << path;
  }
}

TEST_F(HttpInputTest, TakesJsonAloneAndLinesInABatch) {
  start();
  const auto typed = [this](const char* path, const char* type) {
    Headers headers;
    if (type != nullptr) headers.emplace_back("Content-Type", type);
    return status(ask("POST", path, R"([{"topic":"a"}])", headers));
  };
  for (const char* type :
       {"application/json", "application/json; charset=utf-8", "Application/JSON \t;x=y"}) {
    EXPECT_EQ(typed("/v1/notifications", type), 0U) << type;
    EXPECT_EQ(typed("/v1/notifications/batch", type), 0U) << type;
  }
  EXPECT_EQ(typed("/v1/notifications/batch", "application/x-ndjson; charset=utf-8"), 0U);
  EXPECT_EQ(typed("/v1/notifications", "application/x-ndjson"), 415U);
  for (const char* type : {"text/plain", "application/jsonx", "application", ""}) {
    EXPECT_EQ(typed("/v1/notifications", type), 415U) << type;
    EXPECT_EQ(typed("/v1/notifications/batch", type), 415U) << type;
  }
  EXPECT_EQ(typed("/v1/notifications", nullptr), 415U);
}

TEST_F(HttpInputTest, AsksForNoMoreBodyThanItsOptionAllows) {
  host.settings.set("body_bytes_max", "1KiB");
  start();
  EXPECT_EQ(status(post("/v1/notifications", std::string(1024, ' '))), 0U);
  EXPECT_EQ(status(post("/v1/notifications", std::string(1025, ' '))), 413U);
}

// ---- keys

TEST_F(HttpInputTest, HandsTheKeyOnWithOrWithoutItsQuotes) {
  start();
  const std::pair<const char*, const char*> cases[] = {
      {"k-1", "k-1"}, {"\"k-1\"", "k-1"}, {"\"", "\""}, {"\"k", "\"k"}};
  for (const auto& [sent, key] : cases) {
    post_one({{"Idempotency-Key", sent}});
    EXPECT_EQ(host.emits.back().keys, std::vector<std::string>{key}) << sent;
  }
  post_one();
  EXPECT_EQ(host.emits.back().keys, std::vector<std::string>{""});
}

TEST_F(HttpInputTest, RefusesAnEmptyKeyInsteadOfTakingItForNone) {
  start();
  for (const char* sent : {"", "\"\""}) {
    const tocsin_token exchange = post_one({{"Idempotency-Key", sent}});
    EXPECT_EQ(status(exchange), 400U);
    EXPECT_EQ(detail(exchange), "The Idempotency-Key is empty.");
  }
  EXPECT_TRUE(host.emits.empty());
}

TEST_F(HttpInputTest, RefusesFieldsThatAreGivenTwice) {
  start();
  for (const char* name : {"Idempotency-Key", "Authorization", "Content-Type"}) {
    const tocsin_token exchange = post_one({{name, "one"}, {name, "two"}});
    EXPECT_EQ(status(exchange), 400U);
    EXPECT_EQ(detail(exchange), "The header " + std::string(name) + " is given twice.");
  }
  EXPECT_TRUE(host.emits.empty());
}

TEST_F(HttpInputTest, RefusesAKeyThatIsTooLong) {
  start();
  EXPECT_EQ(status(post_one({{"Idempotency-Key", std::string(255, 'k')}})), 0U);
  EXPECT_EQ(status(post_one({{"Idempotency-Key", '"' + std::string(255, 'k') + '"'}})), 0U);
  const tocsin_token exchange = post_one({{"Idempotency-Key", std::string(256, 'k')}});
  EXPECT_EQ(status(exchange), 400U);
  EXPECT_EQ(detail(exchange), "The Idempotency-Key has more than 255 bytes.");
}

TEST_F(HttpInputTest, RefusesOneKeyForAWholeBatch) {
  start();
  const tocsin_token exchange = post("/v1/notifications/batch", "[{}]", {{"Idempotency-Key", "k"}});
  EXPECT_EQ(status(exchange), 400U);
  EXPECT_EQ(detail(exchange), "In a batch each item has its own idempotency_key.");
}

// ---- callers

TEST_F(HttpInputTest, KnowsCallersByTheirTokens) {
  host.settings.set_map("tokens", {{"shop", "shop-secret"}, {"ops", "ops-secret-longer"}});
  start();
  for (const auto& [field, caller] :
       {std::pair("Bearer shop-secret", "shop"), std::pair("bearer  ops-secret-longer", "ops")}) {
    EXPECT_EQ(status(post_one({{"Authorization", field}})), 0U);
    EXPECT_EQ(host.emits.back().caller, caller);
  }
}

TEST_F(HttpInputTest, RefusesTokensThatNoCallerCanSend) {
  for (const char* token : {"shop-secret\n", "shop\r\nsecret", " shop-secret", "shop-secret\x7f"}) {
    host.settings.set_map("tokens", {{"ops", "ops-secret"}, {"shop", token}});
    EXPECT_EQ(host.validate(),
              "tokens: the token of shop has a line break, a control character or a blank at an "
              "end, which no caller can send; a file may end in one line break");
  }
}

TEST_F(HttpInputTest, Answers401ToEverybodyElse) {
  host.settings.set_map("tokens", {{"shop", "shop-secret"}});
  start();
  for (const char* field :
       {"", "Bearer", "Bearer ", "Bearer shop-secre", "Bearer shop-secret2", "Bearer shop-secret ",
        "Basic shop-secret", "shop-secret", "Bearershop-secret", "Bearer SHOP-SECRET"}) {
    const tocsin_token exchange = post_one({{"Authorization", field}});
    EXPECT_EQ(status(exchange), 401U) << field;
    EXPECT_EQ(header(exchange, "WWW-Authenticate"), "Bearer");
  }
  EXPECT_EQ(status(post_one()), 401U);
  EXPECT_EQ(status(ask("GET", "/v1/notifications/ntf_1")), 401U);
  EXPECT_TRUE(host.emits.empty());
  EXPECT_TRUE(host.questions.empty());
}

TEST_F(HttpInputTest, TakesOtherTokensAndLetsRequestsEndAsTheyBegan) {
  host.settings.set_map("tokens", {{"a caller with a long name", "first-secret"}});
  start();
  const Headers first = {{"Authorization", "Bearer first-secret"}};
  const Headers second = {{"Authorization", "Bearer second-secret"}};
  const tocsin_token under_way = ask("GET", "/v1/notifications/ntf_1", {}, first);
  post_one(first);
  host.settings.set_map("tokens", {{"another", "second-secret"}});
  host.settings.set("body_bytes_max", "1KiB");
  ASSERT_EQ(host.reconfigure(), "");
  EXPECT_EQ(status(post_one(second)), 401U);
  host.adopt();
  EXPECT_EQ(status(post_one(first)), 401U);
  post_one(second);
  EXPECT_EQ(host.emits.at(0).caller, "a caller with a long name");
  EXPECT_EQ(host.emits.at(1).caller, "another");
  EXPECT_EQ(status(post("/v1/notifications", std::string(2000, ' '), second)), 413U);
  outcome({committed("ntf_1")});
  host.answer(host.questions.at(0), TOCSIN_NOT_FOUND);
  EXPECT_EQ(status(under_way), 404U);
}

TEST_F(HttpInputTest, NeitherAsksWhoIsThereNorWhatAMethodIsAtAnUnknownPath) {
  host.settings.set_map("tokens", {{"shop", "shop-secret"}});
  start();
  EXPECT_EQ(status(ask("PUT", "/elsewhere")), 404U);
}

TEST_F(HttpInputTest, TellsALongListOfCallersApart) {
  testing::FakeSettings::Pairs tokens;
  for (int i = 0; i < 500; ++i) {
    tokens.emplace_back("caller " + std::to_string(i), "secret of " + std::to_string(i));
  }
  host.settings.set_map("tokens", tokens);
  start();
  for (const int i : {0, 1, 250, 499}) {
    post_one({{"Authorization", "Bearer secret of " + std::to_string(i)}});
    EXPECT_EQ(host.emits.back().caller, "caller " + std::to_string(i));
  }
  EXPECT_EQ(status(post_one({{"Authorization", "Bearer secret of 500"}})), 401U);
}

TEST_F(HttpInputTest, RefusesCallersWithOneSecretByTheirNamesAlone) {
  host.settings.set_map("tokens",
                        {{"shop", "one secret"}, {"ops", "another"}, {"night", "one secret"}});
  EXPECT_EQ(host.start(),
            "tokens.night: tokens.shop is the same secret: give each caller one of its own");
}

// ---- outcomes

TEST_F(HttpInputAnswers, TellEachOutcomeOfOne) {
  start();
  struct Case {
    std::uint32_t kind;
    std::uint32_t status;
    const char* words;
  };
  const Case cases[] = {
      {TOCSIN_UNROUTED, 422, "No route takes this notification."},
      {TOCSIN_NO_ADDRESS, 422, "Nobody to deliver to: no output has an address for it."},
      {TOCSIN_TOO_MANY, 422, "The notification would need more than 1000 deliveries."},
      {TOCSIN_CONFLICT, 422, "The idempotency key was used before with another body."},
      {TOCSIN_INTAKE_FULL, 503, "Too many notifications wait to be stored."},
      {TOCSIN_STORE_DOWN, 503, "Notifications cannot be stored now; send it again."},
  };
  for (const Case& one : cases) {
    const tocsin_token exchange = post_one();
    outcome({emit_outcome(one.kind)});
    EXPECT_EQ(status(exchange), one.status) << one.words;
    EXPECT_EQ(detail(exchange), one.words);
    EXPECT_EQ(header(exchange, "Retry-After"), one.status == 503 ? "1" : "");
  }
}

TEST_F(HttpInputAnswers, SayWhichFilterDroppedOne) {
  start();
  const tocsin_token exchange = post_one();
  tocsin_emit_outcome dropped = emit_outcome(TOCSIN_DROPPED);
  dropped.text = sdk::to_c("dedup");
  outcome({dropped});
  EXPECT_EQ(status(exchange), 202U);
  EXPECT_EQ(answer(exchange).body, R"({"status":"dropped","by":"dedup"})");
  EXPECT_EQ(header(exchange, "Location"), "");
}

TEST_F(HttpInputAnswers, SayWhereOneIsInvalid) {
  start();
  tocsin_emit_outcome invalid = emit_outcome(TOCSIN_ITEM_INVALID);
  invalid.pointer = sdk::to_c("/labels/a~1b");
  invalid.text = sdk::to_c("Expected \"text\".");
  const tocsin_token exchange = post_one();
  outcome({invalid});
  EXPECT_EQ(status(exchange), 400U);
  EXPECT_EQ(answer(exchange).body,
            R"({"title":"Bad Request","status":400,"detail":"Expected \"text\".",)"
            R"("pointer":"/labels/a~1b"})");
  const tocsin_token whole = post_one();
  invalid.pointer = {};
  outcome({invalid});
  EXPECT_NE(answer(whole).body.find(R"("pointer":"")"), std::string::npos);
}

TEST_F(HttpInputAnswers, MarkWhatWasAnsweredFromBefore) {
  start();
  tocsin_emit_outcome replayed = committed("ntf_7");
  replayed.kind = TOCSIN_REPLAYED;
  const tocsin_token first = post_one();
  outcome({replayed});
  EXPECT_EQ(status(first), 202U);
  EXPECT_EQ(header(first, "Idempotent-Replayed"), "true");
  EXPECT_EQ(header(first, "Location"), "/v1/notifications/ntf_7");
  replayed.id = {};
  replayed.text = sdk::to_c("quiet-hours");
  const tocsin_token dropped = post_one();
  outcome({replayed});
  EXPECT_EQ(answer(dropped).body, R"({"status":"dropped","by":"quiet-hours"})");
  EXPECT_EQ(header(dropped, "Idempotent-Replayed"), "true");
}

TEST_F(HttpInputAnswers, RoundTheWaitUpToWholeSeconds) {
  start();
  for (const auto& [ns, seconds] : {std::pair<std::int64_t, const char*>(0, "1"),
                                    {1, "1"},
                                    {1'000'000'000, "1"},
                                    {1'000'000'001, "2"},
                                    {90'000'000'000, "90"}}) {
    tocsin_emit_outcome down = emit_outcome(TOCSIN_STORE_DOWN);
    down.retry_after_ns = ns;
    const tocsin_token exchange = post_one();
    outcome({down});
    EXPECT_EQ(header(exchange, "Retry-After"), seconds) << ns;
  }
}

TEST_F(HttpInputAnswers, RefuseAtOnceWhenTheIntakeIsFull) {
  start();
  host.intake_full = true;
  for (const tocsin_token exchange : {post_one(), post_batch("[{}]")}) {
    EXPECT_EQ(status(exchange), 503U);
    EXPECT_EQ(header(exchange, "Retry-After"), "1");
  }
  host.intake_full = false;
  const tocsin_token exchange = post_one();
  outcome({committed("ntf_1")});
  EXPECT_EQ(status(exchange), 202U);
}

TEST_F(HttpInputAnswers, TellEachItemOfABatchItsOwn) {
  start();
  const tocsin_token exchange = post_batch("[{},{},{},{},{}]");
  tocsin_emit_outcome dropped = emit_outcome(TOCSIN_DROPPED);
  dropped.text = sdk::to_c("level");
  tocsin_emit_outcome invalid = emit_outcome(TOCSIN_ITEM_INVALID);
  invalid.pointer = sdk::to_c("/topic");
  invalid.text = sdk::to_c("is missing");
  outcome({committed("ntf_1", 3), dropped, invalid, emit_outcome(TOCSIN_UNROUTED),
           emit_outcome(TOCSIN_STORE_DOWN)});
  EXPECT_EQ(status(exchange), 202U);
  EXPECT_EQ(answer(exchange).body,
            R"({"results":[{"id":"ntf_1","status":"accepted","deliveries":3},)"
            R"({"status":"dropped","by":"level"},)"
            R"({"status":"invalid","detail":"is missing","pointer":"/topic"},)"
            R"({"status":"unrouted","detail":"No route takes this notification."},)"
            R"({"status":"store_down","detail":)"
            R"("Notifications cannot be stored now; send it again."}]})");
  EXPECT_EQ(header(exchange, "Location"), "");
}

TEST_F(HttpInputAnswers, RefuseABatchOfWhichNothingCouldBeKept) {
  start();
  tocsin_emit_outcome full = emit_outcome(TOCSIN_INTAKE_FULL);
  full.retry_after_ns = 2'000'000'000;
  tocsin_emit_outcome down = emit_outcome(TOCSIN_STORE_DOWN);
  down.retry_after_ns = 5'000'000'000;
  const tocsin_token exchange = post_batch("[{},{}]");
  outcome({full, down});
  EXPECT_EQ(status(exchange), 503U);
  EXPECT_EQ(header(exchange, "Retry-After"), "5");
}

TEST_F(HttpInputAnswers, AreWrittenAnewAfterOneOfUnusualSize) {
  start();
  const std::string long_id(200'000, 'i');
  const tocsin_token large = post_one();
  outcome({committed(long_id)});
  EXPECT_GT(answer(large).body.size(), long_id.size());
  const tocsin_token small = post_one();
  outcome({committed("ntf_1")});
  EXPECT_EQ(answer(small).body, R"({"id":"ntf_1","status":"accepted","deliveries":1})");
}

// ---- the ledger

TEST_F(HttpInputLedger, ShowsWhatBecameOfANotification) {
  host.settings.set_map("tokens", {{"shop", "shop-secret"}});
  start();
  const tocsin_token exchange =
      ask("GET", "/v1/notifications/ntf_1", "", {{"Authorization", "Bearer shop-secret"}});
  ASSERT_EQ(host.questions.size(), 1U);
  EXPECT_FALSE(host.questions[0].cancel);
  EXPECT_EQ(host.questions[0].id, "ntf_1");
  EXPECT_EQ(host.questions[0].caller, "shop");
  EXPECT_FALSE(answered(exchange));

  tocsin_delivery_row rows[2] = {};
  for (tocsin_delivery_row& row : rows) row.size = sizeof(row);
  rows[0].id = sdk::to_c("dlv_1");
  rows[0].output = sdk::to_c("chat");
  rows[0].state = sdk::to_c("delivered");
  rows[0].provider_id = sdk::to_c("p-1");
  rows[0].attempts = 1;
  rows[0].updated_at_ns = 1'767'225'600'250'999'999;
  rows[1].id = sdk::to_c("dlv_2");
  rows[1].output = sdk::to_c("mail");
  rows[1].address = sdk::to_c("email:a@b.example");
  rows[1].state = sdk::to_c("ready");
  rows[1].reason = sdk::to_c("the receiver answered 500");
  rows[1].attempts = 2;
  rows[1].next_at_ns = 1'767'225'660'000'000'000;
  rows[1].updated_at_ns = 1'767'225'600'000'000'000;
  tocsin_ledger_answer found{};
  found.id = sdk::to_c("ntf_1");
  found.accepted_at_ns = 1'767'225'600'000'000'000;
  found.payload = sdk::to_c(kOne);
  found.deliveries = rows;
  found.count = 2;
  found.stride = sizeof(rows[0]);
  host.answer(host.questions[0], TOCSIN_OK, found);

  EXPECT_EQ(status(exchange), 200U);
  EXPECT_EQ(answer(exchange).body,
            R"({"id":"ntf_1","accepted_at":"2026-01-01T00:00:00.000Z",)"
            R"("notification":{"topic":"orders"},"deliveries":[)"
            R"({"id":"dlv_1","output":"chat","state":"delivered","attempts":1,)"
            R"("provider_id":"p-1","updated_at":"2026-01-01T00:00:00.250Z"},)"
            R"({"id":"dlv_2","output":"mail","address":"email:a@b.example","state":"ready",)"
            R"("attempts":2,"reason":"the receiver answered 500",)"
            R"("next_at":"2026-01-01T00:01:00.000Z","updated_at":"2026-01-01T00:00:00.000Z"}]})");
}

TEST_F(HttpInputLedger, AnswersAHeadAsAGet) {
  start();
  const tocsin_token exchange = ask("HEAD", "/v1/notifications/ntf_1");
  ASSERT_EQ(host.questions.size(), 1U);
  EXPECT_FALSE(host.questions[0].cancel);
  host.answer(host.questions[0], TOCSIN_NOT_FOUND);
  EXPECT_EQ(status(exchange), 404U);
}

TEST_F(HttpInputLedger, CancelsAndCounts) {
  start();
  const tocsin_token exchange = ask("DELETE", "/v1/notifications/ntf_1");
  ASSERT_EQ(host.questions.size(), 1U);
  EXPECT_TRUE(host.questions[0].cancel);
  tocsin_ledger_answer counts{};
  counts.cancelled = 2;
  counts.in_flight = 1;
  counts.done = 4;
  host.answer(host.questions[0], TOCSIN_OK, counts);
  EXPECT_EQ(status(exchange), 200U);
  EXPECT_EQ(answer(exchange).body, R"({"cancelled":2,"in_flight":1,"done":4})");
}

TEST_F(HttpInputLedger, Answers409WhenThereIsNothingLeftToCancel) {
  start();
  const tocsin_token exchange = ask("DELETE", "/v1/notifications/ntf_1");
  tocsin_ledger_answer counts{};
  counts.done = 4;
  host.answer(host.questions.at(0), TOCSIN_OK, counts);
  EXPECT_EQ(status(exchange), 409U);
}

TEST_F(HttpInputLedger, Answers404ForWhatItDoesNotKnowAnd503WhenItCannotBeAsked) {
  start();
  for (const char* method : {"GET", "DELETE"}) {
    const tocsin_token unknown = ask(method, "/v1/notifications/ntf_1");
    host.answer(host.questions.back(), TOCSIN_NOT_FOUND);
    EXPECT_EQ(status(unknown), 404U) << method;
    const tocsin_token down = ask(method, "/v1/notifications/ntf_1");
    host.answer(host.questions.back(), TOCSIN_UNAVAILABLE);
    EXPECT_EQ(status(down), 503U) << method;
    EXPECT_EQ(header(down, "Retry-After"), "1");
  }
}

TEST_F(HttpInputLedger, AnswersAtOnceWhenTheQuestionIsNotTaken) {
  start();
  for (const auto& [refusal, expected] :
       {std::pair(TOCSIN_NOT_FOUND, 404U), std::pair(TOCSIN_FULL, 503U),
        std::pair(TOCSIN_UNAVAILABLE, 503U)}) {
    host.ledger = refusal;
    for (const char* method : {"GET", "DELETE"}) {
      const tocsin_token exchange = ask(method, "/v1/notifications/no-id");
      EXPECT_EQ(status(exchange), expected) << method;
      EXPECT_EQ(header(exchange, "Retry-After"), expected == 503 ? "1" : "");
    }
  }
  EXPECT_TRUE(host.questions.empty());
}

// ---- two ends, in either order

TEST_F(HttpInputEnds, TakesAnOutcomeWhoseClientIsGone) {
  start();
  const tocsin_token gone = post_one();
  end(gone);
  const tocsin_token other = post_one();
  outcome({committed("ntf_1")});
  EXPECT_FALSE(answered(gone));
  outcome({committed("ntf_2")});
  EXPECT_EQ(header(other, "Location"), "/v1/notifications/ntf_2");
  EXPECT_EQ(host.late, 0U);
}

TEST_F(HttpInputEnds, TakesAnAnswerOfTheLedgerWhoseClientIsGone) {
  start();
  const tocsin_token gone = ask("GET", "/v1/notifications/ntf_1");
  end(gone);
  host.answer(host.questions.at(0), TOCSIN_NOT_FOUND);
  EXPECT_FALSE(answered(gone));
  EXPECT_EQ(host.late, 0U);
}

TEST_F(HttpInputEnds, ForgetsAnExchangeOnceItWasAnswered) {
  start();
  const tocsin_token exchange = post_one();
  outcome({committed("ntf_1")});
  end(exchange);
  outcome_again();
  EXPECT_EQ(host.answers.size(), 1U);
  EXPECT_EQ(host.late, 0U);
}

TEST_F(HttpInputEnds, TakesAClientThatLeavesBeforeItsBodyCame) {
  host.settings.set("body_bytes_max", "1KiB");
  start();
  end(post("/v1/notifications", std::string(2000, ' ')));
  const tocsin_token next = post_one();
  outcome({committed("ntf_1")});
  EXPECT_EQ(status(next), 202U);
}

TEST_F(HttpInputEnds, UsesRequestsAgainWithoutMixingThem) {
  host.settings.set_map("tokens", {{"shop", "shop-secret"}, {"ops", "ops-secret"}});
  start();
  const auto as = [](const char* token) { return Headers{{"Authorization", token}}; };
  for (int i = 0; i < 3; ++i) {
    const tocsin_token first =
        post_one({{"Authorization", "Bearer shop-secret"}, {"Idempotency-Key", "k"}});
    outcome({committed("ntf_1")});
    end(first);
    const tocsin_token second = post_one(as("Bearer ops-secret"));
    EXPECT_EQ(host.emits.back().caller, "ops");
    EXPECT_EQ(host.emits.back().keys, std::vector<std::string>{""});
    outcome({committed("ntf_2")});
    end(second);
    const tocsin_token third = ask("GET", "/v1/notifications/ntf_1", "", as("Bearer shop-secret"));
    EXPECT_EQ(host.questions.back().caller, "shop");
    host.answer(host.questions.back(), TOCSIN_NOT_FOUND);
    end(third);
  }
}

TEST_F(HttpInputEnds, StopsWithClientsGoneAndOutcomesOpen) {
  start();
  for (int i = 0; i < 10; ++i) end(post_one());
  end(ask("GET", "/v1/notifications/ntf_1"));
  host.stop();
}

}  // namespace
}  // namespace tocsin
