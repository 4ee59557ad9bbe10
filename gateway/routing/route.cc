#include "gateway/routing/route.h"

#include <algorithm>

namespace tocsin::routing {

namespace {

using message::Notification;

constexpr std::size_t kShownMax = 100;

std::string in_quotes(std::string_view text) {
  return "\"" + std::string(text.substr(0, kShownMax)) + "\"";
}

auto label_of(const Notification& notification) {
  return [&notification](std::string_view name) -> std::optional<std::string_view> {
    const message::Label* label = notification.find_label(name);
    if (label == nullptr) return std::nullopt;
    return label->value;
  };
}

auto key_of(const Notification& notification) {
  return [&notification](std::string_view) -> std::optional<std::string_view> {
    if (notification.key.empty()) return std::nullopt;
    return notification.key;
  };
}

bool takes_topic(const std::vector<policy::Glob>& topics, std::string_view topic) {
  return topics.empty() || std::any_of(topics.begin(), topics.end(),
                                       [&](const policy::Glob& glob) { return glob.match(topic); });
}

std::string topic_objection(const std::vector<policy::Glob>& topics, std::string_view topic) {
  std::string text = "the topic " + in_quotes(topic) + " does not match ";
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (i > 0) text += " or ";
    text += in_quotes(topics[i].pattern());
  }
  return text;
}

std::string pattern_objection(const std::string& what, std::optional<std::string_view> value,
                              std::string_view pattern) {
  if (!value) return "there is no " + what;
  return "the " + what + " is " + in_quotes(*value) + ", not " + in_quotes(pattern);
}

}  // namespace

bool RouteMatch::takes(const Notification& notification) const {
  if (min_level && notification.level < *min_level) return false;
  if (level && notification.level != *level) return false;
  return takes_topic(topics, notification.topic) && labels.match(label_of(notification)) &&
         key.match(key_of(notification));
}

bool RouteMatch::takes_all() const {
  const bool any_topic =
      topics.empty() || std::any_of(topics.begin(), topics.end(), [](const policy::Glob& glob) {
        return glob.pattern() == "**";
      });
  return any_topic && min_level.value_or(message::Level::kTrace) == message::Level::kTrace &&
         !level && labels.conditions().empty() && key.conditions().empty();
}

std::vector<std::string> RouteMatch::objections(const Notification& notification) const {
  std::vector<std::string> reasons;
  const std::string name(level_name(notification.level));
  if (min_level && notification.level < *min_level) {
    reasons.push_back("the level " + name + " is below " + std::string(level_name(*min_level)));
  }
  if (level && notification.level != *level) {
    reasons.push_back("the level is " + name + ", not " + std::string(level_name(*level)));
  }
  if (!takes_topic(topics, notification.topic)) {
    reasons.push_back(topic_objection(topics, notification.topic));
  }
  for (const auto& condition : labels.conditions()) {
    const auto alone = policy::LabelMatcher::compile({condition});
    if (alone->match(label_of(notification))) continue;
    reasons.push_back(pattern_objection("label " + in_quotes(condition.first),
                                        label_of(notification)(condition.first), condition.second));
  }
  if (!key.match(key_of(notification))) {
    reasons.push_back(
        pattern_objection("key", key_of(notification)({}), key.conditions().front().second));
  }
  return reasons;
}

}  // namespace tocsin::routing
