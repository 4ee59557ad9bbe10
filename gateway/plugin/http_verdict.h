#pragma once

#include <chrono>

#include "gateway/base/clock.h"
#include "gateway/message/verdict.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// What receivers may ask for at most; a longer Retry-After counts as this.
inline constexpr Duration kRetryAfterMax = std::chrono::hours(24);

/// The verdict that HTTP itself suggests, the same for every plugin:
///
///   2xx                    delivered
///   408, 425               retry, after Retry-After
///   429                    throttled, for Retry-After
///   503 with Retry-After   throttled for it; without: retry
///   other 5xx              retry, after Retry-After
///   401, 403, 407          unauthorized, the account
///   410                    target_gone
///   404, other 3xx, 4xx    rejected
///   nothing was sent       retry
///   else no whole answer   retry when the request is idempotent, ambiguous when not
///
/// `wall` is what a Retry-After that names a date counts from.
message::Verdict http_verdict(const tocsin_http_response& response, WallTime wall);

}  // namespace tocsin::plugin
