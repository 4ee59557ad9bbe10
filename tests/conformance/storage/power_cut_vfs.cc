#include "tests/conformance/storage/power_cut_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

namespace tocsin::conformance {

namespace {

constexpr std::int64_t kSectorBytes = 512;

sqlite3_vfs* base = nullptr;

// An open file: SQLite's head, what we know, and behind it the real VFS's own.
struct OpenFile {
  sqlite3_file head;
  std::string* path;  // null: a temporary file, which no restart finds
};
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<OpenFile*>(file) + 1);
}

std::vector<char> contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

/// What SQLite calls.
class PowerCutDisk::Door {
 public:
  static PowerCutDisk& disk() {
    static PowerCutDisk disk;
    return disk;
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    auto* opened = reinterpret_cast<OpenFile*>(file);
    opened->head.pMethods = nullptr;
    opened->path = nullptr;
    const int code = base->xOpen(base, name, real(file), flags, out_flags);
    if (code != SQLITE_OK) return code;
    constexpr int kLasting = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    if (name != nullptr && (flags & kLasting) != 0) {
      opened->path = new std::string(name);
      const std::lock_guard lock(disk().mutex_);
      if (disk().followed_.empty() && disk().files_.count(name) == 0)
        disk().files_[name] = {contents(name), {}};
    }
    opened->head.pMethods = &kMethods;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs*, const char* name, int sync_folder) {
    const std::lock_guard lock(disk().mutex_);
    if (disk().cut_) return SQLITE_IOERR_DELETE;
    disk().files_.erase(name);
    return base->xDelete(base, name, sync_folder);
  }

  static const sqlite3_io_methods kMethods;

 private:
  static int close(sqlite3_file* file) {
    auto* opened = reinterpret_cast<OpenFile*>(file);
    delete opened->path;
    opened->path = nullptr;
    return real(file)->pMethods->xClose(real(file));
  }

  static int read(sqlite3_file* file, void* into, int bytes, sqlite3_int64 offset) {
    if (disk().is_cut()) return SQLITE_IOERR_READ;
    return real(file)->pMethods->xRead(real(file), into, bytes, offset);
  }

  // Whether the operation that begins now is the one at which the power goes. Needs the lock.
  static bool goes_now() {
    if (++disk().operations_ == disk().cut_at_) disk().cut_ = true;
    return disk().cut_;
  }

  static bool follows(const char* fault) {
    return !disk().followed_.empty() &&
           std::filesystem::exists(std::filesystem::path(disk().followed_) / fault);
  }

  static int write_fault() {
    if (follows("full")) return SQLITE_FULL;
    if (follows("write_error")) return SQLITE_IOERR_WRITE;
    if (follows("read_only")) return SQLITE_READONLY;
    if (!disk().full_while_.empty() && std::filesystem::exists(disk().full_while_)) {
      return SQLITE_FULL;
    }
    switch (disk().fault_) {
      case Fault::kFull:
        return SQLITE_FULL;
      case Fault::kWriteError:
        return SQLITE_IOERR_WRITE;
      case Fault::kReadOnly:
        return SQLITE_READONLY;
      default:
        return SQLITE_OK;
    }
  }

  // Keeps a change for the next sync. False: the power is gone, or went at this change.
  static bool note(sqlite3_file* file, Change change) {
    const std::string* path = reinterpret_cast<OpenFile*>(file)->path;
    const bool was_cut = disk().cut_;
    const bool gone = goes_now();
    const bool kept = path != nullptr && !was_cut && disk().followed_.empty();
    if (kept) disk().files_[*path].pending.push_back(std::move(change));
    return !gone;
  }

  static int write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
    const std::lock_guard lock(disk().mutex_);
    if (const int fault = write_fault(); fault != SQLITE_OK) return fault;
    const auto* first = static_cast<const char*>(from);
    if (!note(file, {false, offset, {first, first + bytes}})) return SQLITE_IOERR_WRITE;
    return real(file)->pMethods->xWrite(real(file), from, bytes, offset);
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    const std::lock_guard lock(disk().mutex_);
    if (!note(file, {true, size, {}})) return SQLITE_IOERR_TRUNCATE;
    return real(file)->pMethods->xTruncate(real(file), size);
  }

  static int sync(sqlite3_file* file, int) {
    const std::lock_guard lock(disk().mutex_);
    const std::string* path = reinterpret_cast<OpenFile*>(file)->path;
    if (goes_now()) return SQLITE_IOERR_FSYNC;
    if (path == nullptr) return SQLITE_OK;
    File& state = disk().files_[*path];
    if (disk().fault_ == Fault::kSyncError || follows("sync_error")) {
      state.pending.clear();
      return SQLITE_IOERR_FSYNC;
    }
    for (const Change& change : state.pending) apply(change, state.durable);
    state.pending.clear();
    return SQLITE_OK;
  }

  static int size(sqlite3_file* file, sqlite3_int64* bytes) {
    return real(file)->pMethods->xFileSize(real(file), bytes);
  }
  static int lock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xLock(real(file), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xUnlock(real(file), level);
  }
  static int check_reserved(sqlite3_file* file, int* reserved) {
    return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
  }
  static int control(sqlite3_file* file, int what, void* value) {
    return real(file)->pMethods->xFileControl(real(file), what, value);
  }
  static int sector_size(sqlite3_file* file) {
    return real(file)->pMethods->xSectorSize(real(file));
  }
  static int traits(sqlite3_file* file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
  }
  static int map_shared(sqlite3_file* file, int page, int bytes, int extend, void volatile** at) {
    return real(file)->pMethods->xShmMap(real(file), page, bytes, extend, at);
  }
  static int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
  }
  static void barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
  static int unmap_shared(sqlite3_file* file, int remove_file) {
    return real(file)->pMethods->xShmUnmap(real(file), remove_file);
  }
};

// Version 2: shared memory for the log, no memory-mapped reads that would pass us by.
const sqlite3_io_methods PowerCutDisk::Door::kMethods = {
    2,           close,   read,           write,   truncate,    sync,   size,
    lock,        unlock,  check_reserved, control, sector_size, traits, map_shared,
    lock_shared, barrier, unmap_shared,   nullptr, nullptr};

PowerCutDisk& PowerCutDisk::install() {
  static sqlite3_vfs vfs;
  if (base == nullptr) {
    base = sqlite3_vfs_find(nullptr);
    vfs = *base;
    vfs.zName = "power-cut";
    vfs.szOsFile = static_cast<int>(sizeof(OpenFile)) + base->szOsFile;
    vfs.xOpen = Door::open;
    vfs.xDelete = Door::remove;
    sqlite3_vfs_register(&vfs, 1);
  }
  return Door::disk();
}

void PowerCutDisk::reset() {
  const std::lock_guard lock(mutex_);
  files_.clear();
  operations_ = 0;
  cut_at_ = 0;
  cut_ = false;
  fault_ = Fault::kNone;
  full_while_.clear();
}

void PowerCutDisk::cut_at(std::uint64_t operation, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  random_.seed(seed);
  cut_at_ = operations_ + operation;
}

void PowerCutDisk::cut() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
}

bool PowerCutDisk::is_cut() {
  const std::lock_guard lock(mutex_);
  return cut_;
}

void PowerCutDisk::fail(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
}

void PowerCutDisk::full_while_exists(std::string path) {
  const std::lock_guard lock(mutex_);
  full_while_ = std::move(path);
}

void PowerCutDisk::follow(std::string folder) {
  const std::lock_guard lock(mutex_);
  files_.clear();
  followed_ = std::move(folder);
}

std::uint64_t PowerCutDisk::operations() {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void PowerCutDisk::apply(const Change& change, std::vector<char>& bytes) {
  const auto end = static_cast<std::size_t>(change.offset) + change.bytes.size();
  if (change.truncates || bytes.size() < end) bytes.resize(end);
  std::copy(change.bytes.begin(), change.bytes.end(), bytes.begin() + change.offset);
}

void PowerCutDisk::apply_torn(const Change& change, std::vector<char>& bytes) {
  const auto size = static_cast<std::int64_t>(change.bytes.size());
  // Sectors are those of the disk, not of the write.
  for (std::int64_t at = 0; at < size;) {
    const std::int64_t in_sector = (change.offset + at) % kSectorBytes;
    const std::int64_t count = std::min(size - at, kSectorBytes - in_sector);
    if (random_() % 2 == 0) {
      const auto first = change.bytes.begin() + at;
      apply({false, change.offset + at, {first, first + count}}, bytes);
    }
    at += count;
  }
}

void PowerCutDisk::restore() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [path, file] : files_) {
      for (const Change& change : file.pending) {
        const std::uint64_t fate = random_() % 3;
        if (fate == 0) apply(change, file.durable);
        if (fate == 1 && !change.truncates) apply_torn(change, file.durable);
      }
      std::ofstream(path, std::ios::binary | std::ios::trunc)
          .write(file.durable.data(), static_cast<std::streamsize>(file.durable.size()));
      // Shared memory does not outlive the machine.
      std::filesystem::remove(path + "-shm");
    }
  }
  reset();
}

}  // namespace tocsin::conformance
