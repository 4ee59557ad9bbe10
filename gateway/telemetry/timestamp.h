#pragma once

#include <string>

#include "gateway/base/clock.h"

namespace tocsin::telemetry {

/// Appends RFC 3339 in UTC with milliseconds, cut and not rounded: 2026-01-31T23:59:59.999Z.
void append_timestamp(std::string& out, WallTime time);

}  // namespace tocsin::telemetry
