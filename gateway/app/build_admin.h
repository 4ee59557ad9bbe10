#pragma once

#include <vector>

#include "gateway/admin/guard.h"
#include "gateway/base/value.h"

namespace tocsin::app {

/// The tokens of the setting `admin`.
std::vector<admin::Token> admin_tokens(const Value& admin);

}  // namespace tocsin::app
