#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/listener_set.h"
#include "gateway/app/loop_group.h"
#include "gateway/app/snapshot.h"
#include "gateway/event/loop.h"

namespace tocsin::app {

/// Puts one snapshot in the place of another on every loop, and lets the old one end. Control
/// thread.
///
///   install: lanes made -> doors known -> prepared on every loop -> committed on every loop
///                                    \-> an error anywhere: discarded on every loop
///   the old one: retired on every loop (nothing goes by it) -> its own lanes and plugins let go
class SnapshotSwap {
 public:
  /// Alive at once, the current one included. One that retires is cut at its shutdown_grace.
  static constexpr std::size_t kAliveMax = 4;

  SnapshotSwap(LoopGroup& loops, ListenerSet& listeners) : loops_(loops), listeners_(listeners) {}

  /// Whether install() may be called: not while one is under way, too many are alive, or an output
  /// of `next` that is new again still ends.
  bool ready_for(const Snapshot& next) const;
  /// `listeners` were planned for it. `done` hears what came of it: an error leaves everything as
  /// it was.
  void install(std::shared_ptr<const Snapshot> next, Function<void(Result<void>)> done);

  /// Null before the first is installed.
  const Snapshot* current() const { return current_.get(); }
  std::shared_ptr<const Snapshot> share_current() const { return current_; }
  std::size_t alive() const { return alive_.size(); }
  /// Those alive, and the one that is being installed.
  std::vector<std::shared_ptr<const Snapshot>> in_use() const;
  /// Called whenever a snapshot has gone.
  void on_gone(Function<void()> told) { on_gone_ = std::move(told); }
  /// Begins nothing any more: the process ends.
  void stop() { stopped_ = true; }
  /// Lets go of every snapshot: no loop uses one any more.
  void forget();

 private:
  struct Installing {
    std::shared_ptr<const Snapshot> next;
    std::vector<DoorList> doors;  // by loop, of the lanes at home there
    std::vector<std::vector<ListenerPart>> parts;
    Function<void(Result<void>)> done;
  };
  using InstallingPtr = std::shared_ptr<Installing>;

  void prepare(const InstallingPtr& installing);
  void commit(const InstallingPtr& installing);
  void discard(const InstallingPtr& installing, Error why);
  void retire(const std::shared_ptr<const Snapshot>& old);
  void let_go(const std::shared_ptr<const Snapshot>& old);
  void sweep(const std::shared_ptr<const Snapshot>& old);
  void start_new(const Snapshot* before);
  void take_up_ready();
  bool named_by_others(const Snapshot& old, std::string_view output) const;

  LoopGroup& loops_;
  ListenerSet& listeners_;
  std::shared_ptr<const Snapshot> current_;
  std::vector<std::shared_ptr<const Snapshot>> alive_;
  std::vector<std::shared_ptr<const Snapshot>> ending_;  // until their plugins have ended
  std::vector<std::shared_ptr<Component>> not_taken_up_;
  std::vector<std::string> ending_outputs_;
  Function<void()> on_gone_;
  std::shared_ptr<const Snapshot> installing_;
  bool stopped_ = false;
};

}  // namespace tocsin::app
