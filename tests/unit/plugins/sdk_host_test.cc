// What Host lends beyond one attempt, on the SDK's fake host: descriptors, reports, suppressions,
// records; and a class that is output and handler.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tocsin/plugin.hpp"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin {
namespace {

/// An output whose provider calls back; the test reaches it through `made`.
class Sms final : public sdk::Output, public sdk::Handler {
 public:
  struct Settings {
    bool load(const sdk::Setup&, sdk::Fault&) { return true; }
  };
  static constexpr sdk::About kAbout = {"sms", "0.0.1", "Texts, and hears what became of them."};

  static inline Sms* made = nullptr;

  Sms(const Settings&, sdk::Host h) : host(h) { made = this; }
  ~Sms() override { made = nullptr; }

  void deliver(const sdk::Attempt& attempt) override {
    host.complete(attempt.token(), sdk::Verdict::delivered("provider-1"));
  }
  // "/<delivery id>": bounced. Answered once that is kept.
  sdk::RequestPtr on_request(const sdk::RequestHead& head) override {
    const std::string id(head.path().substr(1));
    const auto told = [this, exchange = head.token()](std::uint32_t status) {
      host.respond(exchange, {.status = status == TOCSIN_OK ? 204U : 503U});
    };
    const std::uint32_t asked = host.report(sdk::Report::bounced(id, "no such number"), told);
    if (asked != TOCSIN_OK) host.respond(head.token(), {.status = 404});
    return nullptr;
  }

  sdk::Host host;
};

class SdkHost : public ::testing::Test {
 protected:
  SdkHost() { EXPECT_EQ(fake.start(), ""); }
  sdk::Host& host() { return Sms::made->host; }

  testing::FakeHost fake{sdk::Entry<Sms>::descriptor()};
  std::vector<std::uint32_t> heard;
  sdk::Replies::Told hear = [this](std::uint32_t status) { heard.push_back(status); };
};

TEST_F(SdkHost, LetsOneClassBeOutputAndHandler) {
  const tocsin_token attempt = fake.deliver("{}");
  EXPECT_EQ(fake.verdicts.at(attempt).provider_id, "provider-1");
  const tocsin_token exchange = fake.request("POST", "/dlv_1");
  EXPECT_FALSE(fake.answers.contains(exchange));
  ASSERT_EQ(fake.reports.size(), 1U);
  EXPECT_EQ(fake.reports[0].state, std::uint32_t{TOCSIN_REPORT_BOUNCED});
  EXPECT_EQ(fake.reports[0].delivery_id, "dlv_1");
  EXPECT_EQ(fake.reports[0].reason, "no such number");
  fake.answer(fake.reports[0], TOCSIN_OK);
  EXPECT_EQ(fake.answers.at(exchange).status, 204U);
  fake.end_request(exchange);
}

TEST_F(SdkHost, AsksNobodyForAReportThatIsRefusedAtOnce) {
  EXPECT_EQ(host().report(sdk::Report::delivered(""), hear), std::uint32_t{TOCSIN_NOT_FOUND});
  fake.store_refusal = TOCSIN_FULL;
  EXPECT_EQ(host().suppress("sms:+1", "stop", {}, hear), std::uint32_t{TOCSIN_FULL});
  fake.store_refusal = TOCSIN_OK;
  EXPECT_EQ(host().suppress("nobody", "stop", {}, hear), std::uint32_t{TOCSIN_INVALID});
  fake.run();
  EXPECT_TRUE(heard.empty());
}

TEST_F(SdkHost, SuppressesAndLifts) {
  ASSERT_EQ(host().suppress("sms:+1", "stop", std::chrono::hours(1), hear),
            std::uint32_t{TOCSIN_OK});
  ASSERT_EQ(host().lift("sms:+1", hear), std::uint32_t{TOCSIN_OK});
  ASSERT_EQ(host().lift("sms:+2"), std::uint32_t{TOCSIN_OK});  // nobody listens
  ASSERT_EQ(fake.suppressions.size(), 3U);
  EXPECT_EQ(fake.suppressions[0].reason, "stop");
  EXPECT_EQ(fake.suppressions[0].ttl, std::chrono::hours(1));
  EXPECT_FALSE(fake.suppressions[0].lift);
  EXPECT_TRUE(fake.suppressions[1].lift);
  fake.answer(fake.suppressions[1], TOCSIN_NOT_FOUND);
  fake.answer(fake.suppressions[0], TOCSIN_OK);
  fake.answer(fake.suppressions[2], TOCSIN_OK);
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_NOT_FOUND, TOCSIN_OK}));
}

TEST_F(SdkHost, PutsARecordOnlyIfNothingChanged) {
  const sdk::RecordDoor records = host().records();
  std::uint64_t version = 0;
  records.get("token", [&](const sdk::RecordAnswer& answer) {
    EXPECT_FALSE(answer.found());
    version = answer.version();
  });
  fake.run();
  EXPECT_EQ(version, sdk::RecordDoor::kAbsent);
  records.put("token", "a", version, {}, hear);
  records.put("token", "b", version, {}, hear);
  records.put("token", "c", sdk::RecordDoor::kAny, std::chrono::minutes(1), hear);
  fake.run();
  EXPECT_EQ(heard, (std::vector<std::uint32_t>{TOCSIN_OK, TOCSIN_EXISTS, TOCSIN_OK}));
  EXPECT_EQ(fake.records.at("token").value, "c");
  fake.advance(std::chrono::minutes(1));
  std::uint32_t status = TOCSIN_OK;
  records.get("token", [&](const sdk::RecordAnswer& answer) { status = answer.status(); });
  fake.run();
  EXPECT_EQ(status, std::uint32_t{TOCSIN_NOT_FOUND});
}

TEST_F(SdkHost, RefusesKeysAndValuesBeyondTheirLimits) {
  const sdk::RecordDoor records = host().records();
  EXPECT_EQ(records.put("", "v"), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(records.put(std::string(257, 'k'), "v"), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(records.put("k", std::string(4097, 'v')), std::uint32_t{TOCSIN_INVALID});
  EXPECT_EQ(records.put(std::string(256, 'k'), std::string(4096, 'v')), std::uint32_t{TOCSIN_OK});
}

TEST_F(SdkHost, LetsACallbackAskAgain) {
  int asked = 0;
  std::function<void(std::uint32_t)> again = [&](std::uint32_t) {
    if (++asked < 3) host().records().put("k", "v", sdk::RecordDoor::kAny, {}, again);
  };
  host().records().put("k", "v", sdk::RecordDoor::kAny, {}, again);
  fake.run();
  EXPECT_EQ(asked, 3);
}

TEST_F(SdkHost, FreesCallbacksThatNeverCome) {
  const auto alive = std::make_shared<int>(0);
  host().report(sdk::Report::delivered("dlv_1"), [alive](std::uint32_t) {});
  host().records().get("k", [alive](const sdk::RecordAnswer&) {});
  EXPECT_EQ(alive.use_count(), 3);
  fake.stop();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST_F(SdkHost, WatchesADescriptorForWhatIsAsked) {
  std::vector<std::uint32_t> seen;
  sdk::FdWatch watch(host(), [&](std::uint32_t events) { seen.push_back(events); });
  EXPECT_FALSE(watch.change(sdk::FdWatch::kRead));
  EXPECT_FALSE(watch.start(7, 0));
  ASSERT_TRUE(watch.start(7, sdk::FdWatch::kRead));
  EXPECT_FALSE(fake.ready(7, TOCSIN_FD_WRITABLE));
  EXPECT_TRUE(fake.ready(7, TOCSIN_FD_READABLE | TOCSIN_FD_WRITABLE));
  ASSERT_TRUE(watch.change(sdk::FdWatch::kRead | sdk::FdWatch::kWrite));
  EXPECT_TRUE(fake.ready(7, TOCSIN_FD_WRITABLE));
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{TOCSIN_FD_READABLE, TOCSIN_FD_WRITABLE}));
  ASSERT_TRUE(watch.change(0));
  EXPECT_FALSE(fake.ready(7, TOCSIN_FD_READABLE));
  watch.stop();
  EXPECT_EQ(fake.watches(), 0U);
}

TEST_F(SdkHost, LetsAWatchEndItselfInItsCallback) {
  std::unique_ptr<sdk::FdWatch> watch;
  watch = std::make_unique<sdk::FdWatch>(host(), [&](std::uint32_t) { watch.reset(); });
  ASSERT_TRUE(watch->start(7, sdk::FdWatch::kRead));
  sdk::FdWatch twice(host(), [](std::uint32_t) {});
  EXPECT_FALSE(twice.start(7, sdk::FdWatch::kWrite));
  EXPECT_TRUE(fake.ready(7, TOCSIN_FD_READABLE));
  EXPECT_EQ(watch, nullptr);
  EXPECT_EQ(fake.watches(), 0U);
}

}  // namespace
}  // namespace tocsin
