#include "gateway/plugin/crash_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::plugin {

namespace {

constexpr std::size_t kLoopsMax = 4096;

std::size_t bytes_for(std::size_t loops) {
  return sizeof(CrashHeader) + CrashMap::kNamesMax * sizeof(CrashName) +
         CrashMap::kHistoryMax * sizeof(CrashRecord) + loops * sizeof(CrashMap::Slot);
}

static_assert(sizeof(CrashHeader) % alignof(CrashMap::Slot) == 0 &&
              CrashMap::kNamesMax * sizeof(CrashName) % alignof(CrashMap::Slot) == 0 &&
              CrashMap::kHistoryMax * sizeof(CrashRecord) % alignof(CrashMap::Slot) == 0);

tl::unexpected<Error> system_fault(int error) {
  return fail(Code::kIo, std::generic_category().message(error));
}

}  // namespace

CrashFile::CrashFile(std::size_t loops) {
  TOCSIN_ASSERT(map(bytes_for(loops), loops), "no memory for the map of callbacks");
  header_->magic = CrashHeader::kMagic;
  header_->version = CrashHeader::kVersion;
  header_->slots = static_cast<std::uint32_t>(loops);
}

CrashFile::CrashFile(CrashFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      memory_(std::exchange(other.memory_, nullptr)),
      bytes_(other.bytes_),
      header_(other.header_),
      names_(other.names_),
      records_(other.records_),
      slots_(other.slots_) {}

CrashFile::~CrashFile() {
  unmap();
  if (file_ >= 0) ::close(file_);
}

void CrashFile::unmap() {
  if (memory_ != nullptr) ::munmap(std::exchange(memory_, nullptr), bytes_);
}

bool CrashFile::map(std::size_t bytes, std::size_t loops) {
  const int flags = file_ < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file_, 0);
  if (memory == MAP_FAILED) return false;
  memory_ = memory;
  bytes_ = bytes;
  auto* at = static_cast<char*>(memory);
  const auto part = [&at]<typename T>(std::size_t count, std::span<T>& out) {
    out = {reinterpret_cast<T*>(at), count};
    at += count * sizeof(T);
  };
  header_ = reinterpret_cast<CrashHeader*>(at);
  at += sizeof(CrashHeader);
  part(CrashMap::kNamesMax, names_);
  part(CrashMap::kHistoryMax, records_);
  part(loops, slots_);
  return true;
}

Result<CrashFile> CrashFile::open(const std::string& path, bool create) {
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
  CrashFile opened(::open(path.c_str(), flags, 0600));
  if (opened.file_ < 0) {
    return errno == ENOENT ? fail(Code::kNotFound, "there is no such file or folder")
                           : system_fault(errno);
  }
  if (::flock(opened.file_, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? fail(Code::kUnavailable, "another process has it")
                                : system_fault(errno);
  }
  return opened;
}

bool CrashFile::load() {
  struct stat found{};
  CrashHeader header{};
  if (::fstat(file_, &found) != 0 ||
      ::pread(file_, &header, sizeof(header), 0) != ssize_t{sizeof(header)}) {
    return false;
  }
  return header.magic == CrashHeader::kMagic && header.version == CrashHeader::kVersion &&
         header.slots <= kLoopsMax &&
         found.st_size == static_cast<off_t>(bytes_for(header.slots)) &&
         map(bytes_for(header.slots), header.slots);
}

Result<void> CrashFile::go_over_to(CrashFile&& other) {
  other.unmap();
  const auto bytes = static_cast<off_t>(bytes_);
  if (::ftruncate(other.file_, 0) != 0) return system_fault(errno);
  if (const int error = ::posix_fallocate(other.file_, 0, bytes); error != 0) {
    return system_fault(error);
  }
  if (::pwrite(other.file_, memory_, bytes_, 0) != bytes) return system_fault(errno);
  void* fresh = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, other.file_, 0);
  if (fresh == MAP_FAILED) return system_fault(errno);
  // In one step: who looks meanwhile sees the one or the other. What could be refused was not, two
  // lines above.
  TOCSIN_ASSERT(
      ::mremap(fresh, bytes_, bytes_, MREMAP_MAYMOVE | MREMAP_FIXED, memory_) != MAP_FAILED,
      "the map of callbacks could not be moved");
  std::swap(file_, other.file_);
  return {};
}

}  // namespace tocsin::plugin
