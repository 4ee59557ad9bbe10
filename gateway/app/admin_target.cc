// Which gateway a command means, and with which token.

#include <optional>

#include "gateway/app/admin_client.h"
#include "gateway/app/load_gateway.h"
#include "gateway/config/limits.h"

namespace tocsin::app {

namespace {

constexpr std::string_view kDefaultAddress = "127.0.0.1:9900";
constexpr const char* kTokenVariable = "TOCSIN_ADMIN_TOKEN";
constexpr std::size_t kTokenBytesMax = 4096;

using Fault = tl::unexpected<CommandOutput>;

tl::expected<std::string, CommandOutput> configured_address(
    const AdminArguments& arguments, const config::Environment& environment) {
  PluginCatalog catalog;
  const auto loaded = load_gateway(arguments.config_path, catalog, environment);
  if (loaded) return loaded->root.at("admin").string("address");
  CommandOutput output{kFaultExit, {}, {}};
  config::append_text(output.err, loaded.error().diagnostics, loaded.error().sources,
                      {arguments.colour, config::kDiagnosticsShown});
  return Fault(std::move(output));
}

// Where one connects to reach a listener on every address.
void make_reachable(Address& address) {
  if (address.host.empty() || address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
}

tl::expected<std::string, CommandOutput> find_token(const AdminArguments& arguments,
                                                    const config::Environment& environment) {
  if (!arguments.token.empty()) return arguments.token;
  if (arguments.token_file.empty()) return environment.variable(kTokenVariable).value_or("");
  auto text = environment.read_file(arguments.token_file, kTokenBytesMax);
  if (!text) {
    return Fault(
        {kFaultExit, {}, "tocsin: " + arguments.token_file + ": " + text.error().what + "\n"});
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  return std::move(*text);
}

bool is_header_text(std::string_view token) {
  for (const char c : token) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

tl::expected<AdminTarget, CommandOutput> find_admin(const AdminArguments& arguments,
                                                    const config::Environment& environment) {
  std::string address = arguments.address;
  if (address.empty() && !arguments.config_path.empty()) {
    auto configured = configured_address(arguments, environment);
    if (!configured) return Fault(std::move(configured.error()));
    address = std::move(*configured);
  }
  if (address.empty()) address = kDefaultAddress;
  Result<Address> parsed = parse_address(address);
  if (!parsed) return Fault(wrong_usage("the admin address: " + parsed.error().what));
  if (parsed->port == 0) {
    return Fault(wrong_usage("the admin address has port 0, any free one: say which with --admin"));
  }
  make_reachable(*parsed);
  auto token = find_token(arguments, environment);
  if (!token) return Fault(std::move(token.error()));
  if (!is_header_text(*token)) {
    return Fault(wrong_usage("a token has letters, digits and -._~+/= alone"));
  }
  return AdminTarget{std::move(*parsed), std::move(*token)};
}

}  // namespace tocsin::app
