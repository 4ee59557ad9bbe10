#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "address.h"

namespace tocsin::output_smtp {

/// What goes along with a mail's text.
struct Attachment {
  std::string name;  ///< UTF-8; how the receiver's file is called
  std::string type;  ///< "application/pdf"
  std::string bytes;
};

inline constexpr std::size_t kAttachmentsMax = 16;
inline constexpr std::size_t kAttachedBytesMax = 20 * 1024 * 1024;  ///< of all of a mail

/// One mail before it is written. Borrows what are views.
struct Letter {
  std::string_view id;    ///< of the delivery: letters, digits, '_', '-'; makes the Message-ID
  std::int64_t date = 0;  ///< Unix seconds
  const Mailbox* from = nullptr;
  const Address* to = nullptr;
  std::string_view subject;
  std::string_view text;
  std::string_view html;         ///< empty: the mail is text alone
  std::string_view unsubscribe;  ///< unsubscribe_fault() has found nothing; empty: none
  bool one_click = false;
  const std::vector<std::pair<std::string, std::string>>* headers = nullptr;  ///< further ones
  const std::vector<Attachment>* attachments = nullptr;
};

/// The mail as it is sent and signed: header and body, ASCII, lines of at most 78 columns that end
/// in CRLF, the last one too. What stands in a value begins no field and no part of its own.
///
///   multipart/mixed            only with attachments
///     multipart/alternative    only with html
///       text/plain
///       text/html
///     attachment...
std::string write_message(const Letter& letter);

/// "<dlv_...@example.com>", the same on every attempt.
std::string message_id(std::string_view id, const Address& from);

/// "Thu, 01 Jan 2026 00:00:00 +0000" (RFC 5322 3.3).
std::string mail_date(std::int64_t seconds);

/// Why this cannot be a List-Unsubscribe (RFC 2369, with one_click RFC 8058), in a sentence; empty:
/// it can.
std::string_view unsubscribe_fault(std::string_view url, bool one_click);

/// Why a mail cannot carry this further field; empty: it can. Quotes the name, never the value.
std::string header_fault(std::string_view name, std::string_view value);

/// Reads `{"attachments": [{"name", "type", "content"}]}` out of a notification's data, where
/// `content` is base64. False: `why` says which one is wrong.
bool read_attachments(std::string_view data, std::vector<Attachment>& out, std::string& why);

}  // namespace tocsin::output_smtp
