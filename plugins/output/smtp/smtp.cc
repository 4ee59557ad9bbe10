// Sends notifications as e-mail.
//
//   EHLO, STARTTLS, EHLO, AUTH        by libcurl, which also resolves, connects and verifies
//   MAIL FROM:<alerts@example.com>    one mail for each attempt, one after another over a few
//   RCPT TO:<ops@example.com>         connections that are kept
//   DATA
//   Message-ID: <dlv_...@example.com>   the same on every attempt: what repeats can be known by
//   ...
//   .
//   250 2.0.0 Ok: queued as 4F1C      what was said is the delivery's provider id
//
// A server cannot be asked to drop repeats, so that this output is not idempotent: no answer to the
// final dot is ambiguous. What each answer means is in classify.h.

#include "settings.h"
#include "tocsin/plugin.hpp"
#include "transfer.h"

namespace {

namespace sdk = tocsin::sdk;
namespace smtp = tocsin::output_smtp;

constexpr sdk::Option kHeader = {.doc = "The value of a header field.", .max = "4096"};

constexpr sdk::Option kDkimOptions[] = {
    {.key = "domain",
     .doc = "Whose signature it is (d=); the domain of from unless given.",
     .max = "253"},
    {.key = "selector", .doc = "Which of the domain's keys it is (s=).", .max = "63"},
    {.key = "key_file", .doc = "The private key (PEM, without a password), RSA or Ed25519."},
};
constexpr sdk::OptionTable kDkim = {
    .name = "dkim settings", .doc = "How mails are signed.", .options = kDkimOptions};

constexpr sdk::Option kOptions[] = {
    {.key = "url",
     .doc = "The mail server, smtp://host:587 or smtps://host:465 (TLS from the first byte on).",
     .flags = sdk::kRequired,
     .min = "8",
     .max = "512"},
    {.key = "username", .doc = "Who we are to the server (AUTH), over TLS only.", .max = "256"},
    {.key = "password",
     .doc = "The password of username.",
     .flags = sdk::kSecret | sdk::kReloadable,
     .max = "1024"},
    {.key = "starttls",
     .type = sdk::kChoice,
     .doc = "Whether smtp:// goes over to TLS. auto requires it, but for this machine without a "
            "username.",
     .default_text = "auto",
     .choices = "auto|required|never"},
    {.key = "tls",
     .type = sdk::kTable,
     .doc = "How TLS is spoken.",
     .default_text = "{}",
     .flags = sdk::kReloadable,
     .table = &sdk::kTlsTable},
    {.key = "ehlo",
     .doc = "The name we greet with; the machine's own unless given.",
     .flags = sdk::kReloadable,
     .max = "253"},
    {.key = "connections",
     .type = sdk::kInteger,
     .doc = "How many connections there are at most.",
     .default_text = "4",
     .flags = sdk::kReloadable,
     .min = "1",
     .max = "64"},
    {.key = "from",
     .doc = "Who mails are from, alerts@example.com or Alerts <alerts@example.com>.",
     .flags = sdk::kRequired | sdk::kReloadable,
     .min = "3",
     .max = "512"},
    {.key = "to",
     .doc = "Who gets notifications that name nobody by email:. Without it they are not taken.",
     .max = "320"},
    {.key = "subject",
     .doc = "The subject. One that comes out empty is the topic.",
     .default_text = "{{title}}",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .max = "4096"},
    {.key = "text",
     .doc = "The mail as plain text.",
     .default_text = "{{body}}",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .max = "65536"},
    {.key = "html",
     .doc = "The same in HTML, as an alternative; values are escaped for HTML.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .max = "65536"},
    {.key = "attachments",
     .type = sdk::kBoolean,
     .doc = "Attach what a notification's data.attachments lists.",
     .default_text = "false",
     .flags = sdk::kReloadable},
    {.key = "headers",
     .type = sdk::kMap,
     .doc = "Further header fields, as a Reply-To.",
     .default_text = "{}",
     .flags = sdk::kReloadable,
     .max = "32",
     .element = &kHeader},
    {.key = "list_unsubscribe",
     .doc = "Where people say that they want no more mail, https:// or mailto:; values are escaped "
            "for URLs.",
     .flags = sdk::kReloadable | sdk::kTemplate,
     .max = "900"},
    {.key = "one_click",
     .type = sdk::kBoolean,
     .doc = "A POST to list_unsubscribe alone is enough (RFC 8058).",
     .default_text = "false",
     .flags = sdk::kReloadable},
    {.key = "dkim",
     .type = sdk::kTable,
     .doc = "How mails are signed (DKIM); not at all unless given.",
     .default_text = "{}",
     .flags = sdk::kReloadable,
     .table = &kDkim},
};

class SmtpOutput final : public sdk::Output {
 public:
  using Settings = smtp::Settings;
  static constexpr sdk::About kAbout = {"smtp", "0.1.0", "Sends notifications as e-mail.",
                                        kOptions};
  static sdk::OutputTraits traits(const Settings& settings) {
    // Outputs that log in as the same user of the same server are refused, and paused, together.
    const std::string& user = settings.route.username;
    return {.batch_max = 64,
            .address_kind = "email",
            .has_own_address = settings.has_to,
            .account = user.empty() ? std::string() : user + "@" + settings.server};
  }

  SmtpOutput(const Settings& settings, sdk::Host host) : transfer_(settings, host) {}
  void reconfigure(const Settings& next) { transfer_.reconfigure(next); }
  void drain(sdk::Duration /*deadline*/) { transfer_.drain(); }

  void deliver(const sdk::Attempt& attempt) override { transfer_.send(attempt); }
  void cancel(tocsin_token attempt) override { transfer_.cancel(attempt); }

 private:
  smtp::Transfer transfer_;
};

}  // namespace

TOCSIN_PLUGIN(SmtpOutput)
