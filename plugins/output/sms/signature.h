#pragma once

#include <string>
#include <string_view>

#include "form.h"

namespace tocsin::output_sms {

/// What Twilio signs its requests with (https://www.twilio.com/docs/usage/security): base64 of
/// HMAC-SHA1 over the URL as it was called, followed by the form's names and values, sorted by
/// name.
std::string signature_of(std::string_view auth_token, std::string_view url, Form form);

/// Takes the same time whatever is wrong. Twilio may or may not write the scheme's own port into
/// the URL it signs, so both ways are right.
bool is_signed(std::string_view signature, std::string_view auth_token, std::string_view url,
               const Form& form);

/// Base64 with padding.
std::string base64_of(std::string_view bytes);

}  // namespace tocsin::output_sms
