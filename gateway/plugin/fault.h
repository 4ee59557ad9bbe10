#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "gateway/base/result.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

inline tocsin_fault empty_fault() {
  tocsin_fault fault{};
  fault.size = sizeof(fault);
  return fault;
}

/// Tells a plugin why; `fault` may be null.
inline void set_fault(tocsin_fault* fault, std::uint32_t code, std::string_view what) {
  if (fault == nullptr) return;
  fault->code = code;
  fault->what_len = static_cast<std::uint32_t>(what.copy(fault->what, sizeof(fault->what)));
  fault->key_len = 0;
}

/// A plugin's words; some, in any case.
inline std::string fault_text(const tocsin_fault& fault) {
  const std::size_t length = std::min<std::size_t>(fault.what_len, sizeof(fault.what));
  return length == 0 ? "the plugin gave no reason" : std::string(fault.what, length);
}
inline std::string fault_key(const tocsin_fault& fault) {
  return std::string(fault.key, std::min<std::size_t>(fault.key_len, sizeof(fault.key)));
}

inline Code code_of(std::uint32_t status) {
  switch (status) {
    case TOCSIN_FULL:
      return Code::kFull;
    case TOCSIN_GONE:
      return Code::kClosed;
    case TOCSIN_INVALID:
      return Code::kInvalid;
    case TOCSIN_NOT_FOUND:
      return Code::kNotFound;
    case TOCSIN_EXISTS:
      return Code::kExists;
    case TOCSIN_UNAVAILABLE:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

inline std::uint32_t status_of(Code code) {
  switch (code) {
    case Code::kFull:
      return TOCSIN_FULL;
    case Code::kClosed:
    case Code::kCancelled:
      return TOCSIN_GONE;
    case Code::kInvalid:
      return TOCSIN_INVALID;
    case Code::kNotFound:
      return TOCSIN_NOT_FOUND;
    case Code::kExists:
      return TOCSIN_EXISTS;
    case Code::kUnavailable:
    case Code::kTimeout:
      return TOCSIN_UNAVAILABLE;
    default:
      return TOCSIN_FAILED;
  }
}

}  // namespace tocsin::plugin
