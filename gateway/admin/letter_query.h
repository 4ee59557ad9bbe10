#pragma once

#include <optional>

#include "gateway/admin/api_call.h"
#include "gateway/admin/letter_filter.h"

namespace tocsin::admin {

/// Which dead letters a GET asks for.
struct LetterQuery {
  LetterFilter filter;
  std::optional<message::DeliveryId> before;  ///< go on below it
  std::uint32_t limit = 100;
};

/// Reads the parameters a call was given; nothing, or what is wrong with one.
std::optional<Problem> read_letter_query(const ApiCall& call, WallTime now, LetterQuery& query);

}  // namespace tocsin::admin
