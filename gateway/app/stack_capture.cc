// The handler runs in the middle of anything, so that all it calls is backtrace(), which is safe
// once libgcc is loaded (install() sees to that), and an atomic. Names are looked up by the caller.
#include "gateway/app/stack_capture.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

namespace tocsin::app {

namespace {

constexpr int kSignalOffset = 4;
constexpr int kOwnFrames = 2;  // the handler and the kernel's trampoline

enum class Stage : int { kIdle, kAsked, kWriting, kWritten };

struct Request {
  std::atomic<Stage> stage{Stage::kIdle};
  std::array<void*, StackCapture::kFramesMax> frames{};
  int count = 0;
};
static_assert(std::atomic<Stage>::is_always_lock_free);

Request& request() {
  static Request one;
  return one;
}

int signal_number() { return SIGRTMIN + kSignalOffset; }

// A signal that arrives when nobody waits any more finds another stage and does nothing.
void on_signal(int /*signal*/) {
  const int error = errno;
  Request& asked = request();
  Stage expected = Stage::kAsked;
  if (asked.stage.compare_exchange_strong(expected, Stage::kWriting)) {
    asked.count = ::backtrace(asked.frames.data(), StackCapture::kFramesMax);
    asked.stage.store(Stage::kWritten, std::memory_order_release);
  }
  errno = error;
}

std::string hex(std::uintptr_t value) {
  std::array<char, 20> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, 16);
  return "0x" + std::string(text.data(), end);
}

std::string readable(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
  return status == 0 ? plain.get() : symbol;
}

std::string frame_text(void* frame) {
  const auto at = reinterpret_cast<std::uintptr_t>(frame);
  Dl_info found{};
  if (::dladdr(frame, &found) == 0 || found.dli_fname == nullptr) return hex(at);
  std::string_view object = found.dli_fname;
  object.remove_prefix(object.rfind('/') + 1);
  const bool named = found.dli_sname != nullptr;
  const void* base = named ? found.dli_saddr : found.dli_fbase;
  return std::string(object) + "(" + (named ? readable(found.dli_sname) : "") + "+" +
         hex(at - reinterpret_cast<std::uintptr_t>(base)) + ")";
}

// False: it did not answer in time, and its answer is no longer wanted.
bool wait_for_answer(Request& asked) {
  const auto until = std::chrono::steady_clock::now() + StackCapture::kPatience;
  while (asked.stage.load(std::memory_order_acquire) != Stage::kWritten) {
    if (std::chrono::steady_clock::now() >= until) {
      Stage expected = Stage::kAsked;
      return !asked.stage.compare_exchange_strong(expected, Stage::kIdle) &&
             expected == Stage::kWritten;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace

void StackCapture::install() {
  std::array<void*, 1> frame{};
  ::backtrace(frame.data(), 1);
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal_number(), &action, nullptr);
}

std::vector<std::string> StackCapture::of(int thread_number) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  Request& asked = request();
  // An earlier thread may still be writing, when it was slower than our patience.
  if (asked.stage.load(std::memory_order_acquire) == Stage::kWriting) return {};
  asked.stage.store(Stage::kAsked);
  if (::syscall(SYS_tgkill, ::getpid(), thread_number, signal_number()) != 0 ||
      !wait_for_answer(asked)) {
    return {};
  }
  std::vector<std::string> stack;
  for (int i = kOwnFrames; i < asked.count; ++i) stack.push_back(frame_text(asked.frames[i]));
  asked.stage.store(Stage::kIdle);
  return stack;
}

}  // namespace tocsin::app
