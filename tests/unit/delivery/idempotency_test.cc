#include "gateway/delivery/idempotency.h"

#include <gtest/gtest.h>

namespace tocsin::delivery {
namespace {

std::string identity(const KeyScope& scope, std::string_view key) {
  std::string text;
  append_identity(text, scope, key);
  return text;
}

TEST(Idempotency, ScopesNeverRunTogether) {
  EXPECT_NE(identity({"api", "shop"}, "1"), identity({"apis", "hop"}, "1"));
  EXPECT_NE(identity({"api", ""}, "shop1"), identity({"api", "shop"}, "1"));
  EXPECT_NE(identity({"api", "a"}, "1:b"), identity({"api", "a1:"}, "b"));
}

TEST(Idempotency, TellsKeysAndBodiesApartAndEndsInADay) {
  const WallTime now{std::chrono::hours(1)};
  const KeySecret secret{{1, 2}, {3, 4}};
  const auto one = make_key(secret, "a", "body", now);
  const auto same = make_key(secret, "a", "body", now);
  const auto other_key = make_key(secret, "b", "body", now);
  const auto other_body = make_key(secret, "a", "bodY", now);
  const auto other_secret = make_key({{1, 9}, {3, 4}}, "a", "body", now);
  EXPECT_EQ(one.hash[0], same.hash[0]);
  EXPECT_EQ(one.hash[1], same.hash[1]);
  EXPECT_NE(one.hash[0], one.hash[1]);
  EXPECT_NE(one.hash[0], other_key.hash[0]);
  EXPECT_EQ(one.hash[1], other_body.hash[1]);
  EXPECT_NE(one.body_hash[0], other_body.body_hash[0]);
  EXPECT_NE(one.hash[0], other_secret.hash[0]);
  EXPECT_EQ(one.expires_at, now + std::chrono::hours(24));
}

TEST(Idempotency, KeepsItsSecretAsThirtyTwoBytes) {
  const KeySecret secret{{1, 2}, {3, ~std::uint64_t{0}}};
  const std::string kept = encode(secret);
  EXPECT_EQ(kept.size(), 32U);
  const auto read = decode_key_secret(kept);
  ASSERT_TRUE(read);
  EXPECT_EQ(encode(*read), kept);
  EXPECT_EQ(read->high.second, 2U);
  EXPECT_EQ(read->low.second, ~std::uint64_t{0});
  EXPECT_FALSE(decode_key_secret(kept.substr(1)));
  EXPECT_FALSE(decode_key_secret(""));
}

}  // namespace
}  // namespace tocsin::delivery
