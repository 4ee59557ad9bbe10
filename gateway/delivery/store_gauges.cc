#include "gateway/delivery/store_gauges.h"

#include <algorithm>

namespace tocsin::delivery {

StoreGauges::StoreGauges(event::Loop& loop, stage::Storage& storage, event::OffloadPool& pool,
                         telemetry::Metrics& metrics)
    : loop_(loop),
      storage_(storage),
      pool_(pool),
      size_bytes_(metrics.gauge("tocsin_store_bytes", "Size of the store on disk.")),
      disk_free_bytes_(
          metrics.gauge("tocsin_store_disk_free_bytes", "Room left on the store's disk.")),
      oldest_seconds_(metrics.gauge("tocsin_outbox_oldest_seconds",
                                    "How long the oldest ready delivery is overdue.")),
      oldest_of_output_seconds_(metrics.gauges(
          "tocsin_outbox_output_oldest_seconds",
          "How long the oldest ready delivery of an output is overdue.", {"output"})),
      timer_(loop.timers(), [this] { look(); }) {
  timer_.arm_after(Duration::zero());
}

StoreGauges::~StoreGauges() {
  if (reading_) reading_->reader = nullptr;
}

void StoreGauges::look() {
  timer_.arm_after(kLookEvery);
  if (reading_) return;  // a slow disk is not asked twice at once
  reading_ = std::make_shared<Reading>(this, fail(Code::kInternal, "nothing read"),
                                       fail(Code::kInternal, "nothing read"));
  const bool taken = pool_.submit(
      loop_,
      [reading = reading_, &storage = storage_] {
        reading->health = storage.query({.what = stage::Query::What::kHealth});
        reading->backlog = storage.query({.what = stage::Query::What::kBacklog});
      },
      [reading = reading_] {
        if (reading->reader == nullptr) return;
        reading->reader->reading_ = nullptr;
        if (reading->health) reading->reader->show(reading->health->health);
        if (reading->backlog) reading->reader->show(reading->backlog->backlog);
      });
  if (!taken) reading_ = nullptr;  // a full pool is no reason to wait: the next look will do
}

void StoreGauges::show(const stage::StoreHealth& health) {
  size_bytes_.set(static_cast<double>(health.size_bytes));
  disk_free_bytes_.set(static_cast<double>(health.free_disk_bytes));
  oldest_seconds_.set(overdue(health.oldest_ready));
}

// An output whose last one is gone is not told of any more, and shows nothing overdue.
void StoreGauges::show(const std::vector<stage::BacklogCount>& backlog) {
  for (const auto& [output, gauge] : shown_) gauge->set(0);
  for (const stage::BacklogCount& count : backlog) {
    telemetry::Gauge*& gauge = shown_[count.output];
    if (gauge == nullptr) gauge = &oldest_of_output_seconds_.with({count.output});
    gauge->set(overdue(count.oldest_ready));
  }
}

double StoreGauges::overdue(std::optional<WallTime> oldest) const {
  const Duration age = oldest ? loop_.wall() - *oldest : Duration::zero();
  return std::max(0.0, std::chrono::duration<double>(age).count());
}

}  // namespace tocsin::delivery
