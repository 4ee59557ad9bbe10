#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/delivery/dead_letter_notices.h"
#include "gateway/delivery/dead_letter_policy.h"
#include "gateway/delivery/outbox_port.h"
#include "gateway/stage/ledger.h"
#include "gateway/stage/reports.h"
#include "gateway/telemetry/log.h"
#include "gateway/telemetry/metrics.h"

namespace tocsin::delivery {

/// What is known of a row when a report of it comes.
message::ReportedRow reported_row(const stage::DeliveryRow& row);

/// Reports on one loop. Each is read against the row that the store has, and what follows is
/// written only if the row is still that one:
///
///   query --> decide --> nothing to change: told
///     ^         | \--- in flight, not yet kPatience: wait kLookAgain --+
///     |         v                                                      |
///     +------ amend: the row is another by now ------------------------+
///               \--> kept: told; a dead letter is mirrored in the same commit, and told of
class OutboxReports final : public stage::Reports {
 public:
  /// Under way at a time; more are refused with kFull.
  static constexpr std::size_t kReportsMax = 1024;
  /// How long a report waits for the end of an attempt that it overtook, and how often it looks.
  static constexpr Duration kPatience = std::chrono::seconds(5);
  static constexpr Duration kLookAgain = std::chrono::milliseconds(200);

  /// What it needs of its loop; all of it outlives this object.
  struct Surroundings {
    OutboxPort& port;
    stage::Ledger& ledger;
    DeadLetterNotices& notices;
    telemetry::Metrics& metrics;
    telemetry::Log& log;
  };
  explicit OutboxReports(const Surroundings& around);
  /// What waits for an attempt's end is told nothing more.
  ~OutboxReports() override;
  OutboxReports(const OutboxReports&) = delete;
  OutboxReports& operator=(const OutboxReports&) = delete;

  /// What becomes of dead letters from now on.
  void follow(DeadLetterPolicy policy) { policy_ = std::move(policy); }

  /// Reports that wait for the end of an attempt.
  std::size_t waiting() const { return waiting_.size(); }

  void report(stage::Report report, Function<void(Result<void>)> done) override;

 private:
  class Case;

  void count(std::string_view output, message::ReportState state);
  void tell_of(const Case& one);

  const Surroundings around_;
  DeadLetterPolicy policy_;
  telemetry::Family<telemetry::Counter>& reports_;
  telemetry::Family<telemetry::Counter>& given_up_;
  std::vector<std::shared_ptr<Case>> waiting_;  // for an attempt's end
  std::size_t cases_ = 0;
  // Set at its end: what the pool or the front answers later finds nobody.
  const std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);
};

}  // namespace tocsin::delivery
