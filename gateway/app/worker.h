#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/app/access_logs.h"
#include "gateway/app/loop_notifications.h"
#include "gateway/base/arena.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"
#include "gateway/event/loop.h"
#include "gateway/event/tcp.h"
#include "gateway/http/server.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// One listener as a worker is to serve it.
struct ListenerPart {
  std::string name;
  const Value* settings = nullptr;       ///< its entry under `listeners`; must outlive start()
  event::ListeningSocket socket;         ///< this worker's own, on the shared address
  http::ServerShared* shared = nullptr;  ///< must outlive the worker
};

/// A serving thread: one loop with a server for each listener. Made, told and destroyed by the
/// control thread; everything inside happens on its own.
class Worker {
 public:
  /// `notifications` is open, or null while the configuration has none; it outlives the worker.
  Worker(std::size_t index, telemetry::Metrics& metrics, AccessLogs& logs,
         Notifications* notifications);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts the thread and returns when it accepts connections, or with a plugin's words when one
  /// could not start. `doors` are those of all workers' lanes.
  Result<void> start(std::vector<ListenerPart> listeners, const DoorList& doors);
  /// Stops accepting; idle connections close now, the others after their exchange.
  void drain();
  /// Cuts what is left, stops the loop and joins. Its loop takes no more posts but lives on.
  void stop();
  /// Ends the lanes and calls `done` on the worker's loop when they hold nothing any more.
  void drain_lanes(Duration grace, Function<void()> done);

  event::Loop& loop() { return loop_; }
  /// Null without notifications; of the worker's loop.
  LoopNotifications* notifications() { return notifications_.get(); }

 private:
  Result<void> open(std::vector<ListenerPart>& listeners, const DoorList& doors);
  void close();

  telemetry::Metrics& metrics_;
  AccessLogs& logs_;
  event::Loop loop_;
  BlockPool pool_;
  std::unique_ptr<LoopNotifications> notifications_;
  std::unique_ptr<LoopAccessLogs> loop_logs_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::thread thread_;
};

}  // namespace tocsin::app
