#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/delivery/outbox_front.h"
#include "gateway/event/loop.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/storage_adapter.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// The store of the outbox with its front, on a loop and a thread of their own, which may block.
/// Made, told and destroyed by the control thread.
class StorageThread {
 public:
  /// `instance` is a storage and outlives this object, as does what is passed by reference. The
  /// loop writes the metrics' shard `shard`.
  StorageThread(plugin::Instance& instance, telemetry::Metrics& metrics, telemetry::Log& log,
                std::size_t shard, const delivery::FrontOptions& options);
  /// Stops the loop and joins. Every port is gone; a store that was never served is closed as it
  /// was opened.
  ~StorageThread();
  StorageThread(const StorageThread&) = delete;
  StorageThread& operator=(const StorageThread&) = delete;

  /// Starts the thread and opens the store. Errors are the storage's: what is wrong, and what to
  /// do.
  Result<void> open();
  /// Begins to serve. Between open() and serve() ports may be made.
  void serve();
  /// Applies what waits, closes the store, then calls `done` on `loop`. Once, after serve().
  void stop(event::Loop& loop, Function<void()> done);

  /// Valid once open.
  delivery::OutboxFront& front() { return *front_; }
  stage::Storage& storage() { return *storage_; }

 private:
  enum class Phase { kOpening, kOpen, kFailed, kServing, kUnwanted };
  void work();
  Result<void> open_store();
  void enter(Phase phase);
  Phase wait_while(Phase phase);

  plugin::Instance& instance_;
  telemetry::Metrics& metrics_;
  telemetry::Log& log_;
  const delivery::FrontOptions options_;
  event::Loop loop_;
  plugin::Worker* worker_ = nullptr;
  std::unique_ptr<plugin::StorageAdapter> storage_;
  std::unique_ptr<delivery::OutboxFront> front_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::kOpening;  // guarded by mutex_
  Result<void> opened_;
  std::thread thread_;
};

}  // namespace tocsin::app
