// What can never work is refused while the configuration is checked: sent at run time it would be a
// dead letter for every notification.

#include "settings.h"

#include <algorithm>

#include "message.h"

namespace tocsin::output_smtp {

namespace {

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

}  // namespace

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  connections = static_cast<std::size_t>(setup.settings["connections"].integer(4));
  return load_server(setup, fault) && load_people(setup.settings, fault) &&
         load_texts(setup, fault) && load_headers(setup.settings, fault) &&
         load_dkim(setup.settings, fault) && tls.load(setup, fault);
}

bool Settings::load_server(const sdk::Setup& setup, sdk::Fault& fault) {
  ServerUrl url;
  if (const std::string why = url.read(setup.settings["url"].text_view()); !why.empty()) {
    return fault.refuse(why, "url");
  }
  const sdk::Value ehlo = setup.settings["ehlo"];
  std::string why;
  const std::string name = ehlo ? domain_of(ehlo.text_view(), why) : std::string();
  if (ehlo && name.empty()) return fault.refuse("a server is greeted with a host's name", "ehlo");
  const sdk::Value tls_settings = setup.settings["tls"];
  const std::string server_name = tls_settings["server_name"].text();
  server = url.authority();
  ServerUrl named = url;
  if (!server_name.empty()) named.host = server_name;
  route.url = (url.tls ? "smtps://" : "smtp://") + named.authority() + "/" + name;
  if (!server_name.empty()) route.connect_to = named.authority() + ":" + server;
  route.ca_file = tls_settings["ca_file"].text();
  route.cert_file = tls_settings["cert_file"].text();
  route.key_file = tls_settings["key_file"].text();
  route.verify = tls_settings["verify"].boolean(true);

  route.username = setup.settings["username"].text();
  route.password = setup.settings["password"].text();
  if (!is_one_line(route.username)) return fault.refuse("this is no user name", "username");
  if (route.username.empty() != route.password.empty()) {
    return fault.refuse("username and password belong together",
                        route.username.empty() ? "username" : "password");
  }
  const std::string starttls = setup.settings["starttls"].text("auto");
  const bool wanted = starttls == "required" ||
                      (starttls == "auto" && (!url.is_loopback() || !route.username.empty()));
  route.starttls = wanted && !url.tls;
  if (!route.username.empty() && !url.tls && !route.starttls) {
    return fault.refuse("a password is sent over TLS only", "starttls");
  }
  return true;
}

bool Settings::load_people(const sdk::Value& settings, sdk::Fault& fault) {
  std::string why;
  if (!from.read(settings["from"].text_view(), why)) return fault.refuse(why, "from");
  has_to = static_cast<bool>(settings["to"]);
  if (has_to && !to.read(settings["to"].text_view(), why)) return fault.refuse(why, "to");
  return true;
}

bool Settings::load_texts(const sdk::Setup& setup, sdk::Fault& fault) {
  struct Text {
    std::string_view key;
    std::string& to;
    sdk::Escape escape;
  };
  const Text texts[] = {{"subject", subject, sdk::Escape::kNone},
                        {"text", text, sdk::Escape::kNone},
                        {"html", html, sdk::Escape::kHtml},
                        {"list_unsubscribe", list_unsubscribe, sdk::Escape::kUrl}};
  for (const Text& one : texts) {
    one.to = setup.settings[one.key].text();
    sdk::Template tried;
    if (!tried.compile(setup.host, one.to, one.escape, fault, one.key)) return false;
  }
  one_click = setup.settings["one_click"].boolean();
  if (one_click && list_unsubscribe.empty()) {
    return fault.refuse("it is about list_unsubscribe, which is not given", "one_click");
  }
  attachments = setup.settings["attachments"].boolean();
  return true;
}

bool Settings::load_headers(const sdk::Value& settings, sdk::Fault& fault) {
  const sdk::Value given = settings["headers"];
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string_view name = given.key(i);
    const std::string value = given.at(i).text();
    if (const std::string why = header_fault(name, value); !why.empty()) {
      return fault.refuse(why, "headers");
    }
    headers.emplace_back(name, value);
  }
  return true;
}

bool Settings::load_dkim(const sdk::Value& settings, sdk::Fault& fault) {
  const sdk::Value given = settings["dkim"];
  const std::string key_file = given["key_file"].text();
  const std::string_view domain = given["domain"].text_view(from.address.domain);
  const std::string_view selector = given["selector"].text_view();
  if (key_file.empty() && selector.empty() && !given["domain"]) return true;
  std::string why;
  std::string_view key;
  if (key_file.empty()) return fault.refuse("mails are signed with a key", "dkim.key_file");
  if (dkim.set_up(domain, selector, key_file, why, key)) return true;
  return fault.refuse(why, "dkim." + std::string(key));
}

}  // namespace tocsin::output_smtp
