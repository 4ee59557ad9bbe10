#pragma once

#include <string>

#include "message.h"
#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_smtp {

/// Makes mails of attempts, by the instance's templates. On its home loop.
class Composer {
 public:
  Composer(const Settings& settings, sdk::Host host);
  void reconfigure(const Settings& next);

  /// Whom the attempt is for. False: `why` says what is wrong with the address.
  bool recipient(const sdk::Attempt& attempt, Address& out, std::string& why) const;
  /// The whole mail, signed. False: `why` says what it cannot hold.
  bool write(const sdk::Attempt& attempt, const Address& to, std::string& out,
             std::string& why) const;

 private:
  const Settings* settings_;
  sdk::Host host_;
  sdk::Template subject_;
  sdk::Template text_;
  sdk::Template html_;
  sdk::Template list_unsubscribe_;
};

}  // namespace tocsin::output_smtp
