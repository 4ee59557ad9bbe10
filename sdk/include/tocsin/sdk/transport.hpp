#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tocsin/sdk/host.hpp"
#include "tocsin/sdk/option.hpp"

namespace tocsin::sdk {

inline constexpr Option kTlsOptions[] = {
    {.key = "ca_file", .doc = "Certificates (PEM) that are trusted instead of the system's."},
    {.key = "cert_file",
     .doc = "Our own certificate with its chain (PEM), for servers that ask for one."},
    {.key = "key_file", .doc = "The key of cert_file (PEM, without a password)."},
    {.key = "server_name",
     .doc = "The server's certificate must be for this host instead of the URL's.",
     .max = "253"},
    {.key = "verify",
     .type = kBoolean,
     .doc = "Whether the server must prove who it is; without, anybody on the way may read along.",
     .default_text = "true"},
};
inline constexpr OptionTable kTlsTable = {
    .name = "tls settings", .doc = "How servers are met over TLS.", .options = kTlsOptions};
inline constexpr Option kNoProxyElement = {
    .doc = "A host, with what is below it, or an address range.", .min = "1", .max = "253"};
inline constexpr Option kAllowElement = {
    .doc = "An address, or a range of addresses.", .min = "1", .max = "64"};

/// How an instance's requests reach their servers. Put the three options among the plugin's own,
/// and load it in Settings::load. The files are read there, and again at a reload when they have
/// changed.
class Transport {
 public:
  static constexpr Option kTls = {.key = "tls",
                                  .type = kTable,
                                  .doc = "How https:// is spoken.",
                                  .default_text = "{}",
                                  .flags = kReloadable,
                                  .table = &kTlsTable};
  static constexpr Option kProxy = {
      .key = "proxy",
      .doc = "The HTTP proxy that is asked for a tunnel, such as http://user:password@proxy:3128.",
      .flags = kSecret | kReloadable,
      .max = "2048"};
  static constexpr Option kNoProxy = {.key = "no_proxy",
                                      .type = kList,
                                      .doc = "Hosts that are reached without the proxy.",
                                      .default_text = "[]",
                                      .flags = kReloadable,
                                      .max = "100",
                                      .element = &kNoProxyElement};

  /// For plugins whose requests go where data says: what load_guarded() lets pass all the same.
  static constexpr Option kAllow = {
      .key = "allow",
      .type = kList,
      .doc = "Private and other inner addresses that may be reached all the same, as 10.1.0.0/16.",
      .default_text = "[]",
      .flags = kReloadable,
      .max = "100",
      .element = &kAllowElement};

  /// False: the fault says why and names the option.
  bool load(const Setup& setup, Fault& fault) { return load(setup, 0, fault); }
  /// The same for addresses that come from data: those of the inside are refused, once a name was
  /// resolved, but for those of the option `allow`.
  bool load_guarded(const Setup& setup, Fault& fault) {
    return load(setup, TOCSIN_TRANSPORT_GUARDED, fault);
  }

  /// The same from settings that the plugin put together itself, as for addresses that come from
  /// data (TOCSIN_TRANSPORT_GUARDED).
  bool make(const InstanceHost& host, const tocsin_transport_settings& wanted, Fault& fault) {
    tocsin_fault why{};
    why.size = sizeof(why);
    made_ = {host.c_host().transport_make(host.c_instance(), &wanted, &why), Free{&host.c_host()}};
    if (made_ != nullptr) return true;
    return fault.fail(why.code, {why.what, why.what_len}, {why.key, why.key_len});
  }

  /// For HttpRequest; null before it was loaded.
  const tocsin_transport* c() const { return made_.get(); }

 private:
  static std::string joined(const Value& list) {
    std::string text;
    for (std::size_t i = 0; i < list.size(); ++i) {
      text.append(i == 0 ? "" : ",").append(list.at(i).text_view());
    }
    return text;
  }

  bool load(const Setup& setup, std::uint32_t flags, Fault& fault) {
    const Value tls = setup.settings["tls"];
    const std::string no_proxy = joined(setup.settings["no_proxy"]);
    const bool guarded = (flags & TOCSIN_TRANSPORT_GUARDED) != 0;
    const std::string allow = guarded ? joined(setup.settings["allow"]) : std::string();
    tocsin_transport_settings wanted{};
    wanted.size = sizeof(wanted);
    wanted.flags = flags | (tls["verify"].boolean(true) ? 0 : TOCSIN_TRANSPORT_UNVERIFIED);
    wanted.ca_file = to_c(tls["ca_file"].text_view());
    wanted.cert_file = to_c(tls["cert_file"].text_view());
    wanted.key_file = to_c(tls["key_file"].text_view());
    wanted.server_name = to_c(tls["server_name"].text_view());
    wanted.proxy = to_c(setup.settings["proxy"].text_view());
    wanted.no_proxy = to_c(no_proxy);
    wanted.allow = to_c(allow);
    return make(setup.host, wanted, fault);
  }

  struct Free {
    const tocsin_host* host;
    void operator()(tocsin_transport* made) const { host->transport_free(made); }
  };
  std::unique_ptr<tocsin_transport, Free> made_{nullptr, Free{nullptr}};
};

}  // namespace tocsin::sdk
