#include "callers.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "tocsin/sdk/text.hpp"

namespace tocsin::input_http {

namespace {

EVP_MAC_CTX* context_of(void* context) { return static_cast<EVP_MAC_CTX*>(context); }

// The token of "Bearer TOKEN"; empty: there is none.
std::string_view bearer(std::string_view authorization) {
  const std::size_t space = std::min(authorization.find(' '), authorization.size());
  if (!sdk::same_name(authorization.substr(0, space), "Bearer")) return {};
  std::string_view token = authorization.substr(space);
  while (token.starts_with(' ')) token.remove_prefix(1);
  return token;
}

}  // namespace

Tagger::Tagger() {
  EVP_MAC* const siphash = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  if (siphash != nullptr) context_.reset(EVP_MAC_CTX_new(siphash));
  EVP_MAC_free(siphash);  // the context holds it
  std::size_t size = sizeof(Tag);
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                   OSSL_PARAM_construct_end()};
  if (context_ == nullptr || EVP_MAC_CTX_set_params(context_of(context_.get()), parameters) != 1) {
    throw std::runtime_error("OpenSSL has no SipHash");
  }
}

void Tagger::Free::operator()(void* context) const { EVP_MAC_CTX_free(context_of(context)); }

Tag Tagger::tag(const Tag& key, std::string_view text) {
  Tag made{};
  std::size_t length = 0;
  EVP_MAC_CTX* const context = context_of(context_.get());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const bool done = EVP_MAC_init(context, key.data(), key.size(), nullptr) == 1 &&
                    EVP_MAC_update(context, bytes, text.size()) == 1 &&
                    EVP_MAC_final(context, made.data(), &length, made.size()) == 1;
  if (!done || length != made.size()) throw std::runtime_error("OpenSSL could not tag a token");
  return made;
}

Callers::Callers() {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
}

std::string_view Callers::add(std::string_view name, std::string_view token) {
  const auto [first, is_new] = names_.emplace(tagger_.tag(key_, token), name);
  return is_new ? std::string_view() : std::string_view(first->second);
}

std::optional<std::string_view> Callers::find(std::string_view authorization,
                                              Tagger& tagger) const {
  if (open()) return std::string_view();
  const std::string_view token = bearer(authorization);
  if (token.empty()) return std::nullopt;
  const Tag tag = tagger.tag(key_, token);
  const auto nearest = names_.lower_bound(tag);
  if (nearest == names_.end()) return std::nullopt;
  if (CRYPTO_memcmp(nearest->first.data(), tag.data(), tag.size()) != 0) return std::nullopt;
  return std::string_view(nearest->second);
}

}  // namespace tocsin::input_http
