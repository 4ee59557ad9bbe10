#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "plugins/output/smtp/dkim.h"
#include "plugins/output/smtp/encoding.h"

namespace tocsin::output_smtp {
namespace {

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

class SmtpDkimTest : public ::testing::Test {
 protected:
  SmtpDkimTest() : path(::testing::TempDir() + "smtp_dkim_test.pem") {}
  ~SmtpDkimTest() override { std::filesystem::remove(path); }

  Key write_key(Key key) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    ::PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    return key;
  }
  Key rsa(std::size_t bits) { return write_key({::EVP_RSA_gen(bits), ::EVP_PKEY_free}); }
  Key ed25519() {
    return write_key({::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), ::EVP_PKEY_free});
  }
  // "key: why", or nothing.
  std::string set_up(std::string_view domain = "example.com") {
    std::string why;
    std::string_view key;
    const bool ready = signer.set_up(domain, "mail", path, why, key);
    return ready ? "" : std::string(key) + ": " + why;
  }
  static std::string tag(const std::string& field, const std::string& name) {
    const std::size_t at = field.find(" " + name + "=");
    std::string value;
    for (std::size_t i = at + name.size() + 2; i < field.size() && field[i] != ';'; ++i) {
      if (field[i] > ' ') value.push_back(field[i]);
    }
    return value;
  }

  const std::string path;
  DkimSigner signer;
  const std::string message =
      "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nFrom: a@example.com\r\nTo: b@example.net\r\n"
      "Subject: A  folded\r\n  one\r\nX-Other: 1\r\n\r\nHello \r\n\r\n";
};

// RFC 6376 3.4.5
TEST(SmtpDkimCanonical, IsTheOneOfTheRfcsExample) {
  EXPECT_EQ(relaxed_field("A: X\r\n"), "a:X\r\n");
  EXPECT_EQ(relaxed_field("B : Y\t\r\n\tZ  \r\n"), "b:Y Z\r\n");
  EXPECT_EQ(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
}

TEST(SmtpDkimCanonical, HasNoEmptyLinesAtTheEnd) {
  EXPECT_EQ(relaxed_body(""), "");
  EXPECT_EQ(relaxed_body("\r\n\r\n"), "");
  EXPECT_EQ(relaxed_body("a\r\n\r\nb\r\n \t\r\n"), "a\r\n\r\nb\r\n");
  EXPECT_EQ(relaxed_body("a"), "a\r\n");
}

TEST_F(SmtpDkimTest, SignsTheBodyAndTheFieldsThatAreThere) {
  const Key key = rsa(2048);
  ASSERT_EQ(set_up(), "");
  const std::string field = signer.sign(message, 1767225600);
  ASSERT_TRUE(field.starts_with("DKIM-Signature: v=1;") && field.ends_with("\r\n")) << field;
  EXPECT_EQ(tag(field, "a"), "rsa-sha256");
  EXPECT_EQ(tag(field, "c"), "relaxed/relaxed");
  EXPECT_EQ(tag(field, "d"), "example.com");
  EXPECT_EQ(tag(field, "s"), "mail");
  EXPECT_EQ(tag(field, "t"), "1767225600");
  EXPECT_EQ(tag(field, "h"), "from:from:to:subject:date") << "one more from than there is";
  // openssl dgst -sha256 -binary <<< "Hello\r\n"
  unsigned char hash[32];
  unsigned size = 0;
  ::EVP_Digest("Hello\r\n", 7, hash, &size, ::EVP_sha256(), nullptr);
  std::string expected;
  append_base64(expected, {reinterpret_cast<const char*>(hash), size});
  EXPECT_EQ(tag(field, "bh") + "\r\n", expected);
}

TEST_F(SmtpDkimTest, CanBeVerifiedWithThePublicKey) {
  for (const bool edwards : {false, true}) {
    const Key key = edwards ? ed25519() : rsa(1024);
    ASSERT_EQ(set_up(), "");
    const std::string field = signer.sign(message, 1767225600);
    std::string text =
        "from:a@example.com\r\nto:b@example.net\r\nsubject:A folded one\r\n"
        "date:Thu, 01 Jan 2026 00:00:00 +0000\r\n";
    text += relaxed_field(field.substr(0, field.find(" b=") + 3) + "\r\n");
    text.resize(text.size() - 2);
    std::string signature;
    ASSERT_TRUE(append_decoded_base64(signature, tag(field, "b")));
    unsigned char hash[32];
    unsigned size = 0;
    ::EVP_Digest(text.data(), text.size(), hash, &size, ::EVP_sha256(), nullptr);
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(::EVP_MD_CTX_new(),
                                                                     ::EVP_MD_CTX_free);
    ::EVP_DigestVerifyInit(context.get(), nullptr, edwards ? nullptr : ::EVP_sha256(), nullptr,
                           key.get());
    const auto* bytes = edwards ? hash : reinterpret_cast<const unsigned char*>(text.data());
    EXPECT_EQ(
        ::EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                           signature.size(), bytes, edwards ? size : text.size()),
        1);
    EXPECT_EQ(tag(field, "a"), edwards ? "ed25519-sha256" : "rsa-sha256");
  }
}

TEST_F(SmtpDkimTest, RefusesWhatCannotSign) {
  EXPECT_EQ(set_up(), "key_file: " + path + ": cannot be read: No such file or directory");
  std::ofstream(path) << "s3cret, and no key\n";
  EXPECT_EQ(set_up(), "key_file: " + path + ": holds no private key in PEM without a password");
  rsa(512);
  EXPECT_EQ(set_up(), "key_file: " + path + ": receivers refuse RSA keys of less than 1,024 bits");
  write_key({::EVP_EC_gen("P-256"), ::EVP_PKEY_free});
  EXPECT_EQ(set_up(), "key_file: " + path + ": is neither an RSA nor an Ed25519 key");
  rsa(1024);
  EXPECT_EQ(set_up("not a domain"), "domain: what stands behind the @ is no domain");
  EXPECT_EQ(set_up("b\xC3\xBC"
                   "cher.example"),
            "");
}

}  // namespace
}  // namespace tocsin::output_smtp
