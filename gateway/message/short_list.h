#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <type_traits>
#include <vector>

namespace tocsin::message {

/// A list whose first items need no allocation and no initialisation.
template <typename T, std::size_t kInside>
class ShortList {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  ShortList() = default;
  ShortList(const ShortList&) = delete;
  ShortList& operator=(const ShortList&) = delete;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return spilled_.empty() ? inside() : spilled_.data(); }
  const T* begin() const { return spilled_.empty() ? inside() : spilled_.data(); }
  T* end() { return begin() + size_; }
  const T* end() const { return begin() + size_; }
  T& operator[](std::size_t i) { return begin()[i]; }
  const T& operator[](std::size_t i) const { return begin()[i]; }
  T& back() { return begin()[size_ - 1]; }
  const T& back() const { return begin()[size_ - 1]; }

  void push(const T& item) {
    if (spilled_.empty() && size_ < kInside) {
      new (inside() + size_++) T(item);
      return;
    }
    if (spilled_.empty()) spilled_.assign(inside(), inside() + size_);
    spilled_.resize(size_);
    spilled_.push_back(item);
    ++size_;
  }
  /// Forgets what stands at `size` and behind.
  void shrink(std::size_t size) { size_ = std::min(size, size_); }

 private:
  T* inside() { return std::launder(reinterpret_cast<T*>(storage_)); }
  const T* inside() const { return std::launder(reinterpret_cast<const T*>(storage_)); }

  std::size_t size_ = 0;
  alignas(T) std::byte storage_[kInside * sizeof(T)];
  std::vector<T> spilled_;
};

}  // namespace tocsin::message
