#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/base/result.h"
#include "gateway/base/value.h"

namespace tocsin::config {

/// True for the types whose value is one scalar (all but lists, maps, tables, plugins and any).
bool is_scalar(OptionType type);

/// The words of a "a|b|c" list, in order.
std::vector<std::string_view> words_of(std::string_view choices);

/// What an option expects, for a message: "a duration such as 30s, or auto".
std::string expectation(const Option& option);

/// Types one scalar as its option says; bounds are not looked at. The error's text is a hint: what
/// to write instead. It may quote parts of `text`.
Result<Value::Data> parse_scalar(const Option& option, std::string_view text);

/// The bound that a value breaks, as "must be at least 1s" or "must not be empty"; empty when it
/// keeps both. Texts, lists and mappings are measured by their length.
std::string broken_bound(const Option& option, const Value::Data& data);

}  // namespace tocsin::config
