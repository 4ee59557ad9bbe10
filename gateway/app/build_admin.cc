#include "gateway/app/build_admin.h"

#include "gateway/base/assert.h"

namespace tocsin::app {

std::vector<admin::Token> admin_tokens(const Value& admin) {
  std::vector<admin::Token> tokens;
  for (const Value::Entry& entry : admin.at("tokens").as<Value::Map>()) {
    const auto role = admin::parse_role(entry.value.string("role"));
    TOCSIN_ASSERT(role.has_value(), "the option table lets a role pass that does not exist");
    tokens.push_back({entry.key, entry.value.string("token"), *role});
  }
  return tokens;
}

}  // namespace tocsin::app
