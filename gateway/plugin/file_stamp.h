#pragma once

#include <cstdint>
#include <string>

namespace tocsin::plugin {

/// What a file looked like from outside; a file that is not there is all zero. Symbolic links are
/// followed, since secrets are often replaced by turning one.
struct FileStamp {
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t bytes = 0;
  std::int64_t changed_ns = 0;

  static FileStamp of(std::string path);
  bool operator==(const FileStamp&) const = default;
};

}  // namespace tocsin::plugin
