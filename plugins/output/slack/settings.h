#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tocsin/plugin.hpp"

namespace tocsin::output_slack {

/// What becomes of a message whose key an earlier one had.
enum class Follow : std::uint8_t {
  kNone,
  kThread,  ///< it goes into the earlier one's thread
  kUpdate   ///< it takes the earlier one's place
};

/// What an instance was configured to. Immutable.
struct Settings {
  std::string post_url;       ///< the webhook, or chat.postMessage
  std::string update_url;     ///< chat.update
  std::string authorization;  ///< the field's value; empty: a webhook, which needs none
  std::string channel;        ///< where messages go that have no `to`
  std::string text;           ///< a template; empty: title and body
  std::string blocks;         ///< a template of JSON; empty: none
  std::string account;        ///< outputs with one token are paced together
  Follow follow = Follow::kNone;
  sdk::Duration remember{};  ///< how long the first message of a key is
  sdk::Transport transport;

  /// Refuses what could never be sent.
  bool load(const sdk::Setup& setup, sdk::Fault& fault);

  bool is_webhook() const { return authorization.empty(); }
  bool has_own_address() const { return is_webhook() || !channel.empty(); }

 private:
  bool load_webhook(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_bot(const sdk::Setup& setup, sdk::Fault& fault);
  bool load_follow(const sdk::Setup& setup, sdk::Fault& fault);
};

/// Why nothing can be posted to a channel of this name, in a sentence; empty: it can.
std::string_view channel_fault(std::string_view channel);

}  // namespace tocsin::output_slack
