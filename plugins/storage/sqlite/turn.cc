// Two bytes of the lock file, beyond those of the epochs:
//
//   queue byte   held by the one that is next
//   turn byte    held by the one that writes
//
// Who wants to write takes the queue byte, then the turn byte, then lets go of the queue. So who
// just wrote finds the next one in the queue and cannot overtake it.
//
// Waiting is done here and not by the system (F_OFD_SETLKW), whose wait has no end: a gateway that
// was stopped in the middle of its turn must not stop the others beyond `lock_timeout`.
#include "turn.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "byte_lock.h"

namespace tocsin::sqlite {

namespace {

using Clock = std::chrono::steady_clock;

// Epochs are numbers of 32 bits.
constexpr std::int64_t kQueueByte = std::int64_t{1} << 40;
constexpr std::int64_t kTurnByte = kQueueByte + 1;

constexpr auto kWaitMin = std::chrono::microseconds(20);
constexpr auto kWaitMax = std::chrono::microseconds(500);

int wait_for(int file, std::int64_t byte, Clock::time_point give_up) {
  auto wait = kWaitMin;
  for (;;) {
    const int error = set_byte_lock(file, F_WRLCK, byte);
    if (error != EAGAIN && error != EACCES) return error;
    if (Clock::now() >= give_up) return EAGAIN;
    std::this_thread::sleep_for(wait);
    wait = std::min(2 * wait, kWaitMax);
  }
}

}  // namespace

int Turn::take(const std::string& lock_path, std::chrono::nanoseconds patience) {
  if (held_) return 0;
  if (file_ < 0) {
    file_ = ::open(lock_path.c_str(), O_RDWR | O_CLOEXEC);
    if (file_ < 0) return errno;
  }
  const auto give_up = Clock::now() + patience;
  if (const int error = wait_for(file_, kQueueByte, give_up); error != 0) return error;
  const int error = wait_for(file_, kTurnByte, give_up);
  set_byte_lock(file_, F_UNLCK, kQueueByte);
  held_ = error == 0;
  return error;
}

void Turn::give() {
  if (held_) set_byte_lock(file_, F_UNLCK, kTurnByte);
  held_ = false;
}

void Turn::close() {
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  held_ = false;
}

}  // namespace tocsin::sqlite
