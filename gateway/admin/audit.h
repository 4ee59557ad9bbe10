#pragma once

#include <string_view>

#include "gateway/telemetry/log.h"

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

/// A line of logger "audit" for each, whatever the log's level is.
class LogAudit final : public AuditSink {
 public:
  /// The log must outlive this.
  explicit LogAudit(telemetry::Log& log) : log_(log) {}
  void record(const AuditRecord& record) override;

 private:
  telemetry::Log& log_;
};

}  // namespace tocsin::admin
