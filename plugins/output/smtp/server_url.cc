#include <algorithm>
#include <charconv>

#include "settings.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin::output_smtp {

namespace {

constexpr unsigned kSubmissionPort = 587;   // RFC 6409
constexpr unsigned kSubmissionsPort = 465;  // RFC 8314

bool is_ipv6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

bool is_ipv4(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

bool ServerUrl::is_loopback() const {
  return host == "localhost" || host == "::1" || (is_ipv4(host) && host.starts_with("127."));
}

std::string ServerUrl::authority() const {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string ServerUrl::read(std::string_view url) {
  constexpr std::string_view kPlain = "smtp://";
  constexpr std::string_view kTls = "smtps://";
  tls = sdk::same_name(url.substr(0, kTls.size()), kTls);
  if (!tls && !sdk::same_name(url.substr(0, kPlain.size()), kPlain)) {
    return "a URL of a mail server begins with smtp:// or smtps://";
  }
  url.remove_prefix(tls ? kTls.size() : kPlain.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#") != std::string_view::npos) {
    return "behind the host stands at most a port";
  }
  if (url.find('@') != std::string_view::npos) {
    return "a URL must not carry a user name or password; write them as username and password";
  }
  std::string_view rest;
  std::string why;
  if (url.starts_with('[')) {
    const std::size_t bracket = std::min(url.find(']'), url.size());
    host = url.substr(1, bracket - 1);
    rest = url.substr(std::min(bracket + 1, url.size()));
    if (!is_ipv6(host)) return "this is no host: write a name, 192.0.2.1 or [2001:db8::1]";
  } else {
    const std::size_t colon = std::min(url.find(':'), url.size());
    rest = url.substr(colon);
    host = domain_of(url.substr(0, colon), why);
    if (host.empty()) return "this is no host: write a name, 192.0.2.1 or [2001:db8::1]";
  }
  port = tls ? kSubmissionsPort : kSubmissionPort;
  if (rest.empty()) return {};
  const char* end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data() + 1, end, port);
  const bool good =
      rest.front() == ':' && error == std::errc() && stop == end && port >= 1 && port <= 65535;
  return good ? "" : "behind the host stands at most a port, from :1 to :65535";
}

}  // namespace tocsin::output_smtp
