#include "gateway/event/fd_watch.h"

#include <uv.h>

namespace tocsin::event {

// libuv points at it, so it outlives the watch until the close callback.
struct FdWatch::Handle {
  uv_poll_t poll{};
  Callback callback;
  int events = 0;
  bool watching = true;  // the watch still exists

  void start() { uv_poll_start(&poll, events, on_ready); }
  static void on_ready(uv_poll_t* poll, int status, int ready);
};

void FdWatch::Handle::on_ready(uv_poll_t* poll, int status, int ready) {
  static_cast<Loop*>(poll->loop->data)->enter();
  auto* self = static_cast<Handle*>(poll->data);
  if (!self->watching) return;
  const bool failed = status < 0;
  // libuv stops at an error; this watch tells until its owner has enough.
  if (failed) self->start();
  self->callback({failed || (ready & UV_READABLE) != 0, (ready & UV_WRITABLE) != 0, failed});
}

FdWatch::FdWatch(Loop& loop, int fd, Callback callback) : handle_(new Handle) {
  loop.assert_owner();
  handle_->callback = std::move(callback);
  handle_->poll.data = handle_;
  const int made = uv_poll_init(loop.uv(), &handle_->poll, fd);
  TOCSIN_ASSERT(made == 0, "a descriptor that cannot be watched, or is watched already");
}

FdWatch::~FdWatch() {
  static_cast<Loop*>(handle_->poll.loop->data)->assert_owner();
  handle_->watching = false;
  uv_poll_stop(&handle_->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

void FdWatch::want(bool read, bool write) {
  handle_->events = (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);
  if (handle_->events == 0) {
    uv_poll_stop(&handle_->poll);
  } else {
    handle_->start();
  }
}

}  // namespace tocsin::event
