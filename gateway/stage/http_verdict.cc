#include "gateway/stage/http_verdict.h"

#include <string>

namespace tocsin::stage {

namespace {

using message::Verdict;
using message::VerdictKind;
using message::VerdictScope;

Verdict answered(const HttpOutcome& outcome) {
  const int status = outcome.status;
  Verdict verdict;
  if (status >= 200 && status < 300) {
    verdict.kind = VerdictKind::kDelivered;
    return verdict;
  }
  verdict.reason = "the receiver answered " + std::to_string(status);
  verdict.reason.append(" ").append(outcome.phrase);
  const Duration after = outcome.retry_after.value_or(Duration::zero());
  if (status == 429 || (status == 503 && outcome.retry_after)) {
    verdict.kind = VerdictKind::kThrottled;
    verdict.after = after;
  } else if (status >= 500 || status == 408 || status == 425) {
    verdict.kind = VerdictKind::kRetry;
    verdict.after = after;
  } else if (status == 401 || status == 403 || status == 407) {
    verdict.kind = VerdictKind::kUnauthorized;
    verdict.scope = VerdictScope::kAccount;
  } else if (status == 410) {
    verdict.kind = VerdictKind::kTargetGone;
    verdict.scope = VerdictScope::kAddress;
  } else {
    verdict.kind = VerdictKind::kRejected;
  }
  return verdict;
}

}  // namespace

Verdict http_verdict(const HttpOutcome& outcome) {
  if (outcome.status != 0) return answered(outcome);
  Verdict verdict;
  const bool harmless = !outcome.sent || outcome.idempotent;
  verdict.kind = harmless ? VerdictKind::kRetry : VerdictKind::kAmbiguous;
  verdict.reason = outcome.error.empty() ? "the receiver did not answer" : outcome.error;
  return verdict;
}

}  // namespace tocsin::stage
