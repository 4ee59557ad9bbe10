// The examples of RFC 8188, 8291 and 8292, byte by byte.

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "plugins/output/webpush/encryption.h"
#include "plugins/output/webpush/p256.h"
#include "plugins/output/webpush/vapid.h"
#include "tests/unit/plugins/keys.h"
#include "tocsin/sdk/base64url.hpp"

namespace tocsin::output_webpush {
namespace {

std::string bytes(std::string_view digits) { return sdk::from_base64url(digits).value_or(""); }

// RFC 8291, appendix A.
constexpr std::string_view kPlain = "When I grow up, I want to be a watermelon";
constexpr std::string_view kSenderPrivate = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
constexpr std::string_view kSenderPublic =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
constexpr std::string_view kBrowserPublic =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
constexpr std::string_view kAuth = "BTBZMqHH6r4Tts7J_aSIgg";
constexpr std::string_view kSalt = "DGv6ra1nlYgDCS1FRnbzlw";
constexpr std::string_view kBody =
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6T"
    "lzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4"
    "a-fN";

Subscription browser() {
  Subscription to;
  to.public_key = bytes(kBrowserPublic);
  to.auth = bytes(kAuth);
  return to;
}

TEST(WebPushCrypto, SealsTheExampleOfRfc8188) {
  const std::string sealed =
      seal(bytes("yqdlZ-tYemfogSmv7Ws5PQ"), bytes("I1BsxtFttlv3u_Oo94xnmw"), "", "I am the walrus");
  EXPECT_EQ(sdk::base64url(sealed),
            "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
}

TEST(WebPushCrypto, EncryptsTheExampleOfRfc8291) {
  const Key own = key_from_private(bytes(kSenderPrivate));
  ASSERT_NE(own, nullptr);
  EXPECT_EQ(sdk::base64url(public_point(own)), kSenderPublic);
  EXPECT_EQ(sdk::base64url(encrypt(kPlain, browser(), own, bytes(kSalt))), kBody);
}

TEST(WebPushCrypto, EncryptsEachMessageWithAKeyAndASaltOfItsOwn) {
  const std::string first = encrypt(kPlain, browser());
  const std::string second = encrypt(kPlain, browser());
  ASSERT_EQ(first.size(), bytes(kBody).size());
  ASSERT_EQ(second.size(), first.size());
  EXPECT_NE(first.substr(0, 16), second.substr(0, 16));
  EXPECT_NE(first.substr(21, 65), second.substr(21, 65));
}

TEST(WebPushCrypto, HoldsExactlyAsMuchAsOneRecordTakes) {
  EXPECT_EQ(encrypt(std::string(kPlainBytesMax, 'x'), browser()).size(), 4096U);
  EXPECT_EQ(encrypt("", browser()).size(), 103U);
  EXPECT_EQ(seal(bytes(kAuth), bytes(kSalt), "", std::string(4080, 'x')), "");
}

TEST(WebPushCrypto, EncryptsNothingForAKeyThatIsNotOnTheCurve) {
  Subscription to = browser();
  to.public_key.back() = static_cast<char>(to.public_key.back() ^ 1);
  EXPECT_EQ(encrypt(kPlain, to), "");
  to.public_key = std::string(1, '\x04') + std::string(64, '\0');
  EXPECT_EQ(encrypt(kPlain, to), "");
}

// ---- RFC 8292, 2.4

constexpr std::string_view kExampleJwt =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0N"
    "TM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK"
    "2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
constexpr std::string_view kExampleKey =
    "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";

/// Whether the JWT was signed with the key of that public point.
bool verifies(std::string_view jwt, std::string_view point) {
  const std::size_t dot = jwt.rfind('.');
  const std::string pair = bytes(jwt.substr(dot + 1));
  if (pair.size() != 64) return false;
  const auto* at = reinterpret_cast<const unsigned char*>(pair.data());
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> numbers(ECDSA_SIG_new(),
                                                                      ECDSA_SIG_free);
  ECDSA_SIG_set0(numbers.get(), BN_bin2bn(at, 32, nullptr), BN_bin2bn(at + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(numbers.get(), &der);
  const Key key = key_from_public(bytes(point));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  const bool good = EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(length),
                                     reinterpret_cast<const unsigned char*>(jwt.data()), dot) == 1;
  OPENSSL_free(der);
  return good;
}

std::string read(Vapid& vapid, std::string_view key, std::string_view subject) {
  std::string option;
  const std::string why = vapid.read(key, subject, option);
  return why.empty() ? why : option + ": " + why;
}

std::string_view token_of(std::string_view authorization) {
  const std::size_t begin = authorization.find("t=") + 2;
  return authorization.substr(begin, authorization.find(',') - begin);
}

TEST(WebPushCrypto, VerifiesTheExampleOfRfc8292) {
  EXPECT_TRUE(verifies(kExampleJwt, kExampleKey));
  EXPECT_FALSE(verifies(kExampleJwt, kSenderPublic));
}

TEST(WebPushCrypto, SignsWhatTheExampleOfRfc8292Says) {
  Vapid vapid;
  ASSERT_EQ(read(vapid, kSenderPrivate, "mailto:push@example.com"), "");
  EXPECT_EQ(vapid.public_key(), kSenderPublic);
  const std::string header = vapid.authorization("https://push.example.net", 1'453'523'768);
  EXPECT_TRUE(header.starts_with("vapid t="));
  EXPECT_TRUE(header.ends_with(", k=" + std::string(kSenderPublic)));
  const std::string_view token = token_of(header);
  const std::size_t signed_bytes = kExampleJwt.rfind('.');
  EXPECT_EQ(token.substr(0, signed_bytes), kExampleJwt.substr(0, signed_bytes));
  EXPECT_TRUE(verifies(token, kSenderPublic));
}

TEST(WebPushCrypto, TakesAVapidKeyAsPemToo) {
  const Key key = make_key();
  Vapid vapid;
  ASSERT_EQ(read(vapid, pem_of(key.get()), "https://example.com/contact"), "");
  EXPECT_EQ(vapid.public_key(), sdk::base64url(public_point(key)));
}

TEST(WebPushCrypto, RefusesKeysAndContactsThatServicesWouldRefuse) {
  const std::string key(kSenderPrivate);
  const std::string why =
      "private_key: is no private key of P-256: base64url of its 32 bytes, or PEM";
  Vapid vapid;
  for (const std::string& bad :
       {std::string("abc"), key.substr(1), sdk::base64url(std::string(32, '\0')),
        sdk::base64url(std::string(32, '\xff')), std::string(kSenderPublic), pem_of(test_key()),
        std::string("-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n")}) {
    EXPECT_EQ(read(vapid, bad, "mailto:a@b.example"), why);
  }
  for (const char* subject : {"", "ops@example.com", "mailto:", "mailto:nobody", "https://",
                              "http://example.com/", "mailto:a@b c"}) {
    EXPECT_TRUE(read(vapid, key, subject).starts_with("subject: write how push services reach you"))
        << subject;
  }
}

TEST(WebPushCrypto, SignsOnceInSixHoursAndService) {
  Vapid vapid;
  ASSERT_EQ(read(vapid, kSenderPrivate, "mailto:a@b.example"), "");
  VapidTokens tokens;
  const std::string first = tokens.get(vapid, "https://a.example", 1000);
  EXPECT_EQ(tokens.get(vapid, "https://a.example", 1000 + 6 * 3600 - 1), first);
  EXPECT_NE(tokens.get(vapid, "https://b.example", 1000), first);
  EXPECT_NE(tokens.get(vapid, "https://a.example", 1000 + 6 * 3600), first);
  const std::string late = tokens.get(vapid, "https://a.example", 1000 + 6 * 3600);
  EXPECT_NE(tokens.get(vapid, "https://a.example", 500), late) << "the clock was set back";
}

TEST(WebPushCrypto, ForgetsAServiceWhenThereAreTooMany) {
  Vapid vapid;
  ASSERT_EQ(read(vapid, kSenderPrivate, "mailto:a@b.example"), "");
  VapidTokens tokens;
  const std::string first = tokens.get(vapid, "https://first.example", 1);
  for (std::size_t i = 1; i < VapidTokens::kOriginsMax; ++i) {
    tokens.get(vapid, "https://" + std::to_string(i) + ".example", 2);
  }
  EXPECT_EQ(tokens.get(vapid, "https://first.example", 3), first);
  tokens.get(vapid, "https://one-more.example", 3);
  EXPECT_NE(tokens.get(vapid, "https://first.example", 3), first);
}

}  // namespace
}  // namespace tocsin::output_webpush
