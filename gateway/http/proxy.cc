#include "gateway/http/proxy.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/http/url.h"

namespace tocsin::http {

namespace {

// RFC 4648 4, for "user:password" (RFC 7617).
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(Code::kInvalid, "the proxy's user or password has a broken percent-encoding");
    }
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

// A name, or a name behind a dot.
bool is_exception(std::string_view text) {
  return is_host_name(text.starts_with('.') ? text.substr(1) : text);
}

// What was probably meant.
std::string exception_hint(std::string_view text) {
  if (text.starts_with("*.") && is_host_name(text.substr(2))) {
    const std::string name(text.substr(2));
    return ": write '" + name + "' for it and what is below it, or '." + name +
           "' for what is below alone";
  }
  const std::string_view host = text.substr(0, text.rfind(':'));
  if (host.size() < text.size() && is_exception(host)) {
    return ": write '" + std::string(host) + "', which is every port of it";
  }
  if (text.ends_with('.') && is_exception(text.substr(0, text.size() - 1))) {
    return ": write it without the last dot";
  }
  return {};
}

}  // namespace

Result<ForwardProxy> ForwardProxy::parse(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (!equals_ignoring_case(text.substr(0, kScheme.size()), kScheme)) {
    return fail(Code::kInvalid, "a proxy's URL begins with http://");
  }
  std::string_view rest = text.substr(kScheme.size());
  ForwardProxy proxy;
  const std::size_t end = std::min(rest.find('/'), rest.size());
  if (const std::size_t at = rest.substr(0, end).rfind('@'); at != std::string_view::npos) {
    TOCSIN_TRY_SET(credentials, percent_decoded(rest.substr(0, at)));
    if (credentials.find(':') == std::string::npos) credentials += ':';
    proxy.authorization = "Basic " + base64(credentials);
    rest.remove_prefix(at + 1);
  }
  auto url = parse_url(std::string(kScheme) + std::string(rest));
  if (!url) return fail(Code::kInvalid, "the proxy's URL names no host and port");
  if (url->target != "/") return fail(Code::kInvalid, "a proxy's URL has no path");
  proxy.host = std::move(url->host);
  proxy.port = url->port;
  return proxy;
}

Result<ProxyExceptions> ProxyExceptions::create(const std::vector<std::string>& texts) {
  ProxyExceptions exceptions;
  for (const std::string& text : texts) {
    if (text == "*") {
      exceptions.all_ = true;
    } else if (auto range = event::AddressRange::parse(text)) {
      exceptions.ranges_.push_back(*range);
    } else if (is_exception(text)) {
      std::string& name = exceptions.names_.emplace_back(text);
      std::transform(name.begin(), name.end(), name.begin(), to_lower);
    } else {
      return fail(Code::kInvalid, "'" + text + "' is neither a host name nor an address range" +
                                      exception_hint(text));
    }
  }
  return exceptions;
}

bool ProxyExceptions::contains(std::string_view host) const {
  if (all_) return true;
  if (const auto literal = event::Address::from_ip(host, 0)) {
    return std::any_of(ranges_.begin(), ranges_.end(),
                       [&](const auto& range) { return range.contains(*literal); });
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::any_of(names_.begin(), names_.end(), [host](std::string_view name) {
    if (host.size() < name.size()) return false;
    if (!equals_ignoring_case(host.substr(host.size() - name.size()), name)) return false;
    return host.size() == name.size() ||
           (name.front() == '.' || host[host.size() - name.size() - 1] == '.');
  });
}

}  // namespace tocsin::http
