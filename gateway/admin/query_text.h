#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/result.h"

namespace tocsin::admin {

struct Parameter {
  std::string name;
  std::string value;
};

/// The parameters of a request's query ("output=ops-mail&limit=10"), decoded: %XX and '+' as a
/// space. Errors are Code::kInvalid with a sentence for the caller: a name that is not in `known`,
/// a name given twice or without a value, a broken encoding, text that is not UTF-8.
Result<std::vector<Parameter>> read_query(std::string_view query,
                                          std::span<const std::string_view> known);

/// How many rows a page may have, as a parameter says it. Code::kInvalid, with a sentence: it is no
/// number from 1 to `max`.
Result<std::uint32_t> read_limit(std::string_view text, std::uint32_t max);

}  // namespace tocsin::admin
