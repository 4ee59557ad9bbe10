#include "gateway/base/clock.h"

namespace tocsin {

const SystemClock& SystemClock::instance() {
  static const SystemClock clock;
  return clock;
}

}  // namespace tocsin
