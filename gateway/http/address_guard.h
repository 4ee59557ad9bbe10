#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"
#include "gateway/event/address_range.h"

namespace tocsin::http {

/// Keeps requests whose address came from data away from what only the inside may reach: this
/// machine, private networks, a cloud's metadata service. Looks at the address that is connected
/// to, behind every name. Immutable.
class AddressGuard {
 public:
  /// `allowed`: ranges that may be reached all the same, as "10.1.0.0/16".
  static Result<AddressGuard> create(const std::vector<std::string>& allowed);

  /// Why the address must not be connected to, such as "a private address"; empty: it may be.
  std::string_view refusal(const event::Address& address) const;

 private:
  std::vector<event::AddressRange> allowed_;
};

}  // namespace tocsin::http
