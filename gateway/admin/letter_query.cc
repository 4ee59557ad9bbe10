#include "gateway/admin/letter_query.h"

#include <string>

namespace tocsin::admin {

namespace {

Problem wrong_parameter(std::string_view name, std::string_view expected) {
  return {400, "In the query: " + std::string(name) + " is expected to be " +
                   std::string(expected) + "."};
}

}  // namespace

std::optional<Problem> read_letter_query(const ApiCall& call, WallTime now, LetterQuery& query) {
  for (const std::string_view name : LetterFilter::kNames) {
    const std::string* text = call.parameter(name);
    if (text == nullptr) continue;
    const auto set = query.filter.set(name, *text, now);
    if (!set) return wrong_parameter(name, set.error().what);
  }
  if (const std::string* before = call.parameter("before")) {
    query.before = message::DeliveryId::parse(*before);
    if (!query.before) return wrong_parameter("before", "a delivery's id");
  }
  if (const std::string* limit = call.parameter("limit")) {
    const auto number = read_limit(*limit, stage::kPageRowsMax);
    if (!number) return Problem{400, "In the query: " + number.error().what + "."};
    query.limit = *number;
  }
  return std::nullopt;
}

}  // namespace tocsin::admin
