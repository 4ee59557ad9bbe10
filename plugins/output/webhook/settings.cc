// What can never work is refused while the configuration is checked: sent at run time it would be a
// dead letter for every notification.

#include "settings.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace tocsin::output_webhook {

namespace {

// RFC 9110 5.6.2
constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool is_any_of(std::string_view name, std::span<const std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view other) { return sdk::same_name(name, other); });
}

// Visible ASCII; whatever else a URL may name is percent-encoded in it.
bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_host(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool is_ipv6(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 1 && number <= 65535;
}

// host, host:port, [IPv6] or [IPv6]:port
std::string_view authority_fault(std::string_view authority) {
  if (authority.empty() || authority.starts_with(':')) return "the URL names no host";
  std::size_t host_end = std::min(authority.find(':'), authority.size());
  bool good = is_host(authority.substr(0, host_end));
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    host_end = bracket == std::string_view::npos ? authority.size() : bracket + 1;
    good = bracket != std::string_view::npos && is_ipv6(authority.substr(1, bracket - 1));
  }
  if (!good) return "this is no host: write a name, 192.0.2.1 or [2001:db8::1]";
  const std::string_view rest = authority.substr(host_end);
  if (rest.empty()) return {};
  const bool port = rest.starts_with(':') && is_port(rest.substr(1));
  return port ? std::string_view() : "behind the host stands at most a port, from :1 to :65535";
}

// The client's: they say where a request goes and where it ends.
constexpr std::string_view kOfTheGateway[] = {
    "connection", "content-length",   "expect",  "host",    "keep-alive",
    "te",         "proxy-connection", "trailer", "upgrade", "transfer-encoding"};
// Sender's: a receiver must be able to rely on them.
constexpr std::string_view kOfTheOutput[] = {
    "content-type", "idempotency-key",   "tocsin-attempt",   "user-agent",
    "webhook-id",   "webhook-timestamp", "webhook-signature"};

// {{{values.NAME}}} and nothing else.
bool is_value(std::string_view text) {
  constexpr std::string_view kOpens = "{{{values.";
  constexpr std::string_view kCloses = "}}}";
  return text.starts_with(kOpens) && text.find(kCloses) == text.size() - kCloses.size();
}

}  // namespace

std::string_view url_fault(std::string_view url) {
  constexpr std::string_view kSchemes[] = {"http://", "https://"};
  const auto* scheme = std::find_if(
      std::begin(kSchemes), std::end(kSchemes),
      [url](std::string_view known) { return sdk::same_name(url.substr(0, known.size()), known); });
  if (scheme == std::end(kSchemes)) return "a URL begins with http:// or https://";
  const std::string_view rest = url.substr(scheme->size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) {
    return "a URL must not carry a user name or password; write them as a header: Authorization";
  }
  if (!is_visible(url)) return "the URL holds bytes that must be percent-encoded";
  if (rest.find('#') != std::string_view::npos) {
    return "a URL must not carry a fragment: it is never sent";
  }
  return authority_fault(authority);
}

// A dot is one whether it is encoded or not (RFC 3986, 6.2.2.2).
std::string_view filled_url_fault(std::string_view url) {
  if (const std::string_view why = url_fault(url); !why.empty()) return why;
  std::string path(url.substr(0, url.find('?')));
  for (std::size_t at = path.find("%2"); at != path.npos; at = path.find("%2", at + 1)) {
    if (sdk::same_name(path.substr(at, 3), "%2e")) path.replace(at, 3, ".");
  }
  for (std::size_t at = path.find("/.."); at != path.npos; at = path.find("/..", at + 1)) {
    const std::string_view behind = std::string_view(path).substr(at + 3);
    if (behind.empty() || behind.front() == '/') return "a value would lead out of the URL's path";
  }
  return {};
}

std::string header_fault(std::string_view name, std::string_view value) {
  const std::string quoted = "\"" + std::string(name) + "\"";
  if (!is_token(name)) return quoted + " is no header name";
  if (is_any_of(name, kOfTheGateway)) return "the gateway itself writes the header " + quoted;
  if (is_any_of(name, kOfTheOutput)) return "every webhook has a header " + quoted + " of its own";
  if (std::any_of(value.begin(), value.end(), is_control)) {
    return "the value of " + quoted + " holds a control character";
  }
  if (!value.empty() && (is_blank(value.front()) || is_blank(value.back()))) {
    return "the value of " + quoted + " begins or ends with a blank";
  }
  return {};
}

// What the operator sets is the same for every notification, so it can be looked at now.
bool Settings::load_whole_url(const sdk::Setup& setup, sdk::Fault& fault) {
  sdk::Template tried;
  if (!tried.compile(setup.host, url, sdk::Escape::kUrl, fault, "url")) return false;
  tocsin_notification nothing{};
  nothing.size = sizeof(nothing);
  std::string filled;
  std::string why;
  if (!tried.render(sdk::Notification(nothing), filled, &why)) return fault.refuse(why, "url");
  const std::string_view wrong = url_fault(filled);
  return wrong.empty() || fault.refuse(wrong, "url");
}

bool Settings::load_url(const sdk::Setup& setup, sdk::Fault& fault) {
  url = setup.settings["url"].text();
  const std::size_t tag = url.find("{{");
  url_is_template = tag != url.npos;
  if (is_value(url)) return load_whole_url(setup, fault);
  const std::string_view fixed = std::string_view(url).substr(0, tag);
  if (const std::string_view why = url_fault(fixed); !why.empty()) return fault.refuse(why, "url");
  if (!url_is_template) return true;
  if (fixed.find_first_of("/?", fixed.find("//") + 2) == fixed.npos) {
    return fault.refuse("the URL's host must stand before its first {{, and a / behind it", "url");
  }
  sdk::Template tried;
  return tried.compile(setup.host, url, sdk::Escape::kUrl, fault, "url");
}

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  if (!load_url(setup, fault)) return false;
  method = setup.settings["method"].text();
  content_type = setup.settings["content_type"].text();
  if (!header_fault("x", content_type).empty()) {
    return fault.refuse("this can be no header's value", "content_type");
  }
  body = setup.settings["body"].text();
  sdk::Template tried;
  if (!body.empty() &&
      !tried.compile(setup.host, body, sdk::escape_for(content_type), fault, "body")) {
    return false;
  }
  account = setup.settings["account"].text();
  idempotent = setup.settings["idempotent"].boolean(true);
  if (!classifier.load(setup.settings["classify"], fault)) return false;
  const sdk::Value secrets = setup.settings["secrets"];
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    const std::string_view why = signer.add(secrets.at(i).text_view());
    if (!why.empty()) return fault.refuse(why, "secrets");
  }
  const sdk::Value given = setup.settings["headers"];
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string_view name = given.key(i);
    const std::string value = given.at(i).text();
    if (const std::string why = header_fault(name, value); !why.empty()) {
      return fault.refuse(why, "headers");
    }
    const bool twice = std::any_of(headers.begin(), headers.end(), [name](const auto& other) {
      return sdk::same_name(other.first, name);
    });
    if (twice) {
      return fault.refuse("the header \"" + std::string(name) + "\" is given twice", "headers");
    }
    headers.emplace_back(name, value);
  }
  return transport.load(setup, fault);
}

}  // namespace tocsin::output_webhook
