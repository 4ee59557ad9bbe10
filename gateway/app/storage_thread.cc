#include "gateway/app/storage_thread.h"

#include <pthread.h>

#include <utility>

#include "gateway/plugin/services.h"
#include "gateway/plugin/worker.h"

namespace tocsin::app {

StorageThread::StorageThread(plugin::Instance& instance, telemetry::Metrics& metrics,
                             telemetry::Log& log, std::size_t shard,
                             const delivery::FrontOptions& options)
    : instance_(instance),
      metrics_(metrics),
      log_(log),
      options_(options),
      loop_({.name = "storage", .shard = shard}) {}

StorageThread::~StorageThread() {
  if (!thread_.joinable()) return;
  loop_.stop();
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::kOpen) phase_ = Phase::kUnwanted;
    changed_.notify_all();
  }
  thread_.join();
}

Result<void> StorageThread::open() {
  thread_ = std::thread([this] { work(); });
  pthread_setname_np(thread_.native_handle(), loop_.name().c_str());
  wait_while(Phase::kOpening);
  return std::move(opened_);
}

void StorageThread::serve() { enter(Phase::kServing); }

void StorageThread::stop(event::Loop& loop, Function<void()> done) {
  loop_.post([this, &loop, told = std::move(done)]() mutable {
    front_->stop([&loop, told = std::move(told)]() mutable { loop.post(std::move(told)); });
  });
}

// Everything of the store is made, used and ended on this thread.
void StorageThread::work() {
  const telemetry::ShardClaim claim(metrics_, loop_.shard());
  opened_ = open_store();
  enter(opened_ ? Phase::kOpen : Phase::kFailed);
  if (opened_) {
    // One that nobody wants runs no tick: its ports are gone.
    if (wait_while(Phase::kOpen) == Phase::kServing) loop_.run();
  }
  front_.reset();
  storage_.reset();
  if (worker_ != nullptr) worker_->finish();
}

Result<void> StorageThread::open_store() {
  const plugin::Environment environment{.loop = loop_, .may_block = true};
  TOCSIN_TRY_SET(worker, instance_.start_worker(environment));
  worker_ = worker;
  storage_ = std::make_unique<plugin::StorageAdapter>(*worker_);
  front_ = std::make_unique<delivery::OutboxFront>(loop_, *storage_, metrics_, log_, options_);
  return front_->open();
}

void StorageThread::enter(Phase phase) {
  const std::lock_guard lock(mutex_);
  phase_ = phase;
  changed_.notify_all();
}

StorageThread::Phase StorageThread::wait_while(Phase phase) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return phase_ != phase; });
  return phase_;
}

}  // namespace tocsin::app
