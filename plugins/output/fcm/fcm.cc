// Sends push messages through Firebase Cloud Messaging, HTTP v1.
//
//   POST <api_url>/v1/projects/<project>/messages:send
//   Authorization: Bearer <access token>
//
//   {"message":{"token":"...","notification":{"title","body"},"data":{...},"android":{...},...}}
//
// Who sends is a service account. Its key signs an assertion, which is exchanged for an access
// token at the account's token_uri; that one is kept, renewed before it ends, and exchanged anew,
// once for each message, when FCM refuses it.
//
// A message goes to the devices that the notification names (to: "fcm:TOKEN"), or else to the topic
// or condition of the output. FCM has no idempotency key: a message whose answer was lost may have
// arrived, and counts as ambiguous. Each one carries the notification's id as data.tocsin_id, by
// which an app can tell.

#include "sender.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace fcm = tocsin::output_fcm;

constexpr sdk::Option kOptions[] = {
    {.key = "credentials",
     .doc =
         "The file of a service account, as the Firebase console makes it, or what stands in it.",
     .flags = sdk::kRequired | sdk::kSecret,
     .min = "1",
     .max = "65536"},
    {.key = "project",
     .doc = "The Firebase project, where it is not the service account's.",
     .flags = sdk::kReloadable,
     .min = "1",
     .max = "64"},
    {.key = "topic",
     .doc = "The topic that notifications go to which name no device.",
     .flags = sdk::kTemplate,
     .min = "1",
     .max = "2048"},
    {.key = "condition",
     .doc = "The same for a condition over topics, such as 'ops' in topics && 'eu' in topics.",
     .flags = sdk::kTemplate,
     .min = "1",
     .max = "2048"},
    {.key = "title",
     .doc = "What is shown. Without a title and a body an app gets the data alone.",
     .default_text = "{{title}}",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .max = "4096"},
    {.key = "body",
     .doc = "What is shown below the title; cut to what a message may hold.",
     .default_text = "{{body}}",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .max = "16384"},
    {.key = "high_priority",
     .type = sdk::kChoice,
     .doc = "The least important level that wakes a device up.",
     .default_text = "warning",
     .flags = sdk::kReloadable,
     .choices = "trace|debug|info|notice|warning|error|critical|emergency|never"},
    {.key = "collapse",
     .type = sdk::kBoolean,
     .doc = "Whether a message takes the place of an earlier one with the same key.",
     .default_text = "true",
     .flags = sdk::kReloadable},
    {.key = "android",
     .type = sdk::kAny,
     .doc = "What every message says to Android: an AndroidConfig, as a mapping or as JSON.",
     .flags = sdk::kReloadable},
    {.key = "apns",
     .type = sdk::kAny,
     .doc = "The same for Apple's devices: an ApnsConfig.",
     .flags = sdk::kReloadable},
    {.key = "webpush",
     .type = sdk::kAny,
     .doc = "The same for browsers: a WebpushConfig.",
     .flags = sdk::kReloadable},
    {.key = "api_url",
     .doc = "Where FCM is.",
     .default_text = "https://fcm.googleapis.com",
     .flags = sdk::kReloadable,
     .min = "8",
     .max = "2048"},
    sdk::Transport::kTls,
    sdk::Transport::kProxy,
    sdk::Transport::kNoProxy,
};

class FcmOutput final : public sdk::Output {
 public:
  using Settings = fcm::Settings;
  static constexpr sdk::About kAbout = {
      "fcm", "0.1.0", "Sends push messages through Firebase Cloud Messaging.", kOptions};
  static sdk::OutputTraits traits(const Settings& settings) {
    return {.batch_max = 64,
            .address_kind = "fcm",
            .has_own_address = settings.has_own_target(),
            .account = "fcm:" + settings.account->email()};
  }

  FcmOutput(const Settings& settings, sdk::Host host) : sender_(settings, host) {}
  void reconfigure(const Settings& next) { sender_.reconfigure(next); }

  void deliver(const sdk::Attempt& attempt) override { sender_.send(attempt); }
  void cancel(tocsin_token attempt) override { sender_.cancel(attempt); }

 private:
  fcm::Sender sender_;
};

}  // namespace

TOCSIN_PLUGIN(FcmOutput)
