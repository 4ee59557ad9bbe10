#include "gateway/plugin/templates.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/plugin/fault.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/template_rules.h"
#include "gateway/plugin/text.h"
#include "gateway/template/template.h"

// What a plugin holds; `text` is what it was told last.
struct tocsin_template {
  struct OfTopic {
    tocsin::policy::Glob topic;
    tocsin::templates::Template compiled;
  };
  tocsin::plugin::Instance* instance;
  tocsin::templates::Template compiled;
  std::vector<OfTopic> topics{};  // the first that matches stands for `compiled`
  std::vector<tocsin::message::Label> labels{};
  std::string text{};
};

namespace tocsin::plugin {

namespace {

std::optional<WallTime> instant(std::int64_t ns) {
  return ns == 0 ? std::nullopt : std::optional(WallTime(Duration(ns)));
}

// The same fields, with the labels in the template's own room.
message::Notification fields_of(const tocsin_notification& from,
                                std::vector<message::Label>& labels) {
  labels.clear();
  for (std::uint32_t i = 0; i < from.label_count; ++i) {
    const tocsin_label& label = item_of(from.labels, from.label_stride, i);
    labels.push_back({view_of(label.name), view_of(label.value)});
  }
  message::Notification fields;
  fields.topic = view_of(from.topic);
  fields.level =
      static_cast<message::Level>(std::min<std::uint32_t>(from.level, TOCSIN_LEVEL_EMERGENCY));
  fields.title = view_of(from.title);
  fields.body = view_of(from.body);
  fields.data = view_of(from.data);
  fields.key = view_of(from.key);
  fields.external_id = view_of(from.external_id);
  fields.labels = labels;
  fields.deliver_at = instant(from.deliver_at_ns);
  fields.expires_at = instant(from.expires_at_ns);
  return fields;
}

// Null with a fault when the text is broken; `which` ends its sentence.
std::optional<templates::Template> compile_text(std::string_view text,
                                                const templates::Rules& rules,
                                                std::string_view which, tocsin_fault* fault) {
  auto compiled = templates::Template::compile(text, rules);
  if (compiled) return std::move(*compiled);
  const templates::TextFault& why = compiled.error();
  std::string place;
  if (!why.part.empty()) {
    place = "in the part " + why.part + " of the template";
  } else {
    place = templates::spot_of(text, why.offset).text() + " of the template";
  }
  set_fault(fault, TOCSIN_INVALID, why.what + " (" + place + std::string(which) + ")");
  return std::nullopt;
}

const templates::Template& template_for(const tocsin_template& from, std::string_view topic) {
  for (const tocsin_template::OfTopic& one : from.topics) {
    if (one.topic.match(topic)) return one.compiled;
  }
  return from.compiled;
}

}  // namespace

tocsin_template* compile_template(tocsin_instance* instance, tocsin_str option, tocsin_str text,
                                  std::uint32_t escape, tocsin_fault* fault) {
  if (instance == nullptr || !is_readable(option) || !is_readable(text) ||
      escape > TOCSIN_ESCAPE_SLACK) {
    set_fault(fault, TOCSIN_INVALID, "no instance, no template, or an unknown way to escape");
    return nullptr;
  }
  Instance& owner = Instance::of(instance);
  const std::shared_ptr<const TemplateRules> own = owner.template_rules();
  const templates::Rules rules = own->rules(static_cast<templates::Escape>(escape));
  auto compiled = compile_text(view_of(text), rules, "", fault);
  if (!compiled) return nullptr;
  std::vector<tocsin_template::OfTopic> topics;
  for (const TemplateRules::TopicText& one : own->texts_of(view_of(option))) {
    auto of_topic = compile_text(one.text, rules, " for " + one.topic.pattern(), fault);
    if (!of_topic) return nullptr;
    topics.push_back({one.topic, std::move(*of_topic)});
  }
  owner.note_template({copy_of(option), copy_of(text), rules.escape});
  return new tocsin_template{&owner, std::move(*compiled), std::move(topics)};
}

std::uint32_t render_template(tocsin_template* compiled, const tocsin_notification* notification,
                              const tocsin_attempt* attempt, tocsin_str* out, tocsin_fault* fault) {
  if (compiled == nullptr || notification == nullptr || out == nullptr) return TOCSIN_INVALID;
  *out = {};
  const message::Notification fields = fields_of(*notification, compiled->labels);
  templates::Subject subject{.notification = &fields, .output = compiled->instance->id()};
  if (attempt != nullptr) {
    subject.id = view_of(attempt->notification_id);
    subject.delivery_id = view_of(attempt->delivery_id);
    subject.address = view_of(attempt->address);
    subject.accepted_at = instant(attempt->accepted_at_ns);
  }
  Result<templates::Rendered> rendered = template_for(*compiled, fields.topic).render(subject);
  if (!rendered) {
    set_fault(fault, status_of(rendered.error().code), rendered.error().text());
    return status_of(rendered.error().code);
  }
  if (rendered->cuts != 0) compiled->instance->metrics().cuts->add(rendered->cuts);
  compiled->text = std::move(rendered->text);
  *out = str_of(compiled->text);
  return TOCSIN_OK;
}

void free_template(tocsin_template* compiled) { delete compiled; }

}  // namespace tocsin::plugin
