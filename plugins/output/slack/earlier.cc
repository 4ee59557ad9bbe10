#include "earlier.h"

#include "digest.h"

namespace tocsin::output_slack {

// A channel and a key may be longer together than a record's key.
std::string record_key(Follow follow, std::string_view channel, std::string_view key) {
  std::string subject(channel);
  subject.append("\n").append(key);
  return (follow == Follow::kUpdate ? "update/" : "thread/") + digest_of(subject, 32);
}

std::string record_of(const Earlier& earlier) { return earlier.channel + " " + earlier.ts; }

std::optional<Earlier> earlier_in(std::string_view record) {
  const std::size_t blank = record.find(' ');
  if (blank == record.npos || blank == 0 || blank + 1 == record.size()) return std::nullopt;
  return Earlier{std::string(record.substr(0, blank)), std::string(record.substr(blank + 1))};
}

}  // namespace tocsin::output_slack
