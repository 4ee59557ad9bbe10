#pragma once

#include "gateway/app/drain.h"
#include "gateway/app/estate.h"
#include "gateway/app/listener_set.h"
#include "gateway/app/loop_group.h"

namespace tocsin::app {

/// The loops, listeners and store of a gateway, as its drain ends them.
class DrainedGateway final : public Drainable {
 public:
  struct Parts {
    event::Loop& control;
    LoopGroup& loops;
    ListenerSet& listeners;
    Estate& estate;
    /// As the control loop was told.
    Function<bool()> store_up;
    /// Before the store stops: asks no more of it than was asked.
    Function<void()> before_store;
  };
  explicit DrainedGateway(Parts parts) : parts_(std::move(parts)) {}

  std::size_t connections() const override { return parts_.listeners.open_connections(); }
  void retire(Duration grace, Function<void()> done) override;
  void drain_servers() override;
  bool store_up() override { return parts_.store_up(); }
  void count_attempts(Function<void(std::size_t)> done) override;
  void stop_store(Function<void()> done) override;

 private:
  Parts parts_;
};

}  // namespace tocsin::app
