#pragma once

#include <uv.h>

#include <memory>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/event/stream.h"

namespace tocsin::event {

/// A stream over libuv's TCP handle. Output waits in buffers lent by the loop:
///
///   buffers_: [ begin..end ) [ begin..end ) [ begin..end ) <- write() appends here
///             '-- in_flight_bytes_ --'  handed to the kernel queue, untouched until it reports
///
/// At the end of a tick everything waiting goes out in one system call; what the kernel does not
/// take becomes one asynchronous write. An idle stream holds neither buffer nor request.
class TcpStream final : public Stream, private TickEnd {
 public:
  /// The part libuv points at: it survives the stream until the close callback frees it.
  struct Handle {
    uv_tcp_t tcp{};
    union Request {  // a connection attempt is over before the first write
      uv_connect_t connect;
      uv_write_t write;
    };
    std::unique_ptr<Request> request;  // null while libuv has nothing to do
    TcpStream* stream = nullptr;
    void* connecting = nullptr;
    struct Buffer {
      std::unique_ptr<char[]> bytes;
      std::size_t begin = 0;
      std::size_t end = 0;
    };
    std::vector<Buffer> buffers;  // few: output stops at the high watermark

    static Handle* open(Loop& loop);
    /// Frees the handle once libuv lets go of it.
    void close(bool reset);
  };

  TcpStream(Loop& loop, Handle* handle, const Address& peer);
  ~TcpStream() override;

  void set_events(Events& events) override { events_ = &events; }
  void read_start() override;
  void read_stop() override;
  bool write(std::string_view bytes) override;
  char* reserve(std::size_t bytes) override;
  bool commit(std::size_t used) override;
  void end() override;
  void reset_on_close() override { reset_ = true; }
  std::size_t buffered() const override { return buffered_; }
  const Address& peer() const override { return peer_; }
  Loop& loop() const override { return loop_; }

 private:
  static constexpr std::size_t kBuffersPerWrite = 16;
  /// Larger writes are tried at once instead of being copied first.
  static constexpr std::size_t kCopyMax = 8 * 1024;

  void on_tick_end() override;
  void on_read(ssize_t count, const uv_buf_t* buffer);
  void on_written(int status);
  int peek() const;
  int failure_behind_end() const;
  bool last_words_due() const;
  void append(std::string_view bytes);
  void fold_last();
  std::size_t try_write_with(std::string_view bytes);
  std::size_t fill_vector(uv_buf_t* vector) const;
  void consume(std::size_t bytes);
  void start_async_write();
  void finish_end();
  bool accepts_more();
  void tell_writable();
  void fail_with(int uv_error);

  Loop& loop_;
  Handle* handle_;
  Events* events_ = nullptr;
  Address peer_;
  std::size_t buffered_ = 0;
  std::size_t in_flight_bytes_ = 0;
  int failure_ = 0;      // a libuv error, the first; on_broken tells it
  bool broken_ = false;  // on_broken was called
  bool reading_ = false;
  bool read_ended_ = false;
  bool above_high_water_ = false;
  bool ending_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

/// Wraps a connected non-blocking socket, which the stream owns from then on, also on failure.
Result<std::unique_ptr<Stream>> adopt_tcp_socket(Loop& loop, int fd, const Address& peer);

}  // namespace tocsin::event
