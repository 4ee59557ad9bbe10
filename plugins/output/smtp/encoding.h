#pragma once

#include <string>
#include <string_view>

// How texts become the ASCII that mail is made of. Texts are UTF-8; bytes that are none become
// U+FFFD in headers and pass as they are in bodies.

namespace tocsin::output_smtp {

/// Columns that lines keep to (RFC 5322 2.1.1), without their CRLF.
inline constexpr std::size_t kColumnsMax = 78;

/// Appends a header field `name: value` and its CRLF, folded. What is more than ASCII, or looks
/// like an encoded word, is written as encoded words (RFC 2047, base64). Line ends and other
/// control characters become one blank with what is blank around them: no value begins another
/// field or the body.
void append_text_field(std::string& out, std::string_view name, std::string_view value);

/// The same for `Name <address>`, or the address alone when the name is empty. The address is
/// ASCII and is never broken.
void append_mailbox_field(std::string& out, std::string_view name, std::string_view display_name,
                          std::string_view address);

/// The same for a value that has a syntax of its own. Without control characters it is written as
/// it is; the caller has made it so.
void append_plain_field(std::string& out, std::string_view name, std::string_view value);

/// Appends lines of 76 columns, each with its CRLF (RFC 2045 6.8).
void append_base64(std::string& out, std::string_view bytes);

/// Decodes base64, white space in it skipped. False: it is none, and `out` is as it was.
bool append_decoded_base64(std::string& out, std::string_view text);

/// `text` with CRLF at the end of each line, the last one too; any of CRLF, LF and CR ends one.
std::string with_crlf(std::string_view text);

/// Whether quoted-printable makes it shorter than base64.
bool prefers_quoted_printable(std::string_view text);

/// Appends quoted-printable (RFC 2045 6.7) of a text whose lines end in CRLF. No line begins with
/// "From ", which some stores of mail change; no letter is torn by a soft break.
void append_quoted_printable(std::string& out, std::string_view text);

}  // namespace tocsin::output_smtp
