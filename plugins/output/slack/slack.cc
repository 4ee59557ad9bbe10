// Posts notifications to Slack: through an incoming webhook
//
//   POST <webhook_url>                        200 "ok"
//   {"text":"*title*\nbody","blocks":[...]}
//
// or as a bot
//
//   POST <api_url>/chat.postMessage           200 {"ok":true,"channel":"C012...","ts":"150..."}
//   Authorization: Bearer <token>
//   {"channel":"C012...","text":"*title*\nbody","blocks":[...]}
//
// With `thread: key` a message goes into the thread of the first one with its `key` (thread_ts),
// with `update: key` it takes that one's place (chat.update). Where the first one is is kept in the
// gateway's store.
//
// `text` is always sent: it is what phones show of a message that has blocks. What answers mean is
// in classify.cc, what is too long is cut by format.cc, and counted.

#include "sender.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace {

namespace sdk = tocsin::sdk;
namespace slack = tocsin::output_slack;

constexpr sdk::Option kOptions[] = {
    {.key = "webhook_url",
     .doc = "The URL of an incoming webhook, which posts to its one channel.",
     .flags = sdk::kSecret,
     .min = "8",
     .max = "2048"},
    {.key = "token",
     .doc = "A bot's token with the scope chat:write, instead of a webhook.",
     .flags = sdk::kSecret,
     .min = "1",
     .max = "1024"},
    {.key = "channel",
     .doc = "Where the bot posts what names no channel in its `to` (slack:C0123456789).",
     .min = "1",
     .max = "80"},
    {.key = "text",
     .doc = "The message in mrkdwn. Without one it is the title in bold and the body below it.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .min = "1",
     .max = "65536"},
    {.key = "blocks",
     .doc = "Its blocks, a JSON array; `text` is then what notifications show.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .min = "2",
     .max = "65536"},
    {.key = "api_url",
     .doc = "Where the API of bots is.",
     .default_text = "https://slack.com/api",
     .min = "8",
     .max = "2048"},
    {.key = "thread",
     .type = sdk::kChoice,
     .doc = "key: what has the same `key` goes into the thread of the first message.",
     .default_text = "none",
     .flags = sdk::kReloadable,
     .choices = "none|key"},
    {.key = "update",
     .type = sdk::kChoice,
     .doc = "key: what has the same `key` takes the place of the first message.",
     .default_text = "none",
     .flags = sdk::kReloadable,
     .choices = "none|key"},
    {.key = "remember",
     .type = sdk::kDuration,
     .doc = "How long the first message of a key is the one that others follow.",
     .default_text = "7d",
     .flags = sdk::kReloadable,
     .min = "1m",
     .max = "90d"},
    sdk::Transport::kTls,
    sdk::Transport::kProxy,
    sdk::Transport::kNoProxy,
};

class SlackOutput final : public sdk::Output {
 public:
  using Settings = slack::Settings;
  static constexpr sdk::About kAbout = {.name = "slack",
                                        .version = "0.1.0",
                                        .doc = "Posts notifications to Slack.",
                                        .options = kOptions,
                                        .exactly_one_of = "webhook_url|token"};
  static sdk::OutputTraits traits(const Settings& settings) {
    return {.batch_max = 64,
            .address_kind = settings.is_webhook() ? "" : "slack",
            .has_own_address = settings.has_own_address(),
            .account = settings.account};
  }

  SlackOutput(const Settings& settings, sdk::Host host) : sender_(settings, host) {}
  void reconfigure(const Settings& next) { sender_.reconfigure(next); }

  void deliver(const sdk::Attempt& attempt) override { sender_.send(attempt); }
  void cancel(tocsin_token attempt) override { sender_.cancel(attempt); }

 private:
  slack::Sender sender_;
};

}  // namespace

TOCSIN_PLUGIN(SlackOutput)
