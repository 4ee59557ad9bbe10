// Posts notifications to a URL as JSON.
//
//   POST <url>
//   Idempotency-Key: dlv_...         the same on every attempt, so that a receiver can drop repeats
//   Tocsin-Attempt: 1
//
//   {"id":"ntf_...","delivery_id":"dlv_...", and the notification's own fields}
//
// With secrets each request is signed as Standard Webhooks 1.0 has it:
//
//   webhook-id: dlv_...              the same on every attempt
//   webhook-timestamp: 1767225600    of the attempt
//   webhook-signature: v1,...        one for each secret
//
// What the answer means is the gateway's to say (2xx delivered, Retry-After honoured, ...), the
// same for every output that speaks HTTP, unless `classify` says more of this receiver:
// conf/presets holds such tables of well-known ones.

#include "classify_options.h"
#include "sender.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace webhook = tocsin::output_webhook;

constexpr sdk::Option kHeader = {
    .doc = "The value of a request header.", .flags = sdk::kSecret, .max = "8192"};
constexpr sdk::Option kSecret = {
    .doc = "whsec_ and base64 of 24 to 64 bytes.", .flags = sdk::kSecret, .max = "128"};
constexpr sdk::Option kOptions[] = {
    {.key = "url",
     .doc =
         "Where to post, such as https://example.com/hook. Behind its host it may be a template, "
         "as {{{values.token}}}, and all of it may be a value that nothing shows.",
     .flags = sdk::kRequired | sdk::kTemplate,
     .min = "8",
     .max = "2048"},
    {.key = "headers",
     .type = sdk::kMap,
     .doc = "Further request headers, as an Authorization.",
     .default_text = "{}",
     .flags = sdk::kReloadable,
     .max = "32",
     .element = &kHeader},
    {.key = "method",
     .type = sdk::kChoice,
     .doc = "What requests are.",
     .default_text = "POST",
     .flags = sdk::kReloadable,
     .choices = "POST|PUT|PATCH"},
    {.key = "content_type",
     .doc = "What the body is. In JSON, HTML and forms the body's values are escaped accordingly.",
     .default_text = "application/json",
     .flags = sdk::kReloadable,
     .min = "1",
     .max = "256"},
    {.key = "body",
     .doc = "The body as a template. Without one it is the notification with its ids, as JSON.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .min = "1",
     .max = "65536"},
    webhook::kClassify,
    {.key = "account",
     .doc = "Outputs that name the same account are paced together where the receiver throttles or "
            "refuses the account, as all of one bot.",
     .min = "1",
     .max = "128"},
    {.key = "idempotent",
     .type = sdk::kBoolean,
     .doc = "Whether the receiver drops repeats of a delivery, by its Idempotency-Key or something "
            "in the body. Where it does not, what may have arrived is not sent again by itself.",
     .default_text = "true"},
    {.key = "secrets",
     .type = sdk::kList,
     .doc = "What requests are signed with as Standard Webhooks 1.0 has it; several while they are "
            "exchanged.",
     .default_text = "[]",
     .flags = sdk::kReloadable,
     .max = "8",
     .element = &kSecret},
    sdk::Transport::kTls,
    sdk::Transport::kProxy,
    sdk::Transport::kNoProxy,
};

class WebhookOutput final : public sdk::Output {
 public:
  using Settings = webhook::Settings;
  static constexpr sdk::About kAbout = {"webhook", "0.1.0", "Posts notifications to a URL as JSON.",
                                        kOptions};
  static sdk::OutputTraits traits(const Settings& settings) {
    return {.batch_max = 64,
            .idempotent = settings.idempotent,
            .account = settings.account,
            .rehearses = true};
  }

  WebhookOutput(const Settings& settings, sdk::Host host) : sender_(settings, host) {}
  void reconfigure(const Settings& next) { sender_.reconfigure(next); }

  void deliver(const sdk::Attempt& attempt) override { sender_.send(attempt); }
  void cancel(tocsin_token attempt) override { sender_.cancel(attempt); }

 private:
  webhook::Sender sender_;
};

}  // namespace

TOCSIN_PLUGIN(WebhookOutput)
