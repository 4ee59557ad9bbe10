// What is signed:  ID "." SECONDS "." BODY  with HMAC-SHA256; the secret is the base64 behind
// "whsec_".

#include "signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>

namespace tocsin::output_webhook {

namespace {

constexpr std::string_view kPrefix = "whsec_";

std::string base64(const unsigned char* bytes, std::size_t count) {
  std::string text((count + 2) / 3 * 4 + 1, '\0');  // and a NUL, which OpenSSL writes
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes,
                                     static_cast<int>(count));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Empty: it is no base64, or none that says anything.
std::string from_base64(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string_view digits = text.substr(0, text.size() - padding);
  const bool good = !text.empty() && text.size() % 4 == 0 &&
                    digits.find_first_not_of(kDigits) == std::string_view::npos;
  if (!good) return {};
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return {};
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

}  // namespace

std::string_view Signer::add(std::string_view secret) {
  if (!secret.starts_with(kPrefix)) return "a secret begins with whsec_";
  std::string key = from_base64(secret.substr(kPrefix.size()));
  if (key.empty()) return "what follows whsec_ is no base64";
  if (key.size() < kKeyBytesMin || key.size() > kKeyBytesMax) {
    return "a secret is base64 of 24 to 64 bytes, as whsec_$(openssl rand -base64 32) makes it";
  }
  keys_.push_back(std::move(key));
  return {};
}

void Signer::sign(std::string_view id, std::int64_t seconds, std::string_view body,
                  std::string& out) const {
  std::string content(id);
  content.append(".").append(std::to_string(seconds)).append(".").append(body);
  for (const std::string& key : keys_) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(),
         nullptr);
    if (!out.empty()) out += ' ';
    out.append("v1,").append(base64(digest.data(), digest.size()));
  }
}

}  // namespace tocsin::output_webhook
