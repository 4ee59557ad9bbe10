#include "gateway/app/worker.h"

#include <pthread.h>

#include <future>

#include "gateway/app/build_listener.h"

namespace tocsin::app {

Worker::Worker(std::size_t index, telemetry::Metrics& metrics, AccessLogs& logs)
    : metrics_(metrics),
      logs_(logs),
      loop_({.name = "worker-" + std::to_string(index), .shard = index}) {}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  loop_.post([this] { servers_.clear(); });
  loop_.stop();
  thread_.join();
}

void Worker::start(std::vector<ListenerPart> listeners) {
  std::promise<void> serving;
  std::future<void> started = serving.get_future();
  loop_.post([&serving] { serving.set_value(); });
  thread_ =
      std::thread([this, parts = std::move(listeners)]() mutable { serve(std::move(parts)); });
  pthread_setname_np(thread_.native_handle(), loop_.name().c_str());
  started.wait();
}

void Worker::serve(std::vector<ListenerPart> listeners) {
  const telemetry::ShardClaim claim(metrics_, loop_.shard());
  loop_logs_ = std::make_unique<LoopAccessLogs>(loop_, logs_);
  for (ListenerPart& part : listeners) {
    servers_.push_back(std::make_unique<http::Server>(
        loop_, std::move(part.socket), server_options(*part.settings), *part.shared, pool_,
        build_routes(part.name, *part.settings, *loop_logs_)));
  }
  loop_.run();
  servers_.clear();
  loop_logs_.reset();
}

void Worker::drain() {
  loop_.post([this] {
    for (const auto& server : servers_) server->drain();
  });
}

}  // namespace tocsin::app
