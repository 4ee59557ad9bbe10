#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answer_rules.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_sms {

/// What an instance was configured to. Immutable.
struct Settings {
  bool is_twilio = true;
  std::string url;   ///< where messages are posted
  std::string to;    ///< the number of who has none in its `to`; empty: nobody
  std::string text;  ///< a template; empty: title and body
  std::vector<std::pair<std::string, std::string>> headers;
  std::string account;
  bool idempotent = false;
  sdk::Transport transport;

  // Twilio's.
  std::string auth_token;
  std::string from;           ///< a number or a name; empty: the service's
  std::string service;        ///< its sid
  std::string callback_base;  ///< what stands in front of /status/... when Twilio calls; empty: it
                              ///< does not

  // Another provider's.
  std::string method;
  std::string content_type;
  std::string body;  ///< a template, in which {{body}} is the message and {{address}} the number
  AnswerRules rules;

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);

 private:
  bool load_twilio(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_other(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_headers(const sdk::Value& given, sdk::Fault& fault);
  bool load_rules(const sdk::Value& http, sdk::Fault& fault);
};

}  // namespace tocsin::output_sms
