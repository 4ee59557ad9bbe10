// The table: what each sample output says of an answer. A new sample is a few rows of it.
#include "tests/conformance/output/output_cases.h"

namespace tocsin::conformance {

using message::VerdictKind;
using namespace std::chrono_literals;

std::vector<OutputCase> output_cases() {
  constexpr const char* kWebhook = "webhook";
  return {
      {"DeliversOn200", kWebhook, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
       VerdictKind::kDelivered},
      {"DeliversOn204", kWebhook, "HTTP/1.1 204 No Content\r\n\r\n", VerdictKind::kDelivered},
      {"WaitsAsLongAs429Says", kWebhook,
       "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
       VerdictKind::kThrottled, 7s},
      {"TriesAgainAfter500", kWebhook,
       "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", VerdictKind::kRetry},
      {"IsRejectedBy404", kWebhook, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
       VerdictKind::kRejected},
      {"IsUnauthorizedBy401", kWebhook, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
       VerdictKind::kUnauthorized},
      {"HasNoTargetAfter410", kWebhook, "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
       VerdictKind::kTargetGone},
      {"TriesAgainWhenItIsCutOff", kWebhook, nullptr, VerdictKind::kRetry},
  };
}

}  // namespace tocsin::conformance
