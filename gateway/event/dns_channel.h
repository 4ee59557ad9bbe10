#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/address.h"
#include "gateway/event/fd_watch.h"
#include "gateway/event/resolver.h"
#include "gateway/event/timer_wheel.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace tocsin::event {

/// c-ares on a loop: its sockets are watched, its retransmissions wait on the wheel. Knows
/// questions and answers, no cache. For the resolver alone.
class DnsChannel {
 public:
  struct Answer {
    std::vector<Address> addresses;  ///< never empty, port 0
    Duration ttl{};  ///< the smallest along the chain of aliases, as the server said
  };
  using Done = Function<void(Result<Answer>)>;

  static Result<std::unique_ptr<DnsChannel>> open(Loop& loop, const ResolverOptions& options);
  /// Pending questions end without a call.
  ~DnsChannel();
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  /// Calls `done` once, possibly inside this call; it must not use or destroy the channel.
  void ask(const std::string& name, Done done);

 private:
  struct Question;

  DnsChannel(Loop& loop, std::size_t addresses_max);
  Result<void> configure(const ResolverOptions& options);
  void watch(int fd, bool read, bool write);
  void arm_retransmission();
  Result<Answer> read_answer(int status, const ares_addrinfo* found) const;

  Loop& loop_;
  const std::size_t addresses_max_;
  ares_channeldata* channel_ = nullptr;
  std::unordered_map<int, std::unique_ptr<FdWatch>> watches_;
  Timer retransmission_;
};

}  // namespace tocsin::event
