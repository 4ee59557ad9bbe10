#include "gateway/telemetry/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace tocsin::telemetry {
namespace {

// A standard stream may be a pipe that somebody made non-blocking; so long a full one is waited
// for.
constexpr int kWritableWaitMs = 1000;

bool wait_writable(int fd) {
  pollfd watched{fd, POLLOUT, 0};
  return poll(&watched, 1, kWritableWaitMs) > 0;
}

Written write_all(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t taken = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (taken >= 0) {
      done += static_cast<std::size_t>(taken);
    } else if (errno == EAGAIN && wait_writable(fd)) {
      continue;
    } else if (errno != EINTR) {
      return {done, errno};
    }
  }
  return {done, 0};
}

// Without waiting: a named pipe nobody reads would keep us here for ever.
Result<int> open_for_append(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
  const int fd = ::open(path.c_str(), kFlags, 0640);
  if (fd < 0 && errno == ENXIO) {
    return fail(Code::kUnavailable, "it is a named pipe and nobody reads it", path);
  }
  if (fd < 0) return tl::unexpected<Error>(system_error(errno, "cannot open the log file", path));
  return fd;
}

class FileSink final : public ByteSink {
 public:
  FileSink(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~FileSink() override { ::close(fd_); }

  Written write(std::string_view bytes) override { return write_all(fd_, bytes); }

  // The number of the descriptor stays the same and dup3 replaces what it means in one step, so a
  // write going on in another thread ends up in the old file or the new one, whole.
  Result<void> reopen() override {
    TOCSIN_TRY_SET(fresh, open_for_append(path_));
    const int replaced = ::dup3(fresh, fd_, O_CLOEXEC);
    const int error_number = errno;
    ::close(fresh);
    if (replaced < 0) {
      return tl::unexpected<Error>(
          system_error(error_number, "cannot replace the log file", path_));
    }
    return {};
  }

 private:
  const std::string path_;
  const int fd_;
};

class StandardSink final : public ByteSink {
 public:
  explicit StandardSink(int fd) : fd_(fd) {}
  Written write(std::string_view bytes) override { return write_all(fd_, bytes); }
  Result<void> reopen() override { return {}; }

 private:
  const int fd_;
};

}  // namespace

Result<std::unique_ptr<ByteSink>> open_file_sink(std::string path) {
  TOCSIN_TRY_SET(fd, open_for_append(path));
  return std::make_unique<FileSink>(std::move(path), fd);
}

std::unique_ptr<ByteSink> standard_output_sink() {
  return std::make_unique<StandardSink>(STDOUT_FILENO);
}

std::unique_ptr<ByteSink> standard_error_sink() {
  return std::make_unique<StandardSink>(STDERR_FILENO);
}

void LineWriter::write(std::string_view lines) {
  Written written;
  if (torn_) {
    written = sink_->write("\n");
    torn_ = written.error_number != 0;
    written.bytes = 0;
  }
  if (!torn_) {
    written = sink_->write(lines);
    bytes_written_.fetch_add(written.bytes, std::memory_order_relaxed);
  }
  if (written.error_number == 0) return;

  last_error_.store(written.error_number, std::memory_order_relaxed);
  errors_.fetch_add(1, std::memory_order_relaxed);
  const std::string_view lost = lines.substr(written.bytes);
  lines_lost_.fetch_add(static_cast<std::uint64_t>(std::count(lost.begin(), lost.end(), '\n')),
                        std::memory_order_relaxed);
  if (written.bytes > 0) torn_ = lines[written.bytes - 1] != '\n';
}

}  // namespace tocsin::telemetry
