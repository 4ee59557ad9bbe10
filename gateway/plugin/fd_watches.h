#pragma once

#include <cstdint>
#include <memory>

#include "gateway/event/fd_watch.h"
#include "gateway/plugin/token_table.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

class Worker;

/// The descriptors of its own that a worker has watched. Loop thread.
class FdWatches {
 public:
  static constexpr std::size_t kWatchesMax = 256;

  using Ready = void (*)(void* user, std::uint32_t events);

  explicit FdWatches(Worker& worker) : worker_(worker) {}

  /// 0: no event is asked for, the descriptor cannot be watched or is, or there are kWatchesMax.
  tocsin_token watch(int fd, std::uint32_t events, Ready fn, void* user);
  /// OK, GONE, INVALID.
  std::uint32_t change(tocsin_token token, std::uint32_t events);
  /// A token that is over is nothing.
  void unwatch(tocsin_token token) { (void)table_.take(token); }

 private:
  struct Watched {
    tocsin_token token = 0;
    int fd = -1;
    std::uint32_t events = 0;
    Ready fn = nullptr;
    void* user = nullptr;
    std::unique_ptr<event::FdWatch> watch;
  };
  void tell(const Watched& watched, event::FdWatch::Ready ready);

  Worker& worker_;
  TokenTable<Watched> table_{7, kWatchesMax};
};

}  // namespace tocsin::plugin
