#include "gateway/admin/audit.h"

namespace tocsin::admin {

void LogAudit::record(const AuditRecord& record) {
  // Not TOCSIN_LOG: a log level is no reason to forget who did what.
  log_.write(telemetry::LogLevel::kInfo, "audit", "change",
             {{"who", record.who},
              {"role", record.role},
              {"action", record.action},
              {"target", record.target},
              {"result", record.result},
              {"status", record.status},
              {"detail", record.detail},
              {"peer", record.peer},
              {"request_id", record.request_id}});
}

}  // namespace tocsin::admin
