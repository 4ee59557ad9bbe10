#include <gtest/gtest.h>

#include "tests/unit/plugins/shipped_plugin.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

using testing::FakeHost;

constexpr const char* kLevels[] = {"trace",   "debug", "info",     "notice",
                                   "warning", "error", "critical", "emergency"};

TEST(LevelFilter, PassesItsLevelAndWhatIsAboveAndDropsWhatIsBelow) {
  for (std::uint32_t min = 0; min < std::size(kLevels); ++min) {
    FakeHost host(shipped("filter_level"));
    host.settings.set("min", kLevels[min]);
    ASSERT_EQ(host.start(), "");
    for (std::uint32_t level = 0; level < std::size(kLevels); ++level) {
      tocsin_notification notification{};
      notification.level = level;
      tocsin_token token = 0;
      std::uint64_t reservation = 0;
      EXPECT_EQ(host.filter(notification, token, &reservation),
                std::uint32_t{level < min ? TOCSIN_DROP : TOCSIN_PASS})
          << kLevels[level] << " with min " << kLevels[min];
      EXPECT_EQ(reservation, 0U);
    }
  }
}

TEST(LevelFilter, TakesAnotherLevelWithoutBeingMadeAnew) {
  FakeHost host(shipped("filter_level"));
  host.settings.set("min", "error");
  ASSERT_EQ(host.start(), "");
  tocsin_notification notification{};
  notification.level = TOCSIN_LEVEL_WARNING;
  tocsin_token token = 0;
  host.settings.set("min", "warning");
  ASSERT_EQ(host.reconfigure(), "");
  EXPECT_EQ(host.filter(notification, token), std::uint32_t{TOCSIN_DROP});
  host.adopt();
  EXPECT_EQ(host.filter(notification, token), std::uint32_t{TOCSIN_PASS});
}

TEST(LevelFilter, MayBeWrittenAsABareLevel) {
  EXPECT_EQ(sdk::view(shipped("filter_level")->options->scalar_key), "min");
}

}  // namespace
}  // namespace tocsin
