#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "classify.h"

namespace tocsin::output_sms {

/// What a provider's answers mean, as an operator describes it: by a code in the JSON of the body,
/// by the status, else as HTTP has it.
struct AnswerRules {
  std::string code_pointer;                              ///< RFC 6901; empty: none is looked at
  std::string id_pointer;                                ///< of the provider's own id
  std::map<std::string, Meaning, std::less<>> codes;     ///< by the code as it is written
  std::map<std::string, Meaning, std::less<>> statuses;  ///< "409" or "4xx"

  /// Where some code means delivered, a 2xx without such a code is a refusal.
  Reading read(std::uint32_t status, std::string_view body) const;

 private:
  std::optional<Meaning> of_status(std::uint32_t status) const;
  bool codes_deliver() const;
};

/// "delivered", "retry", "throttled", "rejected", "target_gone", "ambiguous", "unauthorized".
std::optional<Meaning> meaning_named(std::string_view name);

/// "409", or "4xx" for all of them.
bool is_status_pattern(std::string_view text);

}  // namespace tocsin::output_sms
