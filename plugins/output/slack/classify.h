#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin::output_slack {

/// What Slack means by an answer.
enum class Meaning : std::uint8_t {
  kDelivered,
  kByStatus,      ///< no more than its HTTP status says
  kTransient,     ///< Slack cannot now
  kThrottled,     ///< as long as Retry-After says
  kFinal,         ///< this message never will be taken
  kTargetGone,    ///< nor any other
  kUnauthorized,  ///< the token is no good
  kMessageLost,   ///< the earlier message that it names is not there any more
};

struct Reading {
  Meaning meaning = Meaning::kByStatus;
  std::string reason;   ///< unless delivered; a sentence without a full stop
  std::string channel;  ///< when delivered by the API: where the message is,
  std::string ts;       ///< and what it is called there
};

/// Of an incoming webhook
/// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
Reading read_webhook_answer(std::uint32_t status, std::string_view body);

/// Of chat.postMessage and chat.update (https://docs.slack.dev/reference/methods/chat.postMessage):
/// a status of 200 says nothing, `ok` does.
Reading read_api_answer(std::uint32_t status, std::string_view body);

}  // namespace tocsin::output_slack
