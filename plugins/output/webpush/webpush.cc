// Sends push messages to browsers (RFC 8030), encrypted for each (RFC 8291) and signed by whom they
// are from (RFC 8292).
//
//   POST <endpoint of the subscription>
//   Authorization: vapid t=<token>, k=<public key>      the token is signed once in 6 h and service
//   TTL: 86400
//   Urgency: normal                                     from the level
//   Topic: <hash of the key>                            takes the place of what waits with the same
//   Content-Encoding: aes128gcm
//
// A subscription is an address: webpush:P256DH.AUTH@ENDPOINT. Its endpoint is somebody else's text,
// so that requests to addresses of the inside are refused. Push services drop no repeats: a message
// whose answer was lost counts as ambiguous. Each one carries the notification's id, by which a
// page can tell.

#include "sender.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace webpush = tocsin::output_webpush;

constexpr sdk::Option kOptions[] = {
    {.key = "private_key",
     .doc = "The VAPID key: base64url of the private number, or PEM of a P-256 key.",
     .flags = sdk::kRequired | sdk::kSecret | sdk::kReloadable,
     .min = "1",
     .max = "4096"},
    {.key = "subject",
     .doc = "How push services reach you: mailto:ops@example.com or https://example.com/.",
     .flags = sdk::kRequired | sdk::kReloadable,
     .min = "1",
     .max = "256"},
    {.key = "ttl",
     .type = sdk::kDuration,
     .doc = "How long a message is kept for a device that is away; it ends with the notification.",
     .default_text = "24h",
     .flags = sdk::kReloadable,
     .min = "0s",
     .max = "28d"},
    {.key = "body",
     .doc =
         "The message as a template, in which values are escaped for JSON. Without one it is the "
         "notification with its id, as JSON.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .min = "1",
     .max = "16384"},
    sdk::Transport::kAllow,
    sdk::Transport::kTls,
    sdk::Transport::kProxy,
    sdk::Transport::kNoProxy,
};

class WebPushOutput final : public sdk::Output {
 public:
  using Settings = webpush::Settings;
  static constexpr sdk::About kAbout = {
      "webpush", "0.1.0", "Sends push messages to browsers, encrypted for each.", kOptions};
  static sdk::OutputTraits traits(const Settings&) {
    return {.batch_max = 64, .address_kind = "webpush", .has_own_address = false};
  }

  WebPushOutput(const Settings& settings, sdk::Host host) : sender_(settings, host) {}
  void reconfigure(const Settings& next) { sender_.reconfigure(next); }

  void deliver(const sdk::Attempt& attempt) override { sender_.send(attempt); }
  void cancel(tocsin_token attempt) override { sender_.cancel(attempt); }

 private:
  webpush::Sender sender_;
};

}  // namespace

TOCSIN_PLUGIN(WebPushOutput)
