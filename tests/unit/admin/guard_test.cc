#include "gateway/admin/guard.h"

#include <gtest/gtest.h>

namespace tocsin::admin {
namespace {

class GuardTest : public testing::Test {
 protected:
  GuardTest() { head.authority = "localhost:9900"; }
  void authorize(std::string_view value) { (void)head.headers.add("Authorization", value); }

  const Guard guard{
      {{"vera", "aaaaaaaaaaaaaaaa", Role::kViewer}, {"olga", "bbbbbbbbbbbbbbbb", Role::kOperator}}};
  const Guard open{{}};
  http::RequestHead head;
};

TEST_F(GuardTest, TellsCallersByTheirToken) {
  authorize("Bearer bbbbbbbbbbbbbbbb");
  const auto caller = guard.identify(head);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->name, "olga");
  EXPECT_EQ(caller->role, Role::kOperator);
}

TEST_F(GuardTest, TakesTheSchemeInAnyCaseAndMoreSpaces) {
  authorize("bEARER   aaaaaaaaaaaaaaaa");
  EXPECT_EQ(guard.identify(head)->name, "vera");
}

TEST_F(GuardTest, KnowsNobodyWithoutAToken) { EXPECT_EQ(guard.identify(head).error().status, 401); }

TEST_F(GuardTest, RefusesWhatIsNotWhollyAToken) {
  for (const char* value :
       {"Bearer aaaaaaaaaaaaaaa", "Bearer aaaaaaaaaaaaaaaaa", "Bearer ", "Bearer aaaaaaaaaaaaaaab",
        "Basic aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "Bearer", "Bearer vera"}) {
    head.headers.clear();
    authorize(value);
    const auto caller = guard.identify(head);
    ASSERT_FALSE(caller) << value;
    EXPECT_EQ(caller.error().status, 401) << value;
  }
}

TEST_F(GuardTest, RefusesTwoAuthorizations) {
  authorize("Bearer aaaaaaaaaaaaaaaa");
  authorize("Bearer bbbbbbbbbbbbbbbb");
  EXPECT_EQ(guard.identify(head).error().status, 401);
}

TEST_F(GuardTest, LetsEverybodyDoEverythingWithoutTokens) {
  for (const char* host : {"localhost", "LOCALHOST:1", "127.0.0.1:9900", "[::1]:9900", "[::1]"}) {
    head.authority = host;
    const auto caller = open.identify(head);
    ASSERT_TRUE(caller) << host;
    EXPECT_EQ(caller->name, "local");
    EXPECT_EQ(caller->role, Role::kAdmin);
  }
}

TEST_F(GuardTest, RefusesNamesThatWereReboundToLoopback) {
  for (const char* host :
       {"evil.example", "evil.example:9900", "localhost.evil.example", "", "["}) {
    head.authority = host;
    ASSERT_FALSE(open.identify(head)) << host;
    EXPECT_EQ(open.identify(head).error().status, 403);
  }
}

TEST_F(GuardTest, RefusesPagesOfOtherSitesWithoutTokens) {
  (void)head.headers.set("Origin", "http://localhost:9900");
  EXPECT_TRUE(open.identify(head));
  for (const char* origin : {"http://evil.example", "null", "http://localhost:8080",
                             "https://localhost:9900", "localhost:9900"}) {
    (void)head.headers.set("Origin", origin);
    ASSERT_FALSE(open.identify(head)) << origin;
    EXPECT_EQ(open.identify(head).error().status, 403);
  }
}

TEST_F(GuardTest, NeedsNoLoopbackNameOfWhoHasAToken) {
  head.authority = "gateway.example:9900";
  authorize("Bearer aaaaaaaaaaaaaaaa");
  EXPECT_TRUE(guard.identify(head));
}

}  // namespace
}  // namespace tocsin::admin
