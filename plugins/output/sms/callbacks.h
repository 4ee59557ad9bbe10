#pragma once

#include <string>
#include <string_view>

#include "form.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_sms {

/// Answers what Twilio calls back with, on the loop of the listener it comes to:
///
///   POST <route>/status/DELIVERY   how far a message has come
///   POST <route>/inbound           what its recipient answered: STOP, START and the like
///
/// An answer says that it is kept; while the store cannot, it is 503, and Twilio may ask again.
class Callbacks {
 public:
  Callbacks(const Settings& settings, sdk::Host host);
  void reconfigure(const Settings& next) { settings_ = &next; }

  sdk::RequestPtr on_request(const sdk::RequestHead& head);

 private:
  class Call;

  void on_form(const Call& call, std::string_view body) const;
  void on_status(tocsin_token exchange, std::string_view delivery, const Form& form) const;
  void on_inbound(tocsin_token exchange, const Form& form) const;
  void refuse(tocsin_token exchange, std::uint32_t status, std::string_view detail) const;

  const Settings* settings_;
  sdk::Host host_;
  sdk::Metric refused_;
};

}  // namespace tocsin::output_sms
