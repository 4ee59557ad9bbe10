#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tocsin/plugin.hpp"

namespace tocsin::output_slack {

// Slack's limits, in characters (https://docs.slack.dev/reference/block-kit/blocks).
inline constexpr std::size_t kTextMax = 40'000;
inline constexpr std::size_t kSectionTextMax = 3'000;
inline constexpr std::size_t kFieldTextMax = 2'000;  ///< one of a section's `fields`
inline constexpr std::size_t kHeaderTextMax = 150;
inline constexpr std::size_t kBlocksMax = 50;

/// & < > as mrkdwn wants them: with them a text could mention a whole channel.
void append_escaped(std::string& out, std::string_view text);

/// What a notification says by itself: "*title*" and the body below it; the topic if it has
/// neither. Escaped.
std::string text_of(const sdk::Notification& notification);

/// Appends at most `max` characters of a text in mrkdwn, the marker of a cut among them, and ends
/// in front of an &amp; or a <link> that has no room. Whether anything was cut.
bool append_fitting(std::string& out, std::string_view text, std::size_t max);

/// Blocks as they may be sent.
struct Blocks {
  std::string json;      ///< an array
  std::size_t cuts = 0;  ///< texts that were made shorter, and one if blocks were left out
};
/// `json` is an array of blocks, or Block Kit Builder's {"blocks": [...]}. None: it is neither.
std::optional<Blocks> fitting_blocks(std::string_view json);

/// A notification whose texts are escaped for mrkdwn, what the sender's data says included, so that
/// a template for JSON makes JSON of it in which nobody is mentioned by accident. Borrows what it
/// was made from.
class EscapedNotification {
 public:
  explicit EscapedNotification(const tocsin_notification& from);
  EscapedNotification(const EscapedNotification&) = delete;
  EscapedNotification& operator=(const EscapedNotification&) = delete;
  const tocsin_notification& c() const { return escaped_; }

 private:
  tocsin_notification escaped_;
  std::string title_, body_, topic_, key_, external_id_, data_;
  std::vector<std::string> values_;  // of labels
  std::vector<tocsin_label> labels_;
};

/// What is posted; texts that are empty are left out.
struct Message {
  std::string_view channel = {};
  std::string_view text = {};
  std::string_view blocks = {};     ///< a JSON array
  std::string_view thread_ts = {};  ///< the message whose thread it goes into
  std::string_view ts = {};         ///< the message it takes the place of
};
std::string json_of(const Message& message);

}  // namespace tocsin::output_slack
