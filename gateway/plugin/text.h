#pragma once

#include <string>
#include <string_view>

#include "tocsin/plugin.h"

namespace tocsin::plugin {

inline tocsin_str str_of(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view_of(tocsin_str text) {
  return text.ptr == nullptr ? std::string_view() : std::string_view(text.ptr, text.len);
}
inline std::string copy_of(tocsin_str text) { return std::string(view_of(text)); }

/// Whether a plugin's text can be read at all.
inline bool is_readable(tocsin_str text) { return text.ptr != nullptr || text.len == 0; }

/// The item at `index` of an array that a plugin lends with a stride.
template <typename T>
const T& item_of(const T* items, std::uint32_t stride, std::size_t index) {
  return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(items) + stride * index);
}

}  // namespace tocsin::plugin
