// What can never work is refused while the configuration is checked: sent at run time it would be a
// dead letter for every notification.

#include "settings.h"

#include <algorithm>

#include "format.h"
#include "signature.h"

namespace tocsin::output_sms {

namespace {

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_alphanumeric);
}

// Quotes nothing: some providers have a key in it.
std::string_view url_fault(std::string_view url) {
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return "a URL begins with https:// or http://";
  if (!is_visible(url)) return "the URL holds bytes that must be percent-encoded";
  if (url.find('#') != url.npos) return "a URL must not carry a fragment: it is never sent";
  const std::string_view rest = url.substr(tls ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != authority.npos) return "a URL must not carry a user name or password";
  return authority.empty() || authority.starts_with(':') ? "the URL names no host"
                                                         : std::string_view();
}

// "https://a/b/" without what is at its end, since a path follows.
std::string base_of(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

// A number, a short code, or a name of at most eleven letters and digits.
bool is_sender(std::string_view from) {
  constexpr std::size_t kNameBytesMax = 11;
  if (phone_fault(from).empty()) return true;
  return from.size() <= kNameBytesMax && std::all_of(from.begin(), from.end(), [](char c) {
           return is_alphanumeric(c) || c == ' ' || c == '-' || c == '_' || c == '&';
         });
}

std::string header_fault(std::string_view name, std::string_view value) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const std::string quoted = "\"" + std::string(name) + "\"";
  const bool token = !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != kMarks.npos;
  });
  if (!token) return quoted + " is no header name";
  constexpr std::string_view kTaken[] = {
      "connection", "content-length",    "content-type", "expect",
      "host",       "idempotency-key",   "keep-alive",   "te",
      "trailer",    "transfer-encoding", "upgrade",      "user-agent"};
  if (std::any_of(std::begin(kTaken), std::end(kTaken),
                  [name](std::string_view taken) { return sdk::same_name(name, taken); })) {
    return "the gateway itself writes the header " + quoted;
  }
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  return control ? "the value of " + quoted + " holds a control character" : std::string();
}

}  // namespace

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  is_twilio = setup.settings["provider"].text_view() == "twilio";
  to = setup.settings["to"].text();
  text = setup.settings["text"].text();
  if (const std::string_view why = phone_fault(to); !to.empty() && !why.empty()) {
    return fault.refuse(why, "to");
  }
  sdk::Template tried;
  if (!text.empty() && !tried.compile(setup.host, text, sdk::Escape::kNone, fault, "text")) {
    return false;
  }
  return (is_twilio ? load_twilio(setup, fault) : load_other(setup, fault)) &&
         transport.load(setup, fault);
}

bool Settings::load_twilio(const sdk::Setup& setup, sdk::Fault& fault) {
  account = setup.settings["account_sid"].text();
  auth_token = setup.settings["auth_token"].text();
  from = setup.settings["from"].text();
  service = setup.settings["messaging_service_sid"].text();
  callback_base = base_of(setup.settings["status_callback"].text_view());
  const std::string api = base_of(setup.settings["api_url"].text_view());
  if (!is_word(account))
    return fault.refuse("Twilio's accounts are called AC and hex digits", "account_sid");
  if (auth_token.empty() || !is_visible(auth_token)) {
    return fault.refuse("Twilio wants the account's auth token, of visible ASCII", "auth_token");
  }
  if (from.empty() == service.empty()) {
    return fault.refuse("messages need a sender: either from or messaging_service_sid", "from");
  }
  if (!from.empty() && !is_sender(from)) {
    return fault.refuse("a sender is +number, a short code or a name of 11 letters and digits",
                        "from");
  }
  if (!service.empty() && !is_word(service)) {
    return fault.refuse("a messaging service is called MG and hex digits", "messaging_service_sid");
  }
  if (const std::string_view why = url_fault(api); !why.empty())
    return fault.refuse(why, "api_url");
  if (const std::string_view why = url_fault(callback_base);
      !callback_base.empty() && !why.empty()) {
    return fault.refuse(why, "status_callback");
  }
  if (api.find('?') != std::string::npos) {
    return fault.refuse("it has a query, but paths are put behind it", "api_url");
  }
  if (callback_base.find('?') != std::string::npos) {
    return fault.refuse("it has a query, but paths are put behind it", "status_callback");
  }
  url = api + "/2010-04-01/Accounts/" + account + "/Messages.json";
  method = "POST";
  content_type = "application/x-www-form-urlencoded";
  headers.emplace_back("Authorization", "Basic " + base64_of(account + ":" + auth_token));
  return true;
}

bool Settings::load_other(const sdk::Setup& setup, sdk::Fault& fault) {
  const sdk::Value http = setup.settings["http"];
  url = http["url"].text();
  method = http["method"].text("POST");
  content_type = http["content_type"].text("application/json");
  body = http["body"].text();
  idempotent = http["idempotent"].boolean();
  if (const std::string_view why = url_fault(url); !why.empty()) {
    return fault.refuse(why, "http.url");
  }
  if (!header_fault("x", content_type).empty()) {
    return fault.refuse("this can be no header's value", "http.content_type");
  }
  if (body.empty()) return fault.refuse("a provider needs a body to be posted", "http.body");
  sdk::Template tried;
  return tried.compile(setup.host, body, sdk::escape_for(content_type), fault, "http.body") &&
         load_headers(http["headers"], fault) && load_rules(http, fault);
}

bool Settings::load_headers(const sdk::Value& given, sdk::Fault& fault) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string name(given.key(i));
    const std::string value = given.at(i).text();
    if (const std::string why = header_fault(name, value); !why.empty()) {
      return fault.refuse(why, "http.headers");
    }
    headers.emplace_back(name, value);
  }
  return true;
}

bool Settings::load_rules(const sdk::Value& http, sdk::Fault& fault) {
  rules.code_pointer = http["code"].text();
  rules.id_pointer = http["id"].text();
  for (const char* key : {"code", "id"}) {
    const std::string_view pointer = http[key].text_view();
    if (!pointer.empty() && !pointer.starts_with('/')) {
      return fault.refuse("a JSON pointer begins with /, as /error/code",
                          std::string("http.") + key);
    }
  }
  const sdk::Value codes = http["codes"];
  if (codes.size() != 0 && rules.code_pointer.empty()) {
    return fault.refuse("codes need to be found: say where, with code", "http.codes");
  }
  for (std::size_t i = 0; i < codes.size(); ++i) {
    rules.codes.emplace(codes.key(i), *meaning_named(codes.at(i).text_view()));
  }
  const sdk::Value statuses = http["statuses"];
  for (std::size_t i = 0; i < statuses.size(); ++i) {
    if (!is_status_pattern(statuses.key(i))) {
      return fault.refuse("a status is written as 409, or as 4xx for all of them", "http.statuses");
    }
    rules.statuses.emplace(statuses.key(i), *meaning_named(statuses.at(i).text_view()));
  }
  return true;
}

}  // namespace tocsin::output_sms
