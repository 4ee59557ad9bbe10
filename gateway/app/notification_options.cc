// The keys of a gateway file that say what comes in, what is let through, who hears it and where it
// is kept.

#include "gateway/app/notification_options.h"

#include <array>

#include "gateway/app/template_options.h"
#include "gateway/routing/route.h"

namespace tocsin::app {

namespace {

using enum OptionType;

constexpr Option kInput = {
    .key = "", .type = kPlugin, .doc = "An input: {type: NAME, ...}.", .plugin_kind = "input"};
constexpr Option kFilter = {.key = "",
                            .type = kPlugin,
                            .doc = "A filter by name, or {type: NAME, ...}.",
                            .plugin_kind = "filter"};
constexpr Option kOutput = {
    .key = "", .type = kPlugin, .doc = "An output: {type: NAME, ...}.", .plugin_kind = "output"};
const Option& route_item() {
  static const Option item = {
      .key = "", .type = kTable, .doc = "A route.", .table = &routing::route_options()};
  return item;
}

constexpr std::array<Option, 2> kHistoryOptions = {{
    {.key = "keep",
     .type = kDuration,
     .doc = "How long what was settled is kept; dead letters stay until someone decides.",
     .default_text = "24h",
     .flags = Option::kReloadable,
     .min = "1m",
     .max = "3650d"},
    {.key = "max_size",
     .type = kSize,
     .doc = "What the store may hold; beyond it what was settled goes early, the oldest first. "
            "Deliveries that wait and dead letters stay.",
     .default_text = "10GiB",
     .flags = Option::kReloadable,
     .min = "16MiB",
     .max = "1024TiB"},
}};
constexpr OptionTable kHistory = {
    "history", "What is remembered of finished deliveries.", kHistoryOptions, {}, {}};

constexpr Option kRedriveWait = {
    .key = "", .type = kDuration, .doc = "A wait.", .min = "1s", .max = "30d"};
constexpr std::array<Option, 4> kDeadLetterOptions = {{
    {.key = "redrive",
     .type = kList,
     .doc =
         "The waits after which a dead letter is sent again by itself whose reason may pass: too "
         "many attempts, or a fault of the output. Then it is final; [] makes it so at "
         "once. Unless given: 1m, 10m, 1h.",
     .flags = Option::kReloadable,
     .max = "16",
     .element = &kRedriveWait},
    {.key = "redrive_on_recovery",
     .type = kBoolean,
     .doc =
         "When an output's breaker closes, what of it waits to be sent again by itself is sent at "
         "once, which counts as one of its times.",
     .default_text = "false",
     .flags = Option::kReloadable},
    {.key = "mirror",
     .type = kString,
     .doc = "The output that gets a copy of each dead letter that is final.",
     .flags = Option::kReloadable,
     .min = "1"},
    {.key = "notify",
     .type = kBoolean,
     .doc = "Whether a notification of topic tocsin.dead_letter tells of each that is final; it is "
            "routed as any other.",
     .default_text = "false",
     .flags = Option::kReloadable},
}};
constexpr OptionTable kDeadLetters = {
    "dead_letters", "What becomes of deliveries that were given up.", kDeadLetterOptions, {}, {}};

std::array<Option, 8> make_options() {
  return {{
      {.key = "inputs",
       .type = kMap,
       .doc = "Where notifications come from, by names of your choice.",
       .default_text = "{}",
       .flags = Option::kReloadable,
       .max = "256",
       .element = &kInput},
      {.key = "filters",
       .type = kList,
       .doc = "Filters that every notification passes, in this order.",
       .default_text = "[]",
       .flags = Option::kReloadable,
       .max = "64",
       .element = &kFilter},
      {.key = "outputs",
       .type = kMap,
       .doc = "Where notifications go, by names of your choice.",
       .default_text = "{}",
       .flags = Option::kReloadable,
       .max = "10000",
       .element = &kOutput},
      templates_option(),
      {.key = "routes",
       .type = kList,
       .doc =
           "Who must hear of which notifications; the first route that takes one ends the search, "
           "unless it says continue.",
       .default_text = "[]",
       .flags = Option::kReloadable,
       .max = "10000",
       .element = &route_item()},
      {.key = "storage",
       .type = kPlugin,
       .doc = "Where accepted notifications are kept until they are "
              "delivered: {type: NAME, ...}.",
       .plugin_kind = "storage"},
      {.key = "history",
       .type = kTable,
       .doc = "What is remembered of finished deliveries.",
       .default_text = "{}",
       .flags = Option::kReloadable,
       .table = &kHistory},
      {.key = "dead_letters",
       .type = kTable,
       .doc = "What becomes of deliveries that were given up.",
       .default_text = "{}",
       .flags = Option::kReloadable,
       .table = &kDeadLetters},
  }};
}

}  // namespace

std::span<const Option> notification_options() {
  static const std::array<Option, 8> options = make_options();
  return options;
}

}  // namespace tocsin::app
