#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "settings.h"

namespace tocsin::output_slack {

/// A message that is there already.
struct Earlier {
  std::string channel;  ///< an id, whatever name it was posted to
  std::string ts;
};

/// Under which name the first message of a key is kept, of one channel and one use.
std::string record_key(Follow follow, std::string_view channel, std::string_view key);
/// What is kept of it: "CHANNEL TS".
std::string record_of(const Earlier& earlier);
std::optional<Earlier> earlier_in(std::string_view record);

}  // namespace tocsin::output_slack
