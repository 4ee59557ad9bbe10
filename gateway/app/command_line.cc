// The only file that sees CLI11. It knows what may be written on the command line and nothing of
// what the commands do.

#include "gateway/app/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gateway/app/command_check.h"
#include "gateway/app/command_plugins.h"
#include "gateway/app/command_version.h"
#include "gateway/app/gateway_options.h"
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

void add_plugin_path(CLI::App& command, PluginsArguments& arguments) {
  command.add_option("--path", arguments.folders, "A folder of plugins, instead of the usual ones")
      ->type_name("DIR");
}

void add_plugins(CLI::App& app, PluginsArguments& arguments, int& exit_code) {
  CLI::App* plugins = app.add_subcommand("plugins", "Show plugins, or begin a new one");
  plugins->require_subcommand(1);

  CLI::App* list = plugins->add_subcommand("list", "Every plugin, also those that are refused");
  add_plugin_path(*list, arguments);
  list->add_flag("--json", arguments.json, "Print JSON for programs");
  list->callback([&] { exit_code = print(list_plugins(arguments)); });

  CLI::App* show = plugins->add_subcommand("show", "One plugin and its options");
  // One word is the name, two are the kind and the name.
  auto words = std::make_shared<std::vector<std::string>>();
  show->add_option("NAME", *words, "[KIND] NAME")->required()->expected(1, 2)->type_name("");
  add_plugin_path(*show, arguments);
  show->add_flag("--json", arguments.json, "Print JSON for programs");
  show->callback([&arguments, &exit_code, words] {
    arguments.name = words->back();
    if (words->size() == 2) arguments.kind = words->front();
    exit_code = print(show_plugin(arguments));
  });

  CLI::App* create = plugins->add_subcommand("new", "Write a plugin to change into DIR/NAME");
  create->add_option("KIND", arguments.kind, "output, filter, ...")->required()->type_name("");
  create->add_option("NAME", arguments.name, "Its name: a-z, 0-9 and _")->required()->type_name("");
  create->add_option("DIR", arguments.into, "The folder that gets it")
      ->capture_default_str()
      ->type_name("");
  create->callback([&] { exit_code = print(new_plugin(arguments)); });
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

  PluginsArguments plugins_arguments;
  add_plugins(app, plugins_arguments, exit_code);

  CLI::App* schema = app.add_subcommand("schema", "Print the JSON Schema of the configuration");
  schema->callback([&] {
    exit_code = print({0, config::json_schema(gateway_options(), built_in_components()), {}});
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
