#include "settings.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace tocsin::output_fcm {

namespace {

bool is_url(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://");
}

// By the word of the option; "never" is behind the last.
std::uint32_t level_of(std::string_view word) {
  constexpr std::array<std::string_view, 8> kWords = {"trace",   "debug", "info",     "notice",
                                                      "warning", "error", "critical", "emergency"};
  return static_cast<std::uint32_t>(std::find(kWords.begin(), kWords.end(), word) - kWords.begin());
}

}  // namespace

bool Settings::load(const sdk::Setup& setup, sdk::Fault& fault) {
  auto read = std::make_shared<ServiceAccount>();
  const std::string why = read->read(setup.settings["credentials"].text_view());
  if (!why.empty()) return fault.refuse(why, "credentials");
  account = std::move(read);
  const std::string project = setup.settings["project"].text(account->project());
  std::string api_url = setup.settings["api_url"].text();
  if (!is_url(api_url)) return fault.refuse("a URL begins with https:// or http://", "api_url");
  while (api_url.ends_with('/')) api_url.pop_back();
  send_url = api_url + "/v1/projects/" + project + "/messages:send";

  const std::pair<std::string_view, std::string*> texts[] = {
      {"topic", &topic}, {"condition", &condition}, {"title", &title}, {"body", &body}};
  for (const auto& [key, to] : texts) {
    *to = setup.settings[key].text();
    sdk::Template tried;
    if (!to->empty() && !tried.compile(setup.host, *to, sdk::Escape::kNone, fault, key)) {
      return false;
    }
  }
  if (!topic.empty() && !condition.empty()) {
    return fault.refuse("a message goes to a topic or to a condition, not to both", "condition");
  }
  urgent_from = level_of(setup.settings["high_priority"].text_view());
  collapse = setup.settings["collapse"].boolean(true);
  return overrides.load(setup.settings, fault) && transport.load(setup, fault);
}

}  // namespace tocsin::output_fcm
