#include "gateway/event/fd_watch.h"

#include <uv.h>

#include <utility>

namespace tocsin::event {

// libuv points at it, so it outlives the watch until the close callback.
struct FdWatch::Handle {
  uv_poll_t poll{};
  Callback callback;
  int events = 0;
  bool watching = true;  // the watch still exists

  int begin(Loop& loop, int fd, Callback told);
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

// libuv leaves a handle that it refuses as it was.
int FdWatch::Handle::begin(Loop& loop, int fd, Callback told) {
  loop.assert_owner();
  callback = std::move(told);
  poll.data = this;
  return uv_poll_init(loop.uv(), &poll, fd);
}

FdWatch::FdWatch(Loop& loop, int fd, Callback callback) : handle_(new Handle) {
  const int made = handle_->begin(loop, fd, std::move(callback));
  TOCSIN_ASSERT(made == 0, "a descriptor that cannot be watched, or is watched already");
}

Result<std::unique_ptr<FdWatch>> FdWatch::make(Loop& loop, int fd, Callback callback) {
  auto handle = std::make_unique<Handle>();
  const int made = handle->begin(loop, fd, std::move(callback));
  if (made != 0) return fail(Code::kInvalid, ::uv_strerror(made));
  return std::unique_ptr<FdWatch>(new FdWatch(handle.release()));
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
