#pragma once

#include <memory>
#include <utility>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/loop.h"
#include "gateway/event/offload_pool.h"

namespace tocsin::delivery {

inline Error store_cannot_commit() {
  return {Code::kUnavailable, "the store cannot commit now", {}};
}
inline Error store_asked_too_much() {
  return {Code::kFull, "too much is asked of the store at once", {}};
}

/// Runs `read` in the pool and hands what it returned to `done` on the loop, where a full pool is
/// told as well; never inside the call.
template <typename T, typename Read>
void read_in_pool(event::OffloadPool& pool, event::Loop& loop, Read read,
                  Function<void(Result<T>)> done) {
  struct Job {
    Read read;
    Function<void(Result<T>)> done;
    Result<T> result = fail(Code::kInternal, "nothing was read");
  };
  auto job = std::make_shared<Job>(Job{std::move(read), std::move(done)});
  const bool queued = pool.submit(
      loop, [job] { job->result = job->read(); }, [job] { job->done(std::move(job->result)); });
  if (queued) return;
  loop.post([job] { job->done(tl::unexpected(store_asked_too_much())); });
}

}  // namespace tocsin::delivery
