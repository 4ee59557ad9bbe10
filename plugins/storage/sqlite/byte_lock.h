#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstdint>

namespace tocsin::sqlite {

/// Locks or unlocks one byte of an open file for its description, without waiting: F_WRLCK or
/// F_UNLCK. 0 or errno; EAGAIN or EACCES when another description has it.
inline int set_byte_lock(int file, short type, std::int64_t byte) {
  struct flock range{};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = byte;
  range.l_len = 1;
  return ::fcntl(file, F_OFD_SETLK, &range) == 0 ? 0 : errno;
}

/// Whether another description has a lock on one of these bytes. What cannot be asked is locked.
inline bool bytes_locked(int file, std::int64_t first, std::int64_t count) {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = first;
  range.l_len = count;
  return ::fcntl(file, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

}  // namespace tocsin::sqlite
