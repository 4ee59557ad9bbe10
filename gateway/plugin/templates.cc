#include "gateway/plugin/templates.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gateway/plugin/fault.h"
#include "gateway/plugin/text.h"
#include "gateway/template/template.h"

// What a plugin holds; the buffers are kept from one rendering to the next.
struct tocsin_template {
  tocsin::templates::Template compiled;
  std::vector<tocsin::message::Label> labels{};
};

namespace tocsin::plugin {

tocsin_template* compile_template(tocsin_str text, std::uint32_t escape, tocsin_fault* fault) {
  if (!is_readable(text) || escape > TOCSIN_ESCAPE_URL) {
    set_fault(fault, TOCSIN_INVALID, "no template, or an unknown way to escape");
    return nullptr;
  }
  templates::Rules rules;
  rules.escape = static_cast<templates::Escape>(escape);
  auto compiled = templates::Template::compile(view_of(text), rules);
  if (compiled) return new tocsin_template{std::move(*compiled)};
  const templates::Spot spot = templates::spot_of(view_of(text), compiled.error().offset);
  set_fault(fault, TOCSIN_INVALID,
            compiled.error().what + " (" + spot.text() + " of the template)");
  return nullptr;
}

std::size_t render_template(tocsin_template* compiled, const tocsin_notification* notification,
                            char* out, std::size_t out_max) {
  if (compiled == nullptr || notification == nullptr) return 0;
  compiled->labels.clear();
  for (std::uint32_t i = 0; i < notification->label_count; ++i) {
    const tocsin_label& label = item_of(notification->labels, notification->label_stride, i);
    compiled->labels.push_back({view_of(label.name), view_of(label.value)});
  }
  message::Notification fields;
  fields.topic = view_of(notification->topic);
  fields.level = static_cast<message::Level>(
      std::min<std::uint32_t>(notification->level, TOCSIN_LEVEL_EMERGENCY));
  fields.title = view_of(notification->title);
  fields.body = view_of(notification->body);
  fields.data = view_of(notification->data);
  fields.key = view_of(notification->key);
  fields.external_id = view_of(notification->external_id);
  fields.labels = compiled->labels;
  const Result<templates::Rendered> rendered = compiled->compiled.render({.notification = &fields});
  if (!rendered) return 0;
  rendered->text.copy(out, out_max);
  return rendered->text.size();
}

void free_template(tocsin_template* compiled) { delete compiled; }

}  // namespace tocsin::plugin
