#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/delivery/delivery_metrics.h"
#include "gateway/delivery/idempotency.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/delivery/overload_guard.h"
#include "gateway/event/loop.h"
#include "gateway/routing/pipeline.h"
#include "gateway/stage/emit.h"

namespace tocsin::delivery {

/// Who decides about what comes in, as one configuration says: filters in order, the router, and
/// the outputs as its routes count them, each with the door of its lane.
struct IntakeStages {
  std::vector<stage::Filter*> filters;
  const routing::Router& router;
  std::vector<stage::OutputTraits> outputs;
  std::vector<LaneDoor*> doors;
  std::vector<stage::RouteScript*> scripts = {};  ///< as Route::script_index counts them
};

/// The way in on one loop: decodes, lets the pipeline decide, appends all items of a request as one
/// group, and tells what came of each. Belongs to a snapshot; what it refers to outlives it.
class Intake final : public stage::Emit, private routing::RoutedSink, private event::TickEnd {
 public:
  /// What one item may take in memory, decoded.
  static constexpr std::size_t kItemBytesMax = std::size_t{16} << 20;
  static constexpr Duration kRetryWhenDown = std::chrono::seconds(5);
  static constexpr Duration kRetryWhenFull = std::chrono::seconds(1);

  Intake(OutboxPort& port, BlockPool& pool, telemetry::Metrics& metrics, OverloadGuard& guard,
         IntakeStages stages, const KeySecret& secret);
  /// Only when idle().
  ~Intake() override;
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  [[nodiscard]] bool emit(const stage::EmitRequest& request, stage::EmitDone& done) override;
  void abandon(stage::EmitDone& done) override;

  /// Something of that stream waits for its outcome.
  bool holds(std::uint64_t stream) const;
  /// Nothing that was emitted waits for its outcome.
  bool idle() const { return free_.size() == requests_.size(); }

 private:
  class Request;

  // One ticket names an item of a request.
  static constexpr unsigned kItemBits = 16;

  Request& take_request();
  InputMetrics& metrics_of(std::string_view input);
  bool overloaded(Request& request, std::uint32_t item, message::Level level);
  bool submit_item(Request& request, std::uint32_t item, const stage::EmitItem& source,
                   std::uint64_t stream);
  void on_routed(routing::Routed routed) override;
  void item_done(Request& request);
  void append(Request& request);
  void append_item(Request& request, std::uint32_t item);
  void answer_later(Request& request);
  void on_tick_end() override;
  void on_appended(Request& request);
  void answer(Request& request);

  OutboxPort& port_;
  event::Loop& loop_;
  BlockPool& pool_;
  telemetry::Metrics& metrics_;
  OverloadGuard& guard_;
  const KeySecret secret_;
  const std::vector<LaneDoor*> doors_;
  routing::Pipeline pipeline_;
  std::map<std::string, InputMetrics, std::less<>> input_metrics_;
  std::string identity_;  // room to write one in

  std::vector<std::unique_ptr<Request>> requests_;
  std::vector<Request*> free_;
  std::vector<Request*> answers_;  // due at the end of this tick
};

}  // namespace tocsin::delivery
