#include <gtest/gtest.h>

#include <string>

#include "plugins/output/webhook/signature.h"

namespace tocsin::output_webhook {
namespace {

// The example of the Standard Webhooks specification.
constexpr std::string_view kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t kSeconds = 1614265330;
constexpr std::string_view kBody = R"({"test": 2432232314})";
constexpr std::string_view kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::string signature(const Signer& signer, std::string_view body = kBody) {
  std::string out;
  signer.sign(kId, kSeconds, body, out);
  return out;
}

TEST(WebhookSignature, IsTheOneOfTheSpecificationsExample) {
  Signer signer;
  EXPECT_FALSE(signer.signs());
  ASSERT_EQ(signer.add(kSecret), "");
  EXPECT_TRUE(signer.signs());
  EXPECT_EQ(signature(signer), kSignature);
}

TEST(WebhookSignature, ChangesWithEachThingThatIsSigned) {
  Signer signer;
  ASSERT_EQ(signer.add(kSecret), "");
  EXPECT_NE(signature(signer, R"({"test": 2432232315})"), kSignature);
  std::string other;
  signer.sign("msg_x", kSeconds, kBody, other);
  EXPECT_NE(other, kSignature);
  std::string later;
  signer.sign(kId, kSeconds + 1, kBody, later);
  EXPECT_NE(later, kSignature);
}

TEST(WebhookSignature, IsThereOnceForEachSecretWhileTheyAreExchanged) {
  Signer signer;
  ASSERT_EQ(signer.add("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="), "");
  ASSERT_EQ(signer.add(kSecret), "");
  const std::string both = signature(signer);
  EXPECT_EQ(both.substr(both.find(' ') + 1), kSignature);
  EXPECT_EQ(both.substr(0, 3), "v1,");
  EXPECT_EQ(both.find(' '), kSignature.size());
}

TEST(WebhookSignature, TakesOnlySecretsOfTheSpecification) {
  Signer signer;
  EXPECT_EQ(signer.add("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "a secret begins with whsec_");
  for (const char* none : {"whsec_", "whsec_abc", "whsec_ab=d", "whsec_====", "whsec_a b c d",
                           "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_"}) {
    EXPECT_EQ(signer.add(none), "what follows whsec_ is no base64") << none;
  }
  const std::string short_one = "whsec_" + std::string(28, 'A');       // 21 bytes
  const std::string long_one = "whsec_" + std::string(88, 'A');        // 66 bytes
  const std::string longest = "whsec_" + std::string(86, 'A') + "==";  // 64 bytes
  EXPECT_NE(signer.add(short_one), "");
  EXPECT_NE(signer.add(long_one), "");
  EXPECT_FALSE(signer.signs());
  EXPECT_EQ(signer.add(longest), "");
}

}  // namespace
}  // namespace tocsin::output_webhook
