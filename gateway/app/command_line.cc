// The only file that sees CLI11. It knows what may be written on the command line and nothing of
// what the commands do.

#include "gateway/app/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "gateway/app/admin_client.h"
#include "gateway/app/command_arguments.h"
#include "gateway/app/command_audit.h"
#include "gateway/app/command_check.h"
#include "gateway/app/command_dlq.h"
#include "gateway/app/command_explain.h"
#include "gateway/app/command_notifications.h"
#include "gateway/app/command_outputs.h"
#include "gateway/app/command_plugins.h"
#include "gateway/app/command_reload.h"
#include "gateway/app/command_render.h"
#include "gateway/app/command_routes.h"
#include "gateway/app/command_send.h"
#include "gateway/app/command_suppressions.h"
#include "gateway/app/command_top.h"
#include "gateway/app/command_version.h"
#include "gateway/app/gateway_options.h"
#include "gateway/app/plugin_catalog.h"
#include "gateway/app/run.h"
#include "gateway/base/text.h"
#include "gateway/config/json_schema.h"

namespace tocsin::app {

namespace {

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
  return print(check({.config_path = arguments.config_path,
                      .json = arguments.json,
                      .colour = wants_colour(STDERR_FILENO),
                      .create = arguments.create},
                     environment));
}

int run_explain(const Arguments& arguments) {
  const config::SystemEnvironment environment;
  Result<std::string> event = read_document(arguments.event_path);
  if (!event) return print({kFaultExit, {}, "tocsin: " + event.error().text() + "\n"});
  return print(explain({.config_path = arguments.config_path,
                        .event_path = arguments.event_path,
                        .event = std::move(*event),
                        .now = SystemClock::instance().wall(),
                        .json = arguments.json,
                        .colour = wants_colour(STDOUT_FILENO)},
                       environment));
}

void add_explain(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "explain", "Say what becomes of a notification and why, without a running gateway");
  command->add_option("event", arguments.event_path, "A notification as JSON; - is standard input")
      ->type_name("EVENT.json")
      ->required();
  add_config(*command, arguments);
  add_json(*command, arguments);
  command->footer(
      "Exit codes: 0 somebody hears of it, 3 nobody does, 1 the configuration or the event is "
      "wrong, 2 wrong usage.");
  command->callback([&] { exit_code = run_explain(arguments); });
}

int run_render(const Arguments& arguments) {
  const config::SystemEnvironment environment;
  Result<std::string> event = read_document(arguments.event_path);
  if (!event) return print({kFaultExit, {}, "tocsin: " + event.error().text() + "\n"});
  return print(render({.config_path = arguments.config_path,
                       .output = arguments.output,
                       .event_path = arguments.event_path,
                       .event = std::move(*event),
                       .now = SystemClock::instance().wall(),
                       .json = arguments.json,
                       .colour = wants_colour(STDOUT_FILENO)},
                      environment));
}

void add_render(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "render", "Show what an output would send of a notification, and send nothing");
  command->add_option("event", arguments.event_path, "A notification as JSON; - is standard input")
      ->type_name("EVENT.json")
      ->required();
  command->add_option("--output", arguments.output, "Its name in the file")
      ->type_name("NAME")
      ->required();
  add_config(*command, arguments);
  add_json(*command, arguments);
  command->footer(
      "Exit codes: 0 it would be sent, 3 it would not, 1 the configuration or the "
      "event is wrong, 2 wrong usage.");
  command->callback([&] { exit_code = run_render(arguments); });
}

int run_route_test(RouteTestArguments& told) {
  const config::SystemEnvironment environment;
  told.colour = wants_colour(STDOUT_FILENO);
  return print(test_routes(told, environment));
}

void add_routes(CLI::App& app, RouteTestArguments& told, int& exit_code) {
  CLI::App* routes = app.add_subcommand("routes", "Test who hears of what");
  routes->require_subcommand(1);
  CLI::App* test = routes->add_subcommand(
      "test", "Run suites of events and what must become of them, without a running gateway");
  test->add_option("suites", told.suites, "The suites")->type_name("SUITE.yaml")->required();
  test->add_option("-c,--config", told.config_path,
                   "The gateway's YAML file [what the suite names as its config]")
      ->type_name("FILE");
  test->add_option("--junit", told.junit_path, "Write the results for CI into this file")
      ->type_name("FILE");
  test->callback([&] { exit_code = run_route_test(told); });
}

void add_admin(CLI::App& command, AdminArguments& admin) {
  command.add_option("--admin", admin.address, "The gateway's admin address [127.0.0.1:9900]")
      ->type_name("HOST:PORT");
  command.add_option("-c,--config", admin.config_path, "Take the admin address from this file")
      ->type_name("FILE");
  command
      .add_option("--token-file", admin.token_file,
                  "A file with the token [else the variable TOCSIN_ADMIN_TOKEN]")
      ->type_name("FILE");
  command.add_option("--token", admin.token, "The token itself; others may see it in `ps`")
      ->type_name("TOKEN");
  command.add_flag("--json", admin.json, "Print JSON for programs");
}

// Finds the gateway and lets `command` talk to it.
template <typename Command>
int with_admin(AdminArguments& admin, Command command) {
  const config::SystemEnvironment environment;
  admin.colour = wants_colour(STDOUT_FILENO);
  auto target = find_admin(admin, environment);
  if (!target) return print(target.error());
  AdminClient client(std::move(*target));
  return print(command(client));
}

int run_send(Arguments& arguments) {
  if (!arguments.send_path.empty()) {
    Result<std::string> document = read_document(arguments.send_path);
    if (!document) return print({kFaultExit, {}, "tocsin: " + document.error().text() + "\n"});
    arguments.send.document = std::move(*document);
  }
  return with_admin(arguments.admin,
                    [&](AdminDoor& door) { return send(arguments.send, arguments.admin, door); });
}

void add_send(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command = app.add_subcommand("send", "Send a notification through a running gateway");
  SendArguments& told = arguments.send;
  command->add_option("file", arguments.send_path, "A notification as JSON; - is standard input")
      ->type_name("FILE");
  command->add_option("--topic", told.topic, "What it is about: segments apart by dots");
  command->add_option("--level", told.level, "trace .. emergency [info]");
  command->add_option("--title", told.title, "In a line");
  command->add_option("--body", told.body, "At length");
  command->add_option("--label", told.labels, "A label; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_option("--to", told.to, "Whom to reach; may be repeated")
      ->type_name("KIND:VALUE")
      ->allow_extra_args(false);
  command->add_option("--data", told.data, "Anything more")->type_name("JSON");
  command->add_option("--key", told.key, "What orders and groups it");
  command
      ->add_option("--idempotency-key", told.idempotency_key,
                   "Sent twice with the same key, it is accepted once")
      ->check([](const std::string& key) { return key.empty() ? "must not be empty" : ""; });
  add_admin(*command, arguments.admin);
  command->callback([&] { exit_code = run_send(arguments); });
}

void add_choice(CLI::App& command, LetterChoice& choice) {
  command.add_option("--output", choice.output, "Only those of this output")->type_name("NAME");
  command
      .add_option("--reason", choice.reason,
                  "Only those given up for this: exhausted, rejected, ...")
      ->type_name("REASON");
  command.add_option("--topic", choice.topic, "Only this topic, or those that fit: \"orders.*\"")
      ->type_name("PATTERN");
  command
      .add_option("--address", choice.address, "Only to this address, or to all of a kind: email:")
      ->type_name("KIND:VALUE");
  const auto add_time = [&](const char* name, std::string& value, const char* help) {
    command.add_option(name, value, help)->type_name("TIME");
  };
  add_time("--accepted-after", choice.accepted_after, "An instant, or how long ago: 2h");
  add_time("--accepted-before", choice.accepted_before, "The same");
  add_time("--updated-after", choice.updated_after, "When they died, or were looked at since");
  add_time("--updated-before", choice.updated_before, "The same");
}

void show_progress(const std::string& line) { std::fwrite(line.data(), 1, line.size(), stderr); }

void add_review(CLI::App& dlq, const char* verb, const char* help, Arguments& arguments,
                int& exit_code) {
  CLI::App* command = dlq.add_subcommand(verb, help);
  ReviewArguments& told = arguments.review;
  command->add_option("ids", told.ids, "Dead letters")->type_name("ID");
  add_choice(*command, told.choice);
  command->add_flag("--all", told.all, "All that the options above mean, but discarded ones");
  command->add_flag("--approved", told.approved, "With --all: only approved ones");
  command->add_flag("--dry-run", told.dry_run, "With --all: only say how many, and show some");
  command->add_option("--rate", told.rate, "With --all: at most so many, as 50/s")
      ->type_name("RATE");
  add_admin(*command, arguments.admin);
  command->callback([&arguments, &exit_code, verb] {
    arguments.review.verb = verb;
    if (!arguments.admin.json) arguments.review.progress = show_progress;
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return review_dead_letters(arguments.review, arguments.admin, door);
    });
  });
}

void add_dlq(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* dlq = app.add_subcommand("dlq", "Look after dead letters: deliveries given up");
  dlq->require_subcommand(1);
  CLI::App* list = dlq->add_subcommand("list", "List them, newest first");
  add_choice(*list, arguments.list.choice);
  list->add_option("--review", arguments.list.choice.review, "pending, approved or discarded")
      ->type_name("STATE");
  list->add_option("--before", arguments.list.before, "Go on below this one")->type_name("ID");
  list->add_option("--limit", arguments.list.limit, "How many at most")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  add_admin(*list, arguments.admin);
  list->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return list_dead_letters(arguments.list, arguments.admin, door);
    });
  });
  CLI::App* stats = dlq->add_subcommand("stats", "Count them by output and reason");
  add_choice(*stats, arguments.list.choice);
  add_admin(*stats, arguments.admin);
  stats->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return count_dead_letters(arguments.list.choice, arguments.admin, door);
    });
  });
  CLI::App* show = dlq->add_subcommand("show", "Show one with its notification");
  show->add_option("id", arguments.letter_id, "The dead letter")->type_name("ID")->required();
  add_admin(*show, arguments.admin);
  show->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return show_dead_letter(arguments.letter_id, arguments.admin, door);
    });
  });
  add_review(*dlq, "redrive", "Send them again", arguments, exit_code);
  add_review(*dlq, "approve", "Mark them as worth sending again", arguments, exit_code);
  add_review(*dlq, "discard", "Mark them as done with", arguments, exit_code);
}

void add_breaker(CLI::App& outputs, Arguments& arguments, int& exit_code) {
  CLI::App* breaker = outputs.add_subcommand(
      "breaker", "Open or close an output's breaker until told otherwise, or leave it to itself");
  breaker->add_option("name", arguments.output, "The output")->type_name("NAME")->required();
  breaker->add_option("state", arguments.breaker_state, "open, closed or auto")
      ->type_name("STATE")
      ->required()
      ->check(CLI::IsMember({"open", "closed", "auto"}));
  add_admin(*breaker, arguments.admin);
  breaker->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return order_breaker(arguments.output, arguments.breaker_state, arguments.admin, door);
    });
  });
}

void add_outputs(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command = app.add_subcommand("outputs", "Show each output's lane and backlog");
  add_admin(*command, arguments.admin);
  command->require_subcommand(0, 1);
  const auto add_order = [&](const char* verb, const char* what, auto run) {
    CLI::App* order = command->add_subcommand(verb, what);
    order->add_option("name", arguments.output, "The output")->type_name("NAME")->required();
    add_admin(*order, arguments.admin);
    order->callback([&, run] {
      exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
        return run(arguments.output, arguments.admin, door);
      });
    });
  };
  add_order("pause", "Let an output begin nothing until it is resumed", pause_output);
  add_order("resume", "End an output's pause, or its quarantine after crashes", resume_output);
  add_breaker(*command, arguments, exit_code);
  command->callback([&, command] {
    if (!command->get_subcommands().empty()) return;
    exit_code = with_admin(arguments.admin,
                           [&](AdminDoor& door) { return list_outputs(arguments.admin, door); });
  });
  CLI::App* move = command->add_subcommand(
      "move", "Give what waits for an output, such as one configured no longer, to another");
  move->add_option("OLD", arguments.move.from, "Whose deliveries they are")
      ->required()
      ->type_name("");
  move->add_option("NEW", arguments.move.to, "The configured output that gets them")
      ->required()
      ->type_name("");
  move->add_flag("--dead", arguments.move.dead, "Its dead letters as well, but discarded ones");
  move->add_flag("--dry-run", arguments.move.dry_run, "Only say how many there are");
  add_admin(*move, arguments.admin);
  move->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return move_output(arguments.move, arguments.admin, door);
    });
  });
}

void add_suppressions(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* group = app.add_subcommand("suppressions", "Addresses that nothing is sent to");
  group->require_subcommand(1);
  SuppressionArguments& chosen = arguments.suppression;
  const auto add = [&](const char* name, const char* what, auto run) {
    CLI::App* command = group->add_subcommand(name, what);
    add_admin(*command, arguments.admin);
    command->callback([&, run] {
      exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
        return run(arguments.suppression, arguments.admin, door);
      });
    });
    return command;
  };
  CLI::App* list = add("list", "List them in their order", list_suppressions);
  list->add_option("--prefix", chosen.prefix, "Only those that begin with it: email:");
  list->add_option("--after", chosen.after, "Go on behind this one")->type_name("ADDRESS");
  list->add_option("--limit", chosen.limit, "How many at most")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  CLI::App* suppress = add("add", "Let nothing be sent to an address", add_suppression);
  suppress->add_option("address", chosen.address, "kind:value, as in email:a@b.example")
      ->required()
      ->type_name("");
  suppress->add_option("--reason", chosen.reason, "Why, for those who wonder later");
  suppress->add_option("--ttl", chosen.ttl, "For how long, as in 30d; else until it is removed");
  CLI::App* lift = add("remove", "Let an address be sent to again", remove_suppression);
  lift->add_option("address", chosen.address, "kind:value")->required()->type_name("");
}

void add_notifications(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("notifications", "Find notifications by what their sender calls them");
  SearchArguments& search = arguments.search;
  CLI::Option_group* by = command->add_option_group("by");
  by->add_option("--key", search.key, "Those with this key");
  by->add_option("--external-id", search.external_id, "Those with this external_id");
  by->require_option(1);
  command->add_option("--before", search.before, "Go on below this one")->type_name("ID");
  command->add_option("--limit", search.limit, "How many at most")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  add_admin(*command, arguments.admin);
  command->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return find_notifications(arguments.search, arguments.admin, door);
    });
  });
}

void add_audit(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command = app.add_subcommand("audit", "List who changed what, newest first");
  command->add_option("--before", arguments.audit.before, "Go on below this one")->type_name("ID");
  command->add_option("--limit", arguments.audit.limit, "How many at most")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  add_admin(*command, arguments.admin);
  command->callback([&] {
    exit_code = with_admin(arguments.admin, [&](AdminDoor& door) {
      return list_audit(arguments.audit, arguments.admin, door);
    });
  });
}

// A gateway that hangs must not hold up the keys for long.
constexpr Duration kTopPatience = std::chrono::seconds(2);

int run_top(const TopArguments& told, AdminArguments& admin) {
  const config::SystemEnvironment environment;
  admin.colour = wants_colour(STDOUT_FILENO);
  auto target = find_admin(admin, environment);
  if (!target) return print(target.error());
  const std::string where = format_address(target->address);
  AdminClient client(std::move(*target), kTopPatience);
  return show_top(told, admin, where, client);
}

void add_top(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command = app.add_subcommand("top", "Watch what a running gateway does; q quits");
  command->add_option("--interval", arguments.top.interval, "How often to look")
      ->type_name("DURATION")
      ->capture_default_str();
  command->add_flag("--once", arguments.top.once, "One report, over one interval");
  add_admin(*command, arguments.admin);
  command->callback([&] { exit_code = run_top(arguments.top, arguments.admin); });
}

void add_reload(CLI::App& app, Arguments& arguments, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("reload", "Let a running gateway read its configuration again");
  add_admin(*command, arguments.admin);
  command->callback([&] {
    exit_code =
        with_admin(arguments.admin, [&](AdminDoor& door) { return reload(arguments.admin, door); });
  });
}

// What a slip of the command line meant, before the parser speaks of unexpected arguments.
std::string slip(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty() || words[0].starts_with('-')) return {};
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(one->get_name());
  }
  if (std::ranges::find(names, words[0]) == names.end()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    const auto meant = closest(words[0], views);
    return "there is no command \"" + words[0] + "\"" +
           (meant ? "; did you mean " + std::string(*meant) + "?" : "; tocsin --help lists them");
  }
  const bool reads_a_file = words[0] == "check" || words[0] == "run";
  if (reads_a_file && words.size() > 1 && !words[1].starts_with('-')) {
    return "the file goes behind -c: tocsin " + words[0] + " -c " + words[1];
  }
  return {};
}

// `tocsin help`, `tocsin help check`: as --help says it.
std::vector<std::string> spelled_out(std::vector<std::string> words) {
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
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
  check_command->add_flag("--create", arguments.create,
                          "Also make every plugin instance once, in a process of its own");
  check_command->callback([&] { exit_code = run_check(arguments); });

  add_explain(app, arguments, exit_code);
  add_render(app, arguments, exit_code);
  add_routes(app, arguments.route_test, exit_code);

  CLI::App* run = app.add_subcommand("run", "Serve until a signal ends it");
  add_config(*run, arguments);
  run->callback([&] { exit_code = run_gateway({arguments.config_path}); });

  add_send(app, arguments, exit_code);
  add_dlq(app, arguments, exit_code);
  add_outputs(app, arguments, exit_code);
  add_suppressions(app, arguments, exit_code);
  add_notifications(app, arguments, exit_code);
  add_audit(app, arguments, exit_code);
  add_top(app, arguments, exit_code);
  add_reload(app, arguments, exit_code);
  PluginsArguments plugins_arguments;
  add_plugins(app, plugins_arguments, exit_code);

  CLI::App* schema = app.add_subcommand("schema", "Print the JSON Schema of the configuration");
  schema->callback([&] {
    const PluginCatalog catalog;
    exit_code = print({0, config::json_schema(gateway_options(), catalog), {}});
  });

  CLI::App* version = app.add_subcommand("version", "Print the version and how it was built");
  add_json(*version, arguments);
  version->callback([&] { exit_code = print({0, version_text(arguments.json), {}}); });

  app.set_version_flag("--version", [] {
    std::string text = version_text(false);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  });

  std::vector<std::string> words = spelled_out({argv + std::min(argc, 1), argv + argc});
  if (const std::string meant = slip(app, words); !meant.empty()) {
    std::fprintf(stderr, "tocsin: %s\n", meant.c_str());
    return kUsageExit;
  }
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageExit;
  }
  return exit_code;
}

}  // namespace tocsin::app
