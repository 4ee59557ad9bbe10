#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tocsin::sdk {

/// What is under way, by token. What is over is kept to be used again, up to `spare_max`, so that
/// the steady state allocates nothing. One thread; values stay where they were made.
template <typename T>
class Pending {
 public:
  static constexpr std::size_t kSpareDefault = 1024;

  explicit Pending(std::size_t spare_max = kSpareDefault) : spare_max_(spare_max) {}
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  /// A value for a token that has none: a used one as it was left, else one made from `arguments`.
  template <typename... Arguments>
  T& add(std::uint64_t token, Arguments&&... arguments) {
    if (spare_.empty()) {
      return values_.try_emplace(token, std::forward<Arguments>(arguments)...).first->second;
    }
    auto node = std::move(spare_.back());
    spare_.pop_back();
    node.key() = token;
    return values_.insert(std::move(node)).position->second;
  }
  /// Null when there is none.
  T* find(std::uint64_t token) {
    const auto found = values_.find(token);
    return found == values_.end() ? nullptr : &found->second;
  }
  /// False when there was none.
  bool remove(std::uint64_t token) {
    auto node = values_.extract(token);
    if (node.empty()) return false;
    if (spare_.size() < spare_max_) spare_.push_back(std::move(node));
    return true;
  }
  /// Ends all that is under way.
  void clear() {
    const Values ended = std::exchange(values_, Values());  // one's end may add another
  }
  std::size_t size() const { return values_.size(); }

 private:
  using Values = std::unordered_map<std::uint64_t, T>;

  std::size_t spare_max_;
  Values values_;
  std::vector<typename Values::node_type> spare_;
};

}  // namespace tocsin::sdk
