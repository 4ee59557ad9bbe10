#pragma once

#include <string>
#include <string_view>

// One receiver, one text. Rates, suppressions and repeated recipients compare addresses byte by
// byte, so they are brought into one form where they come in: the domain of an `email` address,
// which is what is behind its last @, is in small letters (names of the DNS are alike in both, RFC
// 4343; the mailbox before it is its host's affair, RFC 5321 2.4). All else stays as it is written.

namespace tocsin::message {

/// Whether "kind:value" is in that form.
bool is_normal_address(std::string_view address);
/// "kind:value" in that form; of the same size.
std::string normal_address(std::string_view address);

}  // namespace tocsin::message
