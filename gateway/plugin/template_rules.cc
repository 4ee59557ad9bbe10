#include "gateway/plugin/template_rules.h"

#include <algorithm>
#include <utility>

namespace tocsin::plugin {

TemplateRules::TemplateRules(Kind kind, const Value& settings, templates::SettingsPtr of_all)
    : of_all_(std::move(of_all)), of_delivery_(kind == Kind::kOutput) {
  const templates::Rules common = templates::rules_of(of_all_.get(), templates::Escape::kNone);
  missing_ = common.missing;
  zone_ = common.zone;
  if (!of_delivery_ || !settings.is<Value::Map>()) return;
  if (const Value* own = settings.find("templates")) read(*own);
  const Value* values = settings.find("values");
  if (values == nullptr) return;
  for (const Value::Entry& entry : values->as<Value::Map>()) {
    values_.emplace(entry.key, entry.value.as<std::string>());
  }
}

void TemplateRules::read(const Value& own) {
  if (const Value* missing = own.find("missing")) {
    missing_ = templates::parse_missing(missing->as<std::string>());
  }
  if (const Value* zone = own.find("time_zone")) zone_ = zone->as<std::string>();
  if (const Value* topics = own.find("topics")) read_topics(*topics);
}

void TemplateRules::read_topics(const Value& topics) {
  for (const Value::Entry& entry : topics.as<Value::Map>()) {
    const Result<policy::Glob> topic = policy::Glob::compile(entry.key);
    if (!topic) continue;
    for (const Value::Entry& text : entry.value.as<Value::Map>()) {
      auto of_option =
          std::ranges::find(topics_, text.key, [](const auto& one) { return one.first; });
      if (of_option == topics_.end()) {
        of_option = topics_.insert(of_option, {text.key, std::vector<TopicText>()});
      }
      of_option->second.push_back({*topic, text.value.as<std::string>()});
    }
  }
}

templates::Rules TemplateRules::rules(templates::Escape escape) const {
  templates::Rules rules = templates::rules_of(of_all_.get(), escape);
  rules.missing = missing_;
  rules.zone = zone_;
  rules.of_delivery = of_delivery_;
  if (of_delivery_) rules.values = &values_;
  return rules;
}

const std::vector<TemplateRules::TopicText>& TemplateRules::texts_of(
    std::string_view option) const {
  static const std::vector<TopicText> none;
  const auto found = std::ranges::find(topics_, option,
                                       [](const auto& one) { return std::string_view(one.first); });
  return found == topics_.end() ? none : found->second;
}

}  // namespace tocsin::plugin
