#pragma once

#include <string>
#include <thread>

#include "gateway/app/loop_estate.h"
#include "gateway/base/result.h"
#include "gateway/event/loop.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::app {

/// A serving thread: one loop with its share of the estate. Made, started and stopped by the
/// control thread.
class Worker {
 public:
  /// All of it outlives the worker.
  Worker(std::size_t index, telemetry::Metrics& metrics, Estate& shared, AccessLogs& logs);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts the thread; it serves nothing before a snapshot is installed.
  void start();
  /// Cuts what is left, stops the loop and joins. Its loop takes no more posts but lives on.
  void stop();

  event::Loop& loop() { return loop_; }
  LoopEstate& estate() { return estate_; }

 private:
  telemetry::Metrics& metrics_;
  event::Loop loop_;
  LoopEstate estate_;
  std::thread thread_;
};

}  // namespace tocsin::app
