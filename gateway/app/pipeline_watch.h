#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/app/rehearsed.h"
#include "gateway/base/clock.h"
#include "gateway/message/notification.h"
#include "gateway/routing/router.h"
#include "gateway/stage/filter.h"
#include "gateway/stage/route_script.h"

namespace tocsin::app {

/// Stands in the place of a filter, asks it, and writes down what it says. For one event at a time.
class FilterWatch final : public stage::Filter, private stage::FilterCall {
 public:
  /// What is passed outlives it.
  FilterWatch(stage::Filter& watched, const Clock& clock) : watched_(watched), clock_(clock) {}

  /// Where to write from now on.
  void note_in(Rehearsed::FilterStep& step) { step_ = &step; }

  std::string_view name() const override { return watched_.name(); }
  stage::FilterStatus on_message(stage::FilterCall& call) override;
  void on_outcome(std::uint64_t reservation, bool committed) override {
    watched_.on_outcome(reservation, committed);
  }

 private:
  message::Notification& notification() override { return asked_->notification(); }
  Arena& arena() override { return asked_->arena(); }
  std::string_view identity() const override { return asked_->identity(); }
  void remember(std::uint64_t reservation) override;
  void because(std::string_view reason) override { step_->reason = reason; }
  void decide(stage::FilterStatus status) override;
  void note(stage::FilterStatus status);

  stage::Filter& watched_;
  const Clock& clock_;
  stage::FilterCall* asked_ = nullptr;  // by the pipeline, until the decision
  Rehearsed::FilterStep* step_ = nullptr;
  MonoTime began_{};
};

/// Stands in the place of a routing script and asks it once for each event. Both the route watch
/// and the router want to know, and a script that counts would tell them different things.
class ScriptWatch final : public stage::RouteScript {
 public:
  /// What is passed outlives it.
  explicit ScriptWatch(stage::RouteScript& watched) : watched_(watched) {}

  void begin_event() { has_answer_ = false; }
  void route(const message::Notification& notification, stage::RouteOpinion& opinion) override {
    if (!std::exchange(has_answer_, true)) watched_.route(notification, answer_);
    opinion = answer_;
  }

 private:
  stage::RouteScript& watched_;
  stage::RouteOpinion answer_;
  bool has_answer_ = false;
};

/// Stands behind the last filter and asks the router for its reasons: only there is the
/// notification as the router will see it. Passes everything.
class RouteWatch final : public stage::Filter {
 public:
  RouteWatch(const routing::Router& router, std::vector<stage::RouteScript*> scripts)
      : router_(router), scripts_(std::move(scripts)) {}

  void note_in(std::vector<routing::RouteExplanation>& routes) { routes_ = &routes; }

  std::string_view name() const override { return "routes"; }
  stage::FilterStatus on_message(stage::FilterCall& call) override {
    *routes_ = router_.explain(call.notification(), scripts_);
    return stage::FilterStatus::kPass;
  }

 private:
  const routing::Router& router_;
  const std::vector<stage::RouteScript*> scripts_;
  std::vector<routing::RouteExplanation>* routes_ = nullptr;
};

}  // namespace tocsin::app
