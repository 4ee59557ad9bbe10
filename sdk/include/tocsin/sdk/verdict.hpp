#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "tocsin/sdk/settings.hpp"

namespace tocsin::sdk {

enum class Scope : std::uint32_t {
  kAddress = TOCSIN_SCOPE_ADDRESS,
  kOutput = TOCSIN_SCOPE_OUTPUT,
  kAccount = TOCSIN_SCOPE_ACCOUNT
};

/// What one attempt came to. Reasons are sentences for operators.
struct Verdict {
  std::uint32_t kind = TOCSIN_INTERNAL;
  Scope scope = Scope::kOutput;
  Duration after = Duration::zero();
  std::string reason;
  std::string provider_id;

  static Verdict delivered(std::string provider_id = {}) {
    return {TOCSIN_DELIVERED, Scope::kOutput, {}, {}, std::move(provider_id)};
  }
  static Verdict retry(std::string reason, Duration after = Duration::zero()) {
    return {TOCSIN_RETRY, Scope::kOutput, after, std::move(reason), {}};
  }
  static Verdict throttled(std::string reason, Duration after, Scope scope = Scope::kOutput) {
    return {TOCSIN_THROTTLED, scope, after, std::move(reason), {}};
  }
  static Verdict rejected(std::string reason) {
    return {TOCSIN_REJECTED, Scope::kOutput, {}, std::move(reason), {}};
  }
  static Verdict target_gone(std::string reason) {
    return {TOCSIN_TARGET_GONE, Scope::kAddress, {}, std::move(reason), {}};
  }
  static Verdict ambiguous(std::string reason) {
    return {TOCSIN_AMBIGUOUS, Scope::kOutput, {}, std::move(reason), {}};
  }
  static Verdict unauthorized(std::string reason, Scope scope = Scope::kAccount) {
    return {TOCSIN_UNAUTHORIZED, scope, {}, std::move(reason), {}};
  }
  static Verdict internal(std::string reason) {
    return {TOCSIN_INTERNAL, Scope::kOutput, {}, std::move(reason), {}};
  }
};

}  // namespace tocsin::sdk
