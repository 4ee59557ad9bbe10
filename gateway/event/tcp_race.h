#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "gateway/event/tcp.h"
#include "gateway/event/timer_wheel.h"

namespace tocsin::event {

/// The same addresses with the families taking turns, the family of the first one first (RFC 8305
/// 4): a family that leads nowhere costs one head start and not its whole list.
std::vector<Address> take_turns(const std::vector<Address>& addresses);

/// Connects to the first of several addresses that answers (RFC 8305, "happy eyeballs"). Each gets
/// a head start before the next is tried beside it; a failure starts the next at once. The
/// resolver answers for both families together, so there is no answer to wait for here.
class TcpRace {
 public:
  static constexpr Duration kHeadStart = std::chrono::milliseconds(250);

  /// `addresses` is not empty. Calls `done` once, never inside the constructor, with the stream of
  /// the winner, or with the last failure; `timeout` is for all of them. `done` may destroy the
  /// race.
  TcpRace(Loop& loop, const std::vector<Address>& addresses, Duration timeout,
          TcpConnect::Done done);
  TcpRace(const TcpRace&) = delete;
  TcpRace& operator=(const TcpRace&) = delete;

 private:
  void start_next();
  void on_outcome(std::size_t runner, Result<std::unique_ptr<Stream>> outcome);

  Loop& loop_;
  const std::vector<Address> addresses_;
  const MonoTime deadline_;
  TcpConnect::Done done_;
  Timer head_start_;
  std::vector<std::unique_ptr<TcpConnect>> runners_;  // one for each address tried; null: failed
  std::size_t running_ = 0;
};

}  // namespace tocsin::event
