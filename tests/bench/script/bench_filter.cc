// What a Lua filter costs on a loop: nanoseconds a call, the median of rounds.
//
//   build/release/tests/bench/bench_filter

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gateway/base/arena.h"
#include "gateway/script/filter.h"
#include "gateway/script/instance.h"

namespace {

using namespace tocsin;  // NOLINT(google-build-using-namespace)

constexpr int kCalls = 200'000;
constexpr int kRounds = 7;

class Call final : public stage::FilterCall {
 public:
  explicit Call(Arena& arena) : arena_(arena) {
    heard_.topic = "orders.paid";
    heard_.level = message::Level::kWarning;
    heard_.title = "Order 4711 was paid twice";
    heard_.labels = labels_;
  }
  message::Notification& notification() override { return heard_; }
  Arena& arena() override { return arena_; }
  std::string_view identity() const override { return {}; }
  void remember(std::uint64_t /*reservation*/) override {}
  void decide(stage::FilterStatus /*status*/) override {}

 private:
  Arena& arena_;
  message::Notification heard_;
  const message::Label labels_[2] = {{"team", "payments"}, {"host", "db-1"}};
};

struct Case {
  const char* name;
  const char* body;
};

constexpr Case kCases[] = {
    {"nothing", ""},
    {"compares the level's rank", "return n.rank < 4 and 'drop' or 'pass'"},
    {"compares the topic", "return n.topic == 'orders.lost' and 'drop' or 'pass'"},
    {"reads the title", "return n.title == '' and 'drop' or 'pass'"},
    {"reads a label", "return n.labels.team == 'search' and 'drop' or 'pass'"},
    {"matches a pattern", "return n.title:match('Order (%d+)') == '1' and 'drop' or 'pass'"},
    {"raises and catches an error", "pcall(error, 'x')"},
};

double nanoseconds_a_call(script::ScriptFilter& filter, Call& call) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < kCalls; ++i) filter.on_message(call);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
    rounds.push_back(took.count() / kCalls);
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds[kRounds / 2];
}

}  // namespace

int main() {
  telemetry::Log log(telemetry::standard_error_sink(), {});
  telemetry::Metrics metrics(1);
  script::ScriptMetrics script_metrics(metrics);
  event::Loop loop;
  loop.run_ready();
  const script::Services services{log, script_metrics};
  BlockPool blocks;
  Arena arena(blocks, 65536);
  Call call(arena);
  for (const Case& one : kCases) {
    const auto path = std::filesystem::temp_directory_path() / "filter_bench.lua";
    std::ofstream(path) << "return {name = 'bench', kind = 'filter', doc = 'A bench.', create = "
                           "function() return {on_message = function(n) "
                        << one.body << " end} end}";
    script::TableInspector inspect;
    auto script = script::Script::open(path.string(), script::Kind::kFilter, "bench", inspect);
    std::filesystem::remove(path);
    auto instance = script::Instance::create(std::move(*script), "bench",
                                             Value(Value::Map(), Place()), services);
    script::Worker* worker = *(*instance)->start_worker({.loop = loop});
    {
      script::ScriptFilter filter(*worker);
      std::printf("%-28s %7.0f ns\n", one.name, nanoseconds_a_call(filter, call));
    }
    worker->finish();
  }
  return 0;
}
