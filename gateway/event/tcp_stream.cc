#include "gateway/event/tcp_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tocsin::event {

Result<TcpStream::Handle*> TcpStream::Handle::open(Loop& loop, int fd) {
  loop.assert_owner();
  auto handle = std::make_unique<Handle>();
  if (const int failed = uv_poll_init(loop.uv(), &handle->poll, fd); failed != 0) {
    ::close(fd);
    return tl::unexpected(system_error(-failed, "cannot watch a socket"));
  }
  handle->poll.data = handle.get();
  return handle.release();
}

void TcpStream::Handle::close(bool reset) {
  owner = nullptr;
  const int socket = fd();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll),
           [](uv_handle_t* closing) { delete static_cast<Handle*>(closing->data); });
  if (reset) {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
  ::close(socket);  // libuv has let go of the number
}

TcpStream::TcpStream(Loop& loop, Handle* handle, const Address& peer)
    : loop_(loop), handle_(handle), peer_(peer) {
  handle_->owner = this;
}

TcpStream::~TcpStream() {
  loop_.assert_owner();
  loop_.cancel_tick_end(*this);
  handle_->close(reset_);
  for (Buffer& buffer : buffers_) loop_.give_output_buffer(std::move(buffer.bytes));
}

void TcpStream::read_start() {
  TOCSIN_ASSERT(events_ != nullptr, "a stream was read without an owner of its events");
  if (reading_ || read_ended_ || failure_ != 0) return;
  reading_ = true;
  watch();
}

// libuv goes on watching until the next bytes come: who stops often starts again before that, and
// each change costs system calls.
void TcpStream::read_stop() {
  if (!reading_) return;
  reading_ = false;
  if (failure_ != 0 && !broken_) loop_.at_tick_end(*this);  // who stops reading hears of it now
}

// Asks libuv for what is wanted now.
void TcpStream::watch() {
  const int wanted = (reading_ ? UV_READABLE : 0) | (full_ ? UV_WRITABLE : 0);
  if (watched_ == wanted) return;
  watched_ = static_cast<std::uint8_t>(wanted);
  if (wanted == 0) {
    uv_poll_stop(&handle_->poll);
  } else {
    uv_poll_start(&handle_->poll, wanted, on_ready);
  }
}

void TcpStream::on_ready(uv_poll_t* poll, int status, int events) {
  auto& handle = *static_cast<Handle*>(poll->data);
  auto* self = static_cast<TcpStream*>(handle.owner);
  if (self == nullptr) return;
  Loop& loop = self->loop_;
  loop.enter();
  // An error stops libuv's watching. Both directions learn it from their own calls, the reader
  // after what arrived before.
  if (status < 0) {
    self->watched_ = 0;
    events = UV_READABLE | UV_WRITABLE;
  }
  if ((events & UV_WRITABLE) != 0 && self->full_) {
    self->full_ = false;
    loop.at_tick_end(*self);
  }
  if ((events & UV_READABLE) != 0) read_waiting(handle);
  if (handle.owner != nullptr) self->watch();
  loop.finish_when_many();
}

void TcpStream::read_waiting(Handle& handle) {
  auto& self = *static_cast<TcpStream*>(handle.owner);
  const std::span<char> slab = self.loop_.read_slab();
  for (int i = 0; i < kReadsAtOnce && self.reading_; ++i) {
    const ssize_t count = ::recv(handle.fd(), slab.data(), slab.size(), 0);
    if (count > 0) {
      if (self.failure_ != 0) self.loop_.at_tick_end(self);
      self.events_->on_data({slab.data(), static_cast<std::size_t>(count)});
      if (handle.owner == nullptr) return;  // on_data may destroy the stream
      if (static_cast<std::size_t>(count) < slab.size()) return;
    } else if (count == 0) {
      return self.on_read_end();
    } else if (errno != EINTR) {
      if (errno != EAGAIN) self.fail_with(self.failure_ != 0 ? self.failure_ : errno);
      return;
    }
  }
}

// An end behind a failed write is one only where the kernel says EPIPE: the peer had ended before
// it refused what we wrote.
void TcpStream::on_read_end() {
  read_stop();
  if (failure_ != 0 && failure_ != EPIPE) {
    fail_with(failure_);
    return;
  }
  read_ended_ = true;
  events_->on_end();
}

bool TcpStream::peer_has_words() const {
  char byte;
  return ::recv(handle_->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// After a write that found the peer gone, so that what arrives is bounded. The kernel says EPIPE
// where the peer's end had come before its reset: that end is still to be told, and what stands
// before it.
bool TcpStream::last_words_due() const {
  return reading_ && (failure_ == EPIPE || (failure_ == ECONNRESET && peer_has_words()));
}

bool TcpStream::write(std::string_view bytes) {
  TOCSIN_ASSERT(!ending_, "written to a stream after its end");
  if (failure_ != 0 || bytes.empty()) return accepts_more();
  if (bytes.size() > kCopyMax && !full_) {
    bytes.remove_prefix(send(bytes));
    if (failure_ != 0) return accepts_more();
  }
  append(bytes);
  if (buffered_ > 0) loop_.at_tick_end(*this);
  return accepts_more();
}

char* TcpStream::reserve(std::size_t bytes) {
  TOCSIN_ASSERT(bytes <= kReserveMax && !ending_, "reserved too much, or after the stream's end");
  if (buffers_.empty() || Loop::kOutputBufferBytes - buffers_.back().end < bytes) {
    buffers_.push_back({loop_.take_output_buffer(), 0, 0});
  }
  return buffers_.back().bytes.get() + buffers_.back().end;
}

bool TcpStream::commit(std::size_t used) {
  if (failure_ != 0) used = 0;
  Buffer& last = buffers_.back();
  last.end += used;
  buffered_ += used;
  if (last.begin == 0 && last.end == used) fold_last();
  if (used > 0) loop_.at_tick_end(*this);
  return accepts_more();
}

// Who reserves much and uses little must not leave a trail of nearly empty buffers: a new one is
// kept only if its bytes do not fit behind those before it.
void TcpStream::fold_last() {
  Buffer& last = buffers_.back();
  if (last.end > 0) {
    if (buffers_.size() < 2) return;
    Buffer& before = buffers_[buffers_.size() - 2];
    if (Loop::kOutputBufferBytes - before.end < last.end) return;
    std::memcpy(before.bytes.get() + before.end, last.bytes.get(), last.end);
    before.end += last.end;
  }
  loop_.give_output_buffer(std::move(last.bytes));
  buffers_.pop_back();
}

void TcpStream::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (buffers_.empty() || buffers_.back().end == Loop::kOutputBufferBytes) {
      buffers_.push_back({loop_.take_output_buffer(), 0, 0});
    }
    Buffer& last = buffers_.back();
    const std::size_t part = std::min(bytes.size(), Loop::kOutputBufferBytes - last.end);
    std::memcpy(last.bytes.get() + last.end, bytes.data(), part);
    last.end += part;
    buffered_ += part;
    bytes.remove_prefix(part);
  }
}

std::size_t TcpStream::fill_vector(iovec* vector) const {
  std::size_t count = 0;
  for (const Buffer& buffer : buffers_) {
    if (count == kBuffersPerWrite) break;
    vector[count++] = {buffer.bytes.get() + buffer.begin, buffer.end - buffer.begin};
  }
  return count;
}

// Offers what waits and then `bytes` to the kernel; returns how many of `bytes` it took.
std::size_t TcpStream::send(std::string_view bytes) {
  iovec vector[kBuffersPerWrite + 1];
  std::size_t count = fill_vector(vector);
  if (!bytes.empty() && buffers_.size() <= kBuffersPerWrite) {
    vector[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  msghdr message{};
  message.msg_iov = vector;
  message.msg_iovlen = count;
  ssize_t taken = 0;
  do {
    taken = count == 1 ? ::send(handle_->fd(), vector[0].iov_base, vector[0].iov_len, MSG_NOSIGNAL)
                       : ::sendmsg(handle_->fd(), &message, MSG_NOSIGNAL);
  } while (taken < 0 && errno == EINTR);
  if (taken < 0) {
    if (errno == EAGAIN || errno == ENOBUFS) {
      full_ = true;
    } else {
      failure_ = errno;
      loop_.at_tick_end(*this);
    }
    return 0;
  }
  const auto sent = static_cast<std::size_t>(taken);
  const std::size_t of_waiting = std::min(sent, buffered_);
  consume(of_waiting);
  return sent - of_waiting;
}

void TcpStream::consume(std::size_t bytes) {
  buffered_ -= bytes;
  while (bytes > 0) {
    Buffer& first = buffers_.front();
    const std::size_t part = std::min(bytes, first.end - first.begin);
    first.begin += part;
    bytes -= part;
    if (first.begin < first.end) return;
    loop_.give_output_buffer(std::move(first.bytes));
    buffers_.erase(buffers_.begin());
  }
}

void TcpStream::on_tick_end() {
  if (failure_ == 0) flush();
  if (failure_ != 0) {
    if (!last_words_due()) fail_with(failure_);
    return;
  }
  if (ending_) finish_end();
  tell_writable();
}

// Goes on until nothing waits or the kernel has no room: only then it will tell of room.
void TcpStream::flush() {
  while (failure_ == 0 && !full_ && buffered_ > 0) send({});
  if (failure_ == 0) watch();
}

void TcpStream::end() {
  ending_ = true;
  loop_.at_tick_end(*this);
}

void TcpStream::finish_end() {
  if (ended_ || buffered_ > 0) return;
  ended_ = true;
  ::shutdown(handle_->fd(), SHUT_WR);
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

void TcpStream::fail_with(int error) {
  if (std::exchange(broken_, true)) return;
  failure_ = error;
  reading_ = full_ = false;
  watch();
  if (events_ == nullptr) return;
  events_->on_broken(system_error(error, "the connection broke", peer_.text()));
}

Result<std::unique_ptr<Stream>> adopt_tcp_socket(Loop& loop, int fd, const Address& peer) {
  auto handle = TcpStream::Handle::open(loop, fd);
  if (!handle) return tl::unexpected(std::move(handle.error()));
  return std::make_unique<TcpStream>(loop, *handle, peer);
}

}  // namespace tocsin::event
