#pragma once

#include "gateway/base/clock.h"
#include "gateway/message/verdict.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// The verdict that HTTP itself suggests (stage/http_verdict.h) for what a plugin's request came
/// to. `wall` is what a Retry-After that names a date counts from.
message::Verdict http_verdict(const tocsin_http_response& response, WallTime wall);

}  // namespace tocsin::plugin
