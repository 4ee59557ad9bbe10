#include "gateway/event/tcp_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/event/unseen_close.h"

namespace tocsin::event {

TcpStream::Handle* TcpStream::Handle::open(Loop& loop) {
  loop.assert_owner();
  auto* handle = new Handle;
  uv_tcp_init(loop.uv(), &handle->tcp);
  handle->tcp.data = handle;
  return handle;
}

void TcpStream::Handle::close(bool reset) {
  stream = nullptr;
  connecting = nullptr;
  const auto freed = [](uv_handle_t* closing) {
    auto* self = static_cast<Handle*>(closing->data);
    auto& loop = *static_cast<Loop*>(closing->loop->data);
    for (Buffer& buffer : self->buffers) loop.give_output_buffer(std::move(buffer.bytes));
    delete self;
  };
  uv_os_fd_t fd = -1;
  uv_fileno(reinterpret_cast<uv_handle_t*>(&tcp), &fd);
  const UnseenClose unseen(fd);
  if (!reset || uv_tcp_close_reset(&tcp, freed) != 0) {
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp), freed);
  }
}

TcpStream::TcpStream(Loop& loop, Handle* handle, const Address& peer)
    : loop_(loop), handle_(handle), peer_(peer) {
  handle_->stream = this;
}

TcpStream::~TcpStream() {
  loop_.assert_owner();
  loop_.cancel_tick_end(*this);
  handle_->close(reset_);
}

void TcpStream::read_start() {
  TOCSIN_ASSERT(events_ != nullptr, "a stream was read without an owner of its events");
  if (reading_ || read_ended_ || failure_ != 0) return;
  reading_ = true;
  uv_read_start(
      reinterpret_cast<uv_stream_t*>(&handle_->tcp),
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        const std::span<char> slab = static_cast<Loop*>(handle->loop->data)->read_slab();
        *buffer = uv_buf_init(slab.data(), static_cast<unsigned>(slab.size()));
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
        TcpStream* self = static_cast<Handle*>(stream->data)->stream;
        if (self != nullptr) self->on_read(count, buffer);
      });
}

void TcpStream::read_stop() {
  if (!reading_) return;
  reading_ = false;
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&handle_->tcp));
  if (failure_ != 0 && !broken_) loop_.at_tick_end(*this);  // who stops reading hears of it now
}

void TcpStream::on_read(ssize_t count, const uv_buf_t* buffer) {
  loop_.enter();
  if (count > 0) {
    Loop& loop = loop_;  // on_data may destroy the stream
    if (failure_ != 0) loop.at_tick_end(*this);
    events_->on_data({buffer->base, static_cast<std::size_t>(count)});
    loop.finish_when_many();
  } else if (count == UV_EOF) {
    read_stop();
    if (const int failed = failure_behind_end(); failed != 0) {
      fail_with(failed);
      return;
    }
    read_ended_ = true;
    events_->on_end();
  } else if (count < 0) {
    fail_with(failure_ != 0 ? failure_ : static_cast<int>(count));
  }
}

// 1: bytes wait to be read; 0: the end does; else an error, UV_EAGAIN for nothing yet.
int TcpStream::peek() const {
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&handle_->tcp), &fd) != 0) return UV_EBADF;
  char byte;
  const ssize_t count = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 ? -errno : static_cast<int>(count);
}

// libuv also reports an end when the connection died behind the last bytes read. Only the kernel
// knows whether the peer really ended: a cut answer must not pass for a whole one.
int TcpStream::failure_behind_end() const {
  if (failure_ != 0) return failure_ == UV_EPIPE ? 0 : failure_;
  const int waiting = peek();
  return waiting < 0 && waiting != UV_EAGAIN ? waiting : 0;
}

// After a write that found the peer gone, so that what arrives is bounded. The kernel says EPIPE
// where the peer's end had come before its reset: that end is still to be told, and what stands
// before it.
bool TcpStream::last_words_due() const {
  return reading_ && (failure_ == UV_EPIPE || (failure_ == UV_ECONNRESET && peek() > 0));
}

bool TcpStream::write(std::string_view bytes) {
  TOCSIN_ASSERT(!ending_, "written to a stream after its end");
  if (failure_ != 0 || bytes.empty()) return accepts_more();
  if (bytes.size() > kCopyMax && in_flight_bytes_ == 0) {
    bytes.remove_prefix(try_write_with(bytes));
    if (failure_ != 0) return accepts_more();
  }
  append(bytes);
  if (buffered_ > 0) loop_.at_tick_end(*this);
  return accepts_more();
}

char* TcpStream::reserve(std::size_t bytes) {
  TOCSIN_ASSERT(bytes <= kReserveMax && !ending_, "reserved too much, or after the stream's end");
  auto& buffers = handle_->buffers;
  if (buffers.empty() || Loop::kOutputBufferBytes - buffers.back().end < bytes) {
    buffers.push_back({loop_.take_output_buffer(), 0, 0});
  }
  return buffers.back().bytes.get() + buffers.back().end;
}

bool TcpStream::commit(std::size_t used) {
  if (failure_ != 0) used = 0;
  Handle::Buffer& last = handle_->buffers.back();
  last.end += used;
  buffered_ += used;
  if (last.begin == 0 && last.end == used) fold_last();
  if (used > 0) loop_.at_tick_end(*this);
  return accepts_more();
}

// Who reserves much and uses little must not leave a trail of nearly empty buffers: a new one is
// kept only if its bytes do not fit behind those before it.
void TcpStream::fold_last() {
  auto& buffers = handle_->buffers;
  Handle::Buffer& last = buffers.back();
  if (last.end > 0) {
    if (buffers.size() < 2) return;
    Handle::Buffer& before = buffers[buffers.size() - 2];
    if (Loop::kOutputBufferBytes - before.end < last.end) return;
    std::memcpy(before.bytes.get() + before.end, last.bytes.get(), last.end);
    before.end += last.end;
  }
  loop_.give_output_buffer(std::move(last.bytes));
  buffers.pop_back();
}

void TcpStream::append(std::string_view bytes) {
  auto& buffers = handle_->buffers;
  while (!bytes.empty()) {
    if (buffers.empty() || buffers.back().end == Loop::kOutputBufferBytes) {
      buffers.push_back({loop_.take_output_buffer(), 0, 0});
    }
    Handle::Buffer& last = buffers.back();
    const std::size_t part = std::min(bytes.size(), Loop::kOutputBufferBytes - last.end);
    std::memcpy(last.bytes.get() + last.end, bytes.data(), part);
    last.end += part;
    buffered_ += part;
    bytes.remove_prefix(part);
  }
}

std::size_t TcpStream::fill_vector(uv_buf_t* vector) const {
  std::size_t count = 0;
  for (const Handle::Buffer& buffer : handle_->buffers) {
    if (count == kBuffersPerWrite) break;
    vector[count++] = uv_buf_init(buffer.bytes.get() + buffer.begin,
                                  static_cast<unsigned>(buffer.end - buffer.begin));
  }
  return count;
}

// Offers what waits and then `bytes` to the kernel; returns how many of `bytes` it took.
std::size_t TcpStream::try_write_with(std::string_view bytes) {
  uv_buf_t vector[kBuffersPerWrite + 1];
  std::size_t count = fill_vector(vector);
  if (!bytes.empty() && handle_->buffers.size() <= kBuffersPerWrite) {
    vector[count++] =
        uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  }
  const int taken = uv_try_write(reinterpret_cast<uv_stream_t*>(&handle_->tcp), vector,
                                 static_cast<unsigned>(count));
  if (taken == UV_EAGAIN) return 0;
  if (taken < 0) {
    failure_ = taken;
    loop_.at_tick_end(*this);
    return 0;
  }
  const auto sent = static_cast<std::size_t>(taken);
  const std::size_t of_waiting = std::min(sent, buffered_);
  consume(of_waiting);
  return sent - of_waiting;
}

void TcpStream::consume(std::size_t bytes) {
  buffered_ -= bytes;
  auto& buffers = handle_->buffers;
  while (bytes > 0) {
    Handle::Buffer& first = buffers.front();
    const std::size_t part = std::min(bytes, first.end - first.begin);
    first.begin += part;
    bytes -= part;
    if (first.begin < first.end) return;
    loop_.give_output_buffer(std::move(first.bytes));
    buffers.erase(buffers.begin());
  }
}

void TcpStream::on_tick_end() {
  if (failure_ == 0 && in_flight_bytes_ == 0 && buffered_ > 0) {
    try_write_with({});
    if (failure_ == 0 && buffered_ > 0) start_async_write();
  }
  if (failure_ != 0) {
    if (!last_words_due()) fail_with(failure_);
    return;
  }
  if (ending_) finish_end();
  tell_writable();
}

void TcpStream::start_async_write() {
  uv_buf_t vector[kBuffersPerWrite];
  const std::size_t count = fill_vector(vector);
  for (std::size_t i = 0; i < count; ++i) in_flight_bytes_ += vector[i].len;
  handle_->request = std::make_unique<Handle::Request>();
  uv_write_t* request = &handle_->request->write;
  request->data = handle_;
  const int failed = uv_write(request, reinterpret_cast<uv_stream_t*>(&handle_->tcp), vector,
                              static_cast<unsigned>(count), [](uv_write_t* done, int status) {
                                TcpStream* self = static_cast<Handle*>(done->data)->stream;
                                if (self != nullptr) self->on_written(status);
                              });
  if (failed != 0) failure_ = failed;
}

void TcpStream::on_written(int status) {
  loop_.enter();
  handle_->request.reset();
  const std::size_t bytes = std::exchange(in_flight_bytes_, 0);
  if (status == 0) {
    consume(bytes);
  } else if (failure_ == 0) {
    failure_ = status;
  }
  loop_.at_tick_end(*this);
}

void TcpStream::end() {
  ending_ = true;
  loop_.at_tick_end(*this);
}

void TcpStream::finish_end() {
  if (ended_ || buffered_ > 0) return;
  ended_ = true;
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&handle_->tcp), &fd) == 0) ::shutdown(fd, SHUT_WR);
}

bool TcpStream::accepts_more() {
  if (buffered_ > kHighWater) above_high_water_ = true;
  return !above_high_water_;
}

void TcpStream::tell_writable() {
  if (!above_high_water_ || buffered_ > kLowWater) return;
  above_high_water_ = false;
  if (events_ != nullptr) events_->on_writable();  // may destroy the stream
}

void TcpStream::fail_with(int uv_error) {
  if (std::exchange(broken_, true)) return;
  read_stop();
  failure_ = uv_error;
  if (events_ == nullptr) return;
  events_->on_broken(system_error(-uv_error, "the connection broke", peer_.text()));
}

Result<std::unique_ptr<Stream>> adopt_tcp_socket(Loop& loop, int fd, const Address& peer) {
  TcpStream::Handle* handle = TcpStream::Handle::open(loop);
  if (const int failed = uv_tcp_open(&handle->tcp, fd); failed != 0) {
    ::close(fd);
    handle->close(false);
    return tl::unexpected(system_error(-failed, "cannot take over a socket"));
  }
  return std::make_unique<TcpStream>(loop, handle, peer);
}

}  // namespace tocsin::event
