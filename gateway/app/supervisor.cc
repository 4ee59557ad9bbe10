#include "gateway/app/supervisor.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace tocsin::app {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): there is one thread
  return value == nullptr ? std::string_view() : value;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A status is one line.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n') c = ' ';
  }
  return line;
}

}  // namespace

Supervisor::Supervisor() {
  const std::string_view path = variable("NOTIFY_SOCKET");
  // A path, or a name in the abstract space, which begins with @.
  if (path.size() < 2 || path.size() >= sizeof(sockaddr_un::sun_path)) return;
  if (path.front() != '/' && path.front() != '@') return;
  address_ = path;
  if (address_.front() == '@') address_.front() = '\0';
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const std::uint64_t every = number(variable("WATCHDOG_USEC"));
  const std::uint64_t pid = number(variable("WATCHDOG_PID"));
  if (every > 0 && (pid == 0 || pid == static_cast<std::uint64_t>(::getpid()))) {
    alive_every_ = std::chrono::microseconds(every / 2);
  }
}

Supervisor::~Supervisor() {
  if (socket_ >= 0) ::close(socket_);
}

void Supervisor::send(const std::string& message) const {
  if (socket_ < 0) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Whoever does not listen is no reason to stop.
  ::sendto(socket_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&to), length);
}

void Supervisor::ready(std::string_view status) { send("READY=1\nSTATUS=" + one_line(status)); }

void Supervisor::status(std::string_view text) { send("STATUS=" + one_line(text)); }

void Supervisor::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t microseconds = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void Supervisor::stopping(std::string_view status) {
  send("STOPPING=1\nSTATUS=" + one_line(status));
}

void Supervisor::hand_over_to(long pid) {
  send("MAINPID=" + std::to_string(pid));
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  alive_every_.reset();
}

void Supervisor::alive() { send("WATCHDOG=1"); }

}  // namespace tocsin::app
