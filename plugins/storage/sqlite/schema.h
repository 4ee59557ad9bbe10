#pragma once

#include <tocsin/plugin.h>

#include <cstdint>
#include <span>
#include <string>

#include "database.h"

namespace tocsin::sqlite {

/// "TOCS": how a database says whose it is.
inline constexpr std::int64_t kApplicationId = 0x544F4353;

/// One step forward. The steps are numbered from 1; a database that has had the first n of them has
/// schema n, kept as its user_version.
struct Migration {
  const char* sql;
};

/// The steps of this release.
std::span<const Migration> migrations();

struct CreationOptions {
  std::int64_t page_size = 4096;
};

/// Brings an open database to the last of `steps` in one transaction; an empty file becomes one of
/// ours. Refuses, and changes nothing, what is another application's, newer or damaged: the fault
/// says what to do. Returns enum tocsin_status.
std::uint32_t migrate(Database& database, const std::string& path, std::span<const Migration> steps,
                      const CreationOptions& creation, tocsin_fault* fault);

/// The sentence for a database that SQLite could not read or write, by the last error.
std::string explain(const Database& database, const std::string& path);

}  // namespace tocsin::sqlite
