// What is done waits in the queue for the control loop, and not in a task posted to it: at the end
// of the process such a task would never run, and what it holds would end with the loop, after all
// that it stands on.

#include "gateway/app/construction_thread.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <utility>

namespace tocsin::app {

struct ConstructionThread::Queue {
  struct Job {
    Function<void()> work;
    Function<void()> done;  // may be empty
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;               // guarded by mutex, as all below
  std::deque<Function<void()>> done;  // for the control loop
  bool busy = false;
  bool closed = false;
};

ConstructionThread::ConstructionThread(event::Loop& control)
    : control_(control), queue_(std::make_shared<Queue>()), thread_([this] { work(); }) {
  pthread_setname_np(thread_.native_handle(), "construction");
}

ConstructionThread::~ConstructionThread() {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->closed = true;
    queue_->changed.notify_all();
  }
  thread_.join();
  // What these hold may be kept here: it finds the queue closed and ends at once.
  const std::deque<Function<void()>> never_called = std::move(queue_->done);
}

void ConstructionThread::run(Function<void()> work, Function<void()> done) {
  const std::lock_guard lock(queue_->mutex);
  queue_->jobs.push_back({std::move(work), std::move(done)});
  queue_->changed.notify_all();
}

void ConstructionThread::run_and_wait(Function<void()> work) {
  std::promise<void> worked;
  run(
      [&work, &worked] {
        work();
        worked.set_value();
      },
      {});
  worked.get_future().wait();
}

bool ConstructionThread::rests_within(Duration limit) {
  std::unique_lock lock(queue_->mutex);
  return queue_->changed.wait_for(lock, limit,
                                  [this] { return queue_->jobs.empty() && !queue_->busy; });
}

void ConstructionThread::end_later(Queue& queue, std::shared_ptr<const void> object) {
  std::unique_lock lock(queue.mutex);
  if (queue.closed) {
    lock.unlock();
    return object.reset();
  }
  queue.jobs.push_back({[object = std::move(object)]() mutable { object.reset(); }, {}});
  queue.changed.notify_all();
}

void ConstructionThread::finish_done(const std::weak_ptr<Queue>& queue) {
  const std::shared_ptr<Queue> there = queue.lock();
  if (there == nullptr) return;
  std::deque<Function<void()>> done;
  {
    const std::lock_guard lock(there->mutex);
    done.swap(there->done);
  }
  for (Function<void()>& one : done) one();
}

void ConstructionThread::work() {
  Queue& queue = *queue_;
  std::unique_lock lock(queue.mutex);
  for (;;) {
    queue.changed.wait(lock, [&] { return queue.closed || !queue.jobs.empty(); });
    if (queue.jobs.empty()) return;
    Queue::Job job = std::move(queue.jobs.front());
    queue.jobs.pop_front();
    queue.busy = true;
    lock.unlock();
    job.work();
    job.work = nullptr;
    lock.lock();
    queue.busy = false;
    queue.changed.notify_all();
    if (!job.done) continue;
    queue.done.push_back(std::move(job.done));
    control_.post([there = std::weak_ptr<Queue>(queue_)] { finish_done(there); });
  }
}

}  // namespace tocsin::app
