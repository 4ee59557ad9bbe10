#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

#include "tocsin/plugin.h"

namespace tocsin::testing {

/// Watched descriptors, of which a test says when they are ready; the part of FakeHost that needs
/// nothing else of it. Numbers are never looked at as descriptors.
class FakeFds {
 public:
  static constexpr std::size_t kWatchesMax = 256;

  FakeFds(const FakeFds&) = delete;
  FakeFds& operator=(const FakeFds&) = delete;

  /// Calls back whoever watches `fd` for one of `events` (enum tocsin_fd_event). False: nobody
  /// does.
  bool ready(int fd, std::uint32_t events) {
    for (const auto& [token, watch] : watches_) {
      if (watch.fd != fd || (watch.events & events) == 0) continue;
      watch.fn(watch.user, watch.events & events);  // may end any watch
      return true;
    }
    return false;
  }
  /// The events that are asked of `fd`; 0: it is not watched, or rests.
  std::uint32_t watched_for(int fd) const {
    const auto watch = find(fd);
    return watch == watches_.end() ? 0 : watch->second.events;
  }
  std::size_t watches() const { return watches_.size(); }

 protected:
  FakeFds() = default;
  ~FakeFds() = default;

  void end_watches() { watches_.clear(); }

  /// Fills in the functions, for a host that is what a tocsin_worker is.
  template <typename Host>
  static void lend_fds(tocsin_host& table) {
    table.fd_watch = [](tocsin_worker* w, std::int32_t fd, std::uint32_t events,
                        void (*fn)(void*, std::uint32_t),
                        void* user) { return of<Host>(w).watch({fd, events, fn, user}); };
    table.fd_change = [](tocsin_worker* w, tocsin_token token, std::uint32_t events) {
      return of<Host>(w).change(token, events);
    };
    table.fd_unwatch = [](tocsin_worker* w, tocsin_token token) {
      of<Host>(w).watches_.erase(token);
    };
  }

 private:
  struct Watch {
    int fd;
    std::uint32_t events;
    void (*fn)(void*, std::uint32_t);
    void* user;
  };
  using Watches = std::map<tocsin_token, Watch>;
  static constexpr std::uint32_t kAll = TOCSIN_FD_READABLE | TOCSIN_FD_WRITABLE;

  template <typename Host>
  static FakeFds& of(tocsin_worker* handle) {
    return *reinterpret_cast<Host*>(handle);
  }
  Watches::const_iterator find(int fd) const {
    return std::find_if(watches_.begin(), watches_.end(),
                        [fd](const auto& watch) { return watch.second.fd == fd; });
  }
  tocsin_token watch(const Watch& watch) {
    const bool possible = watch.fd >= 0 && watch.events != 0 && (watch.events & ~kAll) == 0 &&
                          watches_.size() < kWatchesMax && find(watch.fd) == watches_.end();
    if (!possible) return 0;
    watches_.emplace(++tokens_, watch);
    return tokens_;
  }
  std::uint32_t change(tocsin_token token, std::uint32_t events) {
    if ((events & ~kAll) != 0) return TOCSIN_INVALID;
    const auto watch = watches_.find(token);
    if (watch == watches_.end()) return TOCSIN_GONE;
    watch->second.events = events;
    return TOCSIN_OK;
  }

  tocsin_token tokens_ = 0;
  Watches watches_;
};

}  // namespace tocsin::testing
