#pragma once

#include <string>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/message/notification.h"
#include "gateway/message/report.h"

namespace tocsin::stage {

/// What a provider tells of a delivery some time after it took it.
struct Report {
  message::ReportState state = message::ReportState::kAccepted;
  message::DeliveryId id;
  std::string provider_id;  ///< empty: not told
  std::string reason;       ///< of a bounce
};

/// Takes what providers tell later. One per loop; `done` comes on that loop, once, never inside the
/// call, when what the report changes is kept (message/report.h says what that is). Errors:
/// kNotFound (there is no such delivery), kFull (too many at once), kUnavailable (nothing was
/// written, as far as is known).
class Reports {
 public:
  virtual ~Reports() = default;
  virtual void report(Report report, Function<void(Result<void>)> done) = 0;
};

}  // namespace tocsin::stage
