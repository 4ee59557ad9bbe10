// What the outbox costs in the storage alone: the real plugin, driven through the C contract by one
// thread, batch after batch without a pause.
//
//   ingest    a batch of B appends, written ready (the outputs are paused)
//   deliver   a batch of B appends, claimed, and B settlements of what was appended two batches
//   before
//   ... keyed        each with an idempotency key
//   ... grouped      each with a key of its own, which a later one could supersede
//   ingest superseding   each supersedes the last of its key; there are a thousand keys
//   ingest scheduled     each due at some time within the next 30 days
//
// A row of the table is one accepted notification with one delivery; CPU is that of the whole
// process. Each case runs in turn for `--seconds`, `--rounds` times over; figures are medians of
// the rounds, max is the worst of all.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "tests/conformance/storage/storage_under_test.h"

namespace tocsin::bench {

namespace {

using conformance::Append;
using conformance::kSecond;
using conformance::kStart;
using conformance::StorageUnderTest;
using SteadyClock = std::chrono::steady_clock;

struct Options {
  std::filesystem::path folder = "/tmp";
  double seconds = 2;
  int rounds = 3;
  std::uint64_t backlog = 0;
  std::vector<std::size_t> batches{1, 8, 64, 512};
  std::string page_size;
  std::string sync;
  std::int64_t checkpoint_size = 0;
  std::int64_t cache_size = 0;
  std::vector<std::string> search;
  std::string only;
  std::string json;
};

struct Case {
  std::string name;
  bool delivers = false;
  bool keyed = false;
  std::size_t batch = 1;
  bool grouped = false;
  bool supersedes = false;
  bool scheduled = false;
};

struct Figures {
  double rows_per_s = 0;
  double cpu_us = 0;  // per row
  double p50_ms = 0;
  double p99_ms = 0;
  double max_ms = 0;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::uint64_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Drives one store and gives its notifications ascending ids, as the outbox front does.
class Driver {
 public:
  Driver(StorageUnderTest& store, std::uint64_t first_id) : store_(store), next_id_(first_id) {
    payload_ = R"({"topic":"orders.paid","level":"info","title":"Order paid","body":")" +
               std::string(330, 'x') +
               R"(","labels":{"team":"payments","region":"eu-west-1"},"key":"order-4711"})";
  }

  /// Appends without anything else, as fast as it goes; `grouped`: each with a key of its own.
  void fill(std::uint64_t rows, bool grouped) {
    const Case filling{"fill", false, false, 512, grouped};
    for (std::uint64_t done = 0; done < rows; done += filling.batch) step(filling);
  }

  Figures run(const Case& one, double seconds) {
    step(one);  // the first batch has nothing to settle
    std::vector<double> latencies;
    const double cpu_before = cpu_seconds();
    const auto begin = SteadyClock::now();
    const auto end = begin + std::chrono::duration<double>(seconds);
    auto before = begin;
    while (before < end) {
      step(one);
      const auto after = SteadyClock::now();
      latencies.push_back(std::chrono::duration<double, std::milli>(after - before).count());
      before = after;
    }
    const double elapsed = std::chrono::duration<double>(before - begin).count();
    const auto rows = static_cast<double>(latencies.size() * one.batch);
    std::sort(latencies.begin(), latencies.end());
    Figures figures;
    figures.rows_per_s = rows / elapsed;
    figures.cpu_us = (cpu_seconds() - cpu_before) * 1e6 / rows;
    figures.p50_ms = latencies[latencies.size() / 2];
    figures.p99_ms = latencies[latencies.size() * 99 / 100];
    figures.max_ms = latencies.back();
    settle_all();
    return figures;
  }

 private:
  static std::uint64_t spread(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31);
  }

  static std::string key_of(const Case& one, std::uint64_t id) {
    return "order-" + std::to_string(one.supersedes ? id % 1000 : spread(id));
  }

  void step(const Case& one) {
    appends_.clear();
    keys_.clear();
    supersedes_.clear();
    operations_.clear();
    std::vector<tocsin_settle>& settles = settles_[parity_];
    if (one.delivers) {
      for (tocsin_settle& settle : settles) {
        operations_.push_back(StorageUnderTest::pointer_to(settle));
      }
    }
    appends_.reserve(one.batch);
    for (std::size_t i = 0; i < one.batch; ++i) {
      Append& append = appends_.emplace_back(next_id_ + i, payload_);
      const std::int64_t now = kStart + static_cast<std::int64_t>(next_id_ + i) * 1000;
      append.at(now).to("ops-chat", one.delivers ? TOCSIN_STATE_CLAIMED : TOCSIN_STATE_READY, now);
      if (one.scheduled) {
        append.due(now + static_cast<std::int64_t>(spread(next_id_ + i) % (30 * 86400)) * kSecond);
      }
      if (one.grouped) append.grouped(keys_.emplace_back(key_of(one, next_id_ + i)));
      if (one.keyed) {
        append.keyed(spread(next_id_ + i), 1, now + 24 * 3600 * kSecond);
        append.op.key_hash[0] = spread(next_id_ + i);
        append.op.key_hash[1] = spread(~(next_id_ + i));
      }
      operations_.push_back(StorageUnderTest::pointer_to(append));
      if (one.supersedes) {
        supersedes_.push_back(conformance::supersede_of(next_id_ + i, {}, keys_.back()));
        operations_.push_back(StorageUnderTest::pointer_to(supersedes_.back()));
      }
    }
    apply();
    settles.clear();
    if (one.delivers) {
      for (std::size_t i = 0; i < one.batch; ++i) {
        tocsin_settle settle = conformance::settle_of(next_id_ + i, TOCSIN_STATE_DELIVERED);
        settle.attempts = 1;
        settle.at_ns = kStart + static_cast<std::int64_t>(next_id_ + i) * 1000;
        settles.push_back(settle);
      }
    }
    next_id_ += one.batch;
    parity_ = 1 - parity_;
  }

  void settle_all() {
    for (std::vector<tocsin_settle>& settles : settles_) {
      operations_.clear();
      for (tocsin_settle& settle : settles) {
        operations_.push_back(StorageUnderTest::pointer_to(settle));
      }
      apply();
      settles.clear();
    }
  }

  void apply() {
    const conformance::Applied applied = store_.apply_all(operations_);
    if (applied.outcome == TOCSIN_APPLIED) return;
    std::fprintf(stderr, "bench_store: %s\n", applied.fault.c_str());
    std::_Exit(1);
  }

  StorageUnderTest& store_;
  std::uint64_t next_id_;
  std::string payload_;
  std::vector<Append> appends_;
  std::deque<std::string> keys_;
  std::deque<tocsin_supersede> supersedes_;
  std::vector<tocsin_operation*> operations_;
  std::vector<tocsin_settle> settles_[2];
  int parity_ = 0;
};

std::vector<Case> cases(const Options& options) {
  std::vector<Case> all;
  for (const std::size_t batch : options.batches) {
    for (const bool delivers : {false, true}) {
      for (const bool keyed : {false, true}) {
        const std::string name =
            std::string(delivers ? "deliver" : "ingest") + (keyed ? " keyed" : "");
        if (!options.only.empty() && name != options.only) continue;
        all.push_back({name, delivers, keyed, batch});
      }
    }
    for (const Case& one : {Case{"ingest grouped", false, false, batch, true},
                            Case{"deliver grouped", true, false, batch, true},
                            Case{"ingest superseding", false, false, batch, true, true},
                            Case{"ingest scheduled", false, false, batch, false, false, true}}) {
      if (options.only.empty() || one.name == options.only) all.push_back(one);
    }
  }
  return all;
}

conformance::Settings settings_of(const Options& options, const std::filesystem::path& file) {
  conformance::Settings settings{{"path", file.string()}};
  if (!options.page_size.empty()) settings.push_back({"page_size", options.page_size});
  if (!options.sync.empty()) settings.push_back({"sync", options.sync});
  if (options.checkpoint_size != 0) {
    settings.push_back({"checkpoint_size", {}, options.checkpoint_size});
  }
  if (!options.search.empty()) settings.push_back({"search", {}, 0, options.search});
  if (options.cache_size != 0) settings.push_back({"cache_size", {}, options.cache_size});
  return settings;
}

void print(const Options& options, const Case& one, const std::vector<Figures>& rounds,
           std::ostream& json) {
  const auto middle = [&](double Figures::* figure) {
    std::vector<double> values;
    values.reserve(rounds.size());
    for (const Figures& round : rounds) values.push_back(round.*figure);
    return median(values);
  };
  double max_ms = 0;
  for (const Figures& round : rounds) max_ms = std::max(max_ms, round.max_ms);
  std::printf("%-18s %5zu %9llu %9.0f %8.2f %8.2f %8.2f %8.2f\n", one.name.c_str(), one.batch,
              static_cast<unsigned long long>(options.backlog), middle(&Figures::rows_per_s),
              middle(&Figures::cpu_us), middle(&Figures::p50_ms), middle(&Figures::p99_ms), max_ms);
  std::fflush(stdout);
  json << "{\"case\":\"" << one.name << "\",\"batch\":" << one.batch
       << ",\"backlog\":" << options.backlog << ",\"rows_per_s\":" << middle(&Figures::rows_per_s)
       << ",\"cpu_us\":" << middle(&Figures::cpu_us) << ",\"p50_ms\":" << middle(&Figures::p50_ms)
       << ",\"p99_ms\":" << middle(&Figures::p99_ms) << ",\"max_ms\":" << max_ms << "}\n";
}

int run(const std::string& library, const Options& options) {
  const std::filesystem::path folder =
      options.folder / ("bench-store-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ostringstream json;
  {
    StorageUnderTest store(library, settings_of(options, folder / "outbox.db"));
    if (const auto opened = store.open(); opened.status != TOCSIN_OK) {
      std::fprintf(stderr, "bench_store: %s\n", opened.fault.c_str());
      return 1;
    }
    Driver driver(store, 1);
    const std::vector<Case> all = cases(options);
    driver.fill(options.backlog, std::ranges::all_of(all, &Case::grouped));
    std::vector<std::vector<Figures>> figures(all.size());
    for (int round = 0; round < options.rounds; ++round) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        figures[i].push_back(driver.run(all[i], options.seconds));
      }
    }
    std::printf("%-18s %5s %9s %9s %8s %8s %8s %8s\n", "case", "batch", "backlog", "rows/s",
                "CPU us", "p50 ms", "p99 ms", "max ms");
    for (std::size_t i = 0; i < all.size(); ++i) print(options, all[i], figures[i], json);
    store.close();
    const auto before = SteadyClock::now();
    store.open();
    const auto opening = std::chrono::duration<double, std::milli>(SteadyClock::now() - before);
    std::printf("opened again in %.1f ms, resident %llu KiB\n", opening.count(),
                static_cast<unsigned long long>(resident_kib()));
  }
  std::filesystem::remove_all(folder);
  if (!options.json.empty()) std::ofstream(options.json) << json.str();
  return 0;
}

constexpr const char* kUsage =
    "usage: bench_store [--folder DIR] [--seconds S] [--rounds N] [--backlog ROWS] [--batch N]\n"
    "                   [--only CASE] [--page-size 4KiB] [--checkpoint-size BYTES]\n"
    "                   [--cache-size BYTES] [--sync full|normal|off] [--json FILE]\n"
    "                   [--search key|external_id]...\n";

bool parse(int count, char** arguments, Options& options) {
  const std::map<std::string, std::function<void(const char*)>> known{
      {"--folder", [&](const char* value) { options.folder = value; }},
      {"--seconds", [&](const char* value) { options.seconds = std::atof(value); }},
      {"--rounds", [&](const char* value) { options.rounds = std::atoi(value); }},
      {"--backlog",
       [&](const char* value) { options.backlog = std::strtoull(value, nullptr, 10); }},
      {"--batch",
       [&](const char* value) { options.batches = {std::strtoull(value, nullptr, 10)}; }},
      {"--only", [&](const char* value) { options.only = value; }},
      {"--page-size", [&](const char* value) { options.page_size = value; }},
      {"--sync", [&](const char* value) { options.sync = value; }},
      {"--checkpoint-size",
       [&](const char* value) { options.checkpoint_size = std::atoll(value); }},
      {"--cache-size", [&](const char* value) { options.cache_size = std::atoll(value); }},
      {"--search", [&](const char* value) { options.search.emplace_back(value); }},
      {"--json", [&](const char* value) { options.json = value; }}};
  for (int i = 1; i < count; i += 2) {
    const auto option = known.find(arguments[i]);
    if (option == known.end() || i + 1 == count) return false;
    option->second(arguments[i + 1]);
  }
  return true;
}

}  // namespace

}  // namespace tocsin::bench

int main(int count, char** arguments) {
  tocsin::bench::Options options;
  if (!tocsin::bench::parse(count, arguments, options)) {
    std::fputs(tocsin::bench::kUsage, stderr);
    return 2;
  }
  return tocsin::bench::run(TOCSIN_STORAGE_SQLITE, options);
}
