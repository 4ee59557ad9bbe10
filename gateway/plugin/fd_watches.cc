#include "gateway/plugin/fd_watches.h"

#include <fcntl.h>

#include <string>

#include "gateway/plugin/worker.h"

namespace tocsin::plugin {

namespace {

constexpr std::uint32_t kAllEvents = TOCSIN_FD_READABLE | TOCSIN_FD_WRITABLE;

void want(event::FdWatch& watch, std::uint32_t events) {
  watch.want((events & TOCSIN_FD_READABLE) != 0, (events & TOCSIN_FD_WRITABLE) != 0);
}

}  // namespace

tocsin_token FdWatches::watch(int fd, std::uint32_t events, Ready fn, void* user) {
  if (fn == nullptr || events == 0 || (events & ~kAllEvents) != 0) {
    return worker_.misused("fd_watch without a function, or for no known event"), 0;
  }
  // One that rests the loop does not know of.
  const auto same = [fd](const Watched& watched) { return watched.fd == fd; };
  if (table_.find_if(same) != 0) return 0;
  tocsin_token token = 0;
  Watched* watched = table_.add(token);
  if (watched == nullptr) return 0;
  auto made = event::FdWatch::make(
      worker_.loop(), fd, [this, watched](event::FdWatch::Ready ready) { tell(*watched, ready); });
  if (!made) return unwatch(token), 0;
  *watched = {token, fd, events, fn, user, std::move(*made)};
  want(*watched->watch, events);
  return token;
}

std::uint32_t FdWatches::change(tocsin_token token, std::uint32_t events) {
  if ((events & ~kAllEvents) != 0) return worker_.misused("fd_change for no known event");
  Watched* watched = table_.find(token);
  if (watched == nullptr) return worker_.late("fd_change");
  // The loop takes it for its own fault when a descriptor that it is to watch is closed.
  if (::fcntl(watched->fd, F_GETFD) < 0) {
    return worker_.misused("fd_change of a descriptor that was closed before fd_unwatch");
  }
  watched->events = events;
  want(*watched->watch, events);
  return TOCSIN_OK;
}

void FdWatches::tell(const Watched& watched, event::FdWatch::Ready ready) {
  std::uint32_t events = 0;
  if (ready.readable || ready.failed) events |= TOCSIN_FD_READABLE;
  if (ready.writable || ready.failed) events |= TOCSIN_FD_WRITABLE;
  events &= watched.events;
  if (events == 0) return;
  const Ready fn = watched.fn;
  void* user = watched.user;
  const Worker::Inside inside(worker_, "fd");
  fn(user, events);  // may end the watch
}

}  // namespace tocsin::plugin
