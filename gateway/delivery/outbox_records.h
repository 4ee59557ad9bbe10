#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "gateway/delivery/outbox_port.h"
#include "gateway/event/offload_pool.h"
#include "gateway/stage/records.h"

namespace tocsin::delivery {

/// Records on one loop: changes go through the front, into the batch with everything else, reads to
/// the storage's own connections in the offload pool. Outlives what it was asked.
class OutboxRecords final : public stage::Records {
 public:
  /// Changes under way at a time, and the bytes of their keys and values; more are refused with
  /// kFull.
  static constexpr std::size_t kChangesMax = 1024;
  static constexpr std::size_t kChangeBytesMax = std::size_t{4} << 20;

  OutboxRecords(OutboxPort& port, stage::Storage& storage, event::OffloadPool& pool);
  ~OutboxRecords() override;
  OutboxRecords(const OutboxRecords&) = delete;
  OutboxRecords& operator=(const OutboxRecords&) = delete;

  void get(std::string_view collection, std::string_view key,
           Function<void(Result<std::optional<stage::Record>>)> done) override;
  void put(stage::RecordPut put, Function<void(Result<stage::RecordOutcome>)> done) override;
  void remove(std::string_view collection, std::string_view key, stage::RecordVersion if_version,
              Function<void(Result<stage::RecordOutcome>)> done) override;
  void scan(stage::RecordScan scan, Function<void(Result<stage::RecordPage>)> done) override;

 private:
  class Change;

  void submit(std::unique_ptr<Change> change);

  OutboxPort& port_;
  stage::Storage& storage_;
  event::OffloadPool& pool_;
  std::size_t changes_ = 0;
  // Set at its end: what the front answers later finds nobody. A process that ends does not wait
  // for a store that hangs.
  const std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);
  std::size_t change_bytes_ = 0;
};

}  // namespace tocsin::delivery
