#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/event/timer_wheel.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/notification_view.h"
#include "gateway/plugin/token_table.h"
#include "gateway/plugin/worker.h"
#include "gateway/stage/filter.h"

namespace tocsin::plugin {

/// A plugin as a notification filter on one loop. What it holds too long passes: a filter that
/// forgets must not lose a message that somebody waits for.
class FilterAdapter final : public stage::Filter,
                            private Completions::Decisions,
                            private AfterCallback {
 public:
  static constexpr Duration kHoldMax = std::chrono::seconds(5);
  static constexpr std::size_t kHoldsMax = 4096;  ///< held at once; more pass

  /// `worker` has started and outlives the adapter.
  explicit FilterAdapter(Worker& worker);
  ~FilterAdapter() override;

  std::string_view name() const override { return worker_.instance().id(); }
  stage::FilterStatus on_message(stage::FilterCall& call) override;
  void on_outcome(std::uint64_t reservation, bool committed) override;
  /// At the drain's deadline: what is still held passes. Not inside a callback.
  void cut();

 private:
  struct Held {
    explicit Held(FilterAdapter& owner);
    stage::FilterCall* call = nullptr;
    tocsin_token token = 0;
    event::Timer deadline;
  };
  struct Decided {
    stage::FilterCall* call;
    stage::FilterStatus status;
  };

  stage::FilterStatus hold(tocsin_token token);
  void expire(Held& held);
  void pass(Held& held);
  std::uint32_t decide(tocsin_token token, std::uint32_t decision) override;
  std::size_t under_way() const override { return held_.size() + outcomes_owed_; }
  void after_callback() override;

  Worker& worker_;
  TokenTable<Held> held_;
  NotificationView view_;
  std::size_t outcomes_owed_ = 0;  // to reservations
  tocsin_token asking_ = 0;        // whose on_message is under way
  std::optional<stage::FilterStatus> decided_while_asking_;
  std::vector<Decided> decided_;
  std::vector<Decided> telling_;
  telemetry::LogLimiter expired_lines_{1, std::chrono::minutes(1)};
};

}  // namespace tocsin::plugin
