#include "callers.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "tocsin/sdk/text.hpp"

namespace tocsin::input_http {

namespace {

constexpr std::size_t kSaltBytes = 32;

EVP_MD_CTX* context_of(void* context) { return static_cast<EVP_MD_CTX*>(context); }

// The token of "Bearer TOKEN"; empty: there is none.
std::string_view bearer(std::string_view authorization) {
  const std::size_t space = std::min(authorization.find(' '), authorization.size());
  if (!sdk::same_name(authorization.substr(0, space), "Bearer")) return {};
  std::string_view token = authorization.substr(space);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

}  // namespace

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
  if (EVP_DigestInit_ex(context_of(context_.get()), EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no SHA-256");
  }
}

void Hasher::Free::operator()(void* context) const { EVP_MD_CTX_free(context_of(context)); }

Digest Hasher::digest(std::string_view salt, std::string_view text) {
  Digest made{};
  EVP_MD_CTX* const context = context_of(context_.get());
  const bool done = EVP_DigestInit_ex(context, nullptr, nullptr) == 1 &&
                    EVP_DigestUpdate(context, salt.data(), salt.size()) == 1 &&
                    EVP_DigestUpdate(context, text.data(), text.size()) == 1 &&
                    EVP_DigestFinal_ex(context, made.data(), nullptr) == 1;
  if (!done) throw std::runtime_error("OpenSSL could not compute a digest");
  return made;
}

Callers::Callers() : salt_(kSaltBytes, '\0') {
  if (RAND_bytes(reinterpret_cast<unsigned char*>(salt_.data()), kSaltBytes) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
}

void Callers::add(std::string_view name, std::string_view token) {
  Caller caller{hasher_.digest(salt_, token), std::string(name)};
  const auto place = std::lower_bound(
      callers_.begin(), callers_.end(), caller.token,
      [](const Caller& other, const Digest& digest) { return other.token < digest; });
  if (place != callers_.end() && place->token == caller.token) {
    place->name = std::move(caller.name);
  } else {
    callers_.insert(place, std::move(caller));
  }
}

std::optional<std::string_view> Callers::find(std::string_view authorization,
                                              Hasher& hasher) const {
  if (open()) return std::string_view();
  const std::string_view token = bearer(authorization);
  if (token.empty()) return std::nullopt;
  const Digest digest = hasher.digest(salt_, token);
  const auto place = std::lower_bound(
      callers_.begin(), callers_.end(), digest,
      [](const Caller& caller, const Digest& wanted) { return caller.token < wanted; });
  if (place == callers_.end()) return std::nullopt;
  if (CRYPTO_memcmp(place->token.data(), digest.data(), digest.size()) != 0) return std::nullopt;
  return std::string_view(place->name);
}

}  // namespace tocsin::input_http
