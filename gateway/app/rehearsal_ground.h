#pragma once

#include "gateway/app/rehearsal.h"
#include "gateway/event/offload_pool.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/sink.h"

namespace tocsin::app {

/// What rehearsals of one command share: a thread for filters' work off the loop, and a log that
/// tells people on standard error what filters complain of.
class RehearsalGround {
 public:
  Rehearsal::Lent lent() { return {log_, pool_}; }

 private:
  static constexpr std::size_t kJobsMax = 256;
  telemetry::Log log_{
      telemetry::standard_error_sink(),
      {.level = telemetry::LogLevel::kWarning, .format = telemetry::LogFormat::kText}};
  event::OffloadPool pool_{1, kJobsMax};
};

}  // namespace tocsin::app
