#pragma once

#include <string_view>

#include "gateway/config/diagnostic.h"

namespace tocsin::config {

/// What a message of yaml-cpp's parser means to an operator; the place is the caller's to add.
Diagnostic yaml_fault(std::string_view parser_message);

}  // namespace tocsin::config
