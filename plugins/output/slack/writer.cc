#include "writer.h"

#include <optional>
#include <utility>

#include "format.h"

namespace tocsin::output_slack {

namespace {

constexpr std::string_view kKind = "slack:";

}  // namespace

Writer::Writer(const sdk::Host& host)
    : host_(host),
      cuts_(host.counter("limit_cuts_total", "Texts cut to fit a limit of the provider.")) {}

void Writer::reconfigure(const Settings& next) {
  settings_ = &next;
  sdk::Fault unheard(nullptr);  // load() has compiled the same texts
  text_template_ = {};
  blocks_template_ = {};
  if (!next.text.empty()) {
    text_template_.compile(host_, next.text, sdk::Escape::kSlack, unheard, "text");
  }
  if (!next.blocks.empty()) {
    blocks_template_.compile(host_, next.blocks, sdk::Escape::kJson, unheard, "blocks");
  }
}

std::string_view Writer::channel_of(const sdk::Attempt& attempt) const {
  const std::string_view address = attempt.address();
  if (address.empty()) return settings_->channel;
  return address.starts_with(kKind) ? address.substr(kKind.size()) : address;
}

bool Writer::write(const sdk::Attempt& attempt, std::string& why) {
  if (!settings_->is_webhook()) why = channel_fault(channel_of(attempt));
  return why.empty() && write_text(attempt, why) && write_blocks(attempt, why);
}

bool Writer::write_text(const sdk::Attempt& attempt, std::string& why) {
  std::string text;
  if (!settings_->text.empty() && !text_template_.render(attempt, text, &why)) {
    why.insert(0, "the text: ");
    return false;
  }
  if (text.empty()) text = text_of(attempt.notification());
  text_.clear();
  if (append_fitting(text_, text, kTextMax)) cuts_.record(1);
  return true;
}

bool Writer::write_blocks(const sdk::Attempt& attempt, std::string& why) {
  blocks_.clear();
  if (settings_->blocks.empty()) return true;
  const EscapedNotification escaped(attempt.notification().c());
  tocsin_attempt shown = attempt.c();
  shown.notification = &escaped.c();
  std::string json;
  if (!blocks_template_.render(sdk::Attempt(shown), json, &why)) {
    why.insert(0, "the blocks: ");
    return false;
  }
  std::optional<Blocks> blocks = fitting_blocks(json);
  if (!blocks) {
    why = "the blocks are no JSON array";
    return false;
  }
  if (blocks->cuts != 0) cuts_.record(static_cast<double>(blocks->cuts));
  blocks_ = std::move(blocks->json);
  return true;
}

}  // namespace tocsin::output_slack
