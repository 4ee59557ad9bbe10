// A child works through the trials and reports each on a pipe; when it dies, the trial it had not
// reported killed it, and another child goes on behind that one.
//
//   report: code u8 (kOk or 1 + Code) | lengths u16 u16 | what | key

#include "gateway/plugin/create_trial.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "gateway/telemetry/log.h"
#include "gateway/telemetry/sink.h"

namespace tocsin::plugin {

namespace {

using Outcome = tl::expected<void, Refusal>;

constexpr std::uint8_t kOk = 0;
constexpr std::size_t kTextMax = 1024;

struct Header {
  std::uint8_t code;
  std::uint16_t what_len;
  std::uint16_t key_len;
};

class Pipe {
 public:
  Pipe() { open_ = ::pipe(ends_.data()) == 0; }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool open() const { return open_; }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_read() { close_one(ends_[0]); }
  void close_write() { close_one(ends_[1]); }

 private:
  static void close_one(int& fd) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
  std::array<int, 2> ends_{-1, -1};
  bool open_ = false;
};

// ---- the child

void write_all(int fd, const void* bytes, std::size_t count) {
  const char* at = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::write(fd, at, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    at += written;
    count -= static_cast<std::size_t>(written);
  }
}

void report(int fd, const Outcome& outcome) {
  std::string what;
  std::string key;
  Header header{kOk, 0, 0};
  if (!outcome) {
    what = outcome.error().what.substr(0, kTextMax);
    key = outcome.error().key.substr(0, kTextMax);
    header = {static_cast<std::uint8_t>(1 + static_cast<int>(outcome.error().code)),
              static_cast<std::uint16_t>(what.size()), static_cast<std::uint16_t>(key.size())};
  }
  write_all(fd, &header, sizeof(header));
  write_all(fd, what.data(), what.size());
  write_all(fd, key.data(), key.size());
}

[[noreturn]] void serve(std::span<const CreateTrial> trials, int fd) {
  // What a dead plugin leaves on standard error is the operator's best hint, so nothing is closed.
  telemetry::Log log(telemetry::standard_error_sink(), {.level = telemetry::LogLevel::kWarning});
  telemetry::Metrics metrics(1);
  PluginMetrics plugin_metrics(metrics);
  const Services services{log, plugin_metrics};
  for (const CreateTrial& trial : trials) {
    Outcome outcome;
    {
      auto made = Instance::create(*trial.plugin, trial.name, *trial.settings, services);
      if (!made) outcome = tl::unexpected(std::move(made).error());
    }
    log.flush(std::chrono::seconds(1));
    report(fd, outcome);
  }
  ::_exit(0);
}

// ---- the parent

bool read_all(int fd, void* bytes, std::size_t count, MonoTime until) {
  char* at = static_cast<char*>(bytes);
  while (count > 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - SystemClock::instance().mono());
    pollfd watched{fd, POLLIN, 0};
    const int ready =
        ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t got = ::read(fd, at, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

std::optional<Outcome> read_report(int fd, const CreateTrial& trial, MonoTime until) {
  Header header{};
  if (!read_all(fd, &header, sizeof(header), until)) return std::nullopt;
  if (header.code == kOk) return Outcome();
  Refusal refusal;
  refusal.code = static_cast<Code>(header.code - 1);
  refusal.what.resize(header.what_len);
  refusal.key.resize(header.key_len);
  if (!read_all(fd, refusal.what.data(), refusal.what.size(), until) ||
      !read_all(fd, refusal.key.data(), refusal.key.size(), until)) {
    return std::nullopt;
  }
  const Value* at = refusal.key.empty() ? nullptr : trial.settings->find(refusal.key);
  refusal.place =
      at != nullptr && at->place().file != nullptr ? at->place() : trial.settings->place();
  return Outcome(tl::unexpected(std::move(refusal)));
}

// How a child ended that had something left to report.
std::string end_of(pid_t child) {
  ::kill(child, SIGKILL);  // one that hangs; one that is dead already does not mind
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) {
    return "it ended the process with exit code " + std::to_string(WEXITSTATUS(status));
  }
  const int signal = WTERMSIG(status);
  if (signal == SIGKILL) return "it did not return in time";
  const char* name = ::sigabbrev_np(signal);
  return "it died with SIG" + std::string(name == nullptr ? std::to_string(signal) : name);
}

void reap(pid_t child) {
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Refusal refused(const CreateTrial& trial, std::string what) {
  return {Code::kInternal, std::move(what), {}, trial.settings->place()};
}

// Appends the outcomes of trials up to and with the first that ends its child.
void try_some(std::span<const CreateTrial> trials, Duration patience, std::vector<Outcome>& out) {
  Pipe pipe;
  const pid_t child = pipe.open() ? ::fork() : -1;
  if (child < 0) {
    const std::string why = system_error(errno, "no child process for its trial").what;
    for (const CreateTrial& trial : trials) out.push_back(tl::unexpected(refused(trial, why)));
    return;
  }
  if (child == 0) {
    pipe.close_read();
    serve(trials, pipe.write_end());
  }
  pipe.close_write();
  for (const CreateTrial& trial : trials) {
    const MonoTime until = SystemClock::instance().mono() + patience;
    std::optional<Outcome> outcome = read_report(pipe.read_end(), trial, until);
    if (!outcome) {
      out.push_back(tl::unexpected(refused(trial, end_of(child) + " in create or destroy")));
      return;
    }
    out.push_back(std::move(*outcome));
  }
  reap(child);
}

}  // namespace

std::vector<Outcome> try_create(std::span<const CreateTrial> trials, Duration patience) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(trials.size());
  while (outcomes.size() < trials.size()) {
    try_some(trials.subspan(outcomes.size()), patience, outcomes);
  }
  return outcomes;
}

}  // namespace tocsin::plugin
