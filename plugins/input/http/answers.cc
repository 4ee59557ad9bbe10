#include "answers.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace tocsin::input_http {

namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;
using std::chrono::milliseconds;
using std::chrono::seconds;

void text(Writer& out, std::string_view value) {
  out.String(value.data() == nullptr ? "" : value.data(),
             static_cast<rapidjson::SizeType>(value.size()));
}

void field(Writer& out, std::string_view name, std::string_view value) {
  text(out, name);
  text(out, value);
}

void field(Writer& out, std::string_view name, std::uint32_t value) {
  text(out, name);
  out.Uint(value);
}

// RFC 3339 in UTC with milliseconds.
void field_time(Writer& out, std::string_view name, sdk::Duration since_1970) {
  const auto whole = std::chrono::floor<seconds>(since_1970);
  const std::time_t time = whole.count();
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 40> buffer{};
  std::size_t length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto ms = static_cast<int>(std::chrono::floor<milliseconds>(since_1970 - whole).count());
  length += static_cast<std::size_t>(
      std::snprintf(buffer.data() + length, buffer.size() - length, ".%03dZ", ms));
  field(out, name, {buffer.data(), length});
}

std::string_view title_of(std::uint32_t status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    default:
      return "Service Unavailable";
  }
}

// How one outcome is told: a status of its own in a batch, the answer's status alone.
struct Told {
  std::uint32_t status;
  std::string_view word;
  std::string_view detail;  // empty: the outcome's own text
};

Told told(const sdk::EmitOutcome& outcome) {
  const bool dropped = outcome.kind() == TOCSIN_REPLAYED && !outcome.text().empty();
  switch (outcome.kind()) {
    case TOCSIN_COMMITTED:
      return {202, "accepted", {}};
    case TOCSIN_REPLAYED:
      return {202, dropped ? "dropped" : "accepted", {}};
    case TOCSIN_DROPPED:
      return {202, "dropped", {}};
    case TOCSIN_UNROUTED:
      return {422, "unrouted", "No route takes this notification."};
    case TOCSIN_NO_ADDRESS:
      return {422, "no_address", "Nobody to deliver to: no output has an address for it."};
    case TOCSIN_TOO_MANY:
      return {422, "too_many", "The notification would need more than 1000 deliveries."};
    case TOCSIN_CONFLICT:
      return {422, "conflict", "The idempotency key was used before with another body."};
    case TOCSIN_ITEM_INVALID:
      return {400, "invalid", {}};
    case TOCSIN_INTAKE_FULL:
      return {503, "full",
              outcome.text().empty() ? "Too many notifications wait to be stored."
                                     : std::string_view()};
    default:
      return {503, "store_down", "Notifications cannot be stored now; send it again."};
  }
}

void write_accepted(Writer& out, const sdk::EmitOutcome& outcome, const Told& how) {
  if (how.word == "accepted") {
    field(out, "id", outcome.id());
    field(out, "status", how.word);
    field(out, "deliveries", outcome.deliveries());
  } else {
    field(out, "status", how.word);
    field(out, "by", outcome.text());
  }
}

void write_refused(Writer& out, const sdk::EmitOutcome& outcome, const Told& how) {
  field(out, "status", how.word);
  field(out, "detail", how.detail.empty() ? outcome.text() : how.detail);
  if (outcome.kind() == TOCSIN_ITEM_INVALID) field(out, "pointer", outcome.pointer());
}

void write_delivery(Writer& out, const tocsin_delivery_row& row) {
  out.StartObject();
  field(out, "id", sdk::view(row.id));
  field(out, "output", sdk::view(row.output));
  if (row.address.len > 0) field(out, "address", sdk::view(row.address));
  field(out, "state", sdk::view(row.state));
  field(out, "attempts", row.attempts);
  if (row.reason.len > 0) field(out, "reason", sdk::view(row.reason));
  if (row.provider_id.len > 0) field(out, "provider_id", sdk::view(row.provider_id));
  if (sdk::view(row.state) == "ready") field_time(out, "next_at", sdk::Duration(row.next_at_ns));
  field_time(out, "updated_at", sdk::Duration(row.updated_at_ns));
  out.EndObject();
}

std::int64_t whole_seconds(sdk::Duration wait) {
  return std::max<std::int64_t>(1, std::chrono::ceil<seconds>(wait).count());
}

}  // namespace

// An answer of unusual size does not keep its memory beyond the next one.
Answers::Writer& Answers::begin() {
  const bool large = buffer_.GetSize() > kBufferKeptBytes;
  buffer_.Clear();
  if (large) buffer_.ShrinkToFit();
  writer_.Reset(buffer_);
  return writer_;
}

Answer Answers::write_problem(std::uint32_t status, std::string_view detail,
                              const std::string_view* pointer) {
  Writer& out = begin();
  out.StartObject();
  field(out, "title", title_of(status));
  field(out, "status", status);
  field(out, "detail", detail);
  if (pointer != nullptr) field(out, "pointer", *pointer);
  out.EndObject();
  Answer answer;
  answer.status = status;
  answer.body = written();
  answer.problem = true;
  return answer;
}

Answer Answers::problem(std::uint32_t status, std::string_view detail) {
  return write_problem(status, detail, nullptr);
}

Answer Answers::problem(std::uint32_t status, std::string_view detail, std::string_view pointer) {
  return write_problem(status, detail, &pointer);
}

Answer Answers::busy(std::string_view detail, std::int64_t retry_after_s) {
  Answer answer = problem(503, detail);
  answer.retry_after_s = retry_after_s;
  return answer;
}

Answer Answers::to_one(const sdk::EmitOutcome& outcome, std::string_view collection) {
  const Told how = told(outcome);
  if (how.status != 202) {
    const std::string_view pointer = outcome.pointer();
    const bool placed = outcome.kind() == TOCSIN_ITEM_INVALID;
    Answer answer = write_problem(how.status, how.detail.empty() ? outcome.text() : how.detail,
                                  placed ? &pointer : nullptr);
    if (how.status == 503) answer.retry_after_s = whole_seconds(outcome.retry_after());
    return answer;
  }
  Writer& out = begin();
  out.StartObject();
  write_accepted(out, outcome, how);
  out.EndObject();
  Answer answer;
  answer.status = 202;
  answer.body = written();
  answer.replayed = outcome.kind() == TOCSIN_REPLAYED;
  if (!outcome.id().empty()) {
    answer.location = location_.assign(collection).append(outcome.id());
  }
  return answer;
}

Answer Answers::to_batch(const sdk::Items<tocsin_emit_outcome>& outcomes) {
  Writer& out = begin();
  out.StartObject();
  text(out, "results");
  out.StartArray();
  bool all_busy = true;
  sdk::Duration retry_after{};
  for (const tocsin_emit_outcome& item : outcomes) {
    const sdk::EmitOutcome outcome(item);
    const Told how = told(outcome);
    all_busy = all_busy && how.status == 503;
    retry_after = std::max(retry_after, outcome.retry_after());
    out.StartObject();
    if (how.status == 202) {
      write_accepted(out, outcome, how);
    } else {
      write_refused(out, outcome, how);
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  if (all_busy) {
    return busy("Notifications cannot be stored now; send the batch again.",
                whole_seconds(retry_after));
  }
  Answer answer;
  answer.status = 202;
  answer.body = written();
  return answer;
}

Answer Answers::to_get(const sdk::LedgerAnswer& found) {
  Writer& out = begin();
  out.StartObject();
  field(out, "id", found.id());
  field_time(out, "accepted_at", found.accepted_at());
  text(out, "notification");
  out.RawValue(found.payload().data(), found.payload().size(), rapidjson::kObjectType);
  text(out, "deliveries");
  out.StartArray();
  for (const tocsin_delivery_row& row : found.deliveries()) write_delivery(out, row);
  out.EndArray();
  out.EndObject();
  Answer answer;
  answer.body = written();
  return answer;
}

Answer Answers::counted(std::string_view what, std::uint32_t count,
                        const sdk::LedgerAnswer& found) {
  Writer& out = begin();
  out.StartObject();
  field(out, what, count);
  field(out, "in_flight", found.in_flight());
  field(out, "done", found.done());
  out.EndObject();
  Answer answer;
  answer.body = written();
  return answer;
}

Answer Answers::to_cancel(const sdk::LedgerAnswer& found) {
  if (found.cancelled() == 0 && found.in_flight() == 0) {
    return problem(409, "Everything was delivered, cancelled or given up before.");
  }
  return counted("cancelled", found.cancelled(), found);
}

Answer Answers::to_reschedule(const sdk::LedgerAnswer& found) {
  if (found.expires()) return problem(422, "The notification expires before that time.");
  if (found.rescheduled() == 0) {
    return problem(409, found.in_flight() > 0
                            ? "It is under way: only what waits can be rescheduled."
                            : "Everything was delivered, cancelled or given up before.");
  }
  return counted("rescheduled", found.rescheduled(), found);
}

}  // namespace tocsin::input_http
