#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/admin/role.h"
#include "tocsin/sdk/openapi.hpp"

namespace tocsin::admin {

class AdminApi;
class ApiCall;

/// One row of the admin API: what there is, who may, and what answers. README.md, the tests, the
/// server and its OpenAPI document read the same table. Static.
struct Endpoint {
  std::string_view method;   ///< GET (and HEAD) or POST
  std::string_view pattern;  ///< a path; a segment "{id}" takes anything
  Role role = Role::kAdmin;  ///< the least a caller needs
  std::string_view id;       ///< what generated clients call it
  std::string_view summary;  ///< for people
  /// Answers the call, now or later. May keep it.
  void (*serve)(AdminApi& api, const std::shared_ptr<ApiCall>& call) = nullptr;
  std::string_view action = {};  ///< what the audit calls it; empty: it changes nothing
  /// The schema of the body, of type application/json, that is required; empty: it takes none.
  std::string_view body = {};
  /// That the query may have; those in a header are only for the document.
  std::span<const sdk::openapi::Parameter> parameters = {};
  /// Unless it is refused; places without a status are unused.
  std::array<sdk::openapi::Answer, 2> answers = {};
  /// Statuses of its own problem documents. What ApiCall refuses goes without saying.
  std::array<int, 3> problems = {};

  bool takes_json() const { return !body.empty(); }
};

/// Every endpoint; where two patterns fit a path, the earlier is meant.
std::span<const Endpoint> admin_endpoints();

/// Which endpoint a request means.
struct EndpointMatch {
  const Endpoint* endpoint = nullptr;  ///< null: none
  std::string_view argument;           ///< what "{id}" stood for, as it is in the path
  std::string allow;                   ///< without an endpoint: the methods the path takes, if any
};
EndpointMatch match_endpoint(std::span<const Endpoint> endpoints, std::string_view method,
                             std::string_view path);

}  // namespace tocsin::admin
