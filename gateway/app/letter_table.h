#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/value.h"

namespace tocsin::app {

/// Dead letters as the admin API lists them, in columns.
std::string letter_table(const Value::List& letters, bool colour);

/// One dead letter with its notification, a line for each thing.
std::string letter_text(const Value& letter, bool colour);

/// "1 dead letter", "2 dead letters".
std::string counted_letters(std::int64_t count);

}  // namespace tocsin::app
