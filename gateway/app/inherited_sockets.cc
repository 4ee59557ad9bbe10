#include "gateway/app/inherited_sockets.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

namespace tocsin::app {

namespace {

constexpr int kFirstFd = 3;  // SD_LISTEN_FDS_START

// NOLINTBEGIN(concurrency-mt-unsafe): called while there is one thread.
std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

std::optional<long> number(std::string_view text) {
  long value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The next of the names, which stand apart by colons.
std::string next_name(std::string_view& names) {
  const std::size_t colon = names.find(':');
  std::string name(names.substr(0, colon));
  names.remove_prefix(colon == std::string_view::npos ? names.size() : colon + 1);
  return name;
}

}  // namespace

Result<void> InheritedSockets::take_from_systemd() {
  const auto pid = number(variable("LISTEN_PID"));
  const std::string written(variable("LISTEN_FDS"));
  const std::string names(variable("LISTEN_FDNAMES"));
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (!pid || *pid != ::getpid() || written.empty()) return {};  // another process's
  const auto count = number(written);
  if (!count || *count <= 0) {
    return fail(Code::kInvalid, "LISTEN_FDS is no number of sockets: " + written);
  }
  std::string_view left = names;
  for (long i = 0; i < *count; ++i) {
    TOCSIN_TRY(add(next_name(left), kFirstFd + static_cast<int>(i), From::kServiceManager));
  }
  return {};
}
// NOLINTEND(concurrency-mt-unsafe)

Result<void> InheritedSockets::take_over(std::string name, int fd) {
  return add(std::move(name), fd, From::kProcessBefore);
}

Result<void> InheritedSockets::add(std::string name, int fd, From from) {
  if (sockets_.size() >= kSocketsMax) return fail(Code::kFull, "too many sockets were inherited");
  TOCSIN_TRY_SET(socket, event::ListeningSocket::adopt(fd));
  sockets_.push_back({std::move(name), std::move(socket), from});
  return {};
}

std::vector<event::ListeningSocket> InheritedSockets::take(std::string_view listener,
                                                           const ListenAddress& address) {
  std::vector<event::ListeningSocket> taken;
  const auto take_those = [&](auto&& meant) {
    std::vector<Inherited> rest;
    for (Inherited& one : sockets_) {
      if (meant(one)) {
        taken.push_back(std::move(one.socket));
      } else {
        rest.push_back(std::move(one));
      }
    }
    sockets_ = std::move(rest);
  };
  take_those([&](const Inherited& one) {
    return one.name == listener &&
           (one.from == From::kServiceManager || address.is_met_by(one.socket.address()));
  });
  if (taken.empty() && address.address.port() != 0) {
    take_those([&](const Inherited& one) { return address.is_met_by(one.socket.address()); });
  }
  return taken;
}

bool InheritedSockets::overlaps(const ListenAddress& address) const {
  return std::ranges::any_of(sockets_, [&](const Inherited& one) {
    ListenAddress bound;
    bound.address = one.socket.address();
    bound.every_address = bound.address.ip() == "::";  // it may be one for both families
    return one.from == From::kProcessBefore && address.overlaps(bound);
  });
}

std::vector<std::string> InheritedSockets::close_rest() {
  std::vector<std::string> left;
  for (const Inherited& one : sockets_) {
    std::string shown = one.socket.address().text();
    if (!one.name.empty()) shown += " (" + one.name + ")";
    // The process before had one for each loop.
    if (std::ranges::find(left, shown) == left.end()) left.push_back(std::move(shown));
  }
  sockets_.clear();
  return left;
}

}  // namespace tocsin::app
