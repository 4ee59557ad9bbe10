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
      timer_(loop.timers(), [this] { look(); }) {
  timer_.arm_after(Duration::zero());
}

StoreGauges::~StoreGauges() {
  if (reading_) reading_->reader = nullptr;
}

void StoreGauges::look() {
  timer_.arm_after(kLookEvery);
  if (reading_) return;  // a slow disk is not asked twice at once
  reading_ = std::make_shared<Reading>(this, fail(Code::kInternal, "nothing read"));
  const bool taken = pool_.submit(
      loop_,
      [reading = reading_, &storage = storage_] {
        reading->found = storage.query({.what = stage::Query::What::kHealth});
      },
      [reading = reading_] {
        if (reading->reader == nullptr) return;
        reading->reader->reading_ = nullptr;
        if (reading->found) reading->reader->show(reading->found->health);
      });
  if (!taken) reading_ = nullptr;  // a full pool is no reason to wait: the next look will do
}

void StoreGauges::show(const stage::StoreHealth& health) {
  size_bytes_.set(static_cast<double>(health.size_bytes));
  disk_free_bytes_.set(static_cast<double>(health.free_disk_bytes));
  const Duration overdue =
      health.oldest_ready ? loop_.wall() - *health.oldest_ready : Duration::zero();
  oldest_seconds_.set(std::max(0.0, std::chrono::duration<double>(overdue).count()));
}

}  // namespace tocsin::delivery
