#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "gateway/admin/api_call.h"
#include "gateway/admin/letter_filter.h"

namespace tocsin::admin {

/// Which dead letters one request changes, and how.
struct SweepOrder {
  static constexpr std::size_t kIdsMax = 1000;
  static constexpr std::int64_t kLettersMax = 10'000;
  static constexpr double kPerSecondMin = 0.1;
  static constexpr double kPerSecondMax = 10'000;

  stage::Review::Verb verb = stage::Review::Verb::kRedrive;
  std::vector<message::DeliveryId> ids;       ///< these; none: those of the filter
  LetterFilter filter;                        ///< not empty, unless there are ids
  std::int64_t limit = 1000;                  ///< at most so many
  std::optional<message::DeliveryId> before;  ///< go on below it
  std::optional<double> per_second;           ///< the pace; nothing: as fast as it goes
  bool dry_run = false;                       ///< only say which
};

/// Reads a body that says so.
tl::expected<SweepOrder, Problem> read_sweep_order(stage::Review::Verb verb, std::string_view body,
                                                   WallTime now);

}  // namespace tocsin::admin
