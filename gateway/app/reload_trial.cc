#include "gateway/app/reload_trial.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "gateway/app/admin_client.h"
#include "gateway/base/json_reader.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX has no header for it

namespace tocsin::app {

namespace {

constexpr std::size_t kReportBytesMax = std::size_t{1} << 20;

/// A child process whose standard output is read to its end.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (output_ >= 0) ::close(output_);
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  Result<void> start(const std::vector<std::string>& words);
  /// What it printed; kTimeout when it still runs then.
  Result<std::string> read_all(std::chrono::steady_clock::time_point until);
  /// Its exit code, or -1: a signal ended it.
  int wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

Result<void> Child::start(const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(system_error(errno, "a pipe"));
  output_ = ends[0];
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int failed =
      ::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed == 0) return {};
  pid_ = -1;
  return tl::unexpected(system_error(failed, "a process to try the plugins in"));
}

Result<std::string> Child::read_all(std::chrono::steady_clock::time_point until) {
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd readable{output_, POLLIN, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&readable, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return fail(Code::kTimeout, "a plugin does not come out of its create");
    const ssize_t got = ::read(output_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    if (text.size() < kReportBytesMax) text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

int Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

admin::ConfigFault fault_from(const Value& shown) {
  return {std::string(text_member(shown, "file")),
          static_cast<std::uint32_t>(number_member(shown, "line")),
          static_cast<std::uint32_t>(number_member(shown, "column")),
          std::string(text_member(shown, "path")),
          std::string(text_member(shown, "message")),
          std::string(text_member(shown, "hint"))};
}

std::vector<admin::ConfigFault> faults_from(const std::string& report) {
  std::vector<admin::ConfigFault> faults;
  const auto read = read_json(report);
  if (!read || !read->is<Value::Map>()) return faults;
  const Value* errors = read->find("errors");
  if (errors == nullptr || !errors->is<Value::List>()) return faults;
  for (const Value& error : errors->as<Value::List>()) {
    if (error.is<Value::Map>()) faults.push_back(fault_from(error));
  }
  return faults;
}

}  // namespace

Result<std::vector<admin::ConfigFault>> try_in_process(const std::string& config_path,
                                                       Duration patience) {
  Child child;
  TOCSIN_TRY(child.start({"tocsin", "check", "--create", "--json", "--config", config_path}));
  TOCSIN_TRY_SET(report, child.read_all(std::chrono::steady_clock::now() + patience));
  const int code = child.wait();
  if (code == 0) return std::vector<admin::ConfigFault>();
  std::vector<admin::ConfigFault> faults = faults_from(report);
  if (!faults.empty()) return faults;
  return fail(Code::kUnavailable, "the trial of the plugins ended without a report");
}

}  // namespace tocsin::app
