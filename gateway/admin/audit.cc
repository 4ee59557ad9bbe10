#include "gateway/admin/audit.h"

namespace tocsin::admin {

void LogAudit::record(const AuditRecord& record) {
  std::uint64_t left_out = 0;
  if (record.who.empty()) {
    const auto admitted = nameless_.admit(clock_.mono());
    if (!admitted) return;
    left_out = *admitted;
  }
  const telemetry::LogField fields[] = {
      {"who", record.who},       {"role", record.role},     {"action", record.action},
      {"target", record.target}, {"result", record.result}, {"status", record.status},
      {"detail", record.detail}, {"peer", record.peer},     {"request_id", record.request_id},
      {"left_out", left_out}};
  std::span<const telemetry::LogField> told(fields);
  if (left_out == 0) told = told.first(told.size() - 1);
  // Not TOCSIN_LOG: a log level is no reason to forget who did what.
  log_.write(telemetry::LogLevel::kInfo, "audit", "change", told);
}

}  // namespace tocsin::admin
