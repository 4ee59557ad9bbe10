#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gateway/routing/route.h"
#include "gateway/routing/route_index.h"
#include "gateway/stage/route_script.h"

namespace tocsin::routing {

/// Where a notification goes. Keep one and use it again: then routing allocates nothing.
class RouteResult {
 public:
  /// Each output once, in the order the routes name them; empty: no route took it.
  std::span<const std::uint32_t> outputs() const { return outputs_; }
  /// The routes that took it, ascending.
  std::span<const std::uint32_t> routes() const { return routes_; }
  /// What a script wants besides, for each of outputs(); null: a plain route named it.
  std::span<const stage::RouteOpinion* const> opinions() const { return opinions_; }
  /// The priority that the route gave each of outputs(); nothing: the level decides.
  std::span<const std::optional<message::DeliveryClass>> priorities() const { return priorities_; }

 private:
  friend class Router;
  void begin(std::size_t outputs);
  void add(std::uint32_t index, const Route& route, std::span<const std::uint32_t> outputs,
           const stage::RouteOpinion* opinion);
  stage::RouteOpinion& next_opinion();
  void make_room(std::span<const std::uint32_t> outputs);

  std::vector<std::uint32_t> outputs_;
  std::vector<const stage::RouteOpinion*> opinions_;
  std::vector<std::optional<message::DeliveryClass>> priorities_;
  std::vector<std::unique_ptr<stage::RouteOpinion>> kept_opinions_;  // used again
  std::size_t opinions_used_ = 0;
  std::vector<std::uint32_t> routes_;
  std::vector<std::uint64_t> taken_in_;  // for each output the round that took it last
  std::uint64_t round_ = 0;
};

/// What a route did with a notification, and why, for people.
struct RouteExplanation {
  enum class Kind : std::uint8_t {
    kTook,
    kPassed,      ///< `reasons` say why
    kNotReached,  ///< an earlier route ended
  };
  Kind kind = Kind::kNotReached;
  /// kPassed: a sentence for each condition that did not hold. A route that took it may say why
  /// too.
  std::vector<std::string> reasons;
  std::vector<std::uint32_t> outputs;              ///< kTook: where it sent the notification
  bool goes_on = false;                            ///< kTook: later routes were asked as well
  std::optional<message::DeliveryClass> priority;  ///< kTook: of those outputs, if it gave one
};

/// Who must hear it. The first route that takes a notification ends, unless it says `continue`.
/// Immutable; any thread.
class Router {
 public:
  explicit Router(std::vector<Route> routes);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// This loop's scripts, as Route::script_index counts them. A route whose script is not there has
  /// no opinion.
  using Scripts = std::span<stage::RouteScript* const>;

  /// The notification must be within the limits of notification.h.
  void route(const message::Notification& notification, RouteResult& result,
             Scripts scripts = {}) const;

  /// One explanation for each route, by asking each in turn; agrees with route().
  std::vector<RouteExplanation> explain(const message::Notification& notification,
                                        Scripts scripts = {}) const;

  std::span<const Route> routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  RouteIndex index_;
  std::size_t outputs_ = 0;  // one more than the greatest index of an output
};

}  // namespace tocsin::routing
