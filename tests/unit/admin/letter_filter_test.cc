#include "gateway/admin/letter_filter.h"

#include <gmock/gmock.h>

#include <chrono>

#include "tests/unit/admin/api_fixture.h"

namespace tocsin::admin {
namespace {

using message::DeliveryId;
using message::NotificationId;
using testing::ElementsAre;
using testing::HasSubstr;

const WallTime kNow{std::chrono::seconds(1'767'225'600)};  // 2026-01-01T00:00:00Z

NotificationId id_at(WallTime time, std::uint64_t sequence = 0) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  return {(static_cast<std::uint64_t>(ms.count() - NotificationId::kEpochMs) << 22U) + sequence};
}

LetterFilter filter(std::initializer_list<std::pair<std::string_view, std::string>> members) {
  LetterFilter filter;
  for (const auto& [name, text] : members) {
    const auto set = filter.set(name, text, kNow);
    EXPECT_TRUE(set) << name << ": " << set.error().what;
  }
  return filter;
}

TEST(LetterFilter, KnowsItsNames) {
  LetterFilter all;
  EXPECT_TRUE(all.empty());
  for (const std::string_view name : LetterFilter::kNames) {
    const auto set = all.set(name, "", kNow);
    EXPECT_FALSE(set) << name;
  }
  EXPECT_TRUE(all.empty());
  EXPECT_EQ(all.text(), "");
}

TEST(LetterFilter, SaysWhatWouldBeRight) {
  LetterFilter none;
  EXPECT_THAT(none.set("reason", "tired", kNow).error().what, HasSubstr("suppressed or bounced"));
  EXPECT_THAT(none.set("accepted_after", "10", kNow).error().what, HasSubstr("2h"));
  EXPECT_THAT(none.set("topic", "a.**b", kNow).error().what, HasSubstr("pattern"));
  EXPECT_THAT(none.set("address", ":x", kNow).error().what, HasSubstr("kind:value"));
}

TEST(LetterFilter, TellsWhetherLettersMustBeLookedAt) {
  EXPECT_FALSE(filter({{"output", "mail"}, {"accepted_after", "2h"}}).looks_inside());
  EXPECT_TRUE(filter({{"output", "mail"}, {"updated_after", "2h"}}).looks_inside());
  EXPECT_EQ(filter({{"output", "mail"}, {"topic", "a.*"}, {"review", "pending"}}).text(),
            "topic=a.* review=pending");
}

TEST(LetterFilter, TakesAnAddressWholeOrAllOfItsKind) {
  stage::DeliveryRow row;
  row.address = "email:a@b.example";
  EXPECT_TRUE(filter({{"address", "email:a@b.example"}}).matches(row, nullptr));
  EXPECT_TRUE(filter({{"address", "email:"}}).matches(row, nullptr));
  EXPECT_FALSE(filter({{"address", "email:a@b"}}).matches(row, nullptr));
  EXPECT_FALSE(filter({{"address", "phone:"}}).matches(row, nullptr));
}

TEST(LetterFilter, TakesTimesHalfOpen) {
  stage::DeliveryRow row;
  row.updated_at = kNow - std::chrono::hours(2);
  EXPECT_TRUE(filter({{"updated_after", "2h"}}).matches(row, nullptr));
  EXPECT_FALSE(filter({{"updated_before", "2h"}}).matches(row, nullptr));
  EXPECT_TRUE(filter({{"updated_before", "2025-12-31T22:00:00.001Z"}}).matches(row, nullptr));
}

TEST(LetterFilter, HasNoTopicWithoutANotification) {
  EXPECT_FALSE(filter({{"topic", "**"}}).matches({}, nullptr));
}

class LetterWalk : public testing::Test {
 protected:
  std::vector<std::uint64_t> walk(const LetterFilter& filter, std::uint32_t count) {
    std::vector<std::uint64_t> ids;
    std::optional<DeliveryId> before;
    do {
      next_letters(ledger, filter, before, count, [&](Result<LetterPage> page) {
        ASSERT_TRUE(page);
        for (const auto& letter : page->letters) ids.push_back(letter.row->id.notification.value);
        before = page->next;
      });
      EXPECT_TRUE(ledger.answer_waiting());
    } while (before);
    return ids;
  }
  FakeLedger ledger;
};

TEST_F(LetterWalk, IsBoundedByATimeOfAcceptance) {
  std::vector<std::uint64_t> ids;
  for (int hours = 5; hours >= 1; --hours) {
    ids.push_back(id_at(kNow - std::chrono::hours(hours)).value);
    ledger.add_dead(ids.back(), "mail");
  }
  EXPECT_THAT(walk(filter({{"accepted_after", "4h"}, {"accepted_before", "2h"}}), 1),
              ElementsAre(ids[2], ids[1]));
  for (const stage::Query& query : ledger.queries) {
    EXPECT_LT(*query.before, (DeliveryId{id_at(kNow - std::chrono::hours(2), 1), 0}))
        << "it begins at the end of that time";
  }
  EXPECT_EQ(ledger.queries.size(), 3U) << "and is over at its beginning";
}

TEST_F(LetterWalk, FindsNothingBeforeThereWereIds) {
  ledger.add_dead(id_at(kNow).value, "mail");
  EXPECT_THAT(walk(filter({{"accepted_before", "2020-01-01T00:00:00Z"}}), 10), ElementsAre());
}

}  // namespace
}  // namespace tocsin::admin
