// The only file that sees CLI11. It knows what may be written on the command line and nothing of
// what the commands do.

#include "gateway/app/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "gateway/app/command_check.h"
#include "gateway/app/command_version.h"
#include "gateway/app/gateway_options.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/run.h"
#include "gateway/config/json_schema.h"

namespace tocsin::app {

namespace {

constexpr int kUsageExit = 2;
constexpr const char* kDefaultConfigPath = "/etc/tocsin/tocsin.yaml";

// What every command may be told; CLI11 fills it in.
struct Arguments {
  std::string config_path = kDefaultConfigPath;
  bool json = false;
};

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  return ::isatty(fd) == 1 && (no_colour == nullptr || no_colour[0] == '\0');
}

int print(const CommandOutput& output) {
  std::fwrite(output.out.data(), 1, output.out.size(), stdout);
  std::fwrite(output.err.data(), 1, output.err.size(), stderr);
  // A full disk or a closed pipe must not look like success to the script that redirected us.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return 1;
  return output.exit_code;
}

void add_config(CLI::App& command, Arguments& arguments) {
  command.add_option("-c,--config", arguments.config_path, "The gateway's YAML file")
      ->capture_default_str()
      ->type_name("FILE");
}

void add_json(CLI::App& command, Arguments& arguments) {
  command.add_flag("--json", arguments.json, "Print JSON for programs");
}

int run_check(const Arguments& arguments) {
  const config::SystemEnvironment environment;
  return print(
      check({arguments.config_path, arguments.json, wants_colour(STDERR_FILENO)}, environment));
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  Arguments arguments;
  int exit_code = 0;

  CLI::App app("Tocsin, a notification gateway", "tocsin");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 success, 1 the command found a fault, 2 wrong usage.");

  CLI::App* check_command =
      app.add_subcommand("check", "Check a configuration and say what it does");
  add_config(*check_command, arguments);
  add_json(*check_command, arguments);
  check_command->callback([&] { exit_code = run_check(arguments); });

  CLI::App* run = app.add_subcommand("run", "Serve until a signal ends it");
  add_config(*run, arguments);
  run->callback([&] { exit_code = run_gateway({arguments.config_path}); });

  CLI::App* schema = app.add_subcommand("schema", "Print the JSON Schema of the configuration");
  schema->callback([&] {
    const PluginCatalog catalog;
    exit_code = print({0, config::json_schema(gateway_options(), catalog), {}});
  });

  CLI::App* version = app.add_subcommand("version", "Print the version and how it was built");
  add_json(*version, arguments);
  version->callback([&] { exit_code = print({0, version_text(arguments.json), {}}); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageExit;
  }
  return exit_code;
}

}  // namespace tocsin::app
