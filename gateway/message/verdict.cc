#include "gateway/message/verdict.h"

#include <array>

namespace tocsin::message {

std::string_view verdict_name(VerdictKind kind) {
  constexpr std::array<std::string_view, 8> kNames = {"delivered",    "retry",       "throttled",
                                                      "rejected",     "target_gone", "ambiguous",
                                                      "unauthorized", "internal"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace tocsin::message
