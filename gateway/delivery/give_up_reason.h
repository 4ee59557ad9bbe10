#pragma once

#include <optional>
#include <string_view>

#include "gateway/delivery/settle.h"

namespace tocsin::delivery {

/// What a dead letter's reason, a sentence for people, says as a word: the reverse of what settle
/// writes. Nothing for a text that none of its causes begins with, such as a later release's.
std::optional<GiveUpCause> cause_of_reason(std::string_view reason);

/// The cause of that name (give_up_cause_name).
std::optional<GiveUpCause> parse_give_up_cause(std::string_view name);

}  // namespace tocsin::delivery
