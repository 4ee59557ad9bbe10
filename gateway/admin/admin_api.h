#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/admin/audit.h"
#include "gateway/admin/config_door.h"
#include "gateway/admin/guard.h"
#include "gateway/admin/loops_view.h"
#include "gateway/admin/outputs_view.h"
#include "gateway/admin/readiness.h"
#include "gateway/admin/upgrade_door.h"
#include "gateway/delivery/overload_guard.h"
#include "gateway/delivery/suppressions.h"
#include "gateway/event/offload_pool.h"
#include "gateway/stage/emit.h"
#include "gateway/stage/ledger.h"
#include "gateway/stage/records.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::admin {

/// What the admin API stands on. Everything referred to is used on the control loop and must
/// outlive the AdminRoutes made of it.
struct AdminParts {
  const Readiness& readiness;
  telemetry::Metrics& metrics;
  event::OffloadPool& pool;  ///< makes the metrics' text
  AuditSink& audit;
  std::vector<Token> tokens = {};  ///< none: whoever reaches the address may do everything
  /// The control loop's own; null while the configuration has no notification part.
  stage::Ledger* ledger = nullptr;
  stage::Records* records = nullptr;
  stage::Emit* emit = nullptr;
  delivery::Suppressions* suppressions = nullptr;
  OutputsView* outputs = nullptr;
  LoopsView* loops = nullptr;
  const delivery::OverloadGuard* overload = nullptr;
  ConfigDoor* config = nullptr;
  const UpgradeDoor* upgrade = nullptr;
  std::string_view version = "0";  ///< of the gateway; static
};

/// A notification on its way from an admin request into the gateway.
class Sending : public stage::EmitDone {};

/// What the endpoints share: the parts, and what must end with them.
class AdminApi {
 public:
  explicit AdminApi(AdminParts parts) : guard_(std::move(parts.tokens)), parts_(std::move(parts)) {}

  const AdminParts& parts() const { return parts_; }
  const Guard& guard() const { return guard_; }
  void set_tokens(std::vector<Token> tokens) { guard_.set_tokens(std::move(tokens)); }

  /// Keeps a sending until its outcome is there.
  void keep(std::unique_ptr<Sending> sending) { sendings_.push_back(std::move(sending)); }
  /// Takes it back to let it go.
  std::unique_ptr<Sending> release(Sending& sending);
  /// No outcome is waited for any more.
  void close();

 private:
  Guard guard_;
  const AdminParts parts_;  // but the tokens
  std::vector<std::unique_ptr<Sending>> sendings_;
};

}  // namespace tocsin::admin
