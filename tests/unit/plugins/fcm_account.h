#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

#include "tocsin/sdk/json.hpp"

namespace tocsin {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// One key for all tests of the process: making one takes a tenth of a second.
inline EVP_PKEY* test_key() {
  static const KeyPtr key(EVP_RSA_gen(2048), EVP_PKEY_free);
  return key.get();
}

inline std::string pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(length)};
}

/// A service account's file; a field that is empty is left out.
struct AccountFile {
  std::string type = "service_account";
  std::string project_id = "tocsin-test";
  std::string private_key_id = "4711";
  std::string private_key = pem_of(test_key());
  std::string client_email = "push@tocsin-test.example";
  std::string token_uri = "https://oauth.example/token";

  std::string json() const {
    std::string out;
    const auto add = [&out](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      sdk::append_json(out.append(out.empty() ? "{" : ","), name);
      sdk::append_json(out.append(":"), value);
    };
    add("type", type);
    add("project_id", project_id);
    add("private_key_id", private_key_id);
    add("private_key", private_key);
    add("client_email", client_email);
    add("token_uri", token_uri);
    return out + "}";
  }
};

}  // namespace tocsin
