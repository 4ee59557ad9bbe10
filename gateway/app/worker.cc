#include "gateway/app/worker.h"

#include <pthread.h>

#include <future>

namespace tocsin::app {

Worker::Worker(std::size_t index, telemetry::Metrics& metrics, Estate& shared, AccessLogs& logs)
    : metrics_(metrics),
      loop_({.name = "worker-" + std::to_string(index), .shard = index}),
      estate_(shared, logs, loop_, index) {}

Worker::~Worker() { stop(); }

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { estate_.finish(); });
  loop_.stop();
  thread_.join();
}

Result<void> Worker::start() {
  std::promise<Result<void>> opened;
  std::future<Result<void>> started = opened.get_future();
  thread_ = std::thread([this, &opened] {
    const telemetry::ShardClaim claim(metrics_, loop_.shard());
    opened.set_value(estate_.open());
    loop_.run();
  });
  pthread_setname_np(thread_.native_handle(), loop_.name().c_str());
  return started.get();
}

}  // namespace tocsin::app
