// Other settings for a script that keeps its state.

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

constexpr std::string_view kOptions =
    "{{key = \"topic\", doc = \"What is dropped.\", required = true, reloadable = true}}";

// Counts what it hears, so that a state which began anew is told apart.
constexpr std::string_view kCounting = R"(
local heard = 0
local made = {}
function made.on_message(n)
  heard = heard + 1
  return n.topic == cfg.topic .. heard and "drop" or "pass"
end
function made.reconfigure(next)
  if next.topic == "no" then return nil, "not that one", "topic" end
  if next.topic == "loop" then while true do end end
  if next.topic == "later" and heard > 0 then error("too late") end
  cfg = next
end
return made)";

class Reconfigure : public ScriptTest {
 protected:
  static Value topic(std::string text) {
    Value::Map map;
    map.push_back({"topic", Value(std::move(text), {}), {}});
    return Value(std::move(map), {});
  }
  Instance& counting() {
    return instance_of(script_of(Kind::kFilter, kCounting, kOptions), topic("a"));
  }
  using Status = stage::FilterStatus;
};

TEST_F(Reconfigure, GivesTheStateThatServesOtherValues) {
  Instance& instance = counting();
  Worker& worker = worker_of(instance);
  ScriptFilter filter(worker);
  EXPECT_EQ(ask(filter, "a1"), Status::kDrop);
  ASSERT_TRUE(instance.can_reconfigure());
  ASSERT_TRUE(instance.reconfigure(topic("b")));
  EXPECT_EQ(ask(filter, "a2"), Status::kDrop) << "accepted is not adopted";
  worker.reconfigure();
  EXPECT_EQ(ask(filter, "b3"), Status::kDrop) << "it counts on";
  EXPECT_EQ(ask(filter, "a4"), Status::kPass);
}

TEST_F(Reconfigure, IsRefusedWithTheOptionAtFault) {
  Instance& instance = counting();
  const auto refused = instance.reconfigure(topic("no"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "not that one");
  EXPECT_EQ(refused.error().key, "topic");
  const auto endless = instance.reconfigure(topic("loop"));
  ASSERT_FALSE(endless);
  EXPECT_NE(endless.error().what.find("ran too many instructions"), std::string::npos);
  ScriptFilter filter(worker_of(instance));
  EXPECT_EQ(ask(filter, "a1"), Status::kDrop) << "what was refused is forgotten";
}

TEST_F(Reconfigure, IsRefusedWhereCreateWouldRefuse) {
  Instance& instance = instance_of(
      script_of(Kind::kFilter,
                "if cfg.topic == \"no\" then return nil, \"not in create\", \"topic\" end "
                "return {on_message = print, reconfigure = print}",
                kOptions),
      topic("a"));
  const auto refused = instance.reconfigure(topic("no"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "not in create");
}

TEST_F(Reconfigure, ThatFailsOnALoopBeginsAnewWithTheOtherValues) {
  Instance& instance = counting();
  Worker& worker = worker_of(instance);
  ScriptFilter filter(worker);
  ask(filter);
  ASSERT_TRUE(instance.reconfigure(topic("later")));
  worker.reconfigure();
  EXPECT_EQ(ask(filter, "later1"), Status::kDrop);
  EXPECT_EQ(errors(Failure::Kind::kError), 1U);
  EXPECT_NE(logged().find("too late"), std::string::npos);
}

TEST_F(Reconfigure, ReachesWorkersThatBeginLater) {
  Instance& instance = counting();
  Worker& first = worker_of(instance);
  ASSERT_TRUE(instance.reconfigure(topic("b")));
  ScriptFilter before(worker_of(instance));
  EXPECT_EQ(ask(before, "a1"), Status::kDrop) << "until a loop has adopted it";
  first.reconfigure();
  ScriptFilter after(worker_of(instance));
  EXPECT_EQ(ask(after, "b1"), Status::kDrop);
}

TEST_F(Reconfigure, IsForScriptsThatHaveTheFunction) {
  EXPECT_FALSE(
      instance_of(script_of(Kind::kFilter, "return {on_message = print}", kOptions), topic("a"))
          .can_reconfigure());
  auto wrong =
      Instance::create(script_of(Kind::kFilter, "return {on_message = print, reconfigure = 1}"),
                       "test", Value(Value::Map(), {}), services);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().what.find("has no function reconfigure"), std::string::npos);
}

TEST_F(Reconfigure, GoesByACallThatWaits) {
  Instance& instance = instance_of(script_of(Kind::kFilter, R"(
return {
  on_message = function(n) tocsin.sleep(100) return n.topic == cfg.topic and "drop" or "pass" end,
  reconfigure = function(next) cfg = next end,
})",
                                             kOptions),
                                   topic("a"));
  Worker& worker = worker_of(instance);
  ScriptFilter filter(worker);
  HeardCall call(arena, "b");
  ASSERT_EQ(filter.on_message(call), Status::kHold);
  ASSERT_TRUE(instance.reconfigure(topic("b")));
  worker.reconfigure();
  advance(std::chrono::milliseconds(100));
  EXPECT_EQ(call.decided, std::vector{Status::kDrop});
}

}  // namespace
}  // namespace tocsin::script
