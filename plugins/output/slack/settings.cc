#include "settings.h"

#include <algorithm>

#include "digest.h"

namespace tocsin::output_slack {

namespace {

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Quotes nothing: who knows a webhook's URL may post to it.
std::string_view url_fault(std::string_view url) {
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return "a URL begins with https:// or http://";
  if (!is_visible(url)) return "the URL holds bytes that must be percent-encoded";
  if (url.find('#') != url.npos) return "a URL must not carry a fragment: it is never sent";
  const std::string_view rest = url.substr(tls ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != authority.npos) return "a URL must not carry a user name or password";
  return authority.empty() || authority.starts_with(':') ? "the URL names no host"
                                                         : std::string_view();
}

bool compiles(const sdk::Setup& setup, std::string_view key, sdk::Escape escape,
              sdk::Fault& fault) {
  const std::string_view text = setup.settings[key].text_view();
  sdk::Template tried;
  return text.empty() || tried.compile(setup.host, text, escape, fault, key);
}

}  // namespace

std::string_view channel_fault(std::string_view channel) {
  constexpr std::size_t kBytesMax = 80;
  if (channel.empty() || channel.size() > kBytesMax) return "a channel has 1 to 80 bytes";
  const bool good = std::all_of(channel.begin(), channel.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
  return good ? std::string_view() : "a channel is an id such as C0123456789, or #name";
}

bool Settings::load_webhook(const sdk::Setup& setup, sdk::Fault& fault) {
  post_url = setup.settings["webhook_url"].text();
  const std::string_view why = url_fault(post_url);
  if (!why.empty()) return fault.refuse(why, "webhook_url");
  return channel.empty() || fault.refuse("a webhook belongs to one channel", "channel");
}

bool Settings::load_bot(const sdk::Setup& setup, sdk::Fault& fault) {
  const std::string_view token = setup.settings["token"].text_view();
  std::string api = setup.settings["api_url"].text();
  if (const std::string_view why = url_fault(api); !why.empty()) {
    return fault.refuse(why, "api_url");
  }
  if (!is_visible(token)) return fault.refuse("a token is of visible ASCII", "token");
  if (const std::string_view why = channel_fault(channel); !channel.empty() && !why.empty()) {
    return fault.refuse(why, "channel");
  }
  while (api.ends_with('/')) api.pop_back();
  post_url = api + "/chat.postMessage";
  update_url = api + "/chat.update";
  authorization = "Bearer " + std::string(token);
  account = "token-" + digest_of(token, 8);
  return true;
}

bool Settings::load_follow(const sdk::Setup& setup, sdk::Fault& fault) {
  const bool thread = setup.settings["thread"].text_view() == "key";
  const bool update = setup.settings["update"].text_view() == "key";
  remember = setup.settings["remember"].duration();
  if (!thread && !update) return true;
  follow = thread ? Follow::kThread : Follow::kUpdate;
  const std::string_view option = thread ? "thread" : "update";
  if (is_webhook()) return fault.refuse("a webhook does not tell which message it made", option);
  return !(thread && update) || fault.refuse("a message that is replaced has no thread", option);
}

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  channel = setup.settings["channel"].text();
  text = setup.settings["text"].text();
  blocks = setup.settings["blocks"].text();
  const bool bot = !setup.settings["token"].text_view().empty();
  return (bot ? load_bot(setup, fault) : load_webhook(setup, fault)) && load_follow(setup, fault) &&
         compiles(setup, "text", sdk::Escape::kSlack, fault) &&
         compiles(setup, "blocks", sdk::Escape::kJson, fault) && transport.load(setup, fault);
}

}  // namespace tocsin::output_slack
