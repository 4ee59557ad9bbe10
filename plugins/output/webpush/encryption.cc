// A body:
//
//   salt (16) | record size (4) = 4096 | key id length (1) | key id | the record
//
// The record is the text, the byte 2 that ends the last one, and a tag of 16 bytes, in AES-128-GCM.
// In a web push the key id is the sender's public key, and what the record's key is made of comes
// from ECDH between the sender's key, which is for this message alone, and the browser's:
//
//   secret = HKDF(salt: auth, key: ECDH, info: "WebPush: info" 0 browser's key, sender's key)
//   key    = HKDF(salt, key: secret, info: "Content-Encoding: aes128gcm" 0)
//   nonce  = HKDF(salt, key: secret, info: "Content-Encoding: nonce" 0)

#include "encryption.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>

namespace tocsin::output_webpush {

namespace {

using namespace std::string_view_literals;

constexpr std::uint32_t kRecordBytes = 4096;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kSecretBytes = 32;
constexpr char kLastRecord = 2;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// RFC 5869 with SHA-256. Empty: OpenSSL has none.
std::string hkdf(std::string_view salt, std::string_view key, std::string_view info,
                 std::size_t length) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kind(
      EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      EVP_KDF_CTX_new(kind.get()), EVP_KDF_CTX_free);
  if (context == nullptr) return {};
  // The parameters are read only, whatever their type says.
  const auto octets = [](const char* name, std::string_view text) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(text.data()), text.size());
  };
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      octets(OSSL_KDF_PARAM_SALT, salt), octets(OSSL_KDF_PARAM_KEY, key),
      octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  std::string out(length, '\0');
  const int made = EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                                  out.size(), parameters);
  ERR_clear_error();
  return made == 1 ? out : std::string();
}

// Appends the record. False: OpenSSL has no such cipher.
bool append_record(std::string& out, std::string_view key, std::string_view nonce,
                   std::string_view plain) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  std::string padded(plain);
  padded.push_back(kLastRecord);
  std::string sealed(padded.size() + kTagBytes, '\0');
  auto* to = reinterpret_cast<unsigned char*>(sealed.data());
  int length = 0;
  int rest = 0;
  const bool made = EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, bytes_of(key),
                                       bytes_of(nonce)) == 1 &&
                    EVP_EncryptUpdate(context.get(), to, &length, bytes_of(padded),
                                      static_cast<int>(padded.size())) == 1 &&
                    EVP_EncryptFinal_ex(context.get(), to + length, &rest) == 1 &&
                    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG,
                                        static_cast<int>(kTagBytes), to + padded.size()) == 1;
  ERR_clear_error();
  if (made) out.append(sealed);
  return made;
}

}  // namespace

std::string seal(std::string_view secret, std::string_view salt, std::string_view key_id,
                 std::string_view plain) {
  if (plain.size() + 1 + kTagBytes > kRecordBytes) return {};
  const std::string key = hkdf(salt, secret, "Content-Encoding: aes128gcm\0"sv, kKeyBytes);
  const std::string nonce = hkdf(salt, secret, "Content-Encoding: nonce\0"sv, kNonceBytes);
  if (key.empty() || nonce.empty()) return {};
  std::string out(salt);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(kRecordBytes >> shift & 255U));
  }
  out.push_back(static_cast<char>(key_id.size()));
  out.append(key_id);
  return append_record(out, key, nonce, plain) ? out : std::string();
}

std::string encrypt(std::string_view plain, const Subscription& to, const Key& own,
                    std::string_view salt) {
  const Key browser = key_from_public(to.public_key);
  if (browser == nullptr || own == nullptr) return {};
  const std::string agreed = shared_secret(own, browser);
  if (agreed.empty()) return {};
  const std::string sender = public_point(own);
  const std::string info = std::string("WebPush: info\0"sv) + to.public_key + sender;
  const std::string secret = hkdf(to.auth, agreed, info, kSecretBytes);
  return secret.empty() ? std::string() : seal(secret, salt, sender, plain);
}

std::string encrypt(std::string_view plain, const Subscription& to) {
  std::array<unsigned char, kSaltBytes> salt{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) return {};
  return encrypt(plain, to, make_key(), {reinterpret_cast<const char*>(salt.data()), salt.size()});
}

}  // namespace tocsin::output_webpush
