// {"id":"ntf_...","topic":"...","level":"warning","title":"...","body":"...","key":"...","data":...}

#include "payload.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "encryption.h"
#include "tocsin/plugin.h"
#include "tocsin/sdk/base64url.hpp"
#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_webpush {

namespace {

constexpr std::size_t kTopicBytesMax = 32;

std::string_view word_of(std::uint32_t level) {
  constexpr std::array<std::string_view, 8> kWords = {"trace",   "debug", "info",     "notice",
                                                      "warning", "error", "critical", "emergency"};
  return kWords[std::min<std::size_t>(level, kWords.size() - 1)];
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  sdk::append_json(out.append(out.size() > 1 ? "," : ""), name);
  sdk::append_json(out.append(":"), text);
}

std::string write(const Payload& payload, std::string_view body) {
  std::string out = "{";
  append_text(out, "id", payload.id);
  append_text(out, "topic", payload.topic);
  append_text(out, "level", word_of(payload.level));
  append_text(out, "title", payload.title);
  append_text(out, "body", body);
  append_text(out, "key", payload.key);
  if (!payload.data.empty()) out.append(",\"data\":").append(payload.data);
  return out.append("}");
}

}  // namespace

WrittenPayload write_payload(const Payload& payload) {
  WrittenPayload written;
  std::string body;
  const auto fits = [&](std::size_t kept) {
    body.clear();
    written.cut = sdk::append_cut(body, payload.body, kept, sdk::CutUnit::kBytes);
    written.json = write(payload, body);
    return written.json.size() <= kPlainBytesMax;
  };
  std::size_t most = payload.body.size();
  if (fits(most)) return written;
  if (!fits(0)) {
    written.refusal = "the message has " + std::to_string(written.json.size()) +
                      " bytes without a body, and a push message holds " +
                      std::to_string(kPlainBytesMax);
    return written;
  }
  // Escapes make a text longer, each in its own measure: the limit is searched for.
  std::size_t kept = 0;
  while (most - kept > 1) {
    const std::size_t middle = kept + (most - kept) / 2;
    (fits(middle) ? kept : most) = middle;
  }
  fits(kept);
  return written;
}

std::string_view urgency_of(std::uint32_t level) {
  if (level >= TOCSIN_LEVEL_ERROR) return "high";
  if (level >= TOCSIN_LEVEL_NOTICE) return "normal";
  return level >= TOCSIN_LEVEL_INFO ? "low" : "very-low";
}

std::string topic_of(std::string_view key) {
  if (key.empty()) return {};
  std::array<unsigned char, 32> hash{};
  EVP_Digest(key.data(), key.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return sdk::base64url({reinterpret_cast<const char*>(hash.data()), hash.size()})
      .substr(0, kTopicBytesMax);
}

std::int64_t ttl_of(std::int64_t most, std::int64_t expires_at, std::int64_t now) {
  if (expires_at == 0) return most;
  return std::clamp<std::int64_t>(expires_at - now, 0, most);
}

}  // namespace tocsin::output_webpush
