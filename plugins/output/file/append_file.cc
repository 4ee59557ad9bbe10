#include "append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace file {

namespace {

std::string failed(std::string_view doing) {
  return std::string(doing) + ": " + std::generic_category().message(errno);
}

}  // namespace

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::string AppendFile::open(const std::string& path) {
  path_ = path;
  return open_again();
}

// A pipe that nobody reads is an error and not worth waiting for.
std::string AppendFile::open_again() {
  constexpr int kHow = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
  const int fd = ::open(path_.c_str(), kHow | O_NONBLOCK, 0640);
  if (fd < 0) return failed("cannot open " + path_);
  ::fcntl(fd, F_SETFL, O_APPEND);
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  looked_ = cut_ = false;
  return {};
}

// What was moved away or deleted would take every line and show none. Pipes and devices stay.
bool AppendFile::in_place() const {
  struct stat ours{};
  struct stat there{};
  if (::fstat(fd_, &ours) != 0 || !S_ISREG(ours.st_mode)) return true;
  return ::stat(path_.c_str(), &there) == 0 && there.st_dev == ours.st_dev &&
         there.st_ino == ours.st_ino;
}

// Asked before the first line and not when the file is opened: until then another process may be
// at work on it. What cannot be read, as a pipe or a file of others, counts as whole.
bool AppendFile::ends_cut() const {
  struct stat file{};
  if (::fstat(fd_, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size == 0) return false;
  const std::string itself = "/proc/self/fd/" + std::to_string(fd_);
  const int reader = ::open(itself.c_str(), O_RDONLY | O_CLOEXEC);
  if (reader < 0) return false;
  char last = '\n';
  const bool read = ::pread(reader, &last, 1, file.st_size - 1) == 1;
  ::close(reader);
  return read && last != '\n';
}

std::string AppendFile::append(std::string_view lines, bool sync) {
  if (!in_place()) {
    if (std::string error = open_again(); !error.empty()) return error;
  }
  if (!std::exchange(looked_, true)) cut_ = ends_cut();
  if (cut_) {
    if (std::string error = write_all("\n"); !error.empty()) return error;
    cut_ = false;
  }
  if (std::string error = write_all(lines); !error.empty()) return error;
  if (sync && ::fdatasync(fd_) != 0) return failed("cannot write to the disk");
  return {};
}

std::string AppendFile::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    cut_ = !bytes.empty();
  }
  return {};
}

}  // namespace file
