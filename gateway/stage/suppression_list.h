#pragma once

#include <string>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/base/function.h"
#include "gateway/base/result.h"

namespace tocsin::stage {

/// An address that nothing is to be sent to.
struct SuppressionOrder {
  std::string address;               ///< "kind:value"
  std::string reason;                ///< a sentence for people; empty: none is given
  std::string by;                    ///< who asks, for the audit: "plugin:sms"
  Duration keep = Duration::zero();  ///< zero: until it is lifted
};

/// Addresses that nothing is sent to, as those who are lent it may change them; each change is
/// audited. One per loop; `done` comes on that loop, once, never inside the call. Errors: kFull,
/// kUnavailable.
class SuppressionList {
 public:
  virtual ~SuppressionList() = default;
  /// Whether the text is an address that can be suppressed.
  virtual bool takes(std::string_view address) const = 0;
  /// For an address that takes() is true for. It holds on this loop at once.
  virtual void suppress(SuppressionOrder order, Function<void(Result<void>)> done) = 0;
  /// kNotFound: it was not suppressed. `by` as above.
  virtual void lift(std::string_view address, std::string_view by,
                    Function<void(Result<void>)> done) = 0;
};

}  // namespace tocsin::stage
