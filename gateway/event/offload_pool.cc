// A pool of our own instead of libuv's: that one is shared by everything in the process, has no
// bound on its queue, and cannot be joined.
#include "gateway/event/offload_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace tocsin::event {

class OffloadPool::Impl {
 public:
  Impl(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
    TOCSIN_ASSERT(threads > 0, "a pool without threads would never do its work");
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { serve(); });
    }
  }

  ~Impl() {
    std::deque<Job> dropped;  // destroyed after the lock is released: a job may hold anything
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      dropped.swap(waiting_);
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  bool submit(Loop& loop, Function<void()> work, Function<void()> done) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= queue_max_) return false;
      waiting_.push_back(Job{&loop, std::move(work), std::move(done)});
    }
    changed_.notify_one();
    return true;
  }

  std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }

 private:
  struct Job {
    Loop* loop = nullptr;
    Function<void()> work;
    Function<void()> done;
  };

  void serve() {
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        job = std::move(waiting_.front());
        waiting_.pop_front();
      }
      job.work();
      job.work = nullptr;
      job.loop->post(std::move(job.done));
    }
  }

  const std::size_t queue_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;  // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  std::vector<std::thread> threads_;
};

OffloadPool::OffloadPool(std::size_t threads, std::size_t queue_max)
    : impl_(std::make_unique<Impl>(threads, queue_max)) {}
OffloadPool::~OffloadPool() = default;

bool OffloadPool::submit(Loop& loop, Function<void()> work, Function<void()> done) {
  return impl_->submit(loop, std::move(work), std::move(done));
}

std::size_t OffloadPool::waiting() const { return impl_->waiting(); }

}  // namespace tocsin::event
