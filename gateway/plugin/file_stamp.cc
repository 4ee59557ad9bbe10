#include "gateway/plugin/file_stamp.h"

#include <sys/stat.h>

#include <utility>

namespace tocsin::plugin {

FileStamp FileStamp::of(std::string path) {
  FileStamp stamp;
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0) {
    stamp.device = found.st_dev;
    stamp.inode = found.st_ino;
    stamp.bytes = found.st_size;
    stamp.changed_ns = std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec;
  }
  stamp.path = std::move(path);
  return stamp;
}

}  // namespace tocsin::plugin
