// The storages that are built here. A new one is a row of this table and nothing else.
#include "tests/conformance/storage/storage_test.h"

namespace tocsin::conformance {

namespace {

Settings sqlite_settings(const std::filesystem::path& folder) {
  // No ballast: 16 MiB for each of a hundred tests say nothing.
  return {{"path", (folder / "outbox.db").string()}, {"ballast_size", {}, 0}};
}

}  // namespace

std::vector<StorageKind> storages() {
  return {{"sqlite", TOCSIN_STORAGE_SQLITE, &sqlite_settings}};
}

}  // namespace tocsin::conformance
