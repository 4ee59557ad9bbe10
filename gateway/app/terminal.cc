// Signals are blocked and read from a descriptor: nothing runs inside a handler, and one that comes
// while a gateway is asked waits until the answer is there.

#include "gateway/app/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>

namespace tocsin::app {

namespace {

constexpr const char* kEnter = "\x1B[?1049h\x1B[?25l";  // another screen, no cursor
constexpr const char* kLeave = "\x1B[?25h\x1B[?1049l";
constexpr char kControlC = '\x03';

sigset_t told_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) sigaddset(&set, number);
  return set;
}

void write_now(const char* text) {
  std::fputs(text, stdout);
  std::fflush(stdout);
}

}  // namespace

Terminal::Terminal(bool live) : live_(live) {
  const sigset_t set = told_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (!live_) return;
  if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  write_now(kEnter);
}

// The mask stays as it is: a signal that is still waiting must not end us now.
Terminal::~Terminal() {
  if (keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  if (live_) write_now(kLeave);
  if (signals_ >= 0) ::close(signals_);
}

Terminal::Woken Terminal::wait(Duration most) {
  std::array<pollfd, 2> watched = {pollfd{signals_, POLLIN, 0}, pollfd{STDIN_FILENO, POLLIN, 0}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(most, Duration::zero()));
  const int timeout = static_cast<int>(std::min<std::int64_t>(ms.count(), 3'600'000));
  if (::poll(watched.data(), keys_ ? 2 : 1, timeout) <= 0) return Woken::kTime;
  if (watched[0].revents != 0) return read_signal();
  return read_keys();
}

Terminal::Woken Terminal::read_signal() const {
  signalfd_siginfo told{};
  if (::read(signals_, &told, sizeof told) != sizeof told) return Woken::kSoon;
  return told.ssi_signo == SIGWINCH ? Woken::kSoon : Woken::kQuit;
}

// Nothing to be read although there is something is a terminal that was closed.
Terminal::Woken Terminal::read_keys() {
  std::array<char, 64> keys{};
  const auto count = ::read(STDIN_FILENO, keys.data(), keys.size());
  if (count <= 0) return Woken::kQuit;
  const auto end = keys.begin() + count;
  const bool quit =
      std::any_of(keys.begin(), end, [](char c) { return c == 'q' || c == 'Q' || c == kControlC; });
  if (quit) return Woken::kQuit;
  return std::find(keys.begin(), end, ' ') != end ? Woken::kSoon : Woken::kTime;
}

Terminal::Size Terminal::size() const {
  winsize found{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_row == 0 || found.ws_col == 0) {
    return {};
  }
  return {found.ws_row, found.ws_col};
}

}  // namespace tocsin::app
