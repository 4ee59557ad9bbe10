#pragma once

#include <optional>

#include "gateway/plugin/instance.h"
#include "gateway/plugin/storage_operations.h"
#include "gateway/plugin/worker.h"
#include "gateway/stage/storage.h"

namespace tocsin::plugin {

/// A plugin as a store of the outbox, on the storage's loop; reads from any thread that may block.
class StorageAdapter final : public stage::Storage,
                             private Completions::Batches,
                             private AfterCallback {
 public:
  /// `worker` has started and outlives the adapter.
  explicit StorageAdapter(Worker& worker);
  ~StorageAdapter() override;

  bool blocking() const override { return is_blocking(worker_.instance().plugin()); }
  Result<stage::StoreState> open(WallTime now, const stage::OpenOptions& options) override;
  void apply(std::span<stage::Operation* const> batch,
             Function<void(stage::Applied)> done) override;
  Result<stage::QueryResult> query(const stage::Query& query) override;
  Result<std::optional<stage::Record>> get_record(std::string_view collection, std::string_view key,
                                                  WallTime now) override;
  Result<stage::RecordPage> scan_records(const stage::RecordScan& scan, WallTime now) override;
  void close() override;

  /// Before there is a worker: which loop it needs.
  static bool is_blocking(const tocsin_plugin& plugin) { return plugin.storage->blocking != 0; }

 private:
  std::size_t under_way() const override { return applying_ ? 1 : 0; }
  std::uint32_t applied(tocsin_token token, std::uint32_t outcome,
                        const tocsin_fault* fault) override;
  void after_callback() override;

  Worker& worker_;
  StorageOperations operations_;
  tocsin_token batch_ = 0;  // under way; counts up
  bool applying_ = false;
  std::optional<stage::Applied> outcome_;
  Function<void(stage::Applied)> done_;
};

}  // namespace tocsin::plugin
