#include "gateway/admin/admin_api.h"

#include <algorithm>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin::admin {

std::unique_ptr<Sending> AdminApi::release(Sending& sending) {
  const auto at = std::find_if(sendings_.begin(), sendings_.end(),
                               [&](const auto& kept) { return kept.get() == &sending; });
  TOCSIN_ASSERT(at != sendings_.end(), "the outcome of one notification was told twice");
  std::unique_ptr<Sending> released = std::move(*at);
  sendings_.erase(at);
  return released;
}

void AdminApi::close() {
  for (const auto& sending : std::exchange(sendings_, {})) parts_.emit->abandon(*sending);
}

}  // namespace tocsin::admin
