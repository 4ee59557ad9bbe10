// Writes rows in transactions of one size, one after another, with nothing around SQLite: what the
// disk and the database alone allow a gateway that commits in batches of that size.
//
//   replay_commits DATABASE BODY ROWS_PER_COMMIT SECONDS
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/bench/ingest/reference_rows.h"
#include "tests/bench/load/latencies.h"

namespace {

double cpu_us() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

}  // namespace

int main(int count, char** arguments) {
  using namespace tocsin::bench;
  if (count != 5) {
    std::fputs("usage: replay_commits DATABASE BODY ROWS_PER_COMMIT SECONDS\n", stderr);
    return 2;
  }
  std::ifstream file(arguments[2]);
  const std::string payload(std::istreambuf_iterator<char>(file), {});
  const double size = std::max(1.0, std::atof(arguments[3]));
  ReferenceRows rows(arguments[1]);
  Latencies latencies;
  const double cpu_before = cpu_us();
  const std::uint64_t begun = mono_ns();
  const std::uint64_t end = begun + static_cast<std::uint64_t>(std::atof(arguments[4]) * 1e9);
  std::int64_t id = 0;
  double owed = 0;  // so that the mean is `size` where that is no whole number
  std::uint64_t now = begun;
  while (now < end) {
    rows.begin();
    owed += size;
    while (owed >= 1) {
      owed -= 1;
      rows.insert({++id, static_cast<std::int64_t>(now) + id, 2, "orders.paid", payload});
    }
    rows.commit();
    const std::uint64_t after = mono_ns();
    latencies.add(after - now);
    now = after;
  }
  const auto written = static_cast<double>(id);
  std::printf(R"({"rows":%.0f,"per_second":%.1f,"cpu_us":%.3f,)", written,
              written / (static_cast<double>(now - begun) / 1e9),
              (cpu_us() - cpu_before) / written);
  latencies.print(stdout);
  std::printf("}\n");
  return 0;
}
