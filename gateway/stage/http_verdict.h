#pragma once

#include <optional>
#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/message/verdict.h"

namespace tocsin::stage {

/// What came of an output's HTTP request.
struct HttpOutcome {
  int status = 0;  ///< 0: there was no whole answer
  std::string_view phrase = {};
  std::optional<Duration> retry_after = {};
  bool sent = false;        ///< something of the request left this host
  bool idempotent = false;  ///< the request may be repeated
  std::string_view error = {};
};

/// The verdict that HTTP itself suggests, the same for every output, whatever it is written in:
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
message::Verdict http_verdict(const HttpOutcome& outcome);

}  // namespace tocsin::stage
