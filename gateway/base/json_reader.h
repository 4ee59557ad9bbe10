#pragma once

#include <cstddef>
#include <string_view>

#include "gateway/base/json_writer.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"

namespace tocsin {

struct JsonLimits {
  std::size_t depth_max = 32;  ///< of arrays and objects
};

/// Reads one JSON value (RFC 8259) into a tree: null, bool, std::int64_t (a double when the number
/// has a fraction, an exponent, or too many digits), std::string,
/// Value::List and Value::Map, all without a place. Strict: UTF-8 without surrogates, no duplicate
/// names, nothing behind the value. For small documents that are looked at once; the caller limits
/// the text. Errors are Code::kInvalid with a sentence that quotes nothing of the text.
Result<Value> read_json(std::string_view text, const JsonLimits& limits = {});

/// Writes such a tree.
void write_json(JsonWriter& json, const Value& value);

}  // namespace tocsin
