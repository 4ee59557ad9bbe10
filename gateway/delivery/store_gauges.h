#pragma once

#include <memory>

#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"
#include "gateway/stage/storage.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::delivery {

/// Looks at the store every ten seconds and shows its size, the room on its disk and how long the
/// oldest ready delivery is overdue. On one loop; the reading is done in the offload pool, which
/// must have ended before this is destroyed.
class StoreGauges {
 public:
  static constexpr Duration kLookEvery = std::chrono::seconds(10);

  StoreGauges(event::Loop& loop, stage::Storage& storage, event::OffloadPool& pool,
              telemetry::Metrics& metrics);

 private:
  void look();
  void show(const stage::StoreHealth& health);

  event::Loop& loop_;
  stage::Storage& storage_;
  event::OffloadPool& pool_;
  telemetry::Gauge& size_bytes_;
  telemetry::Gauge& disk_free_bytes_;
  telemetry::Gauge& oldest_seconds_;
  event::Timer timer_;
};

}  // namespace tocsin::delivery
