#pragma once

#include <memory>

#include "gateway/app/estate.h"
#include "gateway/app/loop_group.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"

namespace tocsin::app {

/// Gives every loop its way to a store that was just opened, and takes it back when the
/// configuration it was opened for is not installed after all. Between the two nothing is asked of
/// the store, so it is served only once nobody can want it back. Control thread.
///
///   lend -> (a snapshot is installed) -> Estate::storage().serve()
///       \-> take_back
class StoreLending {
 public:
  /// Both outlive this object.
  StoreLending(LoopGroup& loops, Estate& estate) : loops_(loops), estate_(estate) {}

  /// The estate's from now on, and each loop's. There was none before. An error: it is nobody's.
  void lend(std::shared_ptr<OpenStore> store, Function<void(Result<void>)> done);
  /// Everything is as it was before lend(): the store was closed.
  void take_back(Function<void()> done);

 private:
  LoopGroup& loops_;
  Estate& estate_;
};

}  // namespace tocsin::app
