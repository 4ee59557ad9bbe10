#include "answers.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace tocsin::input_http {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

std::string_view view(tocsin_str text) {
  return text.len == 0 ? std::string_view() : std::string_view(text.ptr, text.len);
}

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
void field_time(Writer& out, std::string_view name, std::int64_t ns) {
  const std::time_t seconds = ns / kSecond;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> buffer{};
  std::size_t length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const auto ms = static_cast<int>(ns % kSecond / 1'000'000);
  length += static_cast<std::size_t>(
      std::snprintf(buffer.data() + length, buffer.size() - length, ".%03dZ", ms));
  field(out, name, {buffer.data(), length});
}

std::string_view title_of(int status) {
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
  int status;
  std::string_view word;
  std::string_view detail;  // empty: the outcome's own text
};

Told told(const tocsin_emit_outcome& outcome) {
  const bool dropped = outcome.kind == TOCSIN_REPLAYED && outcome.text.len > 0;
  switch (outcome.kind) {
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
      return {503, "full", "Too many notifications wait to be stored."};
    default:
      return {503, "store_down", "Notifications cannot be stored now; nothing was kept."};
  }
}

void write_accepted(Writer& out, const tocsin_emit_outcome& outcome, const Told& how) {
  if (how.word == "accepted") {
    field(out, "id", view(outcome.id));
    field(out, "status", how.word);
    field(out, "deliveries", outcome.deliveries);
  } else {
    field(out, "status", how.word);
    field(out, "by", view(outcome.text));
  }
}

std::int64_t whole_seconds(std::int64_t ns) {
  return std::max<std::int64_t>(1, (ns + kSecond - 1) / kSecond);
}

}  // namespace

Answer problem(int status, std::string_view detail, const std::string_view* pointer) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.StartObject();
  field(out, "title", title_of(status));
  text(out, "status");
  out.Int(status);
  field(out, "detail", detail);
  if (pointer != nullptr) field(out, "pointer", *pointer);
  out.EndObject();
  Answer answer;
  answer.status = status;
  answer.problem = true;
  answer.body.assign(buffer.GetString(), buffer.GetSize());
  return answer;
}

Answer answer_to_one(const tocsin_emit_outcome& outcome) {
  const Told how = told(outcome);
  if (how.status != 202) {
    const std::string_view pointer = view(outcome.pointer);
    const bool placed = outcome.kind == TOCSIN_ITEM_INVALID;
    Answer answer = problem(how.status, how.detail.empty() ? view(outcome.text) : how.detail,
                            placed ? &pointer : nullptr);
    if (how.status == 503) answer.retry_after_s = whole_seconds(outcome.retry_after_ns);
    return answer;
  }
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.StartObject();
  write_accepted(out, outcome, how);
  out.EndObject();
  Answer answer;
  answer.status = 202;
  answer.replayed = outcome.kind == TOCSIN_REPLAYED;
  if (outcome.id.len > 0) answer.location = "/v1/notifications/" + std::string(view(outcome.id));
  answer.body.assign(buffer.GetString(), buffer.GetSize());
  return answer;
}

Answer answer_to_batch(const tocsin_emit_outcome* outcomes, std::uint32_t count,
                       std::uint32_t stride) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.StartObject();
  text(out, "results");
  out.StartArray();
  bool all_refused = true;
  std::int64_t retry_after_ns = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& outcome = *reinterpret_cast<const tocsin_emit_outcome*>(
        reinterpret_cast<const char*>(outcomes) + std::size_t{i} * stride);
    const Told how = told(outcome);
    all_refused = all_refused && how.status == 503;
    retry_after_ns = std::max(retry_after_ns, outcome.retry_after_ns);
    out.StartObject();
    if (how.status == 202) {
      write_accepted(out, outcome, how);
    } else {
      field(out, "status", how.word);
      field(out, "detail", how.detail.empty() ? view(outcome.text) : how.detail);
      if (outcome.kind == TOCSIN_ITEM_INVALID) field(out, "pointer", view(outcome.pointer));
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  if (all_refused) {
    Answer answer =
        problem(503, "Notifications cannot be stored now; nothing of the batch was kept.");
    answer.retry_after_s = whole_seconds(retry_after_ns);
    return answer;
  }
  Answer answer;
  answer.status = 202;
  answer.body.assign(buffer.GetString(), buffer.GetSize());
  return answer;
}

Answer answer_to_get(const tocsin_ledger_answer& found) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.StartObject();
  field(out, "id", view(found.id));
  field_time(out, "accepted_at", found.accepted_at_ns);
  text(out, "notification");
  out.RawValue(found.payload.ptr, found.payload.len, rapidjson::kObjectType);
  text(out, "deliveries");
  out.StartArray();
  for (std::uint32_t i = 0; i < found.count; ++i) {
    const auto& row = *reinterpret_cast<const tocsin_delivery_row*>(
        reinterpret_cast<const char*>(found.deliveries) + std::size_t{i} * found.stride);
    out.StartObject();
    field(out, "id", view(row.id));
    field(out, "output", view(row.output));
    if (row.address.len > 0) field(out, "address", view(row.address));
    field(out, "state", view(row.state));
    field(out, "attempts", row.attempts);
    if (row.reason.len > 0) field(out, "reason", view(row.reason));
    if (row.provider_id.len > 0) field(out, "provider_id", view(row.provider_id));
    if (view(row.state) == "ready") field_time(out, "next_at", row.next_at_ns);
    field_time(out, "updated_at", row.updated_at_ns);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  Answer answer;
  answer.body.assign(buffer.GetString(), buffer.GetSize());
  return answer;
}

Answer answer_to_cancel(const tocsin_ledger_answer& found) {
  if (found.cancelled == 0 && found.in_flight == 0) {
    return problem(409, "Everything was delivered, cancelled or given up before.");
  }
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.StartObject();
  field(out, "cancelled", found.cancelled);
  field(out, "in_flight", found.in_flight);
  field(out, "done", found.done);
  out.EndObject();
  Answer answer;
  answer.body.assign(buffer.GetString(), buffer.GetSize());
  return answer;
}

}  // namespace tocsin::input_http
