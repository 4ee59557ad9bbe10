#pragma once

#include <string>
#include <string_view>

#include "tests/unit/plugins/keys.h"
#include "tocsin/sdk/json.hpp"

namespace tocsin {

/// A service account's file; a field that is empty is left out.
struct AccountFile {
  std::string type = "service_account";
  std::string project_id = "tocsin-test";
  std::string private_key_id = "4711";
  std::string private_key = pem_of(test_key());
  std::string client_email = "push@tocsin-test.example";
  std::string token_uri = "https://oauth.example/token";

  std::string json() const {
    std::string out;
    const auto add = [&out](std::string_view name, std::string_view value) {
      if (value.empty()) return;
      sdk::append_json(out.append(out.empty() ? "{" : ","), name);
      sdk::append_json(out.append(":"), value);
    };
    add("type", type);
    add("project_id", project_id);
    add("private_key_id", private_key_id);
    add("private_key", private_key);
    add("client_email", client_email);
    add("token_uri", token_uri);
    return out + "}";
  }
};

}  // namespace tocsin
