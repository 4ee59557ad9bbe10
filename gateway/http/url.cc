#include "gateway/http/url.h"

#include <algorithm>
#include <charconv>

#include "gateway/base/address.h"
#include "gateway/base/text.h"

namespace tocsin::http {

namespace {

constexpr std::size_t kUrlBytesMax = 8 * 1024;
constexpr std::size_t kNameBytesMax = 253;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

bool may_be_in_name(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
}

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= kNameBytesMax && std::ranges::all_of(host, may_be_in_name);
}

// Printable ASCII that RFC 3986 lets stand in a path or query, with whole percent-encodings.
bool is_target(std::string_view text) {
  constexpr std::string_view kMustBeEncoded = "\"<>\\^`{|}";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c <= 0x20 || c >= 0x7f || kMustBeEncoded.find(c) != std::string_view::npos) return false;
    if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])))
      return false;
  }
  return true;
}

Result<void> read_port(std::string_view text, Url& url) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), url.port);
  if (error != std::errc() || end != text.data() + text.size() || url.port == 0) {
    return fail(Code::kInvalid, "the URL's port is not a number from 1 to 65535");
  }
  return {};
}

Result<void> read_host(std::string_view text, Url& url) {
  const bool bracketed = text.starts_with('[');
  url.host = bracketed ? text.substr(1, text.size() - 2) : text;
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), to_lower);
  if (bracketed ? !is_ip_literal(url.host) || url.host.find(':') == std::string::npos
                : !is_name(url.host)) {
    return fail(Code::kInvalid, "the URL's host is neither a name nor an address");
  }
  return {};
}

Result<void> read_authority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos) {
    return fail(Code::kInvalid, "a URL must not carry a user name or password: use a header field");
  }
  const std::size_t host_end = text.starts_with('[') ? text.find(']') + 1 : text.find(':');
  if (text.starts_with('[') && host_end == 0) {
    return fail(Code::kInvalid, "the URL's host is neither a name nor an address");
  }
  const std::string_view host = text.substr(0, host_end);
  const std::string_view rest = text.substr(host.size());
  TOCSIN_TRY(read_host(host, url));
  const std::uint16_t usual = url.scheme == "https" ? 443 : 80;
  url.port = usual;
  if (!rest.empty()) {
    if (rest.front() != ':')
      return fail(Code::kInvalid, "the URL's host is neither a name nor an address");
    TOCSIN_TRY(read_port(rest.substr(1), url));
  }
  url.authority = host.starts_with('[') ? "[" + url.host + "]" : url.host;
  if (url.port != usual) url.authority += ":" + std::to_string(url.port);
  return {};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return fail(Code::kInvalid, "the URL is longer than 8 KiB");
  const std::size_t mark = text.find("://");
  if (mark == std::string_view::npos)
    return fail(Code::kInvalid, "a URL begins with http:// or https://");
  Url url;
  url.scheme = text.substr(0, mark);
  std::transform(url.scheme.begin(), url.scheme.end(), url.scheme.begin(), to_lower);
  if (url.scheme != "http" && url.scheme != "https") {
    return fail(Code::kInvalid, "a URL begins with http:// or https://");
  }
  const std::string_view after = text.substr(mark + 3);
  const std::size_t end = std::min(after.find_first_of("/?#"), after.size());
  TOCSIN_TRY(read_authority(after.substr(0, end), url));
  const std::string_view target = after.substr(end);
  if (target.find('#') != std::string_view::npos) {
    return fail(Code::kInvalid, "a URL must not carry a fragment: it is never sent");
  }
  if (!is_target(target)) {
    return fail(Code::kInvalid, "the URL's path or query holds bytes that must be percent-encoded");
  }
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax) return false;
  if (text.starts_with('.') || text.ends_with('.')) return false;
  return text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return may_be_in_name(to_lower(c)); });
}

}  // namespace tocsin::http
