#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::output_sms {

/// What a form holds, in its order (application/x-www-form-urlencoded).
using Form = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::size_t kFormFieldsMax = 256;

/// "To=%2B4917&Body=a+b"
std::string encode_form(const Form& form);

/// None: an escape is none, or there are more than kFormFieldsMax fields.
std::optional<Form> decode_form(std::string_view text);

/// The first field of that name; empty when there is none.
std::string_view field_of(const Form& form, std::string_view name);

}  // namespace tocsin::output_sms
