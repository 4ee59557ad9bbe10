#include "gateway/plugin/trial_child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace tocsin::plugin {

namespace {

int reaped(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Result<TrialChild> TrialChild::start(Function<void(int fd)> work) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return tl::unexpected(system_error(errno, "no pipe for a trial"));
  const pid_t child = ::fork();
  if (child < 0) {
    const int why = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return tl::unexpected(system_error(why, "no child process for a trial"));
  }
  if (child == 0) {
    ::close(ends[0]);
    work(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  return TrialChild(child, ends[0]);
}

void TrialChild::tell(int fd, const void* bytes, std::size_t count) {
  const char* at = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::write(fd, at, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    at += written;
    count -= static_cast<std::size_t>(written);
  }
}

TrialChild::TrialChild(TrialChild&& other) noexcept
    : child_(std::exchange(other.child_, -1)), fd_(std::exchange(other.fd_, -1)) {}

TrialChild::~TrialChild() {
  if (child_ >= 0) {
    ::kill(child_, SIGKILL);
    reaped(child_);
  }
  if (fd_ >= 0) ::close(fd_);
}

bool TrialChild::hear(void* bytes, std::size_t count, MonoTime until) {
  char* at = static_cast<char*>(bytes);
  while (count > 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - SystemClock::instance().mono());
    pollfd watched{fd_, POLLIN, 0};
    const int ready =
        ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t got = ::read(fd_, at, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

std::string TrialChild::end() {
  const pid_t child = std::exchange(child_, -1);
  ::kill(child, SIGKILL);  // one that hangs; one that is dead already does not mind
  const int status = reaped(child);
  if (WIFEXITED(status)) {
    return "it ended the process with exit code " + std::to_string(WEXITSTATUS(status));
  }
  const int signal = WTERMSIG(status);
  if (signal == SIGKILL) return "it did not return in time";
  const char* name = ::sigabbrev_np(signal);
  return "it died with SIG" + std::string(name == nullptr ? std::to_string(signal) : name);
}

}  // namespace tocsin::plugin
