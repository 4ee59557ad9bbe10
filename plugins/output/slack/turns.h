#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace tocsin::output_slack {

/// Who may act on a subject: one after another, in the order of their coming. The first message of
/// a key must be there before the second one can answer it. Holds no more than the attempts that
/// the gateway has under way.
class Turns {
 public:
  /// Whether it is the attempt's turn at once; otherwise pass() will name it.
  bool take(const std::string& subject, std::uint64_t attempt) {
    std::deque<std::uint64_t>& queue = queues_[subject];
    queue.push_back(attempt);
    return queue.size() == 1;
  }
  /// The attempt is over, whether it had its turn or waited for it. Whose turn it is because of
  /// that; 0: nobody's.
  std::uint64_t pass(const std::string& subject, std::uint64_t attempt);

 private:
  std::unordered_map<std::string, std::deque<std::uint64_t>> queues_;  // in front whose turn it is
};

}  // namespace tocsin::output_slack
