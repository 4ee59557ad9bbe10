#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/plugin/crash_map.h"

// The memory of a crash map and the file behind it. Host byte order: nobody else reads it.
//
//   header | names | records of earlier findings | a slot for each loop

namespace tocsin::plugin {

struct CrashHeader {
  static constexpr std::array<char, 8> kMagic = {'T', 'O', 'C', 'S', 'I', 'N', 'C', 'M'};
  static constexpr std::uint32_t kVersion = 1;
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t slots;
  std::array<std::uint32_t, 12> reserved;
};

/// Texts end with a zero byte and are cut to fit; an empty plugin is no name.
struct CrashName {
  std::array<char, 80> plugin;
  std::array<char, 112> id;
};

struct CrashRecord {
  CrashName name;
  std::int64_t at_ns;
  std::uint32_t signal;
  std::uint32_t deliveries;
  std::array<CrashMap::Slot::Entry, CrashMap::kDeliveriesMax> entries;
};

/// Mapped memory in that layout: zeros but for the header, or what a file holds.
class CrashFile {
 public:
  /// Of no file.
  explicit CrashFile(std::size_t loops);
  CrashFile(CrashFile&& other) noexcept;
  CrashFile& operator=(CrashFile&&) = delete;
  ~CrashFile();

  /// Opens a file for this process alone. kNotFound: there is none, and `create` is false.
  /// kUnavailable: a living process has it.
  static Result<CrashFile> open(const std::string& path, bool create);
  /// What an earlier process wrote. False: nothing that this one understands.
  bool load();
  /// Puts that opened file under this memory, which stays where it is and holds what it held; what
  /// the file held is gone. Its room is taken on the disk, so that writing to the memory cannot
  /// fail later. An error: this one is as it was. While nobody writes to the memory.
  Result<void> go_over_to(CrashFile&& other);

  CrashHeader& header() const { return *header_; }
  std::span<CrashName> names() const { return names_; }
  std::span<CrashRecord> records() const { return records_; }
  std::span<CrashMap::Slot> slots() const { return slots_; }

 private:
  explicit CrashFile(int file) : file_(file) {}
  bool map(std::size_t bytes, std::size_t loops);
  void unmap();

  int file_ = -1;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  CrashHeader* header_ = nullptr;
  std::span<CrashName> names_;
  std::span<CrashRecord> records_;
  std::span<CrashMap::Slot> slots_;
};

}  // namespace tocsin::plugin
