// A process that dies while it is inside a script: the next one knows which script it was, and what
// it had in hand.

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gateway/plugin/crash_map.h"
#include "gateway/plugin/crash_signals.h"
#include "gateway/script/instance.h"
#include "gateway/script/output.h"
#include "tests/unit/telemetry/test_sink.h"

namespace tocsin::app {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr message::DeliveryId kDelivery{{41}, 3};
constexpr std::string_view kEndless =
    "return {name = \"endless\", kind = \"output\", doc = \"Never ends.\", create = function() "
    "return {deliver = function(a) while true do end end} end}";

struct NoDone final : stage::AttemptDone {
  void complete(stage::AttemptToken, message::Verdict) override {}
};

class ScriptCrash : public ::testing::Test {
 protected:
  ScriptCrash() {
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::ofstream(folder / "output_endless.lua") << kEndless;
  }
  ~ScriptCrash() override { fs::remove_all(folder); }

  std::unique_ptr<plugin::CrashMap> open() const {
    auto map = std::make_unique<plugin::CrashMap>(2);
    EXPECT_TRUE(map->keep_in((folder / "crash.map").string(), WallTime(1h)));
    return map;
  }

  /// Delivers with limits that do not end it, until a fault meets the thread inside.
  [[noreturn]] void die_inside() const {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    const auto map = open();
    plugin::CrashSignals::install();
    plugin::CrashSignals::enter_thread(map->slot(1));
    const auto sink = std::make_shared<telemetry::SinkState>();
    telemetry::Log log(std::make_unique<telemetry::TestSink>(sink), {}, SystemClock::instance());
    telemetry::Metrics metrics(1);
    script::ScriptMetrics script_metrics(metrics);
    const script::Services services{.log = log,
                                    .metrics = script_metrics,
                                    .limits = {.instructions_max = INT64_MAX / 2, .slice_max = 1h},
                                    .presences = map.get()};
    event::Loop loop({.name = "test", .shard = 1});
    loop.run_ready();
    script::TableInspector inspect;
    auto script = script::Script::open((folder / "output_endless.lua").string(),
                                       script::Kind::kOutput, "endless", inspect);
    auto instance =
        script::Instance::create(std::shared_ptr<const script::Script>(std::move(*script)), "ops",
                                 Value(Value::Map(), {}), services);
    NoDone done;
    script::ScriptOutput output(**(*instance)->start_worker({.loop = loop}), done);
    message::Notification notification;
    const stage::Attempt attempt{.token = 1, .delivery = kDelivery, .notification = &notification};
    std::thread other([&map, inside = ::pthread_self()] {
      while (!map->inside(1)) std::this_thread::yield();
      ::pthread_kill(inside, SIGABRT);
    });
    output.deliver({&attempt, 1});
    std::_Exit(0);
  }

  const fs::path folder =
      fs::temp_directory_path() / ("script_crash_" + std::to_string(::getpid()));
};

TEST_F(ScriptCrash, IsBlamedOnTheScriptAndItsDelivery) {
  const pid_t child = ::fork();
  if (child == 0) die_inside();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
  const auto map = open();
  ASSERT_EQ(map->found().size(), 1U);
  EXPECT_EQ(map->found()[0].plugin, "output/endless");
  EXPECT_EQ(map->found()[0].id, "ops");
  EXPECT_EQ(map->found()[0].signal, SIGABRT);
  EXPECT_EQ(map->found()[0].deliveries, std::vector{kDelivery});
}

}  // namespace
}  // namespace tocsin::app
