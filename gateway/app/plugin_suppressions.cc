#include "gateway/app/plugin_suppressions.h"

#include <random>
#include <utility>

namespace tocsin::app {

namespace {

constexpr std::string_view kRole = "plugin";

// As the admin API answers the same.
int status_of(const Result<void>& result) {
  if (result) return 200;
  return result.error().code == Code::kNotFound ? 404 : 503;
}

std::string_view word_of(const Result<void>& result) {
  if (result) return "ok";
  return result.error().code == Code::kNotFound ? "refused" : "failed";
}

}  // namespace

PluginSuppressions::PluginSuppressions(const Surroundings& around)
    : around_(around),
      log_audit_(around.log, around.loop.clock()),
      audit_(log_audit_, around.records, around.loop.clock(), around.log, around.metrics,
             {.tag = std::random_device()()}) {}

void PluginSuppressions::suppress(stage::SuppressionOrder order,
                                  Function<void(Result<void>)> done) {
  const delivery::Suppression one{.address = order.address,
                                  .reason = order.reason.empty() ? "on request" : order.reason,
                                  .by = order.by,
                                  .since = around_.loop.wall(),
                                  .until = std::nullopt};
  around_.list.suppress(
      one, order.keep,
      [this, one, told = std::move(done)](const Result<stage::RecordOutcome>& kept) mutable {
        Result<void> result;
        if (!kept) result = tl::unexpected(kept.error());
        record(one.by, "suppression.add", one.address, one.reason, result);
        told(std::move(result));
      });
}

void PluginSuppressions::lift(std::string_view address, std::string_view by,
                              Function<void(Result<void>)> done) {
  around_.list.lift(address,
                    [this, lifted = std::string(address), who = std::string(by),
                     told = std::move(done)](const Result<stage::RecordOutcome>& removed) mutable {
                      Result<void> result;
                      if (!removed) {
                        result = tl::unexpected(removed.error());
                      } else if (!removed->changed) {
                        result = fail(Code::kNotFound, "this address is not suppressed");
                      }
                      record(who, "suppression.remove", lifted, {}, result);
                      told(std::move(result));
                    });
}

void PluginSuppressions::record(std::string_view by, std::string_view action,
                                std::string_view address, std::string_view detail,
                                const Result<void>& result) {
  audit_.record({.who = by,
                 .role = kRole,
                 .action = action,
                 .target = address,
                 .result = word_of(result),
                 .status = status_of(result),
                 .detail = detail,
                 .peer = {},
                 .request_id = {}});
}

}  // namespace tocsin::app
