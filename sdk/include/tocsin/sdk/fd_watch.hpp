#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "tocsin/sdk/host.hpp"

namespace tocsin::sdk {

/// Tells when a descriptor of the plugin's can be read or written, for libraries that bring their
/// own sockets. Stays where it was made; its end ends the watch, and must come before the
/// descriptor is closed.
class FdWatch {
 public:
  static constexpr std::uint32_t kRead = TOCSIN_FD_READABLE;
  static constexpr std::uint32_t kWrite = TOCSIN_FD_WRITABLE;
  /// Comes each time round the loop while one of the events asked for holds; an error counts as all
  /// of them. It may change, stop, begin anew or destroy the watch.
  using Callback = std::function<void(std::uint32_t events)>;

  FdWatch(Host host, Callback callback)
      : host_(host), callback_(std::make_shared<Callback>(std::move(callback))) {}
  ~FdWatch() { stop(); }
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  /// Ends what was watched before. False: no event is asked for, the descriptor is watched already
  /// or cannot be, or there are too many.
  bool start(int fd, std::uint32_t events) {
    stop();
    token_ = host_.c_host().fd_watch(host_.c_worker(), fd, events, ready, this);
    return token_ != 0;
  }
  /// From now on for these events; none: it rests. False: nothing is watched.
  bool change(std::uint32_t events) {
    return watching() && host_.c_host().fd_change(host_.c_worker(), token_, events) == TOCSIN_OK;
  }
  void stop() {
    if (token_ != 0) host_.c_host().fd_unwatch(host_.c_worker(), std::exchange(token_, 0));
  }
  bool watching() const { return token_ != 0; }

 private:
  static void ready(void* user, std::uint32_t events) {
    auto* watch = static_cast<FdWatch*>(user);
    // The callback may destroy what it is part of.
    const Host host = watch->host_;
    const auto callback = watch->callback_;
    const auto tell = [&] { (*callback)(events); };
    host.run("a descriptor's watch", tell);
  }

  Host host_;
  std::shared_ptr<Callback> callback_;
  tocsin_token token_ = 0;
};

}  // namespace tocsin::sdk
