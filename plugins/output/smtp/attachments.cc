// What a notification's data wants attached. Its sender is not the operator: names and types go
// into headers and are looked at as closely as addresses.

#include <algorithm>

#include "encoding.h"
#include "message.h"
#include "tocsin/sdk/json.hpp"
#include "tocsin/sdk/text.hpp"

namespace tocsin::output_smtp {

namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kTypeBytesMax = 127;  // RFC 4288 4.2, for each half

// RFC 2045 5.1
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~{}";
  return !text.empty() && text.size() <= kTypeBytesMax &&
         std::all_of(text.begin(), text.end(), [kMarks](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  kMarks.find(c) != std::string_view::npos;
         });
}

bool is_media_type(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view first = text.substr(0, slash);
  return is_token(first) && is_token(text.substr(slash + 1)) &&
         !sdk::same_name(first, "multipart") && !sdk::same_name(first, "message");
}

bool is_file_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7f || c == '/' || c == '\\';
         });
}

bool read_one(const sdk::JsonReply& data, const std::string& place, Attachment& out,
              std::string& why) {
  const auto name = data.text(place + "/name");
  const auto type = data.text(place + "/type");
  const auto content = data.text(place + "/content");
  if (!name || !is_file_name(*name)) {
    why = "data" + place + "/name is no file's name";
    return false;
  }
  out.name = *name;
  out.type = type.value_or("application/octet-stream");
  if (!is_media_type(out.type)) {
    why = "data" + place + "/type is no media type of a file";
    return false;
  }
  if (content && append_decoded_base64(out.bytes, *content)) return true;
  why = "data" + place + "/content is no base64";
  return false;
}

}  // namespace

bool read_attachments(std::string_view data, std::vector<Attachment>& out, std::string& why) {
  if (data.find("\"attachments\"") == std::string_view::npos) return true;
  const auto read = sdk::JsonReply::read(data);
  if (!read) {
    why = "the notification's data holds more than attachments are looked for in";
    return false;
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0;; ++i) {
    const std::string place = "/attachments/" + std::to_string(i);
    const bool there = read->text(place + "/name") || read->text(place + "/content");
    if (!there) return true;
    if (i == kAttachmentsMax) {
      why = "there are more than 16 attachments";
      return false;
    }
    if (!read_one(*read, place, out.emplace_back(), why)) return false;
    bytes += out.back().bytes.size();
    if (bytes > kAttachedBytesMax) {
      why = "the attachments have more than 20 MiB together";
      return false;
    }
  }
}

}  // namespace tocsin::output_smtp
