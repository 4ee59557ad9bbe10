#pragma once

#include <tocsin/plugin.h>

#include <cstdint>
#include <string_view>

namespace tocsin::sqlite {

/// Stands for a caller's key in the index `keyed`; 0 for no key. Two keys may share one (FNV-1a):
/// who finds rows by it compares their notifications' texts. It is stored, so it never changes.
inline std::int64_t group_hash(tocsin_str caller, tocsin_str key) {
  if (key.len == 0) return 0;
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto mix = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  };
  mix({caller.ptr, caller.len});
  mix({"\0", 1});  // stands in neither
  mix({key.ptr, key.len});
  return hash == 0 ? 1 : static_cast<std::int64_t>(hash);
}

}  // namespace tocsin::sqlite
