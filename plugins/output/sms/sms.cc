// Sends notifications as text messages: through Twilio, or whoever speaks as it does
//
//   POST <api_url>/2010-04-01/Accounts/<account_sid>/Messages.json       201 {"sid":"SM...",...}
//   To=%2B49...&Body=Disk+full&From=%2B1555...&StatusCallback=<status_callback>/status/dlv_...
//
// or through a provider that the configuration describes (`http`). 201 means that the provider has
// queued it; how far it comes is called back, and what recipients answer. A listener's route that
// ends in this output (`plugin: NAME`) takes both; status_callback is that route's URL as the
// provider sees it, and what the signature of callbacks is checked against.
//
// A provider of messages knows no idempotency key: an attempt that timed out may have been heard.

#include "callbacks.h"
#include "sender.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace sms = tocsin::output_sms;

constexpr sdk::Option kHeader = {
    .doc = "The value of a request header.", .flags = sdk::kSecret, .max = "8192"};
constexpr sdk::Option kMeaning = {
    .type = sdk::kChoice,
    .doc = "What it means.",
    .choices = "delivered|retry|throttled|rejected|target_gone|ambiguous|unauthorized"};
constexpr sdk::Option kHttpOptions[] = {
    {.key = "url", .doc = "Where messages are posted.", .flags = sdk::kSecret, .max = "2048"},
    {.key = "method",
     .type = sdk::kChoice,
     .doc = "What requests are.",
     .default_text = "POST",
     .choices = "POST|PUT"},
    {.key = "headers",
     .type = sdk::kMap,
     .doc = "Further request headers, as an Authorization.",
     .default_text = "{}",
     .max = "32",
     .element = &kHeader},
    {.key = "content_type",
     .doc = "What the body is; the values in it are escaped accordingly.",
     .default_text = "application/json",
     .min = "1",
     .max = "256"},
    {.key = "body",
     .doc = "The body; in it {{body}} is the message and {{address}} the number.",
     .flags = sdk::kTemplate,
     .max = "65536"},
    {.key = "idempotent",
     .type = sdk::kBoolean,
     .doc = "Say that the provider drops a repeated Idempotency-Key.",
     .default_text = "false"},
    {.key = "id", .doc = "Where the answer has the provider's id, as /message/id.", .max = "256"},
    {.key = "code", .doc = "Where it has a code, as /error/code.", .max = "256"},
    {.key = "codes",
     .type = sdk::kMap,
     .doc = "What a code means.",
     .default_text = "{}",
     .max = "256",
     .element = &kMeaning},
    {.key = "statuses",
     .type = sdk::kMap,
     .doc = "What a status (409, or 4xx) means, where no code says otherwise.",
     .default_text = "{}",
     .max = "64",
     .element = &kMeaning},
};
constexpr sdk::OptionTable kHttpTable = {.name = "provider settings",
                                         .doc = "A provider that takes messages over HTTP.",
                                         .options = kHttpOptions};

constexpr sdk::Option kOptions[] = {
    {.key = "provider",
     .type = sdk::kChoice,
     .doc = "Who sends: Twilio and its like, or the one described in http.",
     .default_text = "twilio",
     .choices = "twilio|http"},
    {.key = "account_sid", .doc = "Twilio's name of the account, AC...", .max = "64"},
    {.key = "auth_token",
     .doc = "The account's auth token. Callbacks are checked with it, too.",
     .flags = sdk::kSecret,
     .max = "256"},
    {.key = "from", .doc = "Who a message is from: a number, a short code, a name.", .max = "32"},
    {.key = "messaging_service_sid",
     .doc = "The messaging service that chooses who it is from, MG...",
     .max = "64"},
    {.key = "api_url",
     .doc = "Where Twilio's API is.",
     .default_text = "https://api.twilio.com",
     .min = "8",
     .max = "2048"},
    {.key = "status_callback",
     .doc = "The URL at which the provider reaches the route that ends in this output.",
     .max = "2048"},
    {.key = "http",
     .type = sdk::kTable,
     .doc = "The provider that provider: http means.",
     .default_text = "{}",
     .table = &kHttpTable},
    {.key = "to", .doc = "The number of what names none in its `to` (sms:+4917...).", .max = "32"},
    {.key = "text",
     .doc = "The message. Without one it is the title and the body below it.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .min = "1",
     .max = "65536"},
    sdk::Transport::kTls,
    sdk::Transport::kProxy,
    sdk::Transport::kNoProxy,
};

class SmsOutput final : public sdk::Output, public sdk::Handler {
 public:
  using Settings = sms::Settings;
  static constexpr sdk::About kAbout = {"sms", "0.1.0", "Sends notifications as text messages.",
                                        kOptions};
  static sdk::OutputTraits traits(const Settings& settings) {
    return {.batch_max = 64,
            .address_kind = "sms",
            .has_own_address = !settings.to.empty(),
            .idempotent = settings.idempotent,
            .account = settings.account};
  }

  SmsOutput(const Settings& settings, sdk::Host host)
      : sender_(settings, host), callbacks_(settings, host) {}
  void reconfigure(const Settings& next) {
    sender_.reconfigure(next);
    callbacks_.reconfigure(next);
  }

  void deliver(const sdk::Attempt& attempt) override { sender_.send(attempt); }
  void cancel(tocsin_token attempt) override { sender_.cancel(attempt); }
  sdk::RequestPtr on_request(const sdk::RequestHead& head) override {
    return callbacks_.on_request(head);
  }

 private:
  sms::Sender sender_;
  sms::Callbacks callbacks_;
};

}  // namespace

TOCSIN_PLUGIN(SmsOutput)
