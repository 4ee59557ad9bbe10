#include "gateway/policy/expiring_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <string>

namespace tocsin::policy {
namespace {

using namespace std::chrono_literals;

constexpr MonoTime kStart = MonoTime(1h);
constexpr auto kNoLook = [](int) {};

KeyView key_of(std::string_view text) { return {text, std::hash<std::string_view>()(text)}; }

TEST(ExpiringMap, HidesAnEntryFromTheInstantItEnds) {
  ExpiringMap<int> map;
  map.insert(key_of("a"), 1, kStart + 1s, 10);
  EXPECT_NE(map.find(key_of("a"), kStart + 1s - 1ns), nullptr);
  EXPECT_EQ(map.find(key_of("a"), kStart + 1s), nullptr);
  EXPECT_EQ(map.size(), 1u) << "until it is swept";
  EXPECT_EQ(map.sweep(kStart + 1s, 1, kNoLook), 1u);
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(map.bytes(), 0u);
}

TEST(ExpiringMap, LooksAtNoMoreEntriesThanToldInOneSweep) {
  ExpiringMap<int> map;
  for (int i = 0; i < 100; ++i) map.insert(key_of(std::to_string(i)), i, kStart, 1);
  EXPECT_EQ(map.sweep(kStart + 1h, 7, kNoLook), 7u);
  EXPECT_EQ(map.size(), 93u);
}

TEST(ExpiringMap, ShowsEachValueALastTime) {
  ExpiringMap<int> map;
  map.insert(key_of("a"), 41, kStart, 1);
  int seen = 0;
  map.sweep(kStart, 8, [&](int value) { seen = value; });
  EXPECT_EQ(seen, 41);
}

TEST(ExpiringMap, DisplacesTheEntryThatEndsSoonest) {
  ExpiringMap<int> map;
  map.insert(key_of("late"), 1, kStart + 3s, 1);
  map.insert(key_of("soon"), 2, kStart + 1s, 1);
  map.insert(key_of("moved"), 3, kStart + 500ms, 1);
  map.set_end(key_of("moved"), kStart + 5s);
  EXPECT_TRUE(map.displace_soonest(8));
  EXPECT_EQ(map.find(key_of("soon"), kStart), nullptr);
  map.set_end(key_of("moved"), kStart + 1s);
  EXPECT_TRUE(map.displace_soonest(8));
  EXPECT_EQ(map.find(key_of("moved"), kStart), nullptr);
  EXPECT_NE(map.find(key_of("late"), kStart), nullptr);
}

TEST(ExpiringMap, AgreesWithASortedListOnRandomUse) {
  struct Model {
    int value;
    MonoTime ends_at;
  };
  std::mt19937_64 random(10);
  ExpiringMap<int> map;
  std::map<std::string, Model> model;
  MonoTime now = kStart;
  for (int i = 0; i < 100'000; ++i) {
    now += Duration(random() % 10'000'000);
    const std::string name = std::to_string(random() % 200);
    const MonoTime ends_at = now + Duration(1 + random() % 3'000'000'000);
    const auto known = model.find(name);
    switch (random() % 6) {
      case 0:
      case 1:
        if (known == model.end()) {
          map.insert(key_of(name), i, ends_at, name.size());
          model[name] = {i, ends_at};
        }
        break;
      case 2:
        if (known != model.end()) {
          map.set_end(key_of(name), ends_at);
          known->second.ends_at = ends_at;
        }
        break;
      case 3:
        ASSERT_EQ(map.remove(key_of(name), kNoLook), model.erase(name) > 0);
        break;
      case 4: {
        const std::size_t gone =
            std::erase_if(model, [&](auto& e) { return e.second.ends_at <= now; });
        ASSERT_EQ(map.sweep(now, std::numeric_limits<std::size_t>::max(), kNoLook), gone);
        break;
      }
      default:
        if (random() % 10 == 0 && !model.empty()) {
          const auto soonest = std::min_element(model.begin(), model.end(), [](auto& a, auto& b) {
            return a.second.ends_at < b.second.ends_at;
          });
          ASSERT_TRUE(map.displace_soonest(std::numeric_limits<std::size_t>::max()));
          ASSERT_FALSE(map.remove(key_of(soonest->first), kNoLook));
          model.erase(soonest);
        }
    }
    ASSERT_EQ(map.size(), model.size());
    const auto truth = model.find(name);
    const int* found = map.find(key_of(name), now);
    ASSERT_EQ(found != nullptr, truth != model.end() && truth->second.ends_at > now);
    if (found != nullptr) {
      ASSERT_EQ(*found, truth->second.value);
    }
  }
}

}  // namespace
}  // namespace tocsin::policy
