#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/app/access_logs.h"
#include "gateway/base/arena.h"
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
  Worker(std::size_t index, telemetry::Metrics& metrics, AccessLogs& logs);
  /// Cuts what is left, stops the loop and joins.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts the thread and returns when it accepts connections.
  void start(std::vector<ListenerPart> listeners);
  /// Stops accepting; idle connections close now, the others after their exchange.
  void drain();

  event::Loop& loop() { return loop_; }

 private:
  void serve(std::vector<ListenerPart> listeners);

  telemetry::Metrics& metrics_;
  AccessLogs& logs_;
  event::Loop loop_;
  BlockPool pool_;
  std::unique_ptr<LoopAccessLogs> loop_logs_;
  std::vector<std::unique_ptr<http::Server>> servers_;
  std::thread thread_;
};

}  // namespace tocsin::app
