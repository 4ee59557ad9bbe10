#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"
#include "gateway/stage/storage.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::delivery {

/// Looks at the store every ten seconds and shows its size, the room on its disk and how long the
/// oldest ready delivery, in all and of each output, is overdue. On one loop; the reading is done
/// in the offload pool, where the storage must outlive it. What is read after this ended is shown
/// nowhere.
class StoreGauges {
 public:
  static constexpr Duration kLookEvery = std::chrono::seconds(10);

  StoreGauges(event::Loop& loop, stage::Storage& storage, event::OffloadPool& pool,
              telemetry::Metrics& metrics);
  ~StoreGauges();
  StoreGauges(const StoreGauges&) = delete;
  StoreGauges& operator=(const StoreGauges&) = delete;

 private:
  struct Reading {
    StoreGauges* reader;  // null: it has ended
    Result<stage::QueryResult> health;
    Result<stage::QueryResult> backlog;
  };

  void look();
  void show(const stage::StoreHealth& health);
  void show(const std::vector<stage::BacklogCount>& backlog);
  double overdue(std::optional<WallTime> oldest) const;

  event::Loop& loop_;
  stage::Storage& storage_;
  event::OffloadPool& pool_;
  telemetry::Gauge& size_bytes_;
  telemetry::Gauge& disk_free_bytes_;
  telemetry::Gauge& oldest_seconds_;
  telemetry::Family<telemetry::Gauge>& oldest_of_output_seconds_;
  std::map<std::string, telemetry::Gauge*> shown_;  // outputs that had something once
  std::shared_ptr<Reading> reading_;
  event::Timer timer_;
};

}  // namespace tocsin::delivery
