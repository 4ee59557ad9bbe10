#pragma once

#include <string>
#include <string_view>

#include "settings.h"
#include "tocsin/plugin.hpp"

namespace tocsin::output_slack {

/// Says what an attempt's message is, within Slack's limits. What it wrote stands until it writes
/// again.
class Writer {
 public:
  explicit Writer(const sdk::Host& host);
  void reconfigure(const Settings& next);

  /// Where the attempt's message goes, which its `to` may say; empty: where the webhook posts.
  std::string_view channel_of(const sdk::Attempt& attempt) const;

  /// False: it cannot be posted, and `why` says so.
  bool write(const sdk::Attempt& attempt, std::string& why);
  const std::string& text() const { return text_; }
  const std::string& blocks() const { return blocks_; }  ///< a JSON array; empty: none

 private:
  bool write_text(const sdk::Attempt& attempt, std::string& why);
  bool write_blocks(const sdk::Attempt& attempt, std::string& why);

  sdk::InstanceHost host_;
  sdk::Metric cuts_;
  const Settings* settings_ = nullptr;
  sdk::Template text_template_;
  sdk::Template blocks_template_;
  std::string text_;
  std::string blocks_;
};

}  // namespace tocsin::output_slack
