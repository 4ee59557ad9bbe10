#include "classify.h"

#include <string>

namespace tocsin::output_smtp {

namespace {

bool is_about_credentials(Step step, const Reply& reply) {
  if (!reply.permanent()) return false;
  const bool code =
      reply.code == 530 || reply.code == 534 || reply.code == 535 || reply.code == 538;
  return code || step == Step::kAuth;
}

// Before RCPT nothing was said about a recipient, whatever the code. 5.1.0 is what servers say of
// senders and of rates, too, when they judge them at RCPT, and 5.1.7 and 5.1.8 are the sender's.
bool is_recipients_address(Step step, const Reply& reply) {
  if (!reply.permanent() || reply.subject != 1 || step == Step::kMail) return false;
  return reply.detail != 0 && reply.detail != 7 && reply.detail != 8;
}

std::string told(Step step, const Reply& reply) {
  return std::string(name_of(step)) + ": " + reply.text;
}

}  // namespace

std::string_view name_of(Step step) {
  switch (step) {
    case Step::kConnect:
      return "connecting";
    case Step::kAuth:
      return "AUTH";
    case Step::kMail:
      return "MAIL FROM";
    case Step::kRecipient:
      return "RCPT TO";
    case Step::kData:
      return "DATA";
    case Step::kFinalDot:
      return "the mail";
    case Step::kReset:
      return "RSET";
  }
  return "";
}

sdk::Verdict classify(Step step, const Reply& reply) {
  if (step == Step::kFinalDot && reply.positive()) {
    return sdk::Verdict::delivered(std::string(reply.words()));
  }
  if (reply.code == 421) return sdk::Verdict::retry(told(step, reply));
  if (is_about_credentials(step, reply)) return sdk::Verdict::unauthorized(told(step, reply));
  const bool begun = step != Step::kConnect && step != Step::kAuth;
  if (reply.permanent() && begun) {
    return is_recipients_address(step, reply) ? sdk::Verdict::target_gone(told(step, reply))
                                              : sdk::Verdict::rejected(told(step, reply));
  }
  if (reply.transient() || reply.permanent()) return sdk::Verdict::retry(told(step, reply));
  const std::string strange = "the server's answer to " + std::string(name_of(step)) +
                              " is none: " + (reply.code == 0 ? "no reply of SMTP" : reply.text);
  return step == Step::kFinalDot ? sdk::Verdict::ambiguous(strange) : sdk::Verdict::retry(strange);
}

sdk::Verdict unanswered(Step step, bool sent, std::string_view why) {
  const std::string reason = std::string(name_of(step)) + ": " + std::string(why);
  if (step != Step::kFinalDot || !sent) return sdk::Verdict::retry(reason);
  return sdk::Verdict::ambiguous(reason + "; the server may have taken it");
}

}  // namespace tocsin::output_smtp
