#include "p256.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <array>
#include <cstring>  // EVP_EC_gen is a macro that takes strstr
#include <utility>

namespace tocsin::output_webpush {

namespace {

constexpr const char* kGroup = "prime256v1";
constexpr std::size_t kNumberBytes = 32;
constexpr std::size_t kPointBytes = 65;

template <typename T, void (*kFree)(T*)>
struct Free {
  void operator()(T* object) const { kFree(object); }
};
template <typename T, void (*kFree)(T*)>
using Owned = std::unique_ptr<T, Free<T, kFree>>;
using Number = Owned<BIGNUM, BN_clear_free>;
using Context = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
std::string_view text_of(const unsigned char* bytes, std::size_t count) {
  return {reinterpret_cast<const char*>(bytes), count};
}

// Of a point, and of its private number when there is one.
Key assemble(std::string_view point, const BIGNUM* number) {
  const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kGroup, 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  if (number != nullptr) OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number);
  const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key,
                                      number == nullptr ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                                      parameters.get()) == 1;
  ERR_clear_error();
  return made ? Key(key) : nullptr;
}

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writes*/, void* /*user*/) { return 0; }

}  // namespace

void FreeKey::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

Key make_key() { return Key(EVP_EC_gen(kGroup)); }

Key key_from_private(std::string_view number) {
  if (number.size() != kNumberBytes) return nullptr;
  const Owned<EC_GROUP, EC_GROUP_free> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Number scalar(BN_bin2bn(bytes_of(number), static_cast<int>(number.size()), nullptr));
  if (BN_is_zero(scalar.get()) != 0 ||
      BN_cmp(scalar.get(), EC_GROUP_get0_order(group.get())) >= 0) {
    return nullptr;
  }
  BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
  const Owned<EC_POINT, EC_POINT_free> point(EC_POINT_new(group.get()));
  std::array<unsigned char, kPointBytes> encoded{};
  const bool made =
      EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr) == 1 &&
      EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                         encoded.size(), nullptr) == encoded.size();
  ERR_clear_error();
  return made ? assemble(text_of(encoded.data(), encoded.size()), scalar.get()) : nullptr;
}

Key key_from_pem(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  Key key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  std::array<char, 32> group{};
  const bool fits = key != nullptr && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC &&
                    EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) == 1 &&
                    std::string_view(group.data()) == kGroup;
  ERR_clear_error();
  return fits ? std::move(key) : nullptr;
}

Key key_from_public(std::string_view point) {
  return point.size() == kPointBytes ? assemble(point, nullptr) : nullptr;
}

std::string public_point(const Key& key) {
  std::array<unsigned char, kPointBytes> point{};
  std::size_t length = 0;
  const bool read = EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                                    point.data(), point.size(), &length) == 1;
  ERR_clear_error();
  // A key from PEM may hold it compressed.
  if (read && length == point.size()) return std::string(text_of(point.data(), length));
  return {};
}

std::string shared_secret(const Key& own, const Key& other) {
  const Context context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  std::array<unsigned char, kNumberBytes> secret{};
  std::size_t length = secret.size();
  const bool derived = EVP_PKEY_derive_init(context.get()) == 1 &&
                       EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                       EVP_PKEY_derive(context.get(), secret.data(), &length) == 1;
  ERR_clear_error();
  return derived ? std::string(text_of(secret.data(), length)) : std::string();
}

std::string sign(const Key& key, std::string_view content) {
  const Owned<EVP_MD_CTX, EVP_MD_CTX_free> signing(EVP_MD_CTX_new());
  std::array<unsigned char, 80> der{};
  std::size_t length = der.size();
  const bool made =
      EVP_DigestSignInit(signing.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestSign(signing.get(), der.data(), &length, bytes_of(content), content.size()) == 1;
  ERR_clear_error();
  if (!made) return {};
  // OpenSSL's is DER; a JWS has the two numbers side by side.
  const unsigned char* at = der.data();
  const Owned<ECDSA_SIG, ECDSA_SIG_free> numbers(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(length)));
  if (numbers == nullptr) return {};
  std::array<unsigned char, 2 * kNumberBytes> pair{};
  BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), pair.data(), kNumberBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), pair.data() + kNumberBytes, kNumberBytes);
  return std::string(text_of(pair.data(), pair.size()));
}

}  // namespace tocsin::output_webpush
