#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/script/state.h"

namespace tocsin::script {

/// Why a call came to nothing.
struct Failure {
  enum class Kind : std::uint8_t {
    kError,         ///< the script's own, or what it returned makes no sense
    kInstructions,  ///< limits of limits.h
    kTime,
    kMemory,
    kExpired,  ///< it waited for longer than whoever called it
  };
  Kind kind = Kind::kError;
  std::string what;  ///< for people, with file and line where there is one
};

/// "error", "instructions", "time", "memory", "expired".
constexpr std::string_view failure_name(Failure::Kind kind) {
  constexpr std::string_view kNames[] = {"error", "instructions", "time", "memory", "expired"};
  return kNames[static_cast<std::size_t>(kind)];
}

constexpr Failure::Kind failure_kind(Spent spent) {
  switch (spent) {
    case Spent::kInstructions:
      return Failure::Kind::kInstructions;
    case Spent::kTime:
      return Failure::Kind::kTime;
    case Spent::kMemory:
      return Failure::Kind::kMemory;
    case Spent::kNothing:
      break;
  }
  return Failure::Kind::kError;
}

}  // namespace tocsin::script
