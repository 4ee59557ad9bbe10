#include "gateway/script/filter.h"

#include "gateway/script/host.h"
#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

using stage::FilterStatus;
using namespace std::chrono_literals;

class Filter : public ScriptTest {
 protected:
  FilterStatus decision(std::string_view on_message) { return ask(*filter_of(on_message)); }
};

TEST_F(Filter, KeepsItsLinesFromFillingTheLog) {
  const auto filter = filter_of("for i = 1, 500 do tocsin.log.warning('line') end");
  ask(*filter);
  advance(std::chrono::seconds(1));
  ask(*filter);
  const std::string text = logged();
  std::size_t lines = 0;
  for (auto at = text.find("\"line\""); at != std::string::npos;
       at = text.find("\"line\"", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 2 * Host::kLinesASecond) << text;
  EXPECT_NE(text.find("\"suppressed\":400"), std::string::npos);
}

TEST_F(Filter, PassesAndDrops) {
  EXPECT_EQ(decision("return \"pass\""), FilterStatus::kPass);
  EXPECT_EQ(decision("return \"drop\""), FilterStatus::kDrop);
  EXPECT_EQ(decision("return nil"), FilterStatus::kPass);
  EXPECT_EQ(decision(""), FilterStatus::kPass);
}

TEST_F(Filter, LetsPassWhatItCannotDecide) {
  EXPECT_EQ(decision("return 1"), FilterStatus::kPass);
  EXPECT_EQ(errors(Failure::Kind::kError), 1U);
  EXPECT_EQ(decision("return n.title.x.y"), FilterStatus::kPass);
  EXPECT_EQ(errors(Failure::Kind::kError), 2U);
  EXPECT_NE(logged().find("attempt to index a nil value"), std::string::npos);
}

TEST_F(Filter, SeesEveryFieldOfANotification) {
  const auto filter = filter_of(R"(
    assert(n.topic == "orders" and n.level == "warning" and n.rank == 4)
    assert(n.title == "t" and n.body == "b" and n.key == "k" and n.external_id == "e")
    assert(n.labels.team == "payments" and n.labels.nobody == nil)
    assert(n.to[1] == "email:a@b.example" and #n.to == 1)
    assert(n.data.list[2] == 2 and n.data.nothing == tocsin.json.null)
    assert(n.deliver_at == 1767225600000 and n.expires_at == nil and n.identity == "api/1")
    assert(n.labels == n.labels, "is made once")
    return "drop")");
  const message::Label labels[] = {{"team", "payments"}};
  const message::Recipient to[] = {{"email", "a@b.example"}};
  HeardCall call(arena);
  call.own_identity = "api/1";
  call.heard.level = message::Level::kWarning;
  call.heard.title = "t";
  call.heard.body = "b";
  call.heard.key = "k";
  call.heard.external_id = "e";
  call.heard.labels = labels;
  call.heard.to = to;
  call.heard.data = R"({"list": [1, 2], "nothing": null})";
  call.heard.deliver_at = clock.wall();
  EXPECT_EQ(filter->on_message(call), FilterStatus::kDrop) << logged();
}

TEST_F(Filter, LeavesNothingOfANotificationToTheNext) {
  const auto filter = filter_of(R"(
    if n.topic == "first" then return n.title == "one" and "pass" or "drop" end
    return n.title == "" and "pass" or "drop")");
  HeardCall first(arena, "first");
  first.heard.title = "one";
  EXPECT_EQ(filter->on_message(first), FilterStatus::kPass);
  EXPECT_EQ(ask(*filter, "second"), FilterStatus::kPass);
}

TEST_F(Filter, CannotChangeANotificationOrKeepIt) {
  EXPECT_EQ(decision("return pcall(function() n.title = \"x\" end) and \"drop\" or \"pass\""),
            FilterStatus::kPass);
  EXPECT_EQ(decision("return pcall(function() return n.titel end) and \"drop\" or \"pass\""),
            FilterStatus::kPass);
  const auto filter = filter_of(R"(
    if kept == nil then kept = n return "pass" end
    local ok, why = pcall(function() return kept.body end)
    return "pass")");
  EXPECT_EQ(ask(*filter), FilterStatus::kPass);
  EXPECT_EQ(ask(*filter), FilterStatus::kPass);
}

TEST_F(Filter, CannotAddToWhatANotificationHolds) {
  const auto filter = filter_of(R"(
    local function refused(change)
      local good, why = pcall(change)
      return not good and why:find("a notification cannot be changed here: make a table of your own")
    end
    assert(refused(function() n.labels.owner = "me" end))
    assert(refused(function() n.to[#n.to + 1] = "email:c@d.example" end))
    assert(refused(function() table.insert(n.to, "email:c@d.example") end))
    assert(n.labels.owner == nil and #n.to == 1)
    assert(next(n.labels) == "team" and tocsin.json.encode(n.labels) == '{"team":"payments"}')
    for name, value in pairs(n.labels) do assert(name == "team" and value == "payments") end
    return "drop")");
  const message::Label labels[] = {{"team", "payments"}};
  const message::Recipient to[] = {{"email", "a@b.example"}};
  HeardCall call(arena);
  call.heard.labels = labels;
  call.heard.to = to;
  EXPECT_EQ(filter->on_message(call), FilterStatus::kDrop) << logged();
}

TEST_F(Filter, FailsWhenItWroteOverWhatANotificationHolds) {
  const message::Label labels[] = {{"host", "db-1"}, {"team", "payments"}};
  const message::Recipient to[] = {{"email", "a@b.example"}, {"phone", "+1"}};
  const auto said = [&](const std::string& body) {
    const auto filter = filter_of(body + " return \"drop\"");
    HeardCall call(arena);
    call.heard.labels = labels;
    call.heard.to = to;
    const FilterStatus status = filter->on_message(call);
    EXPECT_EQ(status, call.reason.empty() ? FilterStatus::kDrop : FilterStatus::kPass) << body;
    return call.reason;
  };
  const std::string advice = ": a notification cannot be changed here: make a table of your own";
  const std::string failed = "it failed, which lets pass: ";
  EXPECT_EQ(said("n.labels.team = \"ops\""), failed + "labels[\"team\"] was written over" + advice);
  EXPECT_EQ(said("n.labels.team = nil"), failed + "labels[\"team\"] was written over" + advice);
  EXPECT_EQ(said("n.labels.host = 5"), failed + "labels[\"host\"] was written over" + advice);
  EXPECT_EQ(said("n.to[1] = \"email:c@d.example\""), failed + "to was written over" + advice);
  EXPECT_EQ(said("table.sort(n.to, function(a, b) return a > b end)"),
            failed + "to was written over" + advice);
  EXPECT_EQ(said("local l = n.labels l.team = \"ops\" l.team = \"payments\""), "") << "as it was";
  EXPECT_EQ(said("local mine = {} for k, v in pairs(n.labels) do mine[k] = v end mine.team = 1"),
            "");
  EXPECT_EQ(said("local d = n.data"), "");
}

TEST_F(Filter, MayDoWhatItLikesWithItsDecodedData) {
  const auto filter = filter_of("n.data.sum = 1 n.data.more = {} return \"drop\"");
  HeardCall call(arena);
  call.heard.data = R"({"sum":5})";
  EXPECT_EQ(filter->on_message(call), FilterStatus::kDrop) << logged();
  EXPECT_EQ(call.heard.data, R"({"sum":5})");
}

TEST_F(Filter, HearsWhatCameOfWhatItRemembered) {
  const auto script = script_of(Kind::kFilter, R"(
    local last = "nothing"
    return {
      on_message = function(n) return n.topic == last and "drop" or "pass", 42 end,
      on_outcome = function(number, committed) last = number .. tostring(committed) end,
    })");
  ScriptFilter filter(worker_of(instance_of(script)));
  HeardCall call(arena);
  EXPECT_EQ(filter.on_message(call), FilterStatus::kPass);
  EXPECT_EQ(call.remembered, 42U);
  filter.on_outcome(call.remembered, true);
  EXPECT_EQ(ask(filter, "42true"), FilterStatus::kDrop);
  filter.on_outcome(call.remembered, false);
  EXPECT_EQ(ask(filter, "42false"), FilterStatus::kDrop);
}

TEST_F(Filter, HoldsWhileItWaits) {
  const auto filter =
      filter_of("tocsin.sleep(50) return n.title == \"x\" and \"drop\" or \"pass\"");
  HeardCall first(arena);
  HeardCall second(arena);
  second.heard.title = "x";
  EXPECT_EQ(filter->on_message(first), FilterStatus::kHold);
  EXPECT_EQ(filter->on_message(second), FilterStatus::kHold);
  advance(49ms);
  EXPECT_TRUE(first.decided.empty());
  advance(2ms);
  EXPECT_EQ(first.decided, std::vector{FilterStatus::kPass});
  EXPECT_EQ(second.decided, std::vector{FilterStatus::kDrop});
}

TEST_F(Filter, MayBeAskedAgainFromInsideOfADecision) {
  const auto filter = filter_of("if n.topic == \"slow\" then tocsin.sleep(1) end return \"drop\"");
  HeardCall slow(arena, "slow");
  HeardCall again(arena, "slow");
  slow.on_decide = [&] { EXPECT_EQ(filter->on_message(again), FilterStatus::kHold); };
  EXPECT_EQ(filter->on_message(slow), FilterStatus::kHold);
  advance(5ms);
  advance(5ms);
  EXPECT_EQ(slow.decided.size(), 1U);
  EXPECT_EQ(again.decided.size(), 1U);
}

TEST_F(Filter, LetsPassWhatItHoldsTooLong) {
  const auto filter = filter_of("tocsin.sleep(60000) return \"drop\"");
  HeardCall call(arena);
  EXPECT_EQ(filter->on_message(call), FilterStatus::kHold);
  advance(ScriptFilter::kHoldMax + 1ms);
  EXPECT_EQ(call.decided, std::vector{FilterStatus::kPass});
  EXPECT_EQ(errors(Failure::Kind::kExpired), 1U);
  advance(60s);
  EXPECT_EQ(call.decided.size(), 1U);
}

TEST_F(Filter, CanWaitOnlyInItsOwnCoroutine) {
  EXPECT_EQ(decision("coroutine.wrap(function() tocsin.sleep(1) end)() return \"drop\""),
            FilterStatus::kPass);
  EXPECT_NE(logged().find("sleep cannot wait inside a coroutine of the script's"),
            std::string::npos);
  EXPECT_EQ(decision("(\"a\"):gsub(\".\", function() tocsin.sleep(1) end) return \"drop\""),
            FilterStatus::kPass);
  EXPECT_NE(logged().find("sleep cannot wait inside this call"), std::string::npos);
}

TEST_F(Filter, WaitsInsideOfPcall) {
  const auto filter = filter_of(
      "local ok, e = pcall(function() tocsin.sleep(1) error(\"x\", 0) end) "
      "return e == \"x\" and \"drop\" or \"pass\"");
  HeardCall call(arena);
  EXPECT_EQ(filter->on_message(call), FilterStatus::kHold);
  advance(5ms);
  EXPECT_EQ(call.decided, std::vector{FilterStatus::kDrop});
}

TEST_F(Filter, SharesItsKeysWithTheOtherLoopsOfItsInstance) {
  const auto script = script_of(Kind::kFilter, R"(
    return {on_message = function(n)
      return tocsin.kv.incr("seen", 1, 1000) > 1 and "drop" or "pass"
    end})");
  Instance& instance = instance_of(script);
  ScriptFilter one(worker_of(instance));
  ScriptFilter two(worker_of(instance));
  EXPECT_EQ(ask(one), FilterStatus::kPass);
  EXPECT_EQ(ask(two), FilterStatus::kDrop);
  advance(1001ms);
  EXPECT_EQ(ask(two), FilterStatus::kPass);
}

TEST_F(Filter, UsesTheHostsFunctions) {
  EXPECT_EQ(decision(R"(
    local kv = tocsin.kv
    assert(kv.get("a") == nil and kv.put("a", "1", 1000) and kv.get("a") == "1")
    local mark = kv.add_if_absent("m", "me")
    assert(mark.outcome == "done" and mark.token ~= nil)
    local again = kv.add_if_absent("m", "you")
    assert(again.outcome == "present" and again.value == "me" and not again.confirmed)
    assert(kv.confirm("m", mark.token, 1000) and kv.add_if_absent("m").confirmed)
    assert(tocsin.now() == 1767225600000 and tocsin.iso() == "2026-01-01T00:00:00Z")
    assert(#tocsin.digest("") == 32 and tocsin.digest("a"):find("^%x+$"))
    assert(tocsin.digest("a") == tocsin.digest("a") and tocsin.digest("a") ~= tocsin.digest("b"))
    assert(tocsin.iso(1500) == "1970-01-01T00:00:01.500Z")
    local json = tocsin.json
    assert(json.encode({b = {1, 2.5, true}, a = json.array(), n = json.null}) ==
           '{"a":[],"b":[1,2.5,true],"n":null}')
    assert(json.encode(json.decode('{"x":[],"y":{}}')) == '{"x":[],"y":{}}')
    local value, why = json.decode("{")
    assert(value == nil and why:find("this is not JSON"))
    assert(not pcall(json.encode, {[{}] = 1}) and not pcall(json.encode, print))
    assert(not pcall(json.encode, 0/0))
    assert(tocsin.template("<{{topic}}>")(n) == "<orders>")
    assert(tocsin.template("{{title}}", "html")(n) == "")
    assert(not pcall(tocsin.template, "{{nonsense}}"))
    tocsin.log.warning("heard", {topic = n.topic})
    print("one", 2, true)
    return "drop")"),
            FilterStatus::kDrop)
      << logged();
  EXPECT_NE(logged().find("\"topic\":\"orders\""), std::string::npos);
  EXPECT_NE(logged().find("one\\t2\\ttrue"), std::string::npos);
}

}  // namespace
}  // namespace tocsin::script
