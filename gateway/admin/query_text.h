#pragma once

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

}  // namespace tocsin::admin
