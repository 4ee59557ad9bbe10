#pragma once

#include <string>
#include <string_view>

namespace tocsin::output_smtp {

/// Where mail goes to or comes from (RFC 5321 4.1.2), as it goes over the wire: ASCII, the domain
/// in A-labels.
struct Address {
  static constexpr std::size_t kLocalBytesMax = 64;    // RFC 5321 4.5.3.1.1
  static constexpr std::size_t kDomainBytesMax = 253;  // a name of the DNS without its last dot
  static constexpr std::size_t kBytesMax = 254;        // with the brackets a path of 256

  std::string local;
  std::string domain;

  std::string text() const { return local + "@" + domain; }

  /// Reads `local@domain`, a domain in any script through IDNA 2008 (UTS #46, non-transitional).
  /// False: `why` is a sentence that says what is wrong with it. Addresses beyond ASCII in front of
  /// the @ are refused: few servers take them (SMTPUTF8), and one that does not would refuse later
  /// and less clearly.
  bool read(std::string_view text, std::string& why);
};

/// An address with the name that people are shown.
struct Mailbox {
  std::string name;  ///< UTF-8 without control characters; empty: none
  Address address;

  /// Reads `local@domain`, `Name <local@domain>` or `"A. Name" <local@domain>`.
  bool read(std::string_view text, std::string& why);
};

/// A domain in A-labels and lower case, or why it cannot be one. Empty: refused.
std::string domain_of(std::string_view text, std::string& why);

}  // namespace tocsin::output_smtp
