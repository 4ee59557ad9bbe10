// The HTTP door for notifications.
//
//   POST   .../notifications         one, as JSON
//   POST   .../notifications/batch   a JSON array, or lines of JSON (application/x-ndjson)
//   GET    .../notifications/{id}    what became of it
//   DELETE .../notifications/{id}    cancel what has not left
//   POST   a path of `paths`         one, as JSON
//   GET    .../openapi.json          all of this
//
// A 202 is written only after the commit. Callers are told apart by bearer tokens, and each sees
// its own notifications only.

#include "door.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace input_http = tocsin::input_http;

constexpr sdk::Option kToken = {.doc = "A secret text that the caller sends as its bearer token.",
                                .flags = sdk::kSecret,
                                .min = "8",
                                .max = "4096"};
constexpr sdk::Option kPath = {.doc = "A path such as /api/messages.", .min = "1", .max = "2048"};
constexpr sdk::Option kOptions[] = {
    {.key = "tokens",
     .type = sdk::kMap,
     .doc = "Who may send: caller names and their bearer tokens.",
     .default_text = "{}",
     .flags = sdk::kReloadable,
     .max = "10000",
     .element = &kToken},
    {.key = "open",
     .type = sdk::kBoolean,
     .doc = "Let everybody who reaches the listener send without a token.",
     .default_text = "false",
     .flags = sdk::kReloadable},
    {.key = "paths",
     .type = sdk::kList,
     .doc = "Further paths where one notification may be posted, whatever the route's prefix.",
     .default_text = "[]",
     .flags = sdk::kReloadable,
     .max = "100",
     .element = &kPath},
    {.key = "wait_timeout",
     .type = sdk::kDuration,
     .doc = "How long ?wait=delivered waits for the deliveries at most.",
     .default_text = "10s",
     .flags = sdk::kReloadable,
     .min = "1s",
     .max = "50s"},
    {.key = "body_bytes_max",
     .type = sdk::kSize,
     .doc = "The longest request body; a longer one is answered 413.",
     .default_text = "1MiB",
     .flags = sdk::kReloadable,
     .min = "1KiB",
     .max = "64MiB"},
};

class HttpInput final : public sdk::Input, public sdk::Handler {
 public:
  using Settings = input_http::Settings;
  static constexpr sdk::About kAbout = {"http", "0.1.0", "Takes notifications over HTTP.",
                                        kOptions};

  HttpInput(const Settings& settings, sdk::Host host) : door_(settings, host) {}
  void reconfigure(const Settings& next) { door_.reconfigure(next); }

  sdk::RequestPtr on_request(const sdk::RequestHead& head) override {
    return door_.on_request(head);
  }
  void on_emitted(std::uint64_t user, sdk::Items<tocsin_emit_outcome> outcomes) override {
    door_.on_emitted(user, outcomes);
  }

 private:
  input_http::Door door_;
};

}  // namespace

TOCSIN_PLUGIN(HttpInput)
