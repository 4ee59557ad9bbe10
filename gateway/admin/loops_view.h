#pragma once

#include <string>
#include <vector>

#include "gateway/base/clock.h"

namespace tocsin::admin {

/// A loop that has not waited for its next event for too long: whatever it serves stands still.
struct StuckLoop {
  std::string name;
  Duration busy{};
  std::string plugin;              ///< whose callback it is inside, "output/sms"; empty: nobody's
  std::string id;                  ///< that instance's name in the configuration
  std::string callback;            ///< "deliver"
  std::vector<std::string> stack;  ///< as it was found, innermost first; empty: it did not answer
};

/// How the loops do.
class LoopsView {
 public:
  virtual ~LoopsView() = default;
  /// Any thread.
  virtual std::vector<StuckLoop> stuck() const = 0;
};

}  // namespace tocsin::admin
