// Who changed what, as the store keeps it.

#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/store_audit.h"
#include "gateway/base/json_writer.h"

namespace tocsin::admin {

namespace {

std::optional<Problem> read_audit_query(const ApiCall& call, stage::RecordScan& scan) {
  scan.collection = kAuditCollection;
  scan.descending = true;
  scan.limit = 100;
  if (const std::string* before = call.parameter("before")) {
    if (!is_audit_id(*before)) return Problem{400, "In the query: before is not a record's id."};
    scan.after = *before;
  }
  if (const std::string* limit = call.parameter("limit")) {
    const auto number = read_limit(*limit, stage::kRecordPageRowsMax);
    if (!number) return Problem{400, "In the query: " + number.error().what + "."};
    scan.limit = *number;
  }
  return std::nullopt;
}

// The records are JSON as they lie. `next` is where the following page begins; absent: there is
// none.
std::string page_json(const stage::RecordPage& page) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("audit");
  json.begin_array();
  for (const stage::Record& record : page.records) json.json(record.value);
  json.end_array();
  if (page.more) json.pair("next", page.records.back().key);
  json.end_object();
  return text;
}

}  // namespace

void serve_audit(AdminApi& api, const CallRef& call) {
  if (ledger_or_answer(api, call) == nullptr) return;
  stage::RecordScan scan;
  if (const auto problem = read_audit_query(*call, scan)) return call->answer(*problem);
  api.parts().records->scan(std::move(scan), [call](const Result<stage::RecordPage>& page) {
    if (!page) return call->answer(problem_of(page.error(), "read the store"));
    call->answer_json(200, page_json(*page));
  });
}

}  // namespace tocsin::admin
