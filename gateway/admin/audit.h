#pragma once

#include <string_view>

#include "gateway/base/clock.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/log_limiter.h"

namespace tocsin::admin {

/// One try to change something through the admin address, whether it worked or not. Views are
/// borrowed for the call.
struct AuditRecord {
  std::string_view who;         ///< the token's name, "local", or empty: nobody we know
  std::string_view role;        ///< of the caller
  std::string_view action;      ///< "dead_letter.redrive"
  std::string_view target;      ///< what it was about: an id or a name; may be empty
  std::string_view result;      ///< "ok", "unauthenticated", "denied", "refused" or "failed"
  int status = 0;               ///< of the answer
  std::string_view detail;      ///< a sentence more; may be empty
  std::string_view peer;        ///< the caller's address
  std::string_view request_id;  ///< as the answer names it
};

/// Where audit records go: the log, and beside it the store (store_audit.h). Control thread.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  virtual void record(const AuditRecord& record) = 0;
};

/// A line of logger "audit" for each, whatever the log's level is. Tries of nobody we know are
/// summed up when there are many: they cost whoever makes them nothing, and the log's queue would
/// give up lines of real changes for them.
class LogAudit final : public AuditSink {
 public:
  /// Lines for callers without a name; the next one tells how many were left out.
  static constexpr std::uint32_t kNamelessLinesMax = 10;
  static constexpr Duration kNamelessInterval = std::chrono::seconds(1);

  /// The log and the clock must outlive this.
  explicit LogAudit(telemetry::Log& log, const Clock& clock = SystemClock::instance())
      : log_(log), clock_(clock) {}
  void record(const AuditRecord& record) override;

 private:
  telemetry::Log& log_;
  const Clock& clock_;
  telemetry::LogLimiter nameless_{kNamelessLinesMax, kNamelessInterval};
};

}  // namespace tocsin::admin
