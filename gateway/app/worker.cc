#include "gateway/app/worker.h"

#include <pthread.h>

#include <future>

#include "gateway/app/build_listener.h"

namespace tocsin::app {

Worker::Worker(std::size_t index, telemetry::Metrics& metrics, AccessLogs& logs,
               Notifications* notifications)
    : metrics_(metrics),
      logs_(logs),
      loop_({.name = "worker-" + std::to_string(index), .shard = index}) {
  if (notifications != nullptr) {
    notifications_ = std::make_unique<LoopNotifications>(*notifications, loop_, pool_, index);
  }
}

Worker::~Worker() { stop(); }

void Worker::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] { close(); });
  loop_.stop();
  thread_.join();
}

Result<void> Worker::start(std::vector<ListenerPart> listeners, const DoorList& doors) {
  std::promise<Result<void>> opened;
  std::future<Result<void>> started = opened.get_future();
  thread_ = std::thread([this, &opened, &doors, parts = std::move(listeners)]() mutable {
    const telemetry::ShardClaim claim(metrics_, loop_.shard());
    Result<void> result = open(parts, doors);
    const bool good = result.has_value();
    if (good) loop_.post([&opened] { opened.set_value({}); });
    if (!good) opened.set_value(std::move(result));
    loop_.run();
  });
  pthread_setname_np(thread_.native_handle(), loop_.name().c_str());
  return started.get();
}

Result<void> Worker::open(std::vector<ListenerPart>& listeners, const DoorList& doors) {
  loop_logs_ = std::make_unique<LoopAccessLogs>(loop_, logs_);
  if (notifications_ != nullptr) TOCSIN_TRY(notifications_->start(doors));
  for (ListenerPart& part : listeners) {
    servers_.push_back(std::make_unique<http::Server>(
        loop_, std::move(part.socket), server_options(*part.settings), *part.shared, pool_,
        build_routes(part.name, *part.settings, *loop_logs_, notifications_.get())));
  }
  return {};
}

void Worker::close() {
  servers_.clear();
  if (notifications_ != nullptr) notifications_->finish();
  loop_logs_.reset();
}

void Worker::drain() {
  loop_.post([this] {
    for (const auto& server : servers_) server->drain();
  });
}

void Worker::drain_lanes(Duration grace, Function<void()> done) {
  loop_.post([this, grace, told = std::move(done)]() mutable {
    notifications_->drain(grace, std::move(told));
  });
}

}  // namespace tocsin::app
