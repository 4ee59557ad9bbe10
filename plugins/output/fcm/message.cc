// A message:
//
//   {"message": {"token" | "topic" | "condition": "...",
//                "notification": {"title", "body"},       left out when both are empty
//                "data": {name: text, ...},               texts only; anything else as its JSON
//                "android": {"priority", "collapse_key", "ttl", ...},
//                "apns": {"headers": {"apns-priority", "apns-collapse-id", "apns-expiration"},
//                ...}, "webpush": {"headers": {"Urgency", "Topic", "TTL"}, ...}}}
//
// FCM says only that the names and values of the payload count. Counted here is the JSON of all but
// the target, which is never less.

#include "message.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "tocsin/sdk/base64url.hpp"
#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_fcm {

namespace {

constexpr std::int64_t kTtlSecondsMax = 2'419'200;   // 28 days: FCM's, and of browsers
constexpr std::size_t kApnsCollapseIdBytesMax = 64;  // Apple's
constexpr std::size_t kWebPushTopicBytesMax = 32;    // RFC 8030 5.4
constexpr std::string_view kIdName = "tocsin_id";
constexpr std::string_view kValueName = "data";

std::string quoted(std::string_view text) {
  std::string out;
  sdk::append_json(out, text);
  return out;
}

std::string quoted_number(std::int64_t number) { return quoted(std::to_string(number)); }

std::string digest(std::string_view text, std::size_t length) {
  std::array<unsigned char, 32> hash{};
  EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return sdk::base64url({reinterpret_cast<const char*>(hash.data()), hash.size()})
      .substr(0, length);
}

// It becomes the value of a header.
std::string apns_collapse_id(std::string_view key) {
  const bool fits = key.size() <= kApnsCollapseIdBytesMax &&
                    std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return fits ? std::string(key) : digest(key, kApnsCollapseIdBytesMax);
}

// Why not; empty: `out` is the object.
std::string write_data(const Message& message, std::string& out) {
  JsonObject texts;
  if (!message.data.empty()) {
    auto members = read_object(message.data);
    if (!members) {  // a list or a number: it is data all the same
      members.emplace().push_back({std::string(kValueName), std::string(message.data), {}, false});
    }
    texts = std::move(*members);
  }
  for (JsonMember& member : texts) {
    if (const std::string_view why = data_name_fault(member.name); !why.empty()) {
      return "data." + member.name + ": " + std::string(why);
    }
    if (!member.is_text) member.json = quoted(member.json);
  }
  const std::pair<std::string_view, std::string> more[] = {{kIdName, quoted(message.id)}};
  write_object(out, texts, more);
  return {};
}

// All but the target and the notification, each member behind a comma.
void write_platforms(const Message& message, const Overrides& overrides, std::string& out) {
  const bool expires = message.expires_at != 0;
  const std::int64_t ttl =
      std::clamp<std::int64_t>(message.expires_at - message.now, 0, kTtlSecondsMax);
  const std::string_view key = message.collapse_key;
  const std::pair<std::string_view, std::string> android[] = {
      {"priority", message.urgent ? "\"HIGH\"" : "\"NORMAL\""},
      {"collapse_key", key.empty() ? std::string() : quoted(key)},
      {"ttl", expires ? "\"" + std::to_string(ttl) + "s\"" : std::string()}};
  write_object(out.append(",\"android\":"), overrides.android, android);

  const std::pair<std::string_view, std::string> apns_headers[] = {
      {"apns-priority", message.urgent ? "\"10\"" : "\"5\""},
      {"apns-collapse-id", key.empty() ? std::string() : quoted(apns_collapse_id(key))},
      {"apns-expiration", expires ? quoted_number(message.expires_at) : std::string()}};
  std::string headers;
  write_object(headers, overrides.apns_headers, apns_headers);
  const std::pair<std::string_view, std::string> apns[] = {{"headers", headers}};
  write_object(out.append(",\"apns\":"), overrides.apns, apns);

  const std::pair<std::string_view, std::string> webpush_headers[] = {
      {"Urgency", message.urgent ? "\"high\"" : "\"normal\""},
      {"Topic", key.empty() ? std::string() : quoted(digest(key, kWebPushTopicBytesMax))},
      {"TTL", expires ? quoted_number(ttl) : std::string()}};
  headers.clear();
  write_object(headers, overrides.webpush_headers, webpush_headers);
  const std::pair<std::string_view, std::string> webpush[] = {{"headers", headers}};
  write_object(out.append(",\"webpush\":"), overrides.webpush, webpush);
}

std::string notification_of(std::string_view title, std::string_view body) {
  const std::pair<std::string_view, std::string> members[] = {
      {"title", title.empty() ? std::string() : quoted(title)},
      {"body", body.empty() ? std::string() : quoted(body)}};
  std::string out = "\"notification\":";
  write_object(out, {}, members);
  return out.append(",");
}

// The notification, its body cut to the most with which `rest` and it have `max` bytes. False: it
// is too much even without a body.
bool fit_notification(const Message& message, std::size_t rest, std::size_t max, std::string& out,
                      bool& cut) {
  std::string body;
  const auto fits = [&](std::size_t kept) {
    body.clear();
    cut = sdk::append_cut(body, message.body, kept, sdk::CutUnit::kBytes);
    out = message.title.empty() && body.empty() ? "" : notification_of(message.title, body);
    return out.size() + rest <= max;
  };
  std::size_t most = message.body.size();
  if (fits(most)) return true;
  if (!fits(0)) return false;
  // Escapes make a text longer, each in its own measure: the limit is searched for.
  std::size_t kept = 0;
  while (most - kept > 1) {
    const std::size_t middle = kept + (most - kept) / 2;
    (fits(middle) ? kept : most) = middle;
  }
  return fits(kept);
}

// The member that was there as "headers", as an object of its own.
bool take_headers(JsonObject& from, JsonObject& to) {
  const JsonMember* member = find_member(from, "headers");
  if (member == nullptr) return true;
  auto headers = read_object(std::string_view(member->json));
  if (!headers) return false;
  to = std::move(*headers);
  std::erase_if(from, [](const JsonMember& one) { return one.name == "headers"; });
  return true;
}

}  // namespace

bool Overrides::load(sdk::Value settings, sdk::Fault& fault) {
  const std::pair<std::string_view, JsonObject*> platforms[] = {
      {"android", &android}, {"apns", &apns}, {"webpush", &webpush}};
  for (const auto& [name, to] : platforms) {
    auto object = read_object(settings[name]);
    if (!object) return fault.refuse("is no mapping, and no JSON object either", name);
    *to = std::move(*object);
  }
  if (!take_headers(apns, apns_headers)) return fault.refuse("its headers are no mapping", "apns");
  if (take_headers(webpush, webpush_headers)) return true;
  return fault.refuse("its headers are no mapping", "webpush");
}

Written write_message(const Message& message, const Overrides& overrides) {
  Written written;
  std::string rest = "\"data\":";
  written.refusal = write_data(message, rest);
  if (!written.refusal.empty()) return written;
  write_platforms(message, overrides, rest);

  const bool to_device = message.target_kind == TargetKind::kToken;
  const std::size_t max = to_device ? kPayloadBytesMax : kTopicPayloadBytesMax;
  std::string notification;
  if (!fit_notification(message, rest.size(), max, notification, written.cut)) {
    written.refusal = "the payload has " + std::to_string(rest.size() + notification.size()) +
                      " bytes without a body, and FCM takes " + std::to_string(max) +
                      (to_device ? "" : " for topics");
    return written;
  }
  constexpr std::string_view kTargets[] = {"token", "topic", "condition"};
  std::string& json = written.json;
  json.append("{\"message\":{\"").append(kTargets[static_cast<std::size_t>(message.target_kind)]);
  json.append("\":");
  sdk::append_json(json, message.target);
  json.append(",").append(notification).append(rest).append("}}");
  return written;
}

std::string_view data_name_fault(std::string_view name) {
  const bool reserved = name == "from" || name == "message_type" || name.starts_with("google") ||
                        name.starts_with("gcm");
  return reserved ? "FCM keeps this name to itself (from, message_type, gcm*, google*)" : "";
}

std::string_view topic_fault(std::string_view topic) {
  constexpr std::size_t kTopicBytesMax = 900;
  const bool good = !topic.empty() && topic.size() <= kTopicBytesMax &&
                    std::all_of(topic.begin(), topic.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') ||
                             std::string_view("-_.~%").find(c) != std::string_view::npos;
                    });
  return good ? "" : "a topic is up to 900 letters, digits and - _ . ~ %";
}

}  // namespace tocsin::output_fcm
