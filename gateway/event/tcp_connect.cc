#include <uv.h>

#include <utility>

#include "gateway/event/tcp.h"
#include "gateway/event/tcp_stream.h"

namespace tocsin::event {

class TcpConnect::Impl {
 public:
  Impl(Loop& loop, const Address& to, Duration timeout, Done done)
      : loop_(loop),
        to_(to),
        done_(std::move(done)),
        handle_(TcpStream::Handle::open(loop)),
        timer_(loop.timers(), [this] { time_is_up(); }) {
    handle_->connecting = this;
    handle_->request = std::make_unique<TcpStream::Handle::Request>();
    uv_connect_t* attempt = &handle_->request->connect;
    attempt->data = handle_;
    failure_ =
        uv_tcp_connect(attempt, &handle_->tcp, to.data(), [](uv_connect_t* request, int status) {
          auto* handle = static_cast<TcpStream::Handle*>(request->data);
          if (handle->connecting == nullptr) return;
          auto* self = static_cast<Impl*>(handle->connecting);
          self->loop_.enter();
          self->finish(status);
        });
    // A failure known already is still told from the loop, not from here.
    timer_.arm_after(failure_ == 0 ? timeout : Duration::zero());
  }

  ~Impl() {
    if (handle_ != nullptr) handle_->close(false);
  }

 private:
  void time_is_up() { finish(failure_ == 0 ? UV_ETIMEDOUT : failure_); }

  void finish(int status) {
    timer_.cancel();
    Done done = std::move(done_);  // the callback may destroy this attempt
    TcpStream::Handle* handle = std::exchange(handle_, nullptr);
    handle->connecting = nullptr;
    if (status != 0) {
      handle->close(false);  // or a late answer would follow the one given now
      done(tl::unexpected(system_error(-status, "cannot connect", to_.text())));
      return;
    }
    handle->request.reset();
    uv_tcp_nodelay(&handle->tcp, 1);
    done(std::unique_ptr<Stream>(std::make_unique<TcpStream>(loop_, handle, to_)));
  }

  Loop& loop_;
  Address to_;
  Done done_;
  TcpStream::Handle* handle_;
  int failure_ = 0;
  Timer timer_;
};

TcpConnect::TcpConnect(Loop& loop, const Address& to, Duration timeout, Done done)
    : impl_(std::make_unique<Impl>(loop, to, timeout, std::move(done))) {}
TcpConnect::~TcpConnect() = default;

}  // namespace tocsin::event
