#include "message.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iterator>

#include "encoding.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin::output_smtp {

namespace {

// Whatever stands in a part, its lines hold "=" only before two digits or at their end: no such
// line is among them.
std::string boundary(std::string_view id, char level) {
  return "=_" + std::string(id) + "_" + level;
}

void open_multipart(std::string& out, std::string_view kind, std::string_view mark) {
  append_plain_field(out, "Content-Type",
                     "multipart/" + std::string(kind) + "; boundary=\"" + std::string(mark) + "\"");
  out.append("\r\n");
}

void begin_part(std::string& out, std::string_view mark) {
  out.append("--").append(mark).append("\r\n");
}

void close_multipart(std::string& out, std::string_view mark) {
  out.append("--").append(mark).append("--\r\n");
}

void append_text_part(std::string& out, std::string_view type, std::string_view text) {
  const std::string lines = with_crlf(text);
  const bool quoted = prefers_quoted_printable(lines);
  append_plain_field(out, "Content-Type", std::string(type) + "; charset=utf-8");
  append_plain_field(out, "Content-Transfer-Encoding", quoted ? "quoted-printable" : "base64");
  out.append("\r\n");
  if (quoted) {
    append_quoted_printable(out, lines);
  } else {
    append_base64(out, lines);
  }
}

bool is_ascii_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  });
}

// name=value as a parameter, in RFC 2231's continuations where it is long or more than a word.
void append_parameter(std::string& out, std::string_view name, std::string_view value) {
  constexpr std::size_t kSectionMax = 60;
  constexpr std::string_view kHex = "0123456789ABCDEF";
  if (is_ascii_word(value) && value.size() <= kSectionMax) {
    out.append(";\r\n ").append(name).append("=\"").append(value).append("\"");
    return;
  }
  std::string section = "UTF-8''";
  std::size_t number = 0;
  const auto end_section = [&] {
    out.append(";\r\n ").append(name).append("*").append(std::to_string(number++)).append("*=");
    out.append(section);
    section.clear();
  };
  for (const char c : value) {
    if (section.size() > kSectionMax - 3) end_section();
    if (is_ascii_word({&c, 1})) {
      section.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    section.push_back('%');
    section.push_back(kHex[byte >> 4U]);
    section.push_back(kHex[byte & 15U]);
  }
  if (!section.empty()) end_section();
}

void append_attachment(std::string& out, const Attachment& attachment) {
  out.append("Content-Type: ").append(attachment.type);
  out.append("\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment");
  append_parameter(out, "filename", attachment.name);
  out.append("\r\n\r\n");
  append_base64(out, attachment.bytes);
}

void append_texts(std::string& out, const Letter& letter) {
  if (letter.html.empty()) return append_text_part(out, "text/plain", letter.text);
  const std::string mark = boundary(letter.id, 'a');
  open_multipart(out, "alternative", mark);
  begin_part(out, mark);
  append_text_part(out, "text/plain", letter.text);
  begin_part(out, mark);
  append_text_part(out, "text/html", letter.html);
  close_multipart(out, mark);
}

void append_fields(std::string& out, const Letter& letter) {
  append_plain_field(out, "Date", mail_date(letter.date));
  append_mailbox_field(out, "From", letter.from->name, letter.from->address.text());
  append_plain_field(out, "To", letter.to->text());
  append_text_field(out, "Subject", letter.subject);
  append_plain_field(out, "Message-ID", message_id(letter.id, letter.from->address));
  append_plain_field(out, "Auto-Submitted", "auto-generated");  // RFC 3834: no answers, please
  if (!letter.unsubscribe.empty()) {
    append_plain_field(out, "List-Unsubscribe", "<" + std::string(letter.unsubscribe) + ">");
  }
  if (!letter.unsubscribe.empty() && letter.one_click) {
    append_plain_field(out, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
  }
  if (letter.headers != nullptr) {
    for (const auto& [name, value] : *letter.headers) append_text_field(out, name, value);
  }
  append_plain_field(out, "MIME-Version", "1.0");
}

// RFC 5322 3.6.8
bool is_field_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != ':';
  });
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

std::string message_id(std::string_view id, const Address& from) {
  return "<" + std::string(id) + "@" + from.domain + ">";
}

std::string mail_date(std::int64_t seconds) {
  using std::chrono::days;
  using std::chrono::sys_seconds;
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds instant{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  char text[64];
  std::snprintf(text, sizeof(text), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

std::string write_message(const Letter& letter) {
  std::string out;
  out.reserve(2048 + letter.text.size() * 2 + letter.html.size() * 2);
  append_fields(out, letter);
  if (letter.attachments == nullptr || letter.attachments->empty()) {
    append_texts(out, letter);
    return out;
  }
  const std::string mark = boundary(letter.id, 'm');
  open_multipart(out, "mixed", mark);
  begin_part(out, mark);
  append_texts(out, letter);
  for (const Attachment& attachment : *letter.attachments) {
    begin_part(out, mark);
    append_attachment(out, attachment);
  }
  close_multipart(out, mark);
  return out;
}

std::string_view unsubscribe_fault(std::string_view url, bool one_click) {
  constexpr std::size_t kBytesMax = 900;  // it is one word on one line, and lines end at 998
  const bool https = url.starts_with("https://") && url.size() > 8;
  const bool mailto = url.starts_with("mailto:") && url.size() > 7;
  if (one_click && !https) return "with one_click it begins with https://";
  if (!https && !mailto) return "it begins with https:// or mailto:";
  if (url.size() > kBytesMax) return "it is longer than 900 bytes";
  const bool visible = std::all_of(url.begin(), url.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != '<' && c != '>' && c != ',';
  });
  return visible ? "" : "it holds what a URL must percent-encode";
}

std::string header_fault(std::string_view name, std::string_view value) {
  // The message's own, and those that only servers on its way write.
  constexpr std::string_view kTaken[] = {
      "auto-submitted", "bcc",         "cc",       "content-disposition",
      "content-type",   "date",        "from",     "content-transfer-encoding",
      "dkim-signature", "message-id",  "received", "list-unsubscribe",
      "mime-version",   "return-path", "sender",   "list-unsubscribe-post",
      "subject",        "to"};
  const std::string quoted = "\"" + std::string(name) + "\"";
  if (!is_field_name(name)) return quoted + " is no header name";
  const bool taken =
      std::any_of(std::begin(kTaken), std::end(kTaken),
                  [name](std::string_view other) { return sdk::same_name(name, other); });
  if (taken) return "every mail has a header " + quoted + " of its own";
  if (std::any_of(value.begin(), value.end(), is_control)) {
    return "the value of " + quoted + " holds a control character";
  }
  return {};
}

}  // namespace tocsin::output_smtp
