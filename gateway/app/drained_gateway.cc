#include "gateway/app/drained_gateway.h"

#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace tocsin::app {

void DrainedGateway::retire(Duration grace, Function<void()> done) {
  parts_.loops.each(
      [grace](std::size_t, LoopEstate& loop, LoopGroup::Answer answer) {
        loop.retire_servers();
        loop.drain_lanes(grace, [told = std::move(answer)]() mutable { told({}); });
      },
      [told = std::move(done)](const Result<void>&) mutable { told(); });
}

void DrainedGateway::drain_servers() {
  parts_.loops.each_at_once(
      [](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.drain_servers();
        return {};
      },
      [](const Result<void>&) {});
}

void DrainedGateway::count_attempts(Function<void(std::size_t)> done) {
  auto found = std::make_shared<std::vector<std::size_t>>(parts_.loops.size());
  parts_.loops.each_at_once(
      [found](std::size_t index, LoopEstate& loop) -> Result<void> {
        for (const delivery::Lane* lane : loop.lanes().all()) (*found)[index] += lane->attempts();
        return {};
      },
      [found, told = std::move(done)](const Result<void>&) mutable {
        told(std::accumulate(found->begin(), found->end(), std::size_t{0}));
      });
}

// What was asked of the store before is on its way by the end of this tick, and answered before it
// stops.
void DrainedGateway::stop_store(Function<void()> done) {
  if (!parts_.estate.has_store()) return done();
  parts_.before_store();
  parts_.control.post([this, told = std::move(done)]() mutable {
    parts_.estate.storage().stop(parts_.control, std::move(told));
  });
}

}  // namespace tocsin::app
