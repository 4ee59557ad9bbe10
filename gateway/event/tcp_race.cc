#include "gateway/event/tcp_race.h"

#include <algorithm>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::event {

std::vector<Address> take_turns(const std::vector<Address>& addresses) {
  std::vector<Address> first;
  std::vector<Address> second;
  for (const Address& address : addresses) {
    (address.family() == addresses.front().family() ? first : second).push_back(address);
  }
  std::vector<Address> turns;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) turns.push_back(first[i]);
    if (i < second.size()) turns.push_back(second[i]);
  }
  return turns;
}

TcpRace::TcpRace(Loop& loop, const std::vector<Address>& addresses, Duration timeout,
                 TcpConnect::Done done)
    : loop_(loop),
      addresses_(take_turns(addresses)),
      deadline_(loop.now() + timeout),
      done_(std::move(done)),
      head_start_(loop.timers(), [this] { start_next(); }) {
  TOCSIN_ASSERT(!addresses_.empty(), "a race to no address");
  runners_.reserve(addresses_.size());
  start_next();
}

void TcpRace::start_next() {
  const std::size_t runner = runners_.size();
  const auto left = std::max<Duration>(deadline_ - loop_.now(), Duration::zero());
  runners_.push_back(std::make_unique<TcpConnect>(
      loop_, addresses_[runner], left, [this, runner](Result<std::unique_ptr<Stream>> outcome) {
        on_outcome(runner, std::move(outcome));
      }));
  ++running_;
  if (runners_.size() < addresses_.size()) head_start_.arm_after(kHeadStart);
}

void TcpRace::on_outcome(std::size_t runner, Result<std::unique_ptr<Stream>> outcome) {
  const std::unique_ptr<TcpConnect> over = std::move(runners_[runner]);  // it is on the stack
  --running_;
  if (!outcome) {
    if (runners_.size() < addresses_.size() && loop_.now() < deadline_) return start_next();
    if (running_ > 0) return;
  }
  head_start_.cancel();
  runners_.clear();
  TcpConnect::Done done = std::move(done_);  // the callback may destroy this race
  done(std::move(outcome));
}

}  // namespace tocsin::event
