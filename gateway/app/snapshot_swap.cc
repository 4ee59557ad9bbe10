#include "gateway/app/snapshot_swap.h"

#include <algorithm>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::app {

bool SnapshotSwap::ready_for(const Snapshot& next) const {
  if (installing_ != nullptr || stopped_ || alive_.size() >= kAliveMax) return false;
  return std::ranges::none_of(next.outputs(), [&](const OutputPart& output) {
    const std::string& name = output.plugin.id;
    return !(current_ != nullptr && current_->output(name) != nullptr) &&
           (std::ranges::find(ending_outputs_, name) != ending_outputs_.end() ||
            std::ranges::any_of(alive_, [&](const auto& old) { return old->output(name); }));
  });
}

void SnapshotSwap::forget() {
  not_taken_up_.clear();
  ending_.clear();
  alive_.clear();
  installing_.reset();
  current_.reset();
}

std::vector<std::shared_ptr<const Snapshot>> SnapshotSwap::in_use() const {
  std::vector<std::shared_ptr<const Snapshot>> all = alive_;
  if (installing_ != nullptr) all.push_back(installing_);
  return all;
}

void SnapshotSwap::install(std::shared_ptr<const Snapshot> next,
                           Function<void(Result<void>)> done) {
  TOCSIN_ASSERT(ready_for(*next), "a snapshot is installed while another one is in the way");
  installing_ = next;
  auto installing = std::make_shared<Installing>();
  installing->next = std::move(next);
  installing->done = std::move(done);
  installing->doors.resize(loops_.size());
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    installing->parts.push_back(listeners_.take_parts(i));
  }
  loops_.each_at_once(
      [its = installing.get()](std::size_t index, LoopEstate& loop) -> Result<void> {
        its->doors[index] = loop.make_lanes(*its->next);
        return {};
      },
      [this, installing](const Result<void>&) { prepare(installing); });
}

void SnapshotSwap::prepare(const InstallingPtr& installing) {
  if (stopped_) return;
  DoorList all(installing->next->outputs().size());
  for (const DoorList& doors : installing->doors) {
    for (std::size_t i = 0; i < doors.size(); ++i) {
      if (doors[i] != nullptr) all[i] = doors[i];
    }
  }
  loops_.each_at_once(
      [its = installing.get(), all = std::move(all)](std::size_t index, LoopEstate& loop) {
        return loop.prepare(*its->next, all, std::move(its->parts[index]));
      },
      [this, installing](Result<void> prepared) {
        if (stopped_) return;
        if (!prepared) return discard(installing, std::move(prepared.error()));
        commit(installing);
      });
}

void SnapshotSwap::commit(const InstallingPtr& installing) {
  listeners_.commit();
  loops_.each_at_once(
      [](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.commit();
        return {};
      },
      [this, installing](const Result<void>&) {
        installing_ = nullptr;
        const std::shared_ptr<const Snapshot> old = std::exchange(current_, installing->next);
        alive_.push_back(current_);
        start_new(old.get());
        if (old != nullptr && !stopped_) retire(old);
        installing->done({});
      });
}

void SnapshotSwap::discard(const InstallingPtr& installing, Error why) {
  loops_.each_at_once(
      [](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.discard();
        return {};
      },
      [this, installing, why = std::move(why)](const Result<void>&) mutable {
        installing_ = nullptr;
        installing->parts.clear();
        listeners_.discard();
        installing->done(tl::unexpected(std::move(why)));
      });
}

// An instance that is new waits for the one in whose place it stands.
void SnapshotSwap::start_new(const Snapshot* before) {
  for (Component* instance : current_->instances()) {
    if (before != nullptr && before->uses(*instance)) continue;
    not_taken_up_.push_back(current_->instance(instance->kind(), instance->id()));
  }
  take_up_ready();
}

void SnapshotSwap::take_up_ready() {
  std::vector<Component*> ready;
  std::erase_if(not_taken_up_, [&](const std::shared_ptr<Component>& one) {
    if (!current_->uses(*one)) return true;  // it ends before it was its turn
    const auto stands_before = [&](const std::shared_ptr<const Snapshot>& old) {
      const auto earlier = old->instance(one->kind(), one->id());
      return earlier != nullptr && earlier != one;
    };
    if (std::ranges::any_of(alive_, stands_before) || std::ranges::any_of(ending_, stands_before)) {
      return false;
    }
    ready.push_back(one.get());
    return true;
  });
  if (ready.empty()) return;
  loops_.each_at_once(
      [ready](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.take_up(ready);
        return {};
      },
      [keep = current_](const Result<void>&) {});
}

void SnapshotSwap::retire(const std::shared_ptr<const Snapshot>& old) {
  loops_.each(
      [its = old.get()](std::size_t, LoopEstate& loop, LoopGroup::Answer answer) {
        loop.retire(*its, its->shutdown_grace(),
                    [told = std::move(answer)]() mutable { told({}); });
      },
      [this, old](const Result<void>&) { let_go(old); });
}

bool SnapshotSwap::named_by_others(const Snapshot& old, std::string_view output) const {
  return std::ranges::any_of(alive_, [&](const auto& other) {
    return other.get() != &old && other->output(output) != nullptr;
  });
}

void SnapshotSwap::let_go(const std::shared_ptr<const Snapshot>& old) {
  if (stopped_) return;
  Leaving leaving;
  leaving.grace = old->shutdown_grace();
  for (Component* instance : old->instances()) {
    const bool shared = std::ranges::any_of(
        alive_, [&](const auto& other) { return other != old && other->uses(*instance); });
    if (!shared) leaving.instances.push_back(instance);
  }
  for (const OutputPart& output : old->outputs()) {
    if (!named_by_others(*old, output.plugin.id)) leaving.outputs.push_back(output.plugin.id);
  }
  ending_outputs_.insert(ending_outputs_.end(), leaving.outputs.begin(), leaving.outputs.end());
  // Others that end later must not wait for what ends with this one.
  std::erase(alive_, old);
  ending_.push_back(old);
  loops_.each(
      [leaving](std::size_t, LoopEstate& loop, LoopGroup::Answer answer) {
        loop.let_go(leaving, [told = std::move(answer)]() mutable { told({}); });
      },
      [this, old, outputs = leaving.outputs](const Result<void>&) {
        std::erase_if(ending_outputs_, [&](const std::string& output) {
          return std::ranges::find(outputs, output) != outputs.end();
        });
        std::erase(ending_, old);
        if (!stopped_) take_up_ready();
        sweep(old);
      });
}

void SnapshotSwap::sweep(const std::shared_ptr<const Snapshot>& old) {
  auto left = std::make_shared<std::vector<std::vector<std::uint64_t>>>(loops_.size());
  loops_.each_at_once(
      [left](std::size_t index, LoopEstate& loop) -> Result<void> {
        (*left)[index] = loop.sweep_listeners();
        return {};
      },
      [this, left, old](const Result<void>&) {
        std::vector<std::uint64_t> all;
        for (const auto& ids : *left) all.insert(all.end(), ids.begin(), ids.end());
        listeners_.sweep(all);
        if (on_gone_) on_gone_();
      });
}

}  // namespace tocsin::app
