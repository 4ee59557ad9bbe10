// The only file that sees the Mustache library. Names are looked up one by one as the template asks
// for them, so that rendering builds no tree of a whole notification.

#include "gateway/template/template.h"

#include <deque>
#include <kainjow/mustache.hpp>
#include <vector>

#include "gateway/base/text.h"

namespace tocsin::templates {

namespace {

namespace mustache = kainjow::mustache;
using message::Label;
using message::Notification;

std::string escape_html(const std::string& text) { return mustache::html_escape(text); }

std::string escape_json(const std::string& text) {
  std::string quoted;
  append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string escape_url(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const char lower = static_cast<char>(c | 0x20);
    const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return out;
}

std::optional<std::string_view> plain_field(const Notification& from, std::string_view name) {
  if (name == "topic") return from.topic;
  if (name == "level") return message::level_name(from.level);
  if (name == "title") return from.title;
  if (name == "body") return from.body;
  if (name == "key") return from.key;
  if (name == "external_id") return from.external_id;
  if (name == "data") return from.data;
  return std::nullopt;
}

// The label that "labels.NAME" or "labels[NAME]" asks for.
std::optional<std::string_view> label_name(std::string_view name) {
  if (name.starts_with("labels.")) return name.substr(7);
  if (name.starts_with("labels[") && name.ends_with(']')) return name.substr(7, name.size() - 8);
  return std::nullopt;
}

bool is_label_field(std::string_view name) { return name == "name" || name == "value"; }

// What a template sees. What it handed out lives until the end of the rendering.
class FieldContext final : public mustache::basic_context<std::string> {
 public:
  explicit FieldContext(const Notification& from) : from_(from) {}

  void push(const mustache::data* item) override { items_.push_back(item); }
  void pop() override { items_.pop_back(); }
  const mustache::data* get_partial(const std::string&) const override { return nullptr; }

  const mustache::data* get(const std::string& name) const override {
    if (name == ".") return items_.empty() ? nullptr : items_.back();
    for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
      if (const mustache::data* found = (*item)->get(name)) return found;
    }
    if (const auto text = plain_field(from_, name)) return keep(*text);
    if (name == "labels") return keep_labels();
    if (const auto label = label_name(name)) {
      const Label* found = from_.find_label(*label);
      return found == nullptr ? nullptr : keep(found->value);
    }
    return nullptr;
  }

 private:
  // An empty text is false to a section, as an absent one is.
  const mustache::data* keep(std::string_view text) const {
    if (text.empty()) return nullptr;
    return &kept_.emplace_back(std::string(text));
  }
  const mustache::data* keep_labels() const {
    mustache::data list(mustache::data::type::list);
    for (const Label& label : from_.labels) {
      mustache::data item(mustache::data::type::object);
      item.set("name", std::string(label.name));
      item.set("value", std::string(label.value));
      list.push_back(item);
    }
    return &kept_.emplace_back(std::move(list));
  }

  const Notification& from_;
  std::vector<const mustache::data*> items_;
  mutable std::deque<mustache::data> kept_;
};

// Walks a template to see which names it asks for: with every section entered, or none.
class ProbeContext final : public mustache::basic_context<std::string> {
 public:
  explicit ProbeContext(bool present) : present_(present) {}

  void push(const mustache::data*) override {}
  void pop() override {}
  const mustache::data* get_partial(const std::string&) const override {
    unknown_ = "{{>";
    return nullptr;
  }
  const mustache::data* get(const std::string& name) const override {
    static const Notification nothing;
    const bool known = name == "." || name == "labels" || is_label_field(name) ||
                       label_name(name).has_value() || plain_field(nothing, name).has_value();
    if (!known && unknown_.empty()) unknown_ = name;
    return present_ ? &value_ : nullptr;
  }
  const std::string& unknown() const { return unknown_; }

 private:
  const bool present_;
  const mustache::data value_{std::string("x")};
  mutable std::string unknown_;
};

}  // namespace

class Template::Compiled {
 public:
  explicit Compiled(std::string_view text) : mustache_(std::string(text)) {}

  mustache::mustache mustache_;
};

Template::Template(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::compile(std::string_view text, Escape escape) {
  if (text.size() > kTemplateBytesMax) {
    return fail(Code::kInvalid, "a template has at most 64 KiB");
  }
  auto compiled = std::make_unique<Compiled>(text);
  if (!compiled->mustache_.is_valid()) {
    return fail(Code::kInvalid, "the template is broken: " + compiled->mustache_.error_message());
  }
  for (const bool present : {true, false}) {
    ProbeContext probe(present);
    compiled->mustache_.render(probe);
    if (probe.unknown().empty()) continue;
    return fail(Code::kInvalid, "no notification has \"" + probe.unknown() +
                                    "\"; there are topic, level, title, body, key, external_id, "
                                    "data and labels.NAME");
  }
  switch (escape) {
    case Escape::kNone:
      compiled->mustache_.set_custom_escape([](const std::string& plain) { return plain; });
      break;
    case Escape::kHtml:
      compiled->mustache_.set_custom_escape(escape_html);
      break;
    case Escape::kJson:
      compiled->mustache_.set_custom_escape(escape_json);
      break;
    case Escape::kUrl:
      compiled->mustache_.set_custom_escape(escape_url);
      break;
  }
  return Template(std::move(compiled));
}

void Template::render(const Notification& notification, std::string& out) const {
  FieldContext context(notification);
  out += compiled_->mustache_.render(context);
}

}  // namespace tocsin::templates
