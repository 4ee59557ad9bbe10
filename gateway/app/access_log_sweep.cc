#include "gateway/app/access_log_sweep.h"

#include <utility>

namespace tocsin::app {

std::set<std::string> AccessLogSweep::named() const {
  std::set<std::string> paths;
  for (const auto& snapshot : swap_.in_use()) {
    for (const auto& [path, place] : access_log_paths(snapshot->settings())) paths.insert(path);
  }
  return paths;
}

void AccessLogSweep::begin() {
  loops_.each_at_once(
      [kept = named()](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.access_logs().keep_only(kept);
        return {};
      },
      [this, kept = named()](const Result<void>&) mutable { close_others(std::move(kept)); });
}

// What was named when the loops were asked they still write to; what is named now they may again.
void AccessLogSweep::close_others(std::set<std::string> kept) {
  kept.merge(named());
  auto closed = logs_.take_others(kept);
  if (closed.empty()) return;
  construction_.run([closed = std::move(closed)]() mutable { closed.clear(); }, {});
}

}  // namespace tocsin::app
