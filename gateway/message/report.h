#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/message/delivery.h"

// What a provider tells later of a delivery that it took, and what that changes.

namespace tocsin::message {

/// As a plugin says it; the numbers are those of the plugin contract.
enum class ReportState : std::uint8_t {
  kAccepted = 0,   ///< the provider has it
  kDelivered = 1,  ///< it arrived
  kBounced = 2,    ///< it did not, and will not
};
inline constexpr std::size_t kReportStates = 3;
/// "accepted", "delivered", "bounced".
std::string_view report_name(ReportState state);

/// What is known of a delivery when a report comes.
enum class ReportedRow : std::uint8_t {
  kUntried,    ///< it waits, and nothing was sent, or was redriven since
  kTried,      ///< it waits for its next attempt
  kInFlight,   ///< in a lane's hands: its attempt may end any moment
  kDelivered,  ///< as far as the provider's answer said
  kInDoubt,    ///< a dead letter of which an attempt may have arrived
  kBounced,    ///< a dead letter by such a report
  kDead,       ///< a dead letter for another reason
  kEnded,      ///< cancelled, or another output has it
};
inline constexpr std::size_t kReportedRows = 8;

/// What a report changes.
enum class Amendment : std::uint8_t {
  kNothing,  ///< it repeats what is known, or steps back
  kNoteId,   ///< the provider's id is kept when none is
  kLater,    ///< the attempt's own end comes first: ask again
  kDeliver,  ///< it is delivered, and not sent again
  kBury,     ///< it is a dead letter, for people to decide
};

/// The one table: forward only, so that reports may come twice and out of order.
Amendment amendment(ReportedRow row, ReportState report);

}  // namespace tocsin::message
