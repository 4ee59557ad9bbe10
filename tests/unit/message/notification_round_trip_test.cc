// decode(encode(n)) equals n for notifications made at random within the rules of the format.
#include <random>
#include <vector>

#include "gateway/message/notification_codec.h"
#include "tests/unit/message/decode_fixture.h"
#include "tests/unit/message/same_notification.h"

namespace tocsin::message {
namespace {

class RandomNotification {
 public:
  explicit RandomNotification(unsigned seed) : random_(seed) {}

  Notification make(WallTime now) {
    labels_.clear();
    recipients_.clear();
    texts_.clear();
    texts_.reserve(4096);
    Notification n;
    n.topic = text("ab_-/:\xC3\xA9", 20, "t");
    n.level = static_cast<Level>(pick(8));
    n.title = text(kOneLine, 30);
    n.body = text(kAnything, 200);
    for (std::size_t i = pick(65); i > 0; --i) {
      labels_.push_back({text(kOneLine, 10, std::to_string(i) + "="), text(kAnything, 30)});
    }
    n.labels = labels_;
    constexpr std::string_view kData[] = {"", "null", "[1,  2]", R"({"a":"\u0000\"","b":{}})"};
    n.data = kData[pick(4)];
    n.key = text(kOneLine, 30);
    n.external_id = text(kOneLine, 30);
    for (std::size_t i = pick(30); i > 0; --i) {
      recipients_.push_back(
          {pick(3) == 0 ? "email" : "x-1_y", text(kOneLine, 10, std::to_string(i) + ":")});
    }
    n.to = recipients_;
    if (pick(2) == 0) n.deliver_at = now + Duration(static_cast<std::int64_t>(pick(1'000'000'000)));
    if (pick(2) == 0) n.expires_at = now + std::chrono::hours(24 + pick(1000));
    n.supersede = !n.key.empty() && pick(2) == 0;
    return n;
  }

  std::size_t pick(std::size_t below) { return random_() % below; }

 private:
  static constexpr std::string_view kOneLine = "aZ09 \"\\/{}[]:,.*~\xC3\xA9";
  static constexpr std::string_view kAnything = "aZ \"\\/{}[]:,\n\r\t\x01\x1F\x7F\xE2\x82\xAC";

  // Up to `most` characters of an alphabet whose last one is the only one beyond ASCII.
  std::string_view text(std::string_view alphabet, std::size_t most, std::string prefix = {}) {
    const std::size_t ascii = alphabet.find_first_of("\xC3\xE2");
    for (std::size_t i = pick(most + 1); i > 0; --i) {
      const std::size_t at = pick(ascii + 1);
      prefix += at == ascii ? alphabet.substr(ascii) : alphabet.substr(at, 1);
    }
    return texts_.emplace_back(std::move(prefix));
  }

  std::mt19937_64 random_;
  std::vector<std::string> texts_;
  std::vector<Label> labels_;
  std::vector<Recipient> recipients_;
};

using NotificationRoundTrip = DecodeTest;

TEST_F(NotificationRoundTrip, GivesEqualNotifications) {
  RandomNotification random(11);
  for (int i = 0; i < 2000; ++i) {
    Arena arena(pool_, std::size_t{1} << 20);
    const Notification made = random.make(kNow);
    const std::string text = encode(made);
    const auto decoded = decode_notification(text, arena, {.now = kNow});
    ASSERT_TRUE(decoded) << text << "\n" << decoded.error().pointer << decoded.error().detail;
    ASSERT_TRUE(same_notification(made, *decoded->notification)) << text;
    EXPECT_TRUE(decoded->received_is_payload);
    EXPECT_EQ(decoded->received, text);
    EXPECT_EQ(encode(*decoded->notification), text);
  }
}

// A byte changed anywhere never breaks anything, and what still decodes can be encoded.
TEST_F(NotificationRoundTrip, SurvivesAByteChangedAnywhere) {
  RandomNotification random(12);
  for (int i = 0; i < 300; ++i) {
    const std::string text = encode(random.make(kNow));
    for (int j = 0; j < 20; ++j) {
      Arena arena(pool_, std::size_t{1} << 20);
      std::string changed = text;
      changed[random.pick(changed.size())] = static_cast<char>(random.pick(256));
      const auto first = decode_notification(changed, arena, {.now = kNow});
      if (!first) continue;
      const std::string again = encode(*first->notification);
      const auto second = decode_notification(again, arena, {.now = kNow});
      ASSERT_TRUE(second) << again << "\n" << second.error().pointer << second.error().detail;
      EXPECT_TRUE(same_notification(*first->notification, *second->notification)) << again;
    }
  }
}

}  // namespace
}  // namespace tocsin::message
