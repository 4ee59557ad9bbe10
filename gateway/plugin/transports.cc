#include "gateway/plugin/transports.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/text.h"
#include "gateway/http/url.h"
#include "gateway/plugin/fault.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/text.h"

// What a plugin holds. Requests under way share what is inside.
struct tocsin_transport {
  std::shared_ptr<const tocsin::http::Transport> transport;
};

namespace tocsin::plugin {

namespace {

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view word = trim(list.substr(0, comma));
    if (!word.empty()) words.emplace_back(word);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return words;
}

/// `where` becomes the option's key.
template <typename T>
Result<T> named(Result<T> result, std::string_view key) {
  if (!result) result.error().where = key;
  return result;
}

// As the server calls itself: a wildcard is the certificate's to have.
bool is_peer_name(const std::string& text) {
  return http::is_host_name(text) || event::Address::from_ip(text, 0).has_value();
}

Result<void> read_tls(const tocsin_transport_settings& settings, http::Transport& transport) {
  event::TlsClientOptions options;
  options.verify = (settings.flags & TOCSIN_TRANSPORT_UNVERIFIED) == 0;
  options.ca_file = view_of(settings.ca_file);
  options.cert_file = view_of(settings.cert_file);
  options.key_file = view_of(settings.key_file);
  transport.tls_name = view_of(settings.server_name);
  if (!transport.tls_name.empty() && !is_peer_name(transport.tls_name)) {
    return fail(Code::kInvalid,
                "'" + transport.tls_name +
                    "' is no name that a certificate can be asked for: write one host's name or "
                    "address",
                "tls.server_name");
  }
  const bool usual = options.verify && options.ca_file.empty() && options.cert_file.empty() &&
                     options.key_file.empty();
  if (usual) return {};  // the loop's own, which all share
  auto context = event::TlsContext::for_client(options);
  if (!context) {
    Error error = std::move(context).error();
    error.where = error.where.empty() ? "tls" : "tls." + error.where;
    return tl::unexpected(std::move(error));
  }
  transport.tls = std::move(*context);
  return {};
}

Result<std::shared_ptr<const http::Transport>> read(const tocsin_transport_settings& settings) {
  auto transport = std::make_shared<http::Transport>();
  TOCSIN_TRY(read_tls(settings, *transport));
  if (const std::string_view proxy = view_of(settings.proxy); !proxy.empty()) {
    TOCSIN_TRY_SET(parsed, named(http::ForwardProxy::parse(proxy), "proxy"));
    transport->proxy = std::move(parsed);
  }
  TOCSIN_TRY_SET(
      exceptions,
      named(http::ProxyExceptions::create(words_of(view_of(settings.no_proxy))), "no_proxy"));
  transport->proxy_exceptions = std::move(exceptions);
  if ((settings.flags & TOCSIN_TRANSPORT_GUARDED) != 0) {
    TOCSIN_TRY_SET(guard,
                   named(http::AddressGuard::create(words_of(view_of(settings.allow))), "allow"));
    transport->guard = std::move(guard);
  }
  return transport;
}

bool is_whole(const tocsin_transport_settings* settings) {
  return settings != nullptr && settings->size >= sizeof(tocsin_transport_settings) &&
         is_readable(settings->ca_file) && is_readable(settings->cert_file) &&
         is_readable(settings->key_file) && is_readable(settings->server_name) &&
         is_readable(settings->proxy) && is_readable(settings->no_proxy) &&
         is_readable(settings->allow);
}

}  // namespace

tocsin_transport* make_transport(tocsin_instance* instance,
                                 const tocsin_transport_settings* settings, tocsin_fault* fault) {
  if (instance == nullptr || !is_whole(settings)) {
    set_fault(fault, TOCSIN_INVALID, "the transport's settings are malformed");
    return nullptr;
  }
  // Noted first: what changes while it is read is read again at the next reload.
  for (const tocsin_str& file : {settings->ca_file, settings->cert_file, settings->key_file}) {
    if (file.len > 0) Instance::of(instance).depends_on(copy_of(file));
  }
  auto transport = read(*settings);
  if (transport) return new tocsin_transport{std::move(*transport)};
  set_fault(fault, status_of(transport.error().code), transport.error().what);
  if (fault != nullptr) {
    const std::string& key = transport.error().where;
    fault->key_len = static_cast<std::uint32_t>(key.copy(fault->key, sizeof(fault->key)));
  }
  return nullptr;
}

void free_transport(tocsin_transport* transport) { delete transport; }

std::shared_ptr<const http::Transport> transport_of(const tocsin_transport* handle) {
  return handle == nullptr ? nullptr : handle->transport;
}

}  // namespace tocsin::plugin
