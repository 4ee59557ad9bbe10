// The lock file is never deleted: a second opener might hold the deleted one while a third creates
// it anew.
#include "epoch_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <thread>

#include "byte_lock.h"

namespace tocsin::sqlite {

namespace {

constexpr auto kRetryEvery = std::chrono::milliseconds(10);

}  // namespace

EpochLock::~EpochLock() { release(); }

int EpochLock::enter(const std::string& path, std::chrono::nanoseconds patience) {
  if (file_ < 0) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file_ < 0) return errno;
  }
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const int error = set_byte_lock(file_, F_WRLCK, 0);
    if (error != EAGAIN && error != EACCES) return error;
    if (std::chrono::steady_clock::now() >= give_up) return EAGAIN;
    std::this_thread::sleep_for(kRetryEvery);
  }
}

void EpochLock::leave() { set_byte_lock(file_, F_UNLCK, 0); }

bool EpochLock::lives(std::int64_t epoch) const {
  // What cannot be asked is taken for alive: taking a living epoch's claims sends twice.
  return bytes_locked(file_, epoch, 1);
}

bool EpochLock::anybody_lives() const {
  return bytes_locked(file_, 1, std::numeric_limits<std::uint32_t>::max());
}

int EpochLock::hold(std::int64_t epoch) {
  if (const int error = set_byte_lock(file_, F_WRLCK, epoch); error != 0) return error;
  if (held_ != 0 && held_ != epoch) set_byte_lock(file_, F_UNLCK, held_);
  held_ = epoch;
  return 0;
}

void EpochLock::release() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  held_ = 0;
}

}  // namespace tocsin::sqlite
