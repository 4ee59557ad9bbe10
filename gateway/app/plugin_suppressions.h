#pragma once

#include <string>
#include <string_view>

#include "gateway/admin/audit.h"
#include "gateway/admin/store_audit.h"
#include "gateway/delivery/suppressions.h"
#include "gateway/event/loop.h"
#include "gateway/stage/suppression_list.h"

namespace tocsin::app {

/// The list of suppressed addresses as plugins of one loop may change it: audited as what operators
/// change, under the actions of the admin API. Outlives what it was asked.
class PluginSuppressions final : public stage::SuppressionList {
 public:
  /// All of it outlives this object.
  struct Surroundings {
    event::Loop& loop;
    delivery::Suppressions& list;
    stage::Records& records;
    telemetry::Log& log;
    telemetry::Metrics& metrics;
  };
  explicit PluginSuppressions(const Surroundings& around);

  /// How long audit records are kept, of what is recorded from now on.
  void set_audit_keep(Duration keep) { audit_.set_keep(keep); }

  bool takes(std::string_view address) const override { return delivery::is_suppressible(address); }
  void suppress(stage::SuppressionOrder order, Function<void(Result<void>)> done) override;
  void lift(std::string_view address, std::string_view by,
            Function<void(Result<void>)> done) override;

 private:
  void record(std::string_view by, std::string_view action, std::string_view address,
              std::string_view detail, const Result<void>& result);

  const Surroundings around_;
  admin::LogAudit log_audit_;
  admin::StoreAudit audit_;
};

}  // namespace tocsin::app
