// Lets the disk of a real gateway fail: a library for LD_PRELOAD. TOCSIN_FAULTY_DISK names a
// folder; as long as it holds a file `full`, `write_error`, `sync_error` or `read_only`, every
// write or sync of SQLite ends so. The gateway itself knows nothing of it.
#include <cstdlib>

#include "tests/conformance/storage/power_cut_vfs.h"

namespace {

[[gnu::constructor]] void install() {
  const char* folder =
      std::getenv("TOCSIN_FAULTY_DISK");  // NOLINT(concurrency-mt-unsafe): no thread
  if (folder != nullptr) tocsin::conformance::PowerCutDisk::install().follow(folder);
}

}  // namespace
