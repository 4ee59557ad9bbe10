#include "gateway/event/signal_watch.h"

#include <uv.h>

namespace tocsin::event {

struct SignalWatch::Handle {
  uv_signal_t signal{};
  Function<void()> callback;
};

SignalWatch::SignalWatch(Loop& loop, int signal_number, Function<void()> callback)
    : handle_(new Handle) {
  handle_->callback = std::move(callback);
  handle_->signal.data = handle_;
  const int made = uv_signal_init(loop.uv(), &handle_->signal);
  TOCSIN_ASSERT(made == 0, "the system gave no descriptor for signals");
  const int started = uv_signal_start(
      &handle_->signal,
      [](uv_signal_t* signal, int) {
        static_cast<Loop*>(signal->loop->data)->enter();
        static_cast<Handle*>(signal->data)->callback();
      },
      signal_number);
  TOCSIN_ASSERT(started == 0, "a signal that cannot be watched");
}

SignalWatch::~SignalWatch() {
  uv_signal_stop(&handle_->signal);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->signal),
           [](uv_handle_t* handle) { delete static_cast<Handle*>(handle->data); });
}

}  // namespace tocsin::event
