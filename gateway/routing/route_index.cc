#include "gateway/routing/route_index.h"

#include <algorithm>

namespace tocsin::routing {

namespace {

/// The segments of a pattern before its first star, at most `segments_max`.
std::string_view literal_prefix(std::string_view pattern, std::size_t segments_max) {
  std::size_t end = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < segments_max && begin <= pattern.size(); ++i) {
    const std::size_t dot = std::min(pattern.find('.', begin), pattern.size());
    if (pattern.substr(begin, dot - begin).find('*') != std::string_view::npos) break;
    end = dot;
    begin = dot + 1;
  }
  return pattern.substr(0, end);
}

std::size_t segments_of(std::string_view topic) {
  return 1 + static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '.'));
}

void add_once(std::vector<std::uint32_t>& list, std::uint32_t index) {
  if (list.empty() || list.back() != index) list.push_back(index);
}

}  // namespace

RouteIndex::RouteIndex(std::span<const Route> routes) {
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto index = static_cast<std::uint32_t>(i);
    const RouteMatch& match = routes[i].match;
    if (!file_by_topic(index, match) && !file_by_label(index, match)) others_.push_back(index);
  }
}

// Every one of its topics must be filed, or the route would be missed.
bool RouteIndex::file_by_topic(std::uint32_t index, const RouteMatch& match) {
  const auto is_filable = [](const policy::Glob& glob) {
    return !literal_prefix(glob.pattern(), kPrefixSegmentsMax).empty();
  };
  if (match.topics.empty()) return false;
  if (!std::all_of(match.topics.begin(), match.topics.end(), is_filable)) return false;
  for (const policy::Glob& glob : match.topics) {
    if (glob.is_literal()) {
      add_once(topics_[glob.pattern()], index);
      continue;
    }
    const std::string_view prefix = literal_prefix(glob.pattern(), kPrefixSegmentsMax);
    prefix_segments_ = std::max(prefix_segments_, segments_of(prefix));
    add_once(prefixes_[std::string(prefix)], index);
  }
  return true;
}

bool RouteIndex::file_by_label(std::uint32_t index, const RouteMatch& match) {
  for (const auto& [name, pattern] : match.labels.conditions()) {
    if (pattern.find('*') != std::string::npos) continue;
    labels_[name][pattern].push_back(index);
    return true;
  }
  return false;
}

void RouteIndex::collect(const message::Notification& notification, Cursors& cursors) const {
  const std::string_view topic = notification.topic;
  if (const auto found = topics_.find(topic); found != topics_.end()) cursors.add(found->second);
  std::size_t begin = 0;
  for (std::size_t i = 0; i < prefix_segments_ && begin <= topic.size(); ++i) {
    const std::size_t end = std::min(topic.find('.', begin), topic.size());
    const auto found = prefixes_.find(topic.substr(0, end));
    if (found != prefixes_.end()) cursors.add(found->second);
    begin = end + 1;
  }
  for (const message::Label& label : notification.labels) {
    if (labels_.empty()) break;
    const auto named = labels_.find(label.name);
    if (named == labels_.end()) continue;
    const auto found = named->second.find(label.value);
    if (found != named->second.end()) cursors.add(found->second);
  }
  cursors.add(others_);
}

std::uint32_t RouteIndex::Cursors::take_lowest() {
  std::uint32_t lowest = UINT32_MAX;
  for (std::size_t i = 0; i < count; ++i) lowest = std::min(lowest, *items[i].at);
  for (std::size_t i = 0; i < count;) {
    Cursor& cursor = items[i];
    if (*cursor.at == lowest) ++cursor.at;
    if (cursor.at == cursor.end) {
      cursor = items[--count];  // which has not been looked at in this round
    } else {
      ++i;
    }
  }
  return lowest;
}

}  // namespace tocsin::routing
