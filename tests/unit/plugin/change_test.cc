#include "gateway/plugin/change.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

constexpr Option kTls[] = {
    {.key = "verify", .type = OptionType::kBoolean, .flags = Option::kReloadable},
    {.key = "ca", .doc = "A file."},
};
constexpr OptionTable kTlsTable = {.name = "tls", .options = kTls};
constexpr Option kOptions[] = {
    {.key = "url"},
    {.key = "window", .type = OptionType::kDuration, .flags = Option::kReloadable},
    {.key = "tokens", .type = OptionType::kMap, .flags = Option::kReloadable},
    {.key = "tls", .type = OptionType::kTable, .table = &kTlsTable},
};
constexpr OptionTable kTable = {.name = "sample", .options = kOptions};

class ChangeTest : public ::testing::Test {
 protected:
  ChangeTest() {
    plugin.reconfigure = [](void*, const tocsin_create*, tocsin_fault*) {
      return std::uint32_t{TOCSIN_OK};
    };
    plugin.worker_reconfigure = [](void*) {};
  }
  Change change(Value had, Value wanted) const {
    return change_of(plugin, had, plugin, wanted, kTable);
  }

  tocsin_plugin plugin{};
};

Value text(std::string value) { return text_value(std::move(value)); }
Value window(int seconds) {
  return Value(Value::Data(Duration(std::chrono::seconds(seconds))), Place());
}
Value flag(bool value) { return Value(Value::Data(value), Place()); }

TEST_F(ChangeTest, OfNothingIsNone) {
  EXPECT_EQ(change(settings_of({}), settings_of({})), Change::kSame);
  EXPECT_EQ(change(settings_of({{"url", text("a")}, {"window", window(1)}}),
                   settings_of({{"window", window(1)}, {"url", text("a")}})),
            Change::kSame);
}

TEST_F(ChangeTest, OfPlaceAloneIsNone) {
  const Place line_9{std::make_shared<const std::string>("t.yaml"), 9, 1};
  EXPECT_EQ(change(settings_of({{"url", text("a")}}),
                   settings_of({{"url", Value(std::string("a"), line_9)}})),
            Change::kSame);
}

TEST_F(ChangeTest, OfTheGatewaysOwnKeysIsNone) {
  EXPECT_EQ(change(settings_of({{"type", text("x")}, {"url", text("a")}}),
                   settings_of({{"type", text("x")},
                                {"id", text("b")},
                                {"url", text("a")},
                                {"delivery", settings_of({{"timeout", window(3)}})}})),
            Change::kSame);
}

TEST_F(ChangeTest, OfReloadableOptionsIsReloadable) {
  EXPECT_EQ(change(settings_of({{"url", text("a")}, {"window", window(1)}}),
                   settings_of({{"url", text("a")}, {"window", window(2)}})),
            Change::kReloadable);
  EXPECT_EQ(change(settings_of({{"url", text("a")}}),
                   settings_of({{"url", text("a")}, {"window", window(2)}})),
            Change::kReloadable);
  EXPECT_EQ(change(settings_of({{"tokens", settings_of({{"shop", text("a")}})}}),
                   settings_of({{"tokens", settings_of({{"shop", text("b")}})}})),
            Change::kReloadable);
}

TEST_F(ChangeTest, OfAnyOtherOptionNeedsANewInstance) {
  EXPECT_EQ(change(settings_of({{"url", text("a")}, {"window", window(1)}}),
                   settings_of({{"url", text("b")}, {"window", window(2)}})),
            Change::kNew);
  EXPECT_EQ(change(settings_of({{"url", text("a")}}), settings_of({})), Change::kNew);
}

TEST_F(ChangeTest, InsideATableIsJudgedByTheTablesOwnOptions) {
  const auto with = [](bool verify, const char* ca) {
    return settings_of({{"tls", settings_of({{"verify", flag(verify)}, {"ca", text(ca)}})}});
  };
  EXPECT_EQ(change(with(true, "x"), with(false, "x")), Change::kReloadable);
  EXPECT_EQ(change(with(true, "x"), with(false, "y")), Change::kNew);
  EXPECT_EQ(change(with(true, "x"), settings_of({})), Change::kNew);
}

TEST_F(ChangeTest, ThatThePluginCannotTakeNeedsANewInstance) {
  plugin.worker_reconfigure = nullptr;
  EXPECT_FALSE(can_reconfigure(plugin));
  EXPECT_EQ(change(settings_of({{"window", window(1)}}), settings_of({{"window", window(2)}})),
            Change::kNew);
  EXPECT_EQ(change(settings_of({{"window", window(1)}}), settings_of({{"window", window(1)}})),
            Change::kSame);
}

TEST_F(ChangeTest, OfThePluginItselfNeedsANewInstance) {
  const tocsin_plugin other = plugin;
  EXPECT_EQ(change_of(plugin, settings_of({}), other, settings_of({}), kTable), Change::kNew);
}

}  // namespace
}  // namespace tocsin::plugin
