#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "address.h"
#include "dkim.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_smtp {

/// How connections to the server are made.
struct Route {
  std::string url;         ///< "smtp://mail.internal:25/", as libcurl takes it
  std::string connect_to;  ///< where that is, when the certificate is for another name; or empty
  std::string username;
  std::string password;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool starttls = true;  ///< asked for, and nothing goes without it
  bool verify = true;

  bool operator==(const Route&) const = default;
};

/// What an instance was configured to. Immutable.
struct Settings {
  Route route;
  std::string server;  ///< host:port, for people
  Mailbox from;
  bool has_to = false;
  Address to;  ///< of notifications that name nobody
  std::string subject;
  std::string text;
  std::string html;
  std::string list_unsubscribe;
  bool one_click = false;
  bool attachments = false;
  std::vector<std::pair<std::string, std::string>> headers;
  DkimSigner dkim;
  std::size_t connections = 4;
  sdk::Transport tls;  ///< looked at while the configuration is checked, and watched by the host

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);

 private:
  bool load_server(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_people(const sdk::Value& settings, sdk::Fault& fault);
  bool load_texts(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_headers(const sdk::Value& settings, sdk::Fault& fault);
  bool load_dkim(const sdk::Value& settings, sdk::Fault& fault);
};

/// A server's URL in its parts.
struct ServerUrl {
  bool tls = false;  ///< from the first byte on (smtps://)
  std::string host;  ///< A-labels, or an address; an IPv6 one without brackets
  unsigned port = 0;

  bool is_loopback() const;
  /// host:port, an IPv6 address in brackets.
  std::string authority() const;
  /// Why no mail can go to this URL, in a sentence; empty: read.
  std::string read(std::string_view url);
};

}  // namespace tocsin::output_smtp
