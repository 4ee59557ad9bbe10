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

void Worker::start() {
  std::promise<void> opened;
  thread_ = std::thread([this, &opened] {
    const telemetry::ShardClaim claim(metrics_, loop_.shard());
    estate_.open();
    opened.set_value();
    loop_.run();
  });
  pthread_setname_np(thread_.native_handle(), loop_.name().c_str());
  opened.get_future().wait();
}

}  // namespace tocsin::app
