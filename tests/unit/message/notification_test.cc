#include "gateway/message/notification.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace tocsin::message {
namespace {

TEST(Level, NamesParseBackInAnyCase) {
  for (int i = 0; i < 8; ++i) {
    const auto level = static_cast<Level>(i);
    EXPECT_EQ(parse_level(level_name(level)), level);
  }
  EXPECT_EQ(parse_level("WaRn"), Level::kWarning);
  EXPECT_EQ(parse_level("fatal"), Level::kCritical);
  EXPECT_EQ(parse_level("Emergency"), Level::kEmergency);
  EXPECT_EQ(parse_level(""), std::nullopt);
  EXPECT_EQ(parse_level("warnin"), std::nullopt);
}

TEST(NotificationId, IsThirteenDigitsBehindItsPrefix) {
  EXPECT_EQ(NotificationId{1}.text(), "ntf_0000000000001");
  EXPECT_EQ(NotificationId{31}.text(), "ntf_000000000000Z");
  EXPECT_EQ(NotificationId{32}.text(), "ntf_0000000000010");
  EXPECT_EQ(NotificationId{UINT64_MAX}.text(), "ntf_FZZZZZZZZZZZZ");
}

TEST(NotificationId, ParsesWhatItWritesInEitherCase) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    const NotificationId id{random() >> (i % 64)};
    if (!id) continue;
    std::string text = id.text();
    EXPECT_EQ(NotificationId::parse(text), id);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    EXPECT_EQ(NotificationId::parse(text), id);
  }
}

TEST(NotificationId, SortsAsItsTextDoes) {
  std::mt19937_64 random(8);
  std::vector<NotificationId> ids;
  for (int i = 0; i < 200; ++i) ids.push_back({random() >> (i % 60)});
  std::sort(ids.begin(), ids.end());
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end(), [](NotificationId a, NotificationId b) {
    return a.text() < b.text();
  }));
}

TEST(NotificationId, RefusesEverythingElse) {
  for (const char* text :
       {"", "ntf_", "ntf_0000000000000", "ntf_000000000001", "ntf_00000000000001",
        "dlv_0000000000001", "ntf-0000000000001", "ntf_G000000000000", "ntf_ZZZZZZZZZZZZZ",
        "ntf_000000000000I", "ntf_000000000000L", "ntf_000000000000O", "ntf_000000000000U",
        "ntf_00000000000\xC3\xA9", " ntf_000000000001", "ntf_000000000001 "}) {
    EXPECT_EQ(NotificationId::parse(text), std::nullopt) << text;
  }
}

TEST(DeliveryId, ParsesWhatItWrites) {
  const DeliveryId id{{0x1234567890ABCDEF}, 999};
  EXPECT_EQ(id.text(), "dlv_14D2PF28AQKFF-999");
  EXPECT_EQ(DeliveryId::parse(id.text()), id);
  EXPECT_EQ(DeliveryId::parse("dlv_0000000000001-0"), (DeliveryId{{1}, 0}));
  EXPECT_EQ(DeliveryId::parse("DLV_000000000000z-4294967295"), (DeliveryId{{31}, UINT32_MAX}));
}

TEST(DeliveryId, RefusesEverythingElse) {
  for (const char* text : {"", "dlv_0000000000001", "dlv_0000000000001-", "dlv_0000000000001-01",
                           "dlv_0000000000001--1", "dlv_0000000000001-+1", "dlv_0000000000001-1 ",
                           "dlv_0000000000001-4294967296", "dlv_0000000000000-1",
                           "ntf_0000000000001-1", "dlv_0000000000001_1"}) {
    EXPECT_EQ(DeliveryId::parse(text), std::nullopt) << text;
  }
}

TEST(Notification, FindsALabelByItsName) {
  const Label labels[] = {{"a", "1"}, {"b", "2"}};
  Notification notification;
  notification.labels = labels;
  EXPECT_EQ(notification.find_label("b"), &labels[1]);
  EXPECT_EQ(notification.find_label("B"), nullptr);
}

}  // namespace
}  // namespace tocsin::message
