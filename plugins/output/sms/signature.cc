#include "signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace tocsin::output_sms {

namespace {

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The same URL with the port that its scheme has anyway, or without it.
std::string other_way(std::string_view url) {
  const bool tls = url.starts_with("https://");
  const std::string_view port = tls ? ":443" : ":80";
  const std::size_t begin = tls ? 8 : 7;
  const std::size_t end = std::min(url.find_first_of("/?", begin), url.size());
  const std::string_view authority = url.substr(0, end);
  std::string other(authority);
  if (authority.ends_with(port)) {
    other.resize(other.size() - port.size());
  } else {
    other.append(port);
  }
  return other.append(url.substr(end));
}

}  // namespace

std::string base64_of(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and a NUL, which OpenSSL writes
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::string signature_of(std::string_view auth_token, std::string_view url, Form form) {
  std::sort(form.begin(), form.end());
  std::string content(url);
  for (const auto& [name, value] : form) content.append(name).append(value);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  HMAC(EVP_sha1(), auth_token.data(), static_cast<int>(auth_token.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(),
       nullptr);
  return base64_of({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool is_signed(std::string_view signature, std::string_view auth_token, std::string_view url,
               const Form& form) {
  const bool one = same(signature, signature_of(auth_token, url, form));
  const bool other = same(signature, signature_of(auth_token, other_way(url), form));
  return one || other;
}

}  // namespace tocsin::output_sms
