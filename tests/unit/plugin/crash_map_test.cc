#include "gateway/plugin/crash_map.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include "gateway/plugin/crash_signals.h"
#include "tests/unit/plugin/plugin_harness.h"

namespace tocsin::plugin {
namespace {

using message::DeliveryId;
using namespace std::chrono_literals;

class CrashMapTest : public ::testing::Test {
 protected:
  CrashMapTest() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  ~CrashMapTest() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<CrashMap> open(std::size_t loops = 2) {
    auto map = std::make_unique<CrashMap>(loops);
    const Result<void> kept = map->keep_in(path, now);
    EXPECT_TRUE(kept) << kept.error().text();
    return map;
  }
  /// A process begins, is inside the plugin with these deliveries, and ends there.
  void crash(const std::string& plugin, const std::vector<DeliveryId>& deliveries = {}) {
    const auto map = open();
    CrashMap::Slot& slot = *map->slot(1);
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      slot.entries[i] = {deliveries[i].notification.value, deliveries[i].ordinal};
    }
    slot.deliveries = static_cast<std::uint32_t>(deliveries.size());
    slot.plugin = map->number_of(plugin, "it");
    slot.crashed = SIGSEGV;
  }

  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("crash_map_" + std::to_string(::getpid()));
  const std::string path = (folder / "crash.map").string();
  WallTime now{std::chrono::hours(500'000)};
};

constexpr DeliveryId kOne{{41}, 3};
constexpr DeliveryId kTwo{{42}, 0};

TEST_F(CrashMapTest, FindsWhoWasInsideWithWhichDeliveries) {
  crash("output/sms", {kOne, kTwo});
  const auto map = open();
  ASSERT_EQ(map->found().size(), 1U);
  EXPECT_EQ(map->found()[0].plugin, "output/sms");
  EXPECT_EQ(map->found()[0].id, "it");
  EXPECT_EQ(map->found()[0].at, now);
  EXPECT_EQ(map->found()[0].signal, SIGSEGV);
  EXPECT_EQ(map->found()[0].deliveries, (std::vector{kOne, kTwo}));
}

TEST_F(CrashMapTest, NotesCodeOfOtherRoomsAsItNotesPlugins) {
  {
    const auto map = open();
    const auto outer = map->presence_of("filter/level", "level", 1);
    const auto inner = map->presence_of("output/chat", "ops", 1);
    EXPECT_EQ(map->presence_of("output/chat", "ops", 7), nullptr) << "no such loop";
    outer->enter("on_message", nullptr);
    inner->enter("deliver", &kTwo);
    const auto inside = map->inside(1);
    ASSERT_TRUE(inside);
    EXPECT_EQ(inside->plugin + " " + inside->id + " " + inside->callback,
              "output/chat ops deliver");
    inner->leave();
    EXPECT_EQ(map->inside(1)->plugin, "filter/level");
    EXPECT_EQ(map->slot(1)->deliveries, 0U);
    outer->leave();
    EXPECT_FALSE(map->inside(1));
    inner->enter("deliver", &kTwo);
    map->slot(1)->crashed = SIGSEGV;
  }
  const auto map = open();
  ASSERT_EQ(map->found().size(), 1U);
  EXPECT_EQ(map->found()[0].plugin, "output/chat");
  EXPECT_EQ(map->found()[0].deliveries, std::vector{kTwo});
}

TEST_F(CrashMapTest, FindsNothingAfterAnEndBetweenCallbacks) {
  {
    open()->number_of("output/sms", "it");
  }
  EXPECT_TRUE(open()->found().empty());
}

TEST_F(CrashMapTest, FindsNobodyWhenTheProcessWasKilledFromOutside) {
  {
    const auto map = open();
    map->slot(0)->plugin = map->number_of("output/sms", "it");
  }
  EXPECT_TRUE(open()->found().empty());
}

TEST_F(CrashMapTest, FindsItOnce) {
  crash("output/sms", {kOne});
  open();
  EXPECT_TRUE(open()->found().empty());
}

TEST_F(CrashMapTest, ReadsAMapOfAnotherNumberOfLoops) {
  crash("output/sms", {kOne});
  EXPECT_EQ(open(7)->found().size(), 1U);
  EXPECT_TRUE(open(1)->found().empty());
}

TEST_F(CrashMapTest, BeginsAnewWhereAFileSaysNothing) {
  for (const std::string& text : {std::string(), std::string("short"), std::string(200'000, 'x')}) {
    std::ofstream(path) << text;
    EXPECT_TRUE(open()->found().empty());
    crash("output/sms");
    EXPECT_EQ(open()->found().size(), 1U);
  }
}

TEST_F(CrashMapTest, GoesOnWithoutAFileWhereNoneCanBe) {
  CrashMap map(1);
  const std::uint32_t number = map.number_of("output/sms", "it");
  map.slot(0)->plugin = number;
  EXPECT_FALSE(map.keep_in((folder / "none" / "crash.map").string(), now));
  EXPECT_EQ(map.path(), "");
  ASSERT_TRUE(map.inside(0));
  EXPECT_EQ(map.inside(0)->plugin, "output/sms");
}

// ---- a map that gets its file later, or another one

TEST_F(CrashMapTest, KeepsItsSlotsAndNumbersWhenItGetsItsFile) {
  {
    CrashMap map(2);
    CrashMap::Slot* const slot = map.slot(1);
    const std::uint32_t number = map.number_of("output/sms", "it");
    ASSERT_TRUE(map.keep_in(path, now));
    EXPECT_EQ(map.slot(1), slot);
    EXPECT_EQ(map.number_of("output/sms", "it"), number);
    EXPECT_TRUE(map.found().empty());
    slot->plugin = number;
    slot->crashed = SIGSEGV;
  }
  const auto next = open();
  ASSERT_EQ(next->found().size(), 1U);
  EXPECT_EQ(next->found()[0].plugin, "output/sms");
}

TEST_F(CrashMapTest, FindsWhatWasLeftInAFileThatItGetsLater) {
  crash("output/sms", {kOne});
  CrashMap map(1);
  EXPECT_TRUE(map.history(now).empty());
  ASSERT_TRUE(map.keep_in(path, now));
  ASSERT_EQ(map.found().size(), 1U);
  EXPECT_EQ(map.found()[0].deliveries, std::vector{kOne});
  EXPECT_EQ(map.history(now).size(), 1U);
}

TEST_F(CrashMapTest, TakesNothingOfOneFileToAnother) {
  crash("output/sms", {kOne});
  const std::string other = (folder / "other.map").string();
  {
    const auto map = open();
    ASSERT_TRUE(map->keep_in(other, now));
    EXPECT_EQ(map->path(), other);
    EXPECT_TRUE(map->found().empty());
    EXPECT_TRUE(map->history(now).empty());
    map->slot(0)->plugin = map->number_of("output/mail", "it");
    map->slot(0)->crashed = SIGSEGV;
    // The first one is free again, and still knows.
    const auto first = open();
    EXPECT_TRUE(first->found().empty());
    ASSERT_EQ(first->history(now).size(), 1U);
    EXPECT_EQ(first->history(now)[0].plugin, "output/sms");
  }
  CrashMap next(1);
  ASSERT_TRUE(next.keep_in(other, now));
  ASSERT_EQ(next.found().size(), 1U);
  EXPECT_EQ(next.found()[0].plugin, "output/mail");
}

TEST_F(CrashMapTest, LeavesTheFileOfALivingProcessAlone) {
  const auto living = open();
  living->slot(0)->plugin = living->number_of("output/sms", "it");
  living->slot(0)->crashed = SIGSEGV;
  {
    const auto next = open();
    EXPECT_TRUE(next->found().empty());
    EXPECT_TRUE(std::filesystem::exists(path + ".1"));
    next->slot(0)->plugin = next->number_of("output/mail", "it");
    next->slot(0)->crashed = SIGSEGV;
  }
  EXPECT_EQ(living->inside(0)->plugin, "output/sms");
  EXPECT_EQ(open()->found().size(), 1U);  // of path.1, where the next one ended
}

TEST_F(CrashMapTest, GathersTheFilesOfAllWhoEnded) {
  {
    const auto first = open();
    const auto second = open();
    first->slot(0)->plugin = first->number_of("output/sms", "it");
    second->slot(0)->plugin = second->number_of("output/mail", "it");
    first->slot(0)->crashed = second->slot(0)->crashed = SIGSEGV;
  }
  EXPECT_EQ(open()->found().size(), 2U);
  EXPECT_FALSE(std::filesystem::exists(path + ".1"));
}

// ---- signals

// What ends the process that does it, on the thread of the map's loop.
class CrashSignalsTest : public CrashMapTest {
 protected:
  /// The signal that a child dies of when it does `what` inside a callback.
  int died_of(void (*what)()) {
    const pid_t child = ::fork();
    if (child == 0) {
      const rlimit none{};
      ::setrlimit(RLIMIT_CORE, &none);
      const auto map = open();
      CrashSignals::install();
      CrashSignals::enter_thread(map->slot(0));
      map->slot(0)->plugin = map->number_of("output/sms", "it");
      what();
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
};

TEST_F(CrashSignalsTest, BlameWhoIsInsideAndEndTheProcessAsTheyWould) {
  EXPECT_EQ(died_of([] { std::abort(); }), SIGABRT);
#if defined(TOCSIN_SANITIZED)
  // A sanitizer takes the other faults itself, and exits.
  EXPECT_EQ(died_of([] { ::raise(SIGABRT); }), SIGABRT);
#else
  EXPECT_EQ(died_of([] { ::raise(SIGFPE); }), SIGFPE);
#endif
  EXPECT_EQ(died_of([] { std::terminate(); }), SIGABRT);
  const auto map = open();
  EXPECT_EQ(map->history(now).size(), 3U);
  EXPECT_EQ(map->found().size(), 1U);
}

#if !defined(TOCSIN_SANITIZED)
[[gnu::noinline]] int deeper(int depth) {
  volatile char room[4096] = {};
  room[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : deeper(depth + 1) + room[0];
}

TEST_F(CrashSignalsTest, AreHeardOfAStackThatRanOut) {
  EXPECT_EQ(died_of([] { static_cast<void>(deeper(0)); }), SIGSEGV);
  EXPECT_EQ(open()->found().size(), 1U);
}
#endif

TEST_F(CrashSignalsTest, SayNothingOfAKillOrAnExit) {
  EXPECT_EQ(died_of([] { ::raise(SIGKILL); }), SIGKILL);
  EXPECT_EQ(died_of([] {}), 0);
  EXPECT_TRUE(open()->history(now).empty());
}

// ---- suspects

TEST_F(CrashMapTest, SuspectsWhoWasFoundThreeTimesInTenMinutes) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(open()->suspects(now).empty());
    crash("output/sms");
    now += 4min;
  }
  const auto map = open();
  ASSERT_EQ(map->suspects(now).size(), 1U);
  EXPECT_EQ(map->suspects(now)[0].plugin, "output/sms");
  EXPECT_EQ(map->history(now).size(), 2U + 1U);
  EXPECT_TRUE(map->suspects(now + 7min).empty());
}

TEST_F(CrashMapTest, SuspectsNobodyWhenOneDeliveryWasThereEachTime) {
  crash("output/sms", {kOne, kTwo});
  crash("output/sms", {kTwo});
  crash("output/sms", {kTwo});
  EXPECT_TRUE(open()->suspects(now).empty());
  crash("output/sms", {kOne});
  EXPECT_EQ(open()->suspects(now).size(), 1U);
}

TEST_F(CrashMapTest, TellsInstancesApart) {
  crash("output/sms");
  crash("output/sms");
  crash("output/mail");
  EXPECT_TRUE(open()->suspects(now).empty());
}

TEST_F(CrashMapTest, ForgivesOneInstance) {
  for (int i = 0; i < 3; ++i) crash("output/sms");
  for (int i = 0; i < 3; ++i) crash("output/mail");
  EXPECT_EQ(open()->suspects(now).size(), 2U);
  open()->forgive("output/sms", "it");
  const auto map = open();
  ASSERT_EQ(map->suspects(now).size(), 1U);
  EXPECT_EQ(map->suspects(now)[0].plugin, "output/mail");
}

TEST_F(CrashMapTest, KeepsTheNewestFindings) {
  for (std::size_t i = 0; i < CrashMap::kHistoryMax + 3; ++i) {
    crash("output/number" + std::to_string(i));
    now += 1s;
  }
  const auto history = open()->history(now);
  ASSERT_EQ(history.size(), CrashMap::kHistoryMax);
  EXPECT_EQ(history.front().plugin, "output/number3");
}

// ---- names

TEST_F(CrashMapTest, GivesTheSameNameTheSameNumberAndCutsLongOnes) {
  CrashMap map(1);
  EXPECT_EQ(map.number_of("output/sms", "a"), 1U);
  EXPECT_EQ(map.number_of("output/sms", "b"), 2U);
  EXPECT_EQ(map.number_of("output/sms", "a"), 1U);
  const std::uint32_t number = map.number_of("output/sms", std::string(500, 'x'));
  map.slot(0)->plugin = number;
  EXPECT_EQ(map.inside(0)->id.size(), 111U);
}

TEST_F(CrashMapTest, HasNoNumberForOneNameTooMany) {
  CrashMap map(1);
  for (std::size_t i = 0; i < CrashMap::kNamesMax; ++i) {
    EXPECT_NE(map.number_of("output/sms", std::to_string(i)), 0U);
  }
  EXPECT_EQ(map.number_of("output/sms", "one more"), 0U);
  EXPECT_EQ(map.slot(1), nullptr);
}

// ---- what workers write

class CrashMapWorkerTest : public PluginTest {
 protected:
  CrashMapWorkerTest() {
    ScriptedOutput::Script::script = &script;
    services.crash_map = &map;
  }
  CrashMap map{1};
  OutputScript script;
  HeardVerdicts lane;
};

TEST_F(CrashMapWorkerTest, SaysWhoIsInsideOnlyWhileItIs) {
  std::vector<std::string> seen;
  const auto look = [&] {
    const auto inside = map.inside(0);
    seen.push_back(inside ? inside->plugin + " " + inside->id + " " + inside->callback : "nobody");
  };
  script.start = [&](const sdk::Host&) { look(); };
  script.deliver = [&](const sdk::Host& host, const sdk::Attempt& attempt) {
    look();
    const CrashMap::Slot& slot = *map.slot(0);
    ASSERT_EQ(slot.deliveries.load(), 2U);
    EXPECT_EQ(slot.entries[1].notification, 9U);
    EXPECT_EQ(slot.entries[1].ordinal, 4U);
    host.complete(attempt.token(), sdk::Verdict::delivered());
  };
  const InstancePtr instance = instance_of<ScriptedOutput>(Kind::kOutput);
  Worker& worker = start(*instance);
  look();
  lane.on_complete = look;
  {
    OutputAdapter adapter(worker, output_traits(*instance).value(), lane);
    const message::Notification notification{.topic = "orders"};
    stage::Attempt attempts[2];
    for (stage::Attempt& attempt : attempts) attempt.notification = &notification;
    attempts[0].delivery = kOne;
    attempts[1].delivery = {{9}, 4};
    adapter.deliver(attempts);
    EXPECT_EQ(map.slot(0)->deliveries.load(), 0U);
  }
  worker.finish();
  EXPECT_EQ(seen, (std::vector<std::string>{"output/scripted test worker_init", "nobody",
                                            "output/scripted test deliver",
                                            "output/scripted test deliver", "nobody", "nobody"}));
}

}  // namespace
}  // namespace tocsin::plugin
