#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/admin/role.h"

namespace tocsin::admin {

class AdminApi;
class ApiCall;

/// One row of the admin API: what there is, who may, and what answers. README.md, the tests and the
/// server read the same table. Static.
struct Endpoint {
  std::string_view method;   ///< GET (and HEAD) or POST
  std::string_view pattern;  ///< a path; a segment "{id}" takes anything
  Role role = Role::kAdmin;  ///< the least a caller needs
  std::string_view summary;  ///< for people
  /// Answers the call, now or later. May keep it.
  void (*serve)(AdminApi& api, const std::shared_ptr<ApiCall>& call) = nullptr;
  std::string_view action = {};  ///< what the audit calls it; empty: it changes nothing
  bool takes_json = false;       ///< a body of type application/json is required
  std::span<const std::string_view> parameters = {};  ///< that the query may have
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
