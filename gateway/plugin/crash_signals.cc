#include "gateway/plugin/crash_signals.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>

namespace tocsin::plugin {

namespace {

constexpr std::array<int, 7> kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
constexpr std::size_t kStackBytes = std::size_t{64} * 1024;

std::array<struct sigaction, kSignals.size()> before;
constinit thread_local CrashMap::Slot* slot_of_thread = nullptr;

// Nothing here but stores and system calls. The signal comes again once this returns: a fault when
// its instruction runs once more, one that was sent because it is sent again.
void on_signal(int signal, siginfo_t* info, void* /*context*/) {
  if (slot_of_thread != nullptr) {
    slot_of_thread->crashed.store(static_cast<std::uint32_t>(signal), std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    if (kSignals[i] == signal) ::sigaction(signal, &before[i], nullptr);
  }
  if (info->si_code <= 0) ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

// Freed with the thread, which then has none any more.
struct SignalStack {
  SignalStack() {
    stack_t has{};
    if (::sigaltstack(nullptr, &has) != 0 || (has.ss_flags & SS_DISABLE) == 0) return;
    memory = std::make_unique<char[]>(kStackBytes);
    stack_t own{};
    own.ss_sp = memory.get();
    own.ss_size = kStackBytes;
    ::sigaltstack(&own, nullptr);
  }
  ~SignalStack() {
    if (memory == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;
  std::unique_ptr<char[]> memory;
};

}  // namespace

void CrashSignals::install() {
  static const bool once = [] {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      struct sigaction action{};
      action.sa_sigaction = on_signal;
      action.sa_flags = SA_SIGINFO | SA_ONSTACK;
      sigemptyset(&action.sa_mask);
      ::sigaction(kSignals[i], &action, &before[i]);
    }
    return true;
  }();
  static_cast<void>(once);
}

void CrashSignals::enter_thread(CrashMap::Slot* slot) {
  slot_of_thread = slot;
  if (slot == nullptr) return;
  static thread_local const SignalStack stack;
  static_cast<void>(stack);
}

}  // namespace tocsin::plugin
