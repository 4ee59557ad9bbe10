#include "gateway/app/run.h"

#include <sys/auxv.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "gateway/app/gateway.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/notification_check.h"

namespace tocsin::app {

namespace {

constexpr Duration kLogPatience = std::chrono::seconds(1);

void print_faults(const config::Diagnostics& faults, const config::SourceFiles& sources) {
  std::string text;
  config::append_text(text, faults, sources);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

// A proxy lives on descriptors; the soft limit of a login shell is no statement about us.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// What loops and listeners open, and a little to serve with: below that some part of the start
// would fail, and not the one that is at fault.
bool enough_descriptors(const Value& root) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return true;
  const std::size_t listeners = root.at("listeners").as<Value::Map>().size();
  const std::size_t wanted = 32 + wanted_workers(root) * (4 + 2 * listeners);
  if (limit.rlim_cur >= wanted) return true;
  std::fprintf(
      stderr,
      "tocsin: the process may open %llu files, and this configuration needs %zu at least: "
      "raise the limit with ulimit -n, or LimitNOFILE= in a systemd unit\n",
      static_cast<unsigned long long>(limit.rlim_cur), wanted);
  return false;
}

// Whoever reads our logs may have stopped; that is no reason to stay. A thread that is stuck in a
// write cannot be joined.
int end(Gateway& gateway, telemetry::Log& log, int exit_code) {
  if (!gateway.flush_access_logs(kLogPatience)) {
    TOCSIN_LOG(log, kWarning, "app", "an access log takes no more: its last lines are lost");
    log.flush(kLogPatience);
    std::_Exit(exit_code);
  }
  if (!log.flush(kLogPatience)) std::_Exit(exit_code);
  return exit_code;
}

telemetry::LogOptions log_options(const Value& log) {
  telemetry::LogOptions options;
  options.level =
      telemetry::parse_log_level(log.string("level")).value_or(telemetry::LogLevel::kInfo);
  options.format =
      log.string("format") == "json" ? telemetry::LogFormat::kJson : telemetry::LogFormat::kText;
  return options;
}

Result<void> inherit(InheritedSockets& sockets, std::optional<Predecessor>& predecessor) {
  TOCSIN_TRY(sockets.take_from_systemd());
  TOCSIN_TRY_SET(found, Predecessor::from_environment(sockets));
  predecessor = std::move(found);
  return {};
}

// What the process before said in a variable, once; nothing: it did not. While there is one thread.
std::optional<std::string> told(const char* variable) {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread.
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::string taken = text;
  ::unsetenv(variable);
  // NOLINTEND(concurrency-mt-unsafe)
  return taken;
}

// Where a newer binary may stand later: the path that this one was started by, and not what a
// symbolic link there led to. Started otherwise, as by a dynamic linker, it is that of the file, or
// what the process before said.
std::string own_binary() {
  namespace fs = std::filesystem;
  std::error_code failed;
  if (auto path = told(Successor::kBinaryVariable)) return *path;
  const auto* started_by = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (started_by != nullptr && fs::equivalent(started_by, "/proc/self/exe", failed)) {
    return fs::absolute(started_by, failed).string();
  }
  return fs::read_symlink("/proc/self/exe", failed).string();
}

}  // namespace

int run_gateway(const RunArguments& arguments) {
  const MonoTime started = SystemClock::instance().mono();
  Supervisor supervisor;
  InheritedSockets inherited;
  std::optional<Predecessor> predecessor;
  if (const Result<void> taken = inherit(inherited, predecessor); !taken) {
    std::fprintf(stderr, "tocsin: %s\n", taken.error().text().c_str());
    return 1;
  }
  std::string binary = own_binary();
  std::string failure = told(Successor::kFailureVariable).value_or("");
  const config::SystemEnvironment environment;
  PluginCatalog catalog;
  const auto loaded = load_gateway(arguments.config_path, catalog, environment);
  if (!loaded) {
    print_faults(loaded.error().diagnostics, loaded.error().sources);
    return 1;
  }
  // While there is one thread: a plugin that dies in create is named instead of taking us with it.
  if (config::Diagnostics faults = try_notifications(loaded->root, catalog); !faults.empty()) {
    config::sort_by_place(faults);
    print_faults(faults, loaded->sources);
    return 1;
  }
  raise_descriptor_limit();
  if (!enough_descriptors(loaded->root)) return 1;
  const Value& log_settings = loaded->root.at("gateway").at("log");
  auto sink = open_sink(log_settings.string("output"));
  if (!sink) {
    print_faults(
        {{log_settings.at("output").place(), "gateway.log.output", sink.error().text(), {}, false}},
        loaded->sources);
    return 1;
  }
  telemetry::Log log(std::move(*sink), log_options(log_settings));
  Gateway gateway({.config_path = arguments.config_path,
                   .environment = environment,
                   .process_started = started,
                   .inherited = inherited,
                   .predecessor = predecessor,
                   .supervisor = supervisor,
                   .command = {.program = std::move(binary),
                               .arguments = {"tocsin", "run", "--config", arguments.config_path},
                               .failure = std::move(failure)}},
                  *loaded, log);
  if (config::Diagnostics faults = gateway.open(*loaded, catalog); !faults.empty()) {
    config::sort_by_place(faults);
    print_faults(faults, loaded->sources);
    return 1;
  }
  const int exit_code = gateway.run() ? 0 : 1;
  return end(gateway, log, exit_code);
}

}  // namespace tocsin::app
