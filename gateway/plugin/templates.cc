#include "gateway/plugin/templates.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/plugin/fault.h"
#include "gateway/plugin/instance.h"
#include "gateway/plugin/text.h"
#include "gateway/template/template.h"

// What a plugin holds; `text` is what it was told last.
struct tocsin_template {
  tocsin::plugin::Instance* instance;
  tocsin::templates::Template compiled;
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

}  // namespace

tocsin_template* compile_template(tocsin_instance* instance, tocsin_str text, std::uint32_t escape,
                                  tocsin_fault* fault) {
  if (instance == nullptr || !is_readable(text) || escape > TOCSIN_ESCAPE_SLACK) {
    set_fault(fault, TOCSIN_INVALID, "no instance, no template, or an unknown way to escape");
    return nullptr;
  }
  Instance& owner = Instance::of(instance);
  templates::Rules rules;
  rules.escape = static_cast<templates::Escape>(escape);
  rules.of_delivery = owner.kind() == Kind::kOutput;
  auto compiled = templates::Template::compile(view_of(text), rules);
  if (compiled) return new tocsin_template{&owner, std::move(*compiled)};
  const templates::Spot spot = templates::spot_of(view_of(text), compiled.error().offset);
  set_fault(fault, TOCSIN_INVALID,
            compiled.error().what + " (" + spot.text() + " of the template)");
  return nullptr;
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
  Result<templates::Rendered> rendered = compiled->compiled.render(subject);
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
