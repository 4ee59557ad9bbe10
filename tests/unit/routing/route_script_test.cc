// Routes that code decides, through the door alone.

#include <functional>

#include "gateway/routing/plan.h"
#include "tests/unit/routing/pipeline_fixture.h"

namespace tocsin::routing {
namespace {

using Texts = std::vector<std::string>;
using namespace std::chrono_literals;

struct Scripted final : stage::RouteScript {
  std::function<void(const message::Notification&, stage::RouteOpinion&)> says;
  int asked = 0;
  void route(const message::Notification& notification, stage::RouteOpinion& opinion) override {
    ++asked;
    opinion.clear();
    if (says) says(notification, opinion);
  }
};

Route decided_by(std::uint32_t script) {
  Route route;
  route.script = "r.lua";
  route.script_index = script;
  return route;
}

class RouteScripts : public PipelineTest {
 protected:
  /// The plan for a notification to email:x and phone:1.
  Texts plan(const Router& router) {
    const stage::OutputTraits outputs[] = {taking("email", true), own(), taking("phone", false)};
    Pipeline pipeline({}, router, outputs, sink_, {&script_});
    EXPECT_TRUE(send(pipeline, R"({"topic":"a","level":"info","to":["email:x","phone:1"]})"));
    return plan_of(sink_.results.back());
  }
  static auto naming(std::vector<std::uint32_t> outputs) {
    return [outputs](const message::Notification&, stage::RouteOpinion& opinion) {
      opinion.has_one = true;
      opinion.outputs = outputs;
    };
  }

  Scripted script_;
};

TEST_F(RouteScripts, NameOutputsOfTheirOwn) {
  const Router router({decided_by(0), route_to({1})});
  script_.says = naming({2, 0});
  EXPECT_EQ(plan(router), (Texts{"2 phone:1", "0 email:x"}));
  EXPECT_EQ(script_.asked, 1);
}

TEST_F(RouteScripts, WithoutAnOpinionLeaveTheNextToDecide) {
  const Router router({decided_by(0), route_to({1})});
  EXPECT_EQ(plan(router), Texts{"1 "});
  script_.says = [](const auto&, stage::RouteOpinion& opinion) { opinion.problem = "broken"; };
  EXPECT_EQ(plan(router), Texts{"1 "});
}

TEST_F(RouteScripts, MayLetLaterRoutesBeAsked) {
  const Router router({decided_by(0), route_to({1})});
  script_.says = [](const auto&, stage::RouteOpinion& opinion) {
    opinion.has_one = opinion.goes_on = true;
    opinion.outputs = {2};
  };
  EXPECT_EQ(plan(router), (Texts{"2 phone:1", "1 "}));
}

TEST_F(RouteScripts, ReplaceRecipientsForTheirOutputs) {
  const Router router({decided_by(0), route_to({2})});
  script_.says = [](const auto&, stage::RouteOpinion& opinion) {
    opinion.has_one = opinion.goes_on = true;
    opinion.outputs = {0};
    opinion.recipients = {"email:y", "phone:9", "email:z"};
  };
  EXPECT_EQ(plan(router), (Texts{"0 email:y", "0 email:z", "2 phone:1"}));
}

TEST_F(RouteScripts, DelayTheirOutputsAlone) {
  const Router router({decided_by(0), route_to({1})});
  script_.says = [](const auto&, stage::RouteOpinion& opinion) {
    opinion.has_one = opinion.goes_on = true;
    opinion.outputs = {0};
    opinion.delay = 5min;
  };
  plan(router);
  const auto deliveries = sink_.results.back().plan.deliveries;
  ASSERT_EQ(deliveries.size(), 2U);
  EXPECT_EQ(deliveries[0].delay, Duration(5min));
  EXPECT_EQ(deliveries[1].delay, Duration::zero());
}

TEST_F(RouteScripts, GiveTheirOutputsAPriority) {
  using enum message::DeliveryClass;
  Route first = decided_by(0);
  first.priority = kNormal;
  Route last = route_to({1});
  const auto classes = [&](const Router& router) {
    plan(router);
    std::vector<message::DeliveryClass> found;
    for (const Planned& one : sink_.results.back().plan.deliveries) found.push_back(one.queue);
    return found;
  };
  script_.says = [](const auto&, stage::RouteOpinion& opinion) {
    opinion.has_one = opinion.goes_on = true;
    opinion.outputs = {0};
    opinion.priority = kCritical;
  };
  EXPECT_EQ(classes(Router({first, last})), (std::vector{kCritical, kNormal}))
      << "the script's word goes before the route's";
  last.outputs = {0, 1};
  last.priority = kCritical;
  script_.says = [](const auto&, stage::RouteOpinion& opinion) {
    opinion.has_one = opinion.goes_on = true;
    opinion.outputs = {0};
  };
  EXPECT_EQ(classes(Router({first, last})), (std::vector{kNormal, kCritical}))
      << "an output belongs to the first route that names it";
}

TEST_F(RouteScripts, AreAskedOnlyWhenTheirConditionsHold) {
  Route route = decided_by(0);
  route.match.topics.push_back(*policy::Glob::compile("b"));
  const Router router({route, route_to({1})});
  script_.says = naming({0});
  EXPECT_EQ(plan(router), Texts{"1 "});
  EXPECT_EQ(script_.asked, 0);
}

TEST_F(RouteScripts, TellWhatTheyWantBesidesTheirOutputs) {
  const Router router({decided_by(0)});
  script_.says = [](const auto&, stage::RouteOpinion& opinion) {
    opinion.has_one = true;
    opinion.outputs = {0};
    opinion.delay = 5min;
    opinion.reason = "it is night";
    for (int i = 0; i < 7; ++i) opinion.recipients.push_back("phone:" + std::to_string(i));
  };
  stage::RouteScript* scripts[] = {&script_};
  const auto explained = router.explain({.topic = "a"}, scripts);
  EXPECT_EQ(explained[0].kind, RouteExplanation::Kind::kTook);
  EXPECT_EQ(explained[0].reasons,
            (Texts{"its script says: it is night", "not before 5m from now",
                   "for phone:0, phone:1, phone:2, phone:3, phone:4 and 2 more"}));
}

TEST_F(RouteScripts, AreExplained) {
  using Kind = RouteExplanation::Kind;
  const Router router({decided_by(0), decided_by(1), route_to({1})});
  message::Notification notification;
  notification.topic = "a";
  stage::RouteScript* const scripts[] = {&script_};
  script_.says = [](const auto&, stage::RouteOpinion& opinion) { opinion.problem = "r.lua:1: x"; };
  const auto explained = router.explain(notification, scripts);
  EXPECT_EQ(explained[0].reasons, Texts{"its script failed: r.lua:1: x"});
  EXPECT_EQ(explained[1].reasons, Texts{"its script has no opinion"});
  EXPECT_EQ(explained[2].kind, Kind::kTook);
}

}  // namespace
}  // namespace tocsin::routing
