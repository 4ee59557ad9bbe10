#pragma once

#include <cstdint>
#include <string_view>

#include "reply.h"
#include "tocsin/sdk/verdict.hpp"

// What a server's word means for a mail: the one table of it.
//
//   421, whatever it answers            retry; the connection is over
//   before MAIL, 4yz or 5yz             retry: nothing was said about the mail
//   530, 534, 535, 538, or 5yz to AUTH  unauthorized: the account pauses
//   4yz                                 retry, also 452 with 4.5.3 and full mailboxes (4.2.2)
//   5yz with 5.1.x about the recipient  target_gone: the address is suppressed
//   any other 5yz                       rejected
//   no answer to the final dot          ambiguous
//   the connection ends before it       retry: nothing was accepted
//
// Of the statuses 5.1.x, 7 and 8 are about the sender (RFC 3463 3.2); 5.1.0 says not whose
// address, and is the recipient's when RCPT was answered so.

namespace tocsin::output_smtp {

/// What a reply answers, or what a connection was at.
enum class Step : std::uint8_t {
  kConnect,  ///< from the connection to its greeting, EHLO, STARTTLS
  kAuth,
  kMail,
  kRecipient,
  kData,
  kFinalDot,
  kReset
};

std::string_view name_of(Step step);

/// The verdict of a reply that is not what the step takes to go on; of a positive one to the final
/// dot: delivered.
sdk::Verdict classify(Step step, const Reply& reply);

/// The verdict when no reply comes any more. `sent`: the last byte of the mail has left.
sdk::Verdict unanswered(Step step, bool sent, std::string_view why);

}  // namespace tocsin::output_smtp
