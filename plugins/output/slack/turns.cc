#include "turns.h"

#include <algorithm>

namespace tocsin::output_slack {

std::uint64_t Turns::pass(const std::string& subject, std::uint64_t attempt) {
  const auto found = queues_.find(subject);
  if (found == queues_.end()) return 0;
  std::deque<std::uint64_t>& queue = found->second;
  const bool had_turn = queue.front() == attempt;
  queue.erase(std::remove(queue.begin(), queue.end(), attempt), queue.end());
  if (queue.empty()) {
    queues_.erase(found);
    return 0;
  }
  return had_turn ? queue.front() : 0;
}

}  // namespace tocsin::output_slack
