// The plugins of this repository, each as the shared object that is shipped, on the SDK's fake
// host; and what that host promises of its likeness to the real one.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateway/plugin/http_verdict.h"
#include "tocsin/testing/fake_host.hpp"

namespace tocsin::plugin {
namespace {

using sdk::Verdict;
using testing::FakeHost;

const tocsin_plugin* shipped(const std::string& name) {
  const std::string path = TOCSIN_PLUGINS "/" + name + ".so";
  void* object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(object, nullptr) << ::dlerror();
  return reinterpret_cast<tocsin_entry_fn>(::dlsym(object, "tocsin_plugin_v0"))();
}

std::uint32_t kind_of(const FakeHost& host, tocsin_token attempt) {
  return host.verdicts.at(attempt).kind;
}

TEST(NullOutput, DeliversAtOnce) {
  FakeHost host(shipped("output_null"));
  ASSERT_EQ(host.start(), "");
  EXPECT_EQ(kind_of(host, host.deliver("{}")), std::uint32_t{TOCSIN_DELIVERED});
}

TEST(LogOutput, LogsThePayloadWithItsDeliveryId) {
  FakeHost host(shipped("output_log"));
  host.settings.set("level", "warning");
  ASSERT_EQ(host.start(), "");
  const tocsin_token attempt = host.deliver(R"({"topic":"orders"})");
  EXPECT_EQ(kind_of(host, attempt), std::uint32_t{TOCSIN_DELIVERED});
  ASSERT_EQ(host.log.size(), 1U);
  EXPECT_EQ(host.log[0].level, std::uint32_t{TOCSIN_LOG_WARNING});
  EXPECT_EQ(host.log[0].text, "dlv_" + std::to_string(attempt) + R"( {"topic":"orders"})");
}

TEST(LogOutput, TakesTheNotificationsLevelWhenToldSo) {
  FakeHost host(shipped("output_log"));
  host.settings.set("level", "same");
  ASSERT_EQ(host.start(), "");
  tocsin_notification notification{};
  notification.level = TOCSIN_LEVEL_EMERGENCY;
  host.deliver("{}", "", notification);
  EXPECT_EQ(host.log.at(0).level, std::uint32_t{TOCSIN_LOG_CRITICAL});
}

// ---- flaky

TEST(FlakyOutput, PlaysItsScriptAgainAndAgain) {
  FakeHost host(shipped("output_flaky"));
  host.settings.set_list("script", {"delivered", "retry", "throttled 2s", "internal"});
  ASSERT_EQ(host.start(), "");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(kind_of(host, host.deliver("{}")), std::uint32_t{TOCSIN_DELIVERED});
    EXPECT_EQ(kind_of(host, host.deliver("{}")), std::uint32_t{TOCSIN_RETRY});
    const tocsin_token throttled = host.deliver("{}");
    EXPECT_EQ(kind_of(host, throttled), std::uint32_t{TOCSIN_THROTTLED});
    EXPECT_EQ(host.verdicts.at(throttled).after, std::chrono::seconds(2));
    EXPECT_EQ(kind_of(host, host.deliver("{}")), std::uint32_t{TOCSIN_INTERNAL});
  }
}

TEST(FlakyOutput, HangsUntilItIsCancelled) {
  FakeHost host(shipped("output_flaky"));
  host.settings.set_list("script", {"hang"});
  ASSERT_EQ(host.start(), "");
  const tocsin_token attempt = host.deliver("{}");
  host.advance(std::chrono::hours(1));
  EXPECT_FALSE(host.verdicts.contains(attempt));
  host.cancel(attempt);
  EXPECT_EQ(host.late, 0U);
}

TEST(FlakyOutput, TakesItsLatencyAndForgetsWhatIsCancelledMeanwhile) {
  FakeHost host(shipped("output_flaky"));
  host.settings.set_list("script", {"rejected"});
  host.settings.set("latency", "3s");
  ASSERT_EQ(host.start(), "");
  const tocsin_token first = host.deliver("{}");
  const tocsin_token second = host.deliver("{}");
  host.cancel(second);
  host.advance(std::chrono::milliseconds(2999));
  EXPECT_TRUE(host.verdicts.empty());
  host.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(kind_of(host, first), std::uint32_t{TOCSIN_REJECTED});
  EXPECT_EQ(host.verdicts.size(), 1U);
  EXPECT_EQ(host.late, 0U);
}

TEST(FlakyOutput, DrawsTheSameFromTheSameSeedAndKeepsToItsRates) {
  const auto draw = [] {
    FakeHost host(shipped("output_flaky"));
    host.settings.set_map("rates", {{"delivered", "3"}, {"retry 1s", "1"}});
    host.settings.set("seed", "42");
    EXPECT_EQ(host.start(), "");
    std::string drawn;
    for (int i = 0; i < 400; ++i) drawn += kind_of(host, host.deliver("{}")) == 0 ? 'd' : 'r';
    return drawn;
  };
  const std::string first = draw();
  EXPECT_EQ(first, draw());
  const auto delivered = std::count(first.begin(), first.end(), 'd');
  EXPECT_GT(delivered, 260);
  EXPECT_LT(delivered, 340);
}

TEST(FlakyOutput, RefusesAWordItDoesNotKnow) {
  for (const char* word : {"deliver", "retry soon", "rejected 2s", "throttled -1s", ""}) {
    FakeHost host(shipped("output_flaky"));
    host.settings.set_list("script", {word});
    EXPECT_TRUE(host.validate().starts_with("script: no attempt comes to \"" + std::string(word) +
                                            "\"; there are delivered, "));
  }
}

// ---- file

class FileOutput : public ::testing::Test {
 protected:
  FileOutput() {
    char name[] = "/tmp/tocsin-file-XXXXXX";
    folder = ::mkdtemp(name);
    host.settings.set("path", path());
  }
  ~FileOutput() override {
    host.stop();
    std::filesystem::remove_all(folder);
  }
  std::string path() const { return folder + "/out.jsonl"; }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(path()).rdbuf();
    return all.str();
  }

  std::string folder;
  FakeHost host{shipped("output_file")};
};

TEST_F(FileOutput, AppendsOneLineForEachDeliveryAndThenSaysSo) {
  ASSERT_EQ(host.start(), "");
  const tocsin_token attempt = host.deliver(R"({"topic":"orders"})");
  EXPECT_TRUE(host.verdicts.empty());
  host.run();
  EXPECT_EQ(kind_of(host, attempt), std::uint32_t{TOCSIN_DELIVERED});
  EXPECT_EQ(text(),
            R"({"delivery_id":"dlv_)" + std::to_string(attempt) + "\",\"topic\":\"orders\"}\n");
}

TEST_F(FileOutput, WritesWhatComesMeanwhileAsTheNextBatchAndInOrder) {
  ASSERT_EQ(host.start(), "");
  for (int i = 0; i < 50; ++i) host.deliver("{\"topic\":\"t" + std::to_string(i) + "\"}");
  host.run();
  EXPECT_EQ(host.verdicts.size(), 50U);
  const std::string written = text();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = written.find("\"t" + std::to_string(i) + "\"", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(FileOutput, SyncsWhenToldTo) {
  host.settings.set("sync", "data");
  ASSERT_EQ(host.start(), "");
  const tocsin_token attempt = host.deliver("{\"topic\":\"a\"}");
  host.run();
  EXPECT_EQ(kind_of(host, attempt), std::uint32_t{TOCSIN_DELIVERED});
}

TEST_F(FileOutput, BeginsANewLineBehindOneThatAnotherProcessLeftCut) {
  std::ofstream(path()) << "{\"delivery_id\":\"whole\"}\n{\"delivery_id\":\"cu";
  ASSERT_EQ(host.start(), "");
  const tocsin_token first = host.deliver("{\"topic\":\"a\"}");
  host.run();
  const tocsin_token second = host.deliver("{\"topic\":\"b\"}");
  host.run();
  EXPECT_EQ(text(),
            "{\"delivery_id\":\"whole\"}\n{\"delivery_id\":\"cu\n"
            "{\"delivery_id\":\"dlv_" +
                std::to_string(first) + "\",\"topic\":\"a\"}\n{\"delivery_id\":\"dlv_" +
                std::to_string(second) + "\",\"topic\":\"b\"}\n");
}

TEST_F(FileOutput, GoesOnBehindAWholeLine) {
  std::ofstream(path()) << "whole\n";
  ASSERT_EQ(host.start(), "");
  host.deliver("{\"topic\":\"a\"}");
  host.run();
  EXPECT_EQ(text().find("whole\n{"), 0U) << text();
}

TEST_F(FileOutput, IsSilentAboutWhatWasCancelled) {
  ASSERT_EQ(host.start(), "");
  const tocsin_token writing = host.deliver("{\"topic\":\"a\"}");
  const tocsin_token waiting = host.deliver("{\"topic\":\"b\"}");
  host.cancel(writing);
  host.cancel(waiting);
  host.run();
  EXPECT_TRUE(host.verdicts.empty());
  EXPECT_EQ(host.late, 0U);
}

TEST_F(FileOutput, RetriesWhatItCouldNotHandToAThread) {
  ASSERT_EQ(host.start(), "");
  host.offload_full = true;
  EXPECT_EQ(kind_of(host, host.deliver("{\"topic\":\"a\"}")), std::uint32_t{TOCSIN_RETRY});
  host.offload_full = false;
  const tocsin_token again = host.deliver("{\"topic\":\"a\"}");
  host.run();
  EXPECT_EQ(kind_of(host, again), std::uint32_t{TOCSIN_DELIVERED});
}

TEST_F(FileOutput, GoesOnInANewFileWhenItsOwnWasMovedOrDeleted) {
  ASSERT_EQ(host.start(), "");
  const auto deliver = [this](const std::string& topic) {
    host.deliver("{\"topic\":\"" + topic + "\"}");
    host.run();
  };
  deliver("before");
  std::filesystem::rename(path(), path() + ".1");
  deliver("moved");
  EXPECT_NE(text().find("\"moved\""), std::string::npos);
  EXPECT_EQ(text().find("\"before\""), std::string::npos);
  std::filesystem::remove(path());
  deliver("deleted");
  EXPECT_NE(text().find("\"deleted\""), std::string::npos);
}

TEST_F(FileOutput, RetriesWhenTheFileCannotBeMadeAnew) {
  ASSERT_EQ(host.start(), "");
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  const tocsin_token attempt = host.deliver("{\"topic\":\"a\"}");
  host.run();
  EXPECT_EQ(host.verdicts.at(attempt).reason, "cannot open " + path() + ": Is a directory");
  std::filesystem::remove(path());
  const tocsin_token again = host.deliver("{\"topic\":\"a\"}");
  host.run();
  EXPECT_EQ(kind_of(host, again), std::uint32_t{TOCSIN_DELIVERED});
}

TEST_F(FileOutput, DoesNotWaitForAPipeThatNobodyReads) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(host.start(), "path: cannot open " + path() + ": No such device or address");
}

TEST_F(FileOutput, RetriesWhenTheDiskIsFull) {
  FakeHost full(shipped("output_file"));
  full.settings.set("path", "/dev/full");
  ASSERT_EQ(full.start(), "");
  const tocsin_token attempt = full.deliver("{\"topic\":\"a\"}");
  full.run();
  EXPECT_EQ(kind_of(full, attempt), std::uint32_t{TOCSIN_RETRY});
  EXPECT_EQ(full.verdicts.at(attempt).reason, "cannot write: No space left on device");
}

TEST_F(FileOutput, RefusesAPathItCannotOpen) {
  FakeHost other(shipped("output_file"));
  other.settings.set("path", folder + "/nowhere/out.jsonl");
  EXPECT_EQ(other.validate(), "");
  EXPECT_EQ(other.create(),
            "path: cannot open " + folder + "/nowhere/out.jsonl: No such file or directory");
}

// ---- the fake host beside the real one

TEST(FakeVerdict, AgreesWithTheGatewaysForEveryStatusAndFailure) {
  tocsin_http_response response{};
  response.size = sizeof(response);
  const auto agree = [&] {
    const testing::FakeVerdict fake = testing::fake_verdict(response);
    const message::Verdict real = http_verdict(response, WallTime());
    EXPECT_EQ(fake.kind, static_cast<std::uint32_t>(real.kind)) << response.status;
    EXPECT_EQ(fake.scope, static_cast<std::uint32_t>(real.scope)) << response.status;
    EXPECT_EQ(fake.after_ns, real.after.count()) << response.status;
  };
  for (const std::string_view after : {"", "7", "0", "x", "99999999"}) {
    const tocsin_header header{sdk::to_c("Retry-After"), sdk::to_c(after)};
    response.headers = &header;
    response.header_count = after.empty() ? 0 : 1;
    response.header_stride = sizeof(header);
    for (response.status = 200; response.status < 600; ++response.status) agree();
  }
  for (response.failure = 1; response.failure <= 4; ++response.failure) {
    for (response.sent = 0; response.sent < 2; ++response.sent) {
      for (response.flags = 0; response.flags < 2; ++response.flags) agree();
    }
  }
}

}  // namespace
}  // namespace tocsin::plugin
