#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gateway/script/worker.h"
#include "gateway/stage/route_script.h"

namespace tocsin::script {

/// A script as a route on one loop. Its function of a notification returns nothing when it has no
/// opinion, an output's name or a list of names, or a table:
///
///   {outputs = {"ops-chat"}, to = {"email:a@b.example"}, delay = "5m", priority = "critical",
///    continue = true}
///
/// `delay` is a duration or milliseconds, `priority` "critical" or "normal". It must not wait.
class ScriptRoute final : public stage::RouteScript {
 public:
  /// `worker` has started and outlives the route. `outputs` are the names of the outputs there are,
  /// in their order.
  ScriptRoute(Worker& worker, std::vector<std::string> outputs);
  ~ScriptRoute() override;

  void route(const message::Notification& notification, stage::RouteOpinion& opinion) override;

 private:
  class Asked;
  const std::vector<std::string> outputs_;
  std::unique_ptr<Asked> asked_;
};

}  // namespace tocsin::script
