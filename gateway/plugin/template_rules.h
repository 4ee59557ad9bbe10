#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/value.h"
#include "gateway/plugin/kind.h"
#include "gateway/policy/matcher.h"
#include "gateway/template/settings.h"

namespace tocsin::plugin {

/// How the templates of one instance are compiled: as its configuration says, and where it is an
/// output, as it says itself:
///
///   templates: {missing: error, time_zone: Europe/Berlin, topics: {"orders.*": {subject: "..."}}}
///   values: {chat_id: "-100"}
///
/// Immutable; any thread.
class TemplateRules {
 public:
  /// The text of an option for the notifications of some topics.
  struct TopicText {
    policy::Glob topic;
    std::string text;
  };

  /// `settings` are the instance's; `of_all` may be null.
  TemplateRules(Kind kind, const Value& settings, templates::SettingsPtr of_all);

  /// Valid while this object lives.
  templates::Rules rules(templates::Escape escape) const;
  /// What stands for an option's own text, the first whose topic matches; patterns that are none
  /// are left out, the check refuses them.
  const std::vector<TopicText>& texts_of(std::string_view option) const;

 private:
  void read(const Value& own);
  void read_topics(const Value& topics);

  const templates::SettingsPtr of_all_;
  const bool of_delivery_;
  templates::Missing missing_;
  std::string zone_;
  templates::Values values_;
  std::vector<std::pair<std::string, std::vector<TopicText>>> topics_;  // by option
};

}  // namespace tocsin::plugin
