#include "ballast.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace tocsin::sqlite {

bool Ballast::stands() const {
  struct stat found{};
  return ::stat(path_.c_str(), &found) == 0 && static_cast<std::uint64_t>(found.st_size) == bytes_;
}

void Ballast::look() {
  if (bytes_ > 0) in_place_ = stands();
}

bool Ballast::take() {
  if (in_place()) return true;
  if (stands()) {
    in_place_ = true;
    return true;
  }
  const std::string folder = path_.substr(0, path_.rfind('/') + 1);
  struct statvfs room{};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &room) != 0) return false;
  if (static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize < bytes_ * kRoomFactor) {
    return false;
  }
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  in_place_ = ::posix_fallocate(file, 0, static_cast<off_t>(bytes_)) == 0;
  ::close(file);
  if (!in_place_) ::unlink(path_.c_str());
  return in_place_;
}

bool Ballast::take_again(std::int64_t now_ns) {
  if (in_place()) return true;
  // A clock that was set back must not keep it away for as long.
  const std::int64_t since = now_ns - dropped_at_ns_;
  if (since >= 0 && since < kLookAgainNs) return false;
  dropped_at_ns_ = now_ns;
  return take();
}

bool Ballast::drop(std::int64_t now_ns) {
  if (!in_place_) return false;
  in_place_ = false;
  dropped_at_ns_ = now_ns;
  return ::unlink(path_.c_str()) == 0;
}

}  // namespace tocsin::sqlite
