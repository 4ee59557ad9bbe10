#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "plugins/output/fcm/service_account.h"
#include "tests/unit/plugins/fcm_account.h"
#include "tocsin/sdk/base64url.hpp"

namespace tocsin::output_fcm {
namespace {

std::string why(const AccountFile& file) { return ServiceAccount().read(file.json()); }

std::vector<std::string> parts_of(const std::string& jwt) {
  std::vector<std::string> parts(1);
  for (const char c : jwt) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

bool verifies(const std::string& content, const std::string& signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, test_key());
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(content.data()),
                          content.size()) == 1;
}

TEST(FcmServiceAccount, SaysInItsAssertionWhoAsksWhomForWhatAndUntilWhen) {
  ServiceAccount account;
  ASSERT_EQ(account.read(AccountFile().json()), "");
  const auto parts = parts_of(account.assertion(1'767'225'600));
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(sdk::from_base64url(parts[0]), R"({"alg":"RS256","typ":"JWT","kid":"4711"})");
  EXPECT_EQ(sdk::from_base64url(parts[1]),
            R"({"iss":"push@tocsin-test.example",)"
            R"("scope":"https://www.googleapis.com/auth/firebase.messaging",)"
            R"("aud":"https://oauth.example/token","iat":1767225600,"exp":1767229200})");
}

TEST(FcmServiceAccount, SignsItsAssertionWithItsKey) {
  ServiceAccount account;
  ASSERT_EQ(account.read(AccountFile().json()), "");
  const auto parts = parts_of(account.assertion(1));
  ASSERT_EQ(parts.size(), 3U);
  const std::string signature = sdk::from_base64url(parts[2]).value_or("");
  EXPECT_TRUE(verifies(parts[0] + "." + parts[1], signature));
  EXPECT_FALSE(verifies(parts[0] + "." + parts[1] + "x", signature));
}

TEST(FcmServiceAccount, LeavesOutTheNameOfAKeyThatHasNone) {
  AccountFile file;
  file.private_key_id = "";
  ServiceAccount account;
  ASSERT_EQ(account.read(file.json()), "");
  EXPECT_EQ(sdk::from_base64url(parts_of(account.assertion(1))[0]),
            R"({"alg":"RS256","typ":"JWT"})");
}

TEST(FcmServiceAccount, NamesEachFieldThatIsMissing) {
  const std::pair<std::string AccountFile::*, const char*> fields[] = {
      {&AccountFile::project_id, "project_id"},
      {&AccountFile::client_email, "client_email"},
      {&AccountFile::token_uri, "token_uri"},
      {&AccountFile::private_key, "private_key"}};
  for (const auto& [field, name] : fields) {
    AccountFile file;
    file.*field = "";
    EXPECT_EQ(why(file), "the service account: holds no \"" + std::string(name) + "\"");
  }
}

TEST(FcmServiceAccount, TakesNoFileOfAnotherKind) {
  AccountFile file;
  file.type = "authorized_user";
  EXPECT_EQ(why(file),
            "the service account: is a file for \"authorized_user\" and not for a service account");
  file = AccountFile();
  file.token_uri = "oauth.example";
  EXPECT_EQ(why(file), "the service account: its \"token_uri\" is no URL");
}

TEST(FcmServiceAccount, TakesNoKeyThatCannotSign) {
  AccountFile file;
  file.private_key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(why(file), "the service account: its \"private_key\" cannot be read as PEM");
  const KeyPtr small(EVP_RSA_gen(1024), EVP_PKEY_free);
  const KeyPtr other(EVP_EC_gen("P-256"), EVP_PKEY_free);
  for (EVP_PKEY* key : {small.get(), other.get()}) {
    file.private_key = pem_of(key);
    EXPECT_EQ(why(file),
              "the service account: its \"private_key\" is no RSA key of 2048 bits at least");
  }
}

TEST(FcmServiceAccount, IsReadFromAFileAsWell) {
  const std::string path = ::testing::TempDir() + "tocsin_fcm_account.json";
  std::ofstream(path) << AccountFile().json();
  ServiceAccount account;
  EXPECT_EQ(account.read(path), "");
  EXPECT_EQ(account.project(), "tocsin-test");
  EXPECT_EQ(account.email(), "push@tocsin-test.example");
  EXPECT_EQ(account.token_uri(), "https://oauth.example/token");
  std::ofstream(path) << "no JSON";
  EXPECT_EQ(account.read(path), path + ": is no JSON");
  std::filesystem::remove(path);
  EXPECT_EQ(account.read(path), path + ": cannot be read: No such file or directory");
}

TEST(FcmServiceAccount, NeverShowsAKeyThatWasTakenForAPath) {
  const std::string said = ServiceAccount().read(AccountFile().private_key);
  EXPECT_EQ(said.find("PRIVATE"), std::string::npos) << said;
  const std::string blob = ServiceAccount().read(std::string(400, 'S'));
  EXPECT_EQ(blob.substr(0, 10), "the file: ") << blob;
}

}  // namespace
}  // namespace tocsin::output_fcm
