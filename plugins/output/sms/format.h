#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tocsin/plugin.hpp"

namespace tocsin::output_sms {

/// What a body may have (https://www.twilio.com/docs/api/errors/21617), counted as those count who
/// count most: in UTF-16 units.
inline constexpr std::size_t kBodyMax = 1600;

/// "+4917012345678" of "sms:+4917012345678".
std::string_view phone_of(std::string_view address);

/// Why nobody can be reached there, in a sentence; empty: it is a number as E.164 has it.
std::string_view phone_fault(std::string_view phone);

/// What a notification says by itself: title and body, the topic if it has neither.
std::string text_of(const sdk::Notification& notification);

/// Appends the text if it fits, else its beginning and a marker, which is three dots where the one
/// character for them would make a message of GSM-7 one of UCS-2, twice as dear. Whether it was
/// cut.
bool append_fitting(std::string& out, std::string_view text, std::size_t max = kBodyMax);

}  // namespace tocsin::output_sms
