#pragma once

#include <sys/uio.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "gateway/event/loop.h"
#include "gateway/event/stream.h"

namespace tocsin::event {

/// A connected TCP socket. libuv says when it is ready, reading and writing are our own. Output
/// waits in buffers lent by the loop:
///
///   buffers_: [ begin..end ) [ begin..end ) [ begin..end ) <- write() appends here
///
/// At the end of a tick everything waiting goes out in one system call; what the kernel does not
/// take waits until it has room again. An idle stream holds no buffer.
class TcpStream final : public Stream, private TickEnd {
 public:
  /// The part libuv points at: it survives the stream until the close callback frees it.
  struct Handle {
    uv_poll_t poll{};
    void* owner = nullptr;  ///< the stream, before that the attempt to connect; null: closed

    /// A handle that waits for nothing yet. Takes the non-blocking socket; closes it on failure.
    static Result<Handle*> open(Loop& loop, int fd);
    int fd() const { return poll.io_watcher.fd; }
    /// Closes the socket at once and frees the handle when libuv lets go of it.
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
  /// Full slabs read before others get their turn.
  static constexpr int kReadsAtOnce = 32;

  struct Buffer {
    std::unique_ptr<char[]> bytes;
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  static void on_ready(uv_poll_t* poll, int status, int events);
  void on_tick_end() override;
  void watch();
  static void read_waiting(Handle& handle);
  void on_read_end();
  bool peer_has_words() const;
  bool last_words_due() const;
  void append(std::string_view bytes);
  void fold_last();
  std::size_t send(std::string_view bytes);
  std::size_t fill_vector(iovec* vector) const;
  void consume(std::size_t bytes);
  void flush();
  void finish_end();
  bool accepts_more();
  void tell_writable();
  void fail_with(int error);

  Loop& loop_;
  Handle* handle_;
  Events* events_ = nullptr;
  Address peer_;
  std::vector<Buffer> buffers_;  // few: output stops at the high watermark
  std::size_t buffered_ = 0;
  int failure_ = 0;           // an errno, the first; on_broken tells it
  std::uint8_t watched_ = 0;  // what libuv was asked to tell
  bool broken_ = false;       // on_broken was called
  bool full_ = false;         // the kernel took no more: its word is awaited
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
