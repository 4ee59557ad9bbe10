#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tocsin/sdk/openapi.hpp"

// What may be asked, and what comes back: the table the door serves by is the one it shows.

namespace tocsin::input_http {

enum class Verb : std::uint8_t { kOne, kBatch, kGet, kCancel, kReschedule, kDescribe };

/// One row. The path is below the route's prefix and the version.
struct Operation {
  Verb verb;
  sdk::openapi::Operation about;
};

std::span<const Operation> operations();
/// Where one notification is sent; the further paths of the configuration stand for it.
inline constexpr std::string_view kSendPath = "/notifications";

/// Which operation a request means.
struct OperationMatch {
  const Operation* operation = nullptr;  ///< null: none
  std::string_view id;                   ///< what "{id}" stood for
  std::string allow;  ///< without an operation: the methods the path takes; empty: no such path
};
OperationMatch match_operation(std::string_view method, std::string_view path);

/// The OpenAPI document. `base` stands before each path ("/v1"), `further` are whole paths.
std::string describe(std::string_view base, const std::vector<std::string>& further);

}  // namespace tocsin::input_http
