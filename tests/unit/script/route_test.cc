#include "gateway/script/route.h"

#include "tests/unit/script/script_harness.h"

namespace tocsin::script {
namespace {

using namespace std::chrono_literals;

class Route : public ScriptTest {
 protected:
  stage::RouteOpinion ask(std::string_view body, const message::Notification& notification) {
    const std::string path = folder.write("route" + std::to_string(scripts.size()) + ".lua",
                                          "function route(n)\n" + std::string(body) + "\nend");
    auto opened = Script::open_route(path);
    EXPECT_TRUE(opened) << opened.error().what;
    scripts.push_back(std::move(*opened));
    ScriptRoute route(worker_of(instance_of(scripts.back())), {"chat", "mail", "oncall"});
    stage::RouteOpinion opinion;
    route.route(notification, opinion);
    return opinion;
  }
  stage::RouteOpinion ask(std::string_view body) { return ask(body, {.topic = "orders"}); }
};

TEST_F(Route, MayHaveNoOpinion) {
  EXPECT_FALSE(ask("return nil").has_one);
  EXPECT_FALSE(ask("").has_one);
  EXPECT_TRUE(ask("").problem.empty());
}

TEST_F(Route, NamesOutputs) {
  EXPECT_EQ(ask("return \"mail\"").outputs, std::vector<std::uint32_t>{1});
  EXPECT_EQ(ask("return {\"oncall\", \"chat\", \"oncall\"}").outputs,
            (std::vector<std::uint32_t>{2, 0}));
  const auto opinion = ask("return {outputs = \"chat\", continue = true}");
  EXPECT_TRUE(opinion.has_one);
  EXPECT_TRUE(opinion.goes_on);
  EXPECT_EQ(opinion.outputs, std::vector<std::uint32_t>{0});
}

TEST_F(Route, SaysWhomAndWhen) {
  const auto opinion = ask(R"(return {outputs = {"mail"}, to = {"email:a@b.example", "phone:+1"},
                                     delay = "5m"})");
  EXPECT_EQ(opinion.recipients, (std::vector<std::string>{"email:a@b.example", "phone:+1"}));
  EXPECT_EQ(opinion.delay, Duration(5min));
  EXPECT_EQ(ask("return {outputs = \"mail\", delay = 1500}").delay, Duration(1500ms));
  EXPECT_EQ(ask("return {outputs = \"mail\", delay = -5}").delay, Duration(0));
}

TEST_F(Route, HasNoOpinionWhenItWroteOverWhatANotificationHolds) {
  const message::Label labels[] = {{"team", "payments"}};
  const auto opinion =
      ask("n.labels.team = \"ops\" return \"mail\"", {.topic = "orders", .labels = labels});
  EXPECT_FALSE(opinion.has_one);
  EXPECT_NE(opinion.problem.find("labels[\"team\"] was written over"), std::string::npos)
      << opinion.problem;
}

TEST_F(Route, SaysTheSameBesideAList) {
  const auto opinion = ask("return {\"mail\", \"chat\", delay = \"5m\", continue = true}");
  EXPECT_EQ(opinion.outputs, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(opinion.delay, Duration(5min));
  EXPECT_TRUE(opinion.goes_on);
}

TEST_F(Route, SaysWhy) {
  EXPECT_EQ(ask("return {\"mail\", reason = \"night\"}").reason, "night");
  EXPECT_NE(ask("return {\"mail\", reason = 5}").problem.find("reason must be a text"),
            std::string::npos);
}

TEST_F(Route, CountsARecipientOnce) {
  EXPECT_EQ(ask(R"(return {outputs = "mail", to = {"email:a@b.example", "email:a@b.example"}})")
                .recipients,
            std::vector<std::string>{"email:a@b.example"});
}

TEST_F(Route, KnowsAnEmailAddressByItsDomainInSmallLetters) {
  EXPECT_EQ(ask(R"(return {outputs = "mail", to = {"email:A@B.example", "email:A@b.example"}})")
                .recipients,
            std::vector<std::string>{"email:A@b.example"});
}

TEST_F(Route, ReachesWhomANotificationMayReachAndNobodyElse) {
  for (const auto& [to, why] : std::vector<std::pair<const char*, const char*>>{
           {"email:a@b\\r\\nBcc: c@d", "holds a control character or a line break"},
           {"email:a\\0b", "holds a control character or a line break"},
           {"email:\\255\\254", "holds bytes that are no UTF-8"},
           {"E mail:a@b", "write kind:value"},
           {"a@b", "write kind:value"}}) {
    const auto opinion = ask("return {outputs = \"mail\", to = \"" + std::string(to) + "\"}");
    EXPECT_FALSE(opinion.has_one) << to;
    EXPECT_NE(opinion.problem.find(why), std::string::npos) << opinion.problem;
  }
}

TEST_F(Route, SaysHowMuchItMatters) {
  using message::DeliveryClass;
  EXPECT_EQ(ask("return {outputs = \"chat\", priority = \"critical\"}").priority,
            DeliveryClass::kCritical);
  EXPECT_EQ(ask("return {outputs = \"chat\", priority = \"normal\"}").priority,
            DeliveryClass::kNormal);
  EXPECT_EQ(ask("return {outputs = \"chat\"}").priority, std::nullopt);
}

TEST_F(Route, IsNoOpinionWhenItGoesWrong) {
  for (const auto& [body, why] : std::vector<std::pair<const char*, const char*>>{
           {"return {\"nobody\"}", "there is no output \"nobody\""},
           {"return {}", "the route names no outputs"},
           {"return 7", "a route returns nothing, a name or a table, not a number"},
           {"return {outputs = \"chat\", delay = \"soon\"}", "delay: "},
           {"return {outputs = \"chat\", to = {\"a@b\"}}", "a recipient of the route: "},
           {"return {outputs = \"chat\", delay = 0/0}", "delay is not a number"},
           {"return {outputs = \"chat\", dealy = 5}", "a route has no field \"dealy\""},
           {"return {\"chat\", outputs = \"mail\"}", "the route names outputs twice"},
           {"return {outputs = \"chat\", priority = 1}", "priority must be"},
           {"return {outputs = \"chat\", priority = \"high\"}", "priority must be"},
           {"tocsin.sleep(1)", "sleep cannot wait here"},
           {"while true do end", "the script ran too many instructions"}}) {
    const auto opinion = ask(body);
    EXPECT_FALSE(opinion.has_one) << body;
    EXPECT_TRUE(opinion.outputs.empty()) << body;
    EXPECT_NE(opinion.problem.find(why), std::string::npos) << opinion.problem;
  }
}

TEST_F(Route, MayBeAFunctionThatTheFileReturns) {
  auto opened = Script::open_route(folder.write("r.lua", "return function(n) return \"chat\" end"));
  EXPECT_TRUE(opened);
  const auto none = Script::open_route(folder.write("n.lua", "local x = 1"));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().what.find("it must return a function, or define one named route"),
            std::string::npos);
  const auto broken = Script::open_route(folder.write("b.lua", "\nfunction route(n"));
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().what.find("b.lua:2:"), std::string::npos) << broken.error().what;
}

}  // namespace
}  // namespace tocsin::script
