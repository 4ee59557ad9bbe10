#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using testing::FakeHost;
using namespace std::chrono_literals;

class DedupFilterTest : public ::testing::Test {
 protected:
  void start() { ASSERT_EQ(host.start(), ""); }

  /// What the filter decides; `reservation` is what it wants to hear of.
  std::uint32_t hear(std::string_view topic, std::string_view identity = {}) {
    tocsin_notification notification{};
    notification.size = sizeof(notification);
    notification.topic = sdk::to_c(topic);
    tocsin_token token = 0;
    return host.filter(notification, token, &reservation, identity);
  }
  bool passes(std::string_view topic, std::string_view identity = {}) {
    return hear(topic, identity) == TOCSIN_PASS;
  }

  FakeHost host{shipped("filter_dedup")};
  std::uint64_t reservation = 0;
};

TEST_F(DedupFilterTest, DropsWhatWasCommittedUntilTheWindowIsOver) {
  host.settings.set("window", "1m");
  start();
  EXPECT_TRUE(passes("orders"));
  host.outcome(reservation, true);
  EXPECT_FALSE(passes("orders"));
  EXPECT_EQ(reservation, 0U);
  EXPECT_TRUE(passes("payments"));
  host.advance(59s);
  EXPECT_FALSE(passes("orders"));
  host.advance(1s);
  EXPECT_TRUE(passes("orders"));
}

TEST_F(DedupFilterTest, DropsASecondOneWhileTheFirstOnesFateIsOpen) {
  start();
  EXPECT_TRUE(passes("orders"));
  const std::uint64_t first = reservation;
  EXPECT_FALSE(passes("orders"));
  host.outcome(first, true);
  EXPECT_FALSE(passes("orders"));
}

TEST_F(DedupFilterTest, TakesAnotherWindowAndKeepsItsMarks) {
  host.settings.set("window", "1m");
  start();
  EXPECT_TRUE(passes("orders"));
  host.outcome(reservation, true);
  EXPECT_TRUE(passes("payments"));
  const std::uint64_t open = reservation;
  host.settings.set("window", "10m");
  ASSERT_EQ(host.reconfigure(), "");
  host.adopt();
  host.outcome(open, true);
  host.advance(59s);
  EXPECT_FALSE(passes("orders"));
  host.advance(1s);
  EXPECT_TRUE(passes("orders"));     // the mark was made for a minute
  EXPECT_FALSE(passes("payments"));  // and this one for ten
}

TEST_F(DedupFilterTest, TakesAnotherKeyAndRefusesABrokenOne) {
  host.settings.set("key", "{{topic}}");
  start();
  host.settings.set("key", "{{topic");
  EXPECT_EQ(host.reconfigure(), "key: a {{ is not closed");
  host.settings.set("key", "always the same");
  ASSERT_EQ(host.reconfigure(), "");
  EXPECT_TRUE(passes("orders"));
  EXPECT_TRUE(passes("payments"));
  host.adopt();
  EXPECT_TRUE(passes("orders"));
  EXPECT_FALSE(passes("payments"));
}

TEST_F(DedupFilterTest, LetsTheNextOneInWhenTheFirstWasNotStored) {
  start();
  EXPECT_TRUE(passes("orders"));
  host.outcome(reservation, false);
  EXPECT_TRUE(passes("orders"));
  host.outcome(reservation, true);
  EXPECT_FALSE(passes("orders"));
}

TEST_F(DedupFilterTest, LetsAReservationWithoutAnOutcomeLapse) {
  start();
  EXPECT_TRUE(passes("orders"));
  const std::uint64_t forgotten = reservation;
  host.advance(30s);
  EXPECT_TRUE(passes("orders"));
  host.outcome(reservation, true);
  host.outcome(forgotten, false);  // too late to free what is another's by now
  EXPECT_FALSE(passes("orders"));
}

TEST_F(DedupFilterTest, TakesANotificationSentAgainForItselfAndNotForARepeat) {
  start();
  EXPECT_TRUE(passes("orders", "api/shop/key-1"));
  EXPECT_TRUE(passes("orders", "api/shop/key-1"));
  EXPECT_EQ(reservation, 0U);
  EXPECT_FALSE(passes("orders", "api/shop/key-2"));
  EXPECT_FALSE(passes("orders"));
}

TEST_F(DedupFilterTest, ComparesTheBeginningOfIdentitiesThatAreVeryLong) {
  start();
  const std::string identity(200, 'i');
  EXPECT_TRUE(passes("orders", identity));
  EXPECT_TRUE(passes("orders", identity));
  EXPECT_FALSE(passes("orders", "j" + identity));
}

TEST_F(DedupFilterTest, TreatsTwoWithoutAnIdentityAsRepeats) {
  start();
  EXPECT_TRUE(passes("orders", ""));
  EXPECT_FALSE(passes("orders", ""));
}

TEST_F(DedupFilterTest, LetsEverythingPassWhenThereIsNoRoomForKeys) {
  start();
  host.table_full = true;
  EXPECT_TRUE(passes("orders"));
  EXPECT_EQ(reservation, 0U);
  EXPECT_TRUE(passes("orders"));
}

TEST_F(DedupFilterTest, KeepsAnOutcomeItDoesNotKnowToItself) {
  start();
  host.outcome(4711, true);
  host.outcome(4711, false);
  EXPECT_TRUE(passes("orders"));
}

TEST_F(DedupFilterTest, ComparesWhatItsKeyNames) {
  host.settings.set("key", "{{labels.host}}");
  start();
  const auto from = [this](std::string_view topic, std::string_view machine) {
    const tocsin_label label{sdk::to_c("host"), sdk::to_c(machine)};
    tocsin_notification notification{};
    notification.size = sizeof(notification);
    notification.topic = sdk::to_c(topic);
    notification.labels = &label;
    notification.label_count = 1;
    notification.label_stride = sizeof(label);
    tocsin_token token = 0;
    return host.filter(notification, token);
  };
  EXPECT_EQ(from("disk", "a1"), std::uint32_t{TOCSIN_PASS});
  EXPECT_EQ(from("disk", "a2"), std::uint32_t{TOCSIN_PASS});
  EXPECT_EQ(from("cpu", "a1"), std::uint32_t{TOCSIN_DROP});
}

TEST_F(DedupFilterTest, TellsKeysApartThatAreLongerThanTheTableTakesAndBeginTheSame) {
  host.settings.set("key", "{{topic}}");
  start();
  const std::string beginning(768, 't');
  EXPECT_TRUE(passes(beginning + "one"));
  host.outcome(reservation, true);
  EXPECT_FALSE(passes(beginning + "one"));
  EXPECT_TRUE(passes(beginning + "another"));
  EXPECT_TRUE(passes(beginning));
  EXPECT_FALSE(passes(beginning));
  const std::string huge(100'000, 't');
  EXPECT_TRUE(passes(huge));
  EXPECT_FALSE(passes(huge));
}

TEST_F(DedupFilterTest, RemembersManyAtOnceAndConfirmsEachItsOwn) {
  start();
  std::vector<std::uint64_t> reservations;
  for (int round = 0; round < 2; ++round) {
    reservations.clear();
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(passes("topic " + std::to_string(i))) << i;
      reservations.push_back(reservation);
    }
    for (std::size_t i = 0; i < reservations.size(); ++i) host.outcome(reservations[i], i % 2 == 0);
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(passes("topic " + std::to_string(i)), i % 2 == 1) << i;
      if (i % 2 == 1) host.outcome(reservation, false);
    }
    host.advance(10min);
  }
}

TEST_F(DedupFilterTest, RefusesABrokenKeyAndNamesTheOption) {
  for (const auto& [key, why] :
       {std::pair("{{topic", "key: a {{ is not closed"),
        std::pair("{{nothing}}", "key: a notification has no field \"nothing\"")}) {
    host.settings.set("key", key);
    EXPECT_EQ(host.validate(), why);
    EXPECT_EQ(host.create(), why);
  }
}

}  // namespace
}  // namespace tocsin
