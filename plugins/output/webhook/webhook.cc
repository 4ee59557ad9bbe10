// Posts notifications to a URL as JSON.
//
//   POST <url>
//   Idempotency-Key: dlv_...         the same on every attempt, so that a receiver can drop repeats
//   Tocsin-Attempt: 1
//
//   {"id":"ntf_...","delivery_id":"dlv_...", and the notification's own fields}
//
// What the answer means is the gateway's to say (2xx delivered, Retry-After honoured, ...), the
// same for every output that speaks HTTP.

#include "sender.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace webhook = tocsin::output_webhook;

constexpr sdk::Option kHeader = {
    .doc = "The value of a request header.", .flags = sdk::kSecret, .max = "8192"};
constexpr sdk::Option kOptions[] = {
    {.key = "url",
     .doc = "Where to post, such as https://example.com/hook.",
     .flags = sdk::kRequired,
     .min = "8",
     .max = "2048"},
    {.key = "headers",
     .type = sdk::kMap,
     .doc = "Further request headers, as an Authorization.",
     .default_text = "{}",
     .flags = sdk::kReloadable,
     .max = "32",
     .element = &kHeader},
    sdk::Transport::kTls,
    sdk::Transport::kProxy,
    sdk::Transport::kNoProxy,
};

class WebhookOutput final : public sdk::Output {
 public:
  using Settings = webhook::Settings;
  static constexpr sdk::About kAbout = {"webhook", "0.1.0", "Posts notifications to a URL as JSON.",
                                        kOptions};
  static sdk::OutputTraits traits(const Settings&) { return {.batch_max = 64, .idempotent = true}; }

  WebhookOutput(const Settings& settings, sdk::Host host) : sender_(settings, host) {}
  void reconfigure(const Settings& next) { sender_.reconfigure(next); }

  void deliver(const sdk::Attempt& attempt) override { sender_.send(attempt); }
  void cancel(tocsin_token attempt) override { sender_.cancel(attempt); }

 private:
  webhook::Sender sender_;
};

}  // namespace

TOCSIN_PLUGIN(WebhookOutput)
