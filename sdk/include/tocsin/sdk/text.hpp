#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "tocsin/plugin.h"

namespace tocsin::sdk {

inline constexpr tocsin_str to_c(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(tocsin_str text) {
  return text.ptr == nullptr ? std::string_view() : std::string_view(text.ptr, text.len);
}

/// An array of the contract, whose items are `stride` bytes apart. Borrows it.
template <typename T>
class Items {
 public:
  Items() = default;
  Items(const T* first, std::size_t count, std::size_t stride)
      : first_(reinterpret_cast<const char*>(first)), count_(count), stride_(stride) {}

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  const T& operator[](std::size_t index) const {
    return *reinterpret_cast<const T*>(first_ + index * stride_);
  }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    Iterator(const Items& items, std::size_t index) : items_(&items), index_(index) {}
    const T& operator*() const { return (*items_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const Items* items_;
    std::size_t index_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, count_}; }

 private:
  const char* first_ = nullptr;
  std::size_t count_ = 0;
  std::size_t stride_ = 0;
};

/// Compares as names of header fields are: without the case of ASCII letters.
inline bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/// The first header of that name; empty when there is none.
inline std::string_view find_header(const Items<tocsin_header>& headers, std::string_view name) {
  for (const tocsin_header& header : headers) {
    if (same_name(view(header.name), name)) return view(header.value);
  }
  return {};
}

}  // namespace tocsin::sdk
