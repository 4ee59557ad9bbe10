#pragma once

#include <vector>

#include "gateway/base/clock.h"
#include "gateway/message/verdict.h"

namespace tocsin::conformance {

/// What a sample output makes of a receiver's answer, in whatever it is written.
struct OutputCase {
  const char* name;    ///< in CamelCase
  const char* sample;  ///< the plugin's name
  const char* answer;  ///< what the receiver sends; null: it breaks the connection
  message::VerdictKind kind;
  Duration after = Duration::zero();
};

std::vector<OutputCase> output_cases();

}  // namespace tocsin::conformance
