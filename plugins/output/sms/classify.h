#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "form.h"

namespace tocsin::output_sms {

/// What a provider means by its answer to a message.
enum class Meaning : std::uint8_t {
  kDelivered,  ///< to the provider, who queued it
  kByStatus,   ///< no more than its HTTP status says
  kRetry,
  kThrottled,  ///< as long as Retry-After says
  kRejected,
  kTargetGone,
  kAmbiguous,
  kUnauthorized
};

struct Reading {
  Meaning meaning = Meaning::kByStatus;
  std::string reason;       ///< unless delivered; a sentence without a full stop, or nothing
  std::string provider_id;  ///< when delivered
};

/// Of POST .../Messages.json (https://www.twilio.com/docs/messaging/api/message-resource).
Reading read_twilio_answer(std::uint32_t status, std::string_view body);

/// What became of a message, as a status callback tells.
struct Progress {
  enum class State : std::uint8_t { kUnknown, kUnderWay, kDelivered, kBounced };
  State state = State::kUnknown;
  std::string reason;  ///< when bounced
  std::string_view provider_id;
};
/// Borrows the form.
Progress read_status(const Form& form);

/// What somebody wrote who answered a message.
enum class Wish : std::uint8_t { kNone, kStop, kStart };
Wish read_wish(const Form& form);

}  // namespace tocsin::output_sms
