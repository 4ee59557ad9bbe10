// Every key a gateway file may hold, in the words an operator reads in messages, in the schema and
// in the reference. Names follow nginx, Envoy and HAProxy where these agree; a bound ends in _max
// or _min, and what is counted stands before it.

#include "gateway/app/gateway_options.h"

#include <array>
#include <span>
#include <vector>

#include "gateway/app/notification_options.h"

namespace tocsin::app {

namespace {

using enum OptionType;

constexpr unsigned kRequired = Option::kRequired;
constexpr unsigned kReloadable = Option::kReloadable;

// ---- gateway, admin

constexpr std::array<Option, 3> kLogOptions = {{
    {.key = "level",
     .type = kChoice,
     .doc = "The least important level that is logged.",
     .default_text = "info",
     .flags = kReloadable,
     .choices = "trace|debug|info|warning|error|critical"},
    {.key = "format",
     .type = kChoice,
     .doc = "json for machines, text for people.",
     .default_text = "json",
     .choices = "json|text"},
    {.key = "output",
     .doc = "stderr, stdout, or the path of a file that is appended to; a relative one starts at "
            "the folder the gateway was started in.",
     .default_text = "stderr",
     .min = "1"},
}};
constexpr OptionTable kLog = {
    "log", "Where the gateway's own log goes, and how much of it.", kLogOptions, {}, {}};

constexpr std::array<Option, 4> kOverloadOptions = {{
    {.key = "ingests_max",
     .type = kInteger,
     .doc = "How many requests may wait for their notifications to be stored.",
     .default_text = "1000",
     .flags = kReloadable,
     .min = "1",
     .max = "1000000",
     .choices = "unlimited"},
    {.key = "loop_lag_max",
     .type = kDuration,
     .doc = "How long an event loop may keep what comes waiting.",
     .default_text = "2s",
     .flags = kReloadable,
     .min = "10ms",
     .max = "10m",
     .choices = "off"},
    {.key = "memory_max",
     .type = kSize,
     .doc = "How much memory the process may have resident.",
     .default_text = "unlimited",
     .flags = kReloadable,
     .min = "64MiB",
     .choices = "unlimited"},
    {.key = "backlog_max",
     .type = kInteger,
     .doc = "How many deliveries may wait in the store.",
     .default_text = "unlimited",
     .flags = kReloadable,
     .min = "1",
     .choices = "unlimited"},
}};
constexpr OptionTable kOverload = {
    "overload",
    "When new notifications are answered 503: from a limit on until its measure is under four "
    "fifths "
    "of it. Critical ones still come in up to five quarters. What was accepted is never refused.",
    kOverloadOptions,
    {},
    {}};

constexpr Option kPluginFolder = {.key = "", .doc = "A folder.", .min = "1", .max = "4096"};
constexpr std::array<Option, 9> kGatewayOptions = {{
    {.key = "workers",
     .type = kInteger,
     .doc = "Event loops, each on a thread of its own; auto is one per CPU the process may use.",
     .default_text = "auto",
     .min = "1",
     .max = "256",
     .choices = "auto"},
    {.key = "shutdown_grace",
     .type = kDuration,
     .doc = "How long requests in progress may take to end once the gateway was told to stop.",
     .default_text = "30s",
     .flags = kReloadable,
     .max = "1h"},
    {.key = "upgrade_timeout",
     .type = kDuration,
     .doc = "How long a new process that takes over (SIGUSR2) may take until it serves.",
     .default_text = "30s",
     .flags = kReloadable,
     .min = "1s",
     .max = "10m"},
    {.key = "watchdog_abort",
     .type = kDuration,
     .doc = "How long an event loop may stand still before the process ends itself to be "
            "restarted; off waits for ever.",
     .default_text = "30s",
     .flags = kReloadable,
     .min = "3s",
     .max = "1h",
     .choices = "off"},
    {.key = "crash_map",
     .doc = "A small file that says which plugin was at work if the process crashes; auto lies "
            "beside the storage's path and ends in .crash, off is none.",
     .default_text = "auto",
     .min = "1",
     .max = "4096"},
    {.key = "plugin_path",
     .type = kList,
     .doc = "Folders of plugins, searched before those that came with the gateway; relative ones "
            "start at this file's folder.",
     .default_text = "[]",
     .max = "16",
     .element = &kPluginFolder},
    {.key = "preset_path",
     .type = kList,
     .doc =
         "Folders of presets, searched before the folder presets beside this file and those that "
         "came with the gateway; relative ones start at this file's folder.",
     .default_text = "[]",
     .flags = kReloadable,
     .max = "16",
     .element = &kPluginFolder},
    {.key = "overload",
     .type = kTable,
     .doc = "How much the gateway may have to do before it refuses new notifications.",
     .default_text = "{}",
     .table = &kOverload},
    {.key = "log",
     .type = kTable,
     .doc = "The gateway's own log.",
     .default_text = "{}",
     .table = &kLog},
}};
constexpr OptionTable kGateway = {"gateway", "The process itself.", kGatewayOptions, {}, {}};

constexpr std::array<Option, 2> kTokenOptions = {{
    {.key = "token",
     .doc = "The secret the caller shows as a bearer token; best taken from a file or a variable.",
     .flags = kRequired | Option::kSecret,
     .min = "16",
     .max = "512"},
    {.key = "role",
     .type = kChoice,
     .doc = "viewer reads; operator also sends and looks after dead letters; admin may do all, and "
            "read the audit.",
     .flags = kRequired,
     .choices = "viewer|operator|admin"},
}};
constexpr OptionTable kToken = {
    "admin token", "A caller of the admin address.", kTokenOptions, {}, {}};
constexpr Option kTokenItem = {
    .key = "", .type = kTable, .doc = "A caller of the admin address.", .table = &kToken};

constexpr std::array<Option, 1> kAuditOptions = {{
    {.key = "keep",
     .type = kDuration,
     .doc = "How long the store keeps who changed what; the log has a line of each in any case.",
     .default_text = "90d",
     .flags = kReloadable,
     .min = "1h",
     .max = "3650d"},
}};
constexpr OptionTable kAudit = {
    "audit", "What is remembered of changes through the admin address.", kAuditOptions, {}, {}};

constexpr std::array<Option, 3> kAdminOptions = {{
    {.key = "address",
     .type = kAddress,
     .doc = "Where operators connect; without tokens it must be a loopback address.",
     .default_text = "127.0.0.1:9900"},
    {.key = "tokens",
     .type = kMap,
     .doc = "Who may use the admin API, by names of your choice that the audit repeats. Without "
            "any, whoever reaches the address may do everything.",
     .default_text = "{}",
     .max = "64",
     .element = &kTokenItem},
    {.key = "audit",
     .type = kTable,
     .doc = "What is remembered of changes through the admin address.",
     .default_text = "{}",
     .table = &kAudit},
}};
constexpr OptionTable kAdmin = {"admin", "The operator's own door.", kAdminOptions, {}, {}};

// ---- http filters

constexpr std::array<Option, 2> kRequestIdOptions = {{
    {.key = "header",
     .doc = "The header that carries the id, on the request and on the response.",
     .default_text = "X-Request-Id",
     .min = "1",
     .max = "100"},
    {.key = "trust_incoming",
     .type = kBoolean,
     .doc = "Keep a well-formed id that the client sent; false always makes a new one.",
     .default_text = "true"},
}};
constexpr OptionTable kRequestId = {
    "request_id", "Gives every request an id to find it by in logs.", kRequestIdOptions, {}, {}};

constexpr std::array<Option, 2> kAccessLogOptions = {{
    {.key = "path",
     .doc = "stdout, stderr, or the path of a file that is appended to; a relative one starts at "
            "the folder the gateway was started in.",
     .default_text = "stdout",
     .min = "1"},
    {.key = "format",
     .type = kChoice,
     .doc = "json, or combined as Apache and nginx write it.",
     .default_text = "json",
     .choices = "json|combined"},
}};
constexpr OptionTable kAccessLog = {
    "access_log", "Writes one line for every answered request.", kAccessLogOptions, {}, {}};

constexpr Option kHttpFilter = {.key = "",
                                .type = kPlugin,
                                .doc = "A filter by name, or {type: NAME, ...}.",
                                .plugin_kind = "http_filter"};

// ---- listeners

constexpr std::array<Option, 7> kLimitOptions = {{
    {.key = "uri_bytes_max",
     .type = kSize,
     .doc = "The longest request target; a longer one is answered 414.",
     .default_text = "8KiB",
     .min = "64B",
     .max = "64KiB"},
    {.key = "header_bytes_max",
     .type = kSize,
     .doc = "A request's first line and header lines together; more is answered 431.",
     .default_text = "32KiB",
     .min = "1KiB",
     .max = "1MiB"},
    {.key = "header_count_max",
     .type = kInteger,
     .doc = "How many header lines a request may have; more is answered 431.",
     .default_text = "100",
     .min = "1",
     .max = "120"},
    {.key = "body_bytes_max",
     .type = kSize,
     .doc = "The longest request body; a longer one is answered 413. 0 allows none.",
     .default_text = "1MiB",
     .max = "1GiB"},
    {.key = "connections_max",
     .type = kInteger,
     .doc = "How many clients may be connected at once; more are closed at once.",
     .default_text = "20000",
     .min = "1",
     .max = "1000000"},
    {.key = "connections_per_ip_max",
     .type = kInteger,
     .doc =
         "How many connections one client address may hold; unlimited where a proxy stands before.",
     .default_text = "unlimited",
     .min = "1",
     .max = "1000000",
     .choices = "unlimited"},
    {.key = "requests_per_connection_max",
     .type = kInteger,
     .doc = "How many requests a connection serves before it is closed.",
     .default_text = "10000",
     .min = "1",
     .max = "1000000000",
     .choices = "unlimited"},
}};
constexpr OptionTable kLimits = {"limits", "What one client may cost.", kLimitOptions, {}, {}};

constexpr std::array<Option, 7> kTimeoutOptions = {{
    {.key = "header",
     .type = kDuration,
     .doc = "From a request's first byte until its headers are complete; answered 408.",
     .default_text = "10s",
     .min = "10ms",
     .max = "10m"},
    {.key = "body",
     .type = kDuration,
     .doc = "Between two pieces of a request's body; answered 408.",
     .default_text = "60s",
     .min = "10ms",
     .max = "1h"},
    {.key = "body_rate_min",
     .type = kByteRate,
     .doc = "A body that arrives slower than this, once body_rate_grace is over, is answered 408; "
            "0 allows any.",
     .default_text = "256B/s",
     .max = "1GiB/s"},
    {.key = "body_rate_grace",
     .type = kDuration,
     .doc = "How long a body may arrive slower than body_rate_min.",
     .default_text = "5s",
     .min = "10ms",
     .max = "10m"},
    {.key = "idle",
     .type = kDuration,
     .doc = "How long a connection may wait for its next request.",
     .default_text = "60s",
     .min = "10ms",
     .max = "1d"},
    {.key = "write",
     .type = kDuration,
     .doc = "How long a client may take none of the response that waits for it.",
     .default_text = "60s",
     .min = "10ms",
     .max = "1h"},
    {.key = "linger",
     .type = kDuration,
     .doc = "How long a refused client's remaining bytes are read, so that it can read the answer.",
     .default_text = "2s",
     .max = "30s"},
}};
constexpr OptionTable kTimeouts = {
    "timeouts", "How long a client may keep the gateway waiting.", kTimeoutOptions, {}, {}};

constexpr Option kHeaderValue = {
    .key = "", .doc = "The value of a response header.", .max = "8192"};
constexpr std::array<Option, 4> kRespondOptions = {{
    {.key = "status",
     .type = kInteger,
     .doc = "The status code of the answer.",
     .default_text = "200",
     .min = "200",
     .max = "599"},
    {.key = "body", .doc = "The text of the answer; none if it is left out.", .max = "1048576"},
    {.key = "content_type",
     .doc = "The Content-Type of the body.",
     .default_text = "text/plain; charset=utf-8",
     .min = "1",
     .max = "200"},
    {.key = "headers",
     .type = kMap,
     .doc = "Further headers of the answer.",
     .default_text = "{}",
     .max = "64",
     .element = &kHeaderValue},
}};
constexpr OptionTable kRespond = {"respond", "A fixed answer.", kRespondOptions, "status", {}};

constexpr std::array<Option, 3> kRedirectOptions = {{
    {.key = "to",
     .doc = "The new location: a path such as /new/ or a URL such as https://example.com/.",
     .flags = kRequired,
     .min = "1",
     .max = "4096"},
    {.key = "status",
     .type = kChoice,
     .doc = "301 and 308 are permanent; 307 and 308 keep the method and the body.",
     .default_text = "302",
     .choices = "301|302|303|307|308"},
    {.key = "append_path",
     .type = kBoolean,
     .doc = "Append what the request's path has after the route's prefix, and its query.",
     .default_text = "false"},
}};
constexpr OptionTable kRedirect = {
    "redirect", "Sends the client to another location.", kRedirectOptions, "to", {}};

constexpr Option kMethod = {.key = "",
                            .type = kChoice,
                            .doc = "A request method.",
                            .choices = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"};
constexpr std::array<Option, 8> kRouteOptions = {{
    {.key = "path", .doc = "The route takes this path and no other.", .min = "1", .max = "2048"},
    {.key = "prefix",
     .doc = "The route takes this path and all paths below it.",
     .min = "1",
     .max = "2048"},
    {.key = "host",
     .doc = "The route takes only requests for this host name, compared without case or port.",
     .min = "1",
     .max = "253"},
    {.key = "methods",
     .type = kList,
     .doc = "The route takes only these methods; all if it is left out.",
     .min = "1",
     .max = "7",
     .element = &kMethod},
    {.key = "filters",
     .type = kList,
     .doc = "Filters of this route alone; they run after the listener's.",
     .default_text = "[]",
     .max = "32",
     .element = &kHttpFilter},
    {.key = "respond",
     .type = kTable,
     .doc = "Answer at once: a status, or a mapping.",
     .table = &kRespond},
    {.key = "redirect",
     .type = kTable,
     .doc = "Redirect: a location, or a mapping.",
     .table = &kRedirect},
    {.key = "plugin",
     .doc = "Answered by this input; the name is one of inputs:.",
     .min = "1",
     .max = "100"},
}};
constexpr OptionTable kRoute = {"route",
                                "Which requests it takes, and what answers them.",
                                kRouteOptions,
                                {},
                                "path|prefix respond|redirect|plugin"};
constexpr Option kRouteItem = {.key = "", .type = kTable, .doc = "A route.", .table = &kRoute};

constexpr std::array<Option, 6> kListenerOptions = {{
    {.key = "address",
     .type = kAddress,
     .doc = "Where clients connect: IPv4:port, [IPv6]:port, or :port for every address of both.",
     .flags = kRequired},
    {.key = "backlog",
     .type = kInteger,
     .doc = "Connections the kernel may hold before they are accepted.",
     .default_text = "1024",
     .min = "1",
     .max = "65535"},
    {.key = "filters",
     .type = kList,
     .doc = "Filters that every request passes, in this order.",
     .default_text = "[]",
     .flags = kReloadable,
     .max = "32",
     .element = &kHttpFilter},
    {.key = "limits",
     .type = kTable,
     .doc = "What one client may cost.",
     .default_text = "{}",
     .flags = kReloadable,
     .table = &kLimits},
    {.key = "timeouts",
     .type = kTable,
     .doc = "How long a client may keep the gateway waiting.",
     .default_text = "{}",
     .flags = kReloadable,
     .table = &kTimeouts},
    {.key = "routes",
     .type = kList,
     .doc = "Who answers which requests; a request that no route takes is answered 404.",
     .default_text = "[]",
     .flags = kReloadable,
     .max = "10000",
     .element = &kRouteItem},
}};
constexpr OptionTable kListener = {
    "listener", "An address that speaks HTTP.", kListenerOptions, {}, {}};
constexpr Option kListenerItem = {
    .key = "", .type = kTable, .doc = "A listener.", .table = &kListener};

constexpr std::array<Option, 3> kRootOptions = {{
    {.key = "gateway",
     .type = kTable,
     .doc = "The process itself.",
     .default_text = "{}",
     .table = &kGateway},
    {.key = "admin",
     .type = kTable,
     .doc = "The operator's own door.",
     .default_text = "{}",
     .table = &kAdmin},
    {.key = "listeners",
     .type = kMap,
     .doc = "Addresses that clients connect to, by names of your choice.",
     .default_text = "{}",
     .flags = kReloadable,
     .max = "64",
     .element = &kListenerItem},
}};

struct Component {
  std::string_view kind;
  std::string_view name;
  const OptionTable* table;
};

// Sorted by name within a kind.
constexpr std::array<Component, 2> kComponents = {{
    {"http_filter", "access_log", &kAccessLog},
    {"http_filter", "request_id", &kRequestId},
}};

class BuiltIns final : public config::ComponentCatalog {
 public:
  const OptionTable* find(std::string_view kind, std::string_view name) const override {
    for (const Component& component : kComponents) {
      if (component.kind == kind && component.name == name) return component.table;
    }
    return nullptr;
  }
  std::vector<std::string_view> names(std::string_view kind) const override {
    std::vector<std::string_view> found;
    for (const Component& component : kComponents) {
      if (component.kind == kind) found.push_back(component.name);
    }
    return found;
  }
};

}  // namespace

const OptionTable& gateway_options() {
  static const std::vector<Option> options = [] {
    std::vector<Option> all(kRootOptions.begin(), kRootOptions.end());
    const std::span<const Option> more = notification_options();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  static const OptionTable root = {
      "file", "A configuration of the Tocsin gateway.", options, {}, {}};
  return root;
}

const config::ComponentCatalog& built_in_components() {
  static const BuiltIns built_ins;
  return built_ins;
}

}  // namespace tocsin::app
