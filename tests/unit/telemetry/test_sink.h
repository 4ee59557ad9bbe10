#pragma once

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/telemetry/sink.h"

namespace tocsin::telemetry {

/// What a test and its sink share: the bytes written, a gate that holds the writer, faults to come.
class SinkState {
 public:
  /// From here on write() waits until open() is called.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }
  /// Returns once a writer stands before the closed gate.
  void wait_for_writer() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return held_ > 0; });
  }
  /// The next writes take what is queued here instead of everything, in order.
  void fail_next(Written written) {
    const std::lock_guard lock(mutex_);
    faults_.push_back(written);
  }

  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::string rest = text();
    for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
      lines.push_back(rest.substr(0, end));
    }
    if (!rest.empty()) lines.push_back(rest + "<no newline>");
    return lines;
  }
  int writes() const {
    const std::lock_guard lock(mutex_);
    return writes_;
  }
  int reopens() const {
    const std::lock_guard lock(mutex_);
    return reopens_;
  }

  Written write(std::string_view bytes) {
    std::unique_lock lock(mutex_);
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !closed_; });
    --held_;
    ++writes_;
    Written written{bytes.size(), 0};
    if (!faults_.empty()) {
      written = faults_.front();
      faults_.pop_front();
    }
    text_ += bytes.substr(0, written.bytes);
    return written;
  }
  void reopen() {
    const std::lock_guard lock(mutex_);
    ++reopens_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  std::deque<Written> faults_;
  bool closed_ = false;
  int held_ = 0;
  int writes_ = 0;
  int reopens_ = 0;
};

/// A sink in memory; the state outlives it, so a test may look after the log has ended.
class TestSink final : public ByteSink {
 public:
  explicit TestSink(std::shared_ptr<SinkState> state) : state_(std::move(state)) {}
  Written write(std::string_view bytes) override { return state_->write(bytes); }
  Result<void> reopen() override {
    state_->reopen();
    return {};
  }

 private:
  const std::shared_ptr<SinkState> state_;
};

}  // namespace tocsin::telemetry
