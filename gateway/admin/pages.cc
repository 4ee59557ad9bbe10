// What answers without a token: health, readiness, metrics.

#include <string>

#include "gateway/admin/endpoint_functions.h"

namespace tocsin::admin {

void serve_health(AdminApi&, const CallRef& call) { call->answer_json(200, R"({"status":"ok"})"); }

void serve_readiness(AdminApi& api, const CallRef& call) {
  const Readiness& readiness = api.parts().readiness;
  const stage::Ledger* ledger = api.parts().ledger;
  const bool serving = readiness.state() == Readiness::State::kReady;
  if (serving && ledger != nullptr && !ledger->accepting()) {
    // Whoever balances load has others that may still take what is sent.
    return call->answer_json(503, R"({"status":"unavailable","reason":"the store takes nothing"})");
  }
  call->answer_json(serving ? 200 : 503, R"({"status":")" + std::string(readiness.text()) + "\"}");
}

void serve_metrics(AdminApi& api, const CallRef& call) {
  telemetry::Metrics& metrics = api.parts().metrics;
  // The pool's until the job is done, then the loop's. The call itself stays on its loop: the
  // pool's thread must not be the last to let go of it.
  auto text = std::make_shared<std::string>();
  const bool queued = api.parts().pool.submit(
      call->loop(), [text, &metrics] { *text = metrics.expose(); },
      [text, call] { call->answer(200, "text/plain; version=0.0.4; charset=utf-8", *text); });
  if (!queued) call->answer({.status = 503, .detail = "Too many scrapes are waiting."});
}

}  // namespace tocsin::admin
