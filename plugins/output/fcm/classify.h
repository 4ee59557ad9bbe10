#pragma once

#include <cstdint>
#include <string_view>

#include "tocsin/plugin.hpp"

namespace tocsin::output_fcm {

/// What an answer of FCM comes to: its error code counts for more than the status it came with
/// (https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode). `by_http` is what HTTP alone
/// suggests, with Retry-After. An answer of 200 is a delivery, and the message's name its id.
sdk::Verdict classify(sdk::Verdict by_http, std::uint32_t status, std::string_view body);

/// Whether the answer says that our access token is not, or no longer, good.
bool refuses_token(std::uint32_t status, std::string_view body);

/// What a failed exchange of the assertion for a token comes to, for those who waited for it.
sdk::Verdict classify_exchange(sdk::Verdict by_http, std::uint32_t status, std::string_view body);

}  // namespace tocsin::output_fcm
