#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/admin/audit.h"
#include "gateway/base/clock.h"
#include "gateway/policy/gcra.h"
#include "gateway/stage/records.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::admin {

/// Where audit records lie in the store: one each, under a key that ascends with time. The value is
/// the record as the API shows it, a JSON object.
inline constexpr std::string_view kAuditCollection = "audit";

/// Whether the text has the form of an audit record's key, which is its id.
bool is_audit_id(std::string_view text);

/// Tells another sink, and keeps each record in the store for a time. Who asks never waits for
/// that; what the store does not take was told to the other sink all the same, and is counted. Of
/// attempts by nobody we know only so many are kept, so that they cannot fill the disk. Control
/// loop; outlives what it asked of the records.
class StoreAudit final : public AuditSink {
 public:
  struct Options {
    Duration keep = std::chrono::hours(90 * 24);
    /// Of this process: two on one store in the same nanosecond stay apart.
    std::uint32_t tag = 0;
  };
  /// Attempts by nobody we know: so many at once, then one each.
  static constexpr std::uint32_t kUnknownBurst = 100;
  static constexpr Duration kUnknownEvery = std::chrono::seconds(10);
  /// A member that is longer is cut: paths and sentences have room.
  static constexpr std::size_t kMemberBytesMax = 1024;

  StoreAudit(AuditSink& also, stage::Records& records, const Clock& clock, telemetry::Log& log,
             telemetry::Metrics& metrics, Options options);

  void record(const AuditRecord& record) override;
  /// Of what is recorded from now on.
  void set_keep(Duration keep) { options_.keep = keep; }
  /// Keeps nothing any more; the other sink is told as before.
  void close() { open_ = false; }

 private:
  bool welcome(const AuditRecord& record);
  void on_kept(const Result<stage::RecordOutcome>& result);

  AuditSink& also_;
  stage::Records& records_;
  const Clock& clock_;
  telemetry::Log& log_;
  telemetry::Counter& lost_;
  Options options_;
  policy::Gcra unknown_;
  WallTime last_{};
  bool open_ = true;
  bool failing_ = false;  // the last one was lost
};

}  // namespace tocsin::admin
