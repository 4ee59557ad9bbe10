#pragma once

#include <tocsin/plugin.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "search.h"

namespace tocsin::sqlite {

/// What an operator may set.
struct Settings {
  std::string path;
  std::string sync = "full";  ///< full, normal or off, as SQLite calls it
  std::int64_t page_size = 4096;
  std::int64_t cache_bytes = std::int64_t{8} << 20;
  std::int64_t checkpoint_bytes = std::int64_t{8} << 20;
  std::int64_t ballast_bytes = std::int64_t{16} << 20;
  std::chrono::nanoseconds lock_timeout = std::chrono::seconds(5);
  bool shared = false;  ///< with other gateways on this machine
  Search search;
};

/// The table the gateway checks and explains settings by.
extern const tocsin_option_table kOptionTable;

/// Why no database can be at this path, or empty.
std::string path_fault(const std::string& path);

/// From settings the gateway has checked; what is absent keeps its default.
Settings read_settings(const tocsin_value& settings);

}  // namespace tocsin::sqlite
