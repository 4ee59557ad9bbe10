// The only file that sees the Mustache library. It walks the flat text of a Program and asks for
// each slot by its number; names, helpers, escaping and limits are answered here.

#include "gateway/template/template.h"

#include <array>
#include <charconv>
#include <deque>
#include <kainjow/mustache.hpp>
#include <vector>

#include "gateway/base/assert.h"
#include "gateway/base/json_reader.h"
#include "gateway/message/notification_codec.h"
#include "gateway/message/time_text.h"
#include "gateway/template/program.h"

namespace tocsin::templates {

namespace {

namespace mustache = kainjow::mustache;
using Data = mustache::data;
using message::Label;
using message::Notification;
using Text = std::optional<std::string>;

Text text_of(std::string_view text) {
  // An empty text of the wire format is an absent one.
  return text.empty() ? std::nullopt : Text(text);
}

Text text_of(const std::optional<WallTime>& time) {
  message::TimeBuffer buffer;
  return time ? Text(message::format_time(*time, buffer)) : std::nullopt;
}

Text plain_field(const Subject& from, FieldKind kind) {
  const Notification& notification = *from.notification;
  switch (kind) {
    case FieldKind::kTopic:
      return text_of(notification.topic);
    case FieldKind::kLevel:
      return text_of(message::level_name(notification.level));
    case FieldKind::kTitle:
      return text_of(notification.title);
    case FieldKind::kBody:
      return text_of(notification.body);
    case FieldKind::kKey:
      return text_of(notification.key);
    case FieldKind::kExternalId:
      return text_of(notification.external_id);
    case FieldKind::kDeliverAt:
      return text_of(notification.deliver_at);
    case FieldKind::kExpiresAt:
      return text_of(notification.expires_at);
    case FieldKind::kId:
      return text_of(from.id);
    case FieldKind::kDeliveryId:
      return text_of(from.delivery_id);
    case FieldKind::kOutput:
      return text_of(from.output);
    case FieldKind::kAddress:
      return text_of(from.address);
    case FieldKind::kAcceptedAt:
      return text_of(from.accepted_at);
    default:
      return std::nullopt;
  }
}

// Lists and objects are no text.
Text text_of(const Data* data) {
  if (data == nullptr) return std::nullopt;
  if (data->is_string()) return data->string_value();
  if (data->is_false()) return "false";
  return std::nullopt;
}

bool is_something(const Data* data) {
  if (data == nullptr || data->is_invalid() || data->is_false() || data->is_empty_list())
    return false;
  return !data->is_string() || !data->string_value().empty();
}

const Data* below(const Data* data, std::span<const std::string> path) {
  for (const std::string& name : path) {
    if (data == nullptr) return nullptr;
    data = data->get(name);
  }
  return data;
}

std::string number_text(double number) {
  std::array<char, 32> room;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
  return {room.data(), std::to_chars(room.data(), room.data() + room.size(), number).ptr};
}

// JSON as the library knows it: true is a text, so that it can be shown, and null is nothing.
Data to_data(const Value& value) {
  if (value.is_null()) return {Data::type::invalid};
  if (const bool* truth = std::get_if<bool>(&value.data())) {
    return *truth ? Data("true") : Data(Data::type::bool_false);
  }
  if (value.is<std::int64_t>()) return {std::to_string(value.as<std::int64_t>())};
  if (value.is<double>()) return {number_text(value.as<double>())};
  if (value.is<std::string>()) return {value.as<std::string>()};
  if (value.is<Value::List>()) {
    Data list(Data::type::list);
    for (const Value& item : value.as<Value::List>()) list.push_back(to_data(item));
    return list;
  }
  Data object(Data::type::object);
  for (const Value::Entry& entry : value.as<Value::Map>())
    object.set(entry.key, to_data(entry.value));
  return object;
}

// What a template sees while it is filled in. What it hands out lives until the end of it.
class FillingContext final : public mustache::basic_context<std::string> {
 public:
  FillingContext(const std::vector<Slot>& slots, Missing missing, const Subject& from)
      : slots_(slots), missing_(missing), from_(from) {
    spend(slots[0].literal_bytes);
  }

  void push(const Data* item) override {
    items_.push_back(item);
    step();
  }
  void pop() override { items_.pop_back(); }
  const Data* get_partial(const std::string&) const override { return nullptr; }

  // After a failure everything is nothing, so that what is left to do ends soon.
  const Data* get(const std::string& name) const override {
    std::size_t index = 0;
    std::from_chars(name.data(), name.data() + name.size(), index);
    TOCSIN_ASSERT(index < slots_.size(), "a template asks for a slot that it does not have");
    const Slot& slot = slots_[index];
    if (slot.kind == SlotKind::kEnd) return keep(std::string(1, kEndMark));
    if (slot.kind == SlotKind::kBreak) return failure_ ? nullptr : keep(slot.literal);
    if (!step()) return nullptr;
    return slot.kind == SlotKind::kValue ? value(slot) : section(slot);
  }

  std::optional<Error> take_failure() { return std::move(failure_); }
  std::uint32_t cuts() const { return cuts_; }

 private:
  struct Found {
    bool resolved;  // the name is an item's
    const Data* data;
  };

  const Data* value(const Slot& slot) const {
    Text text = raw_text(slot);
    for (const Helper& helper : slot.expression.helpers) cuts_ += helper.apply(text) ? 1 : 0;
    if (!text) {
      if (missing_ == Missing::kError) {
        refuse(Code::kNotFound, "the notification has no \"" + slot.expression.field.name + "\"",
               slot.spot.text());
      }
      return nullptr;
    }
    std::string escaped;
    append_escaped(escaped, *text, slot.escape);
    return spend(escaped.size()) ? keep(std::move(escaped)) : nullptr;
  }

  Text raw_text(const Slot& slot) const {
    const Field& field = slot.expression.field;
    if (field.kind == FieldKind::kItem)
      return items_.empty() ? std::nullopt : text_of(items_.back());
    if (const Found found = find_in_items(slot); found.resolved) return text_of(found.data);
    if (field.kind == FieldKind::kLabel) {
      const Label* label = from_.notification->find_label(field.path[0]);
      return label == nullptr ? std::nullopt : Text(label->value);
    }
    if (field.kind == FieldKind::kValue) return text_of(field.path[0]);
    if (field.kind != FieldKind::kData) return plain_field(from_, field.kind);
    if (field.path.empty()) return text_of(from_.notification->data);
    return text_of(below(root(), field.path));
  }

  const Data* section(const Slot& slot) const {
    const Data* found = raw_section(slot);
    if (!is_something(found)) found = nullptr;
    if (slot.kind == SlotKind::kInverted) {
      if (found == nullptr) spend(slot.literal_bytes);
      return found;
    }
    if (found == nullptr) return nullptr;
    const std::size_t turns = found->is_list() ? found->list_value().size() : 1;
    return spend(slot.literal_bytes * turns) ? found : nullptr;
  }

  const Data* raw_section(const Slot& slot) const {
    const Field& field = slot.expression.field;
    if (field.kind == FieldKind::kItem) return items_.empty() ? nullptr : items_.back();
    if (const Found found = find_in_items(slot); found.resolved) return found.data;
    if (field.kind == FieldKind::kData) return below(root(), field.path);
    if (field.kind == FieldKind::kLabels) return labels();
    Text text = raw_text(slot);
    return text ? keep(std::move(*text)) : nullptr;
  }

  // The innermost item that has the first part of the name; the rest must be below it.
  Found find_in_items(const Slot& slot) const {
    if (slot.item_path.empty()) return {false, nullptr};
    for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
      const Data* first = (*item)->get(slot.item_path[0]);
      if (first != nullptr) return {true, below(first, std::span(slot.item_path).subspan(1))};
    }
    return {slot.expression.field.kind == FieldKind::kNone, nullptr};
  }

  const Data* root() const {
    if (root_ == nullptr) {
      const std::string_view data = from_.notification->data;
      auto read = data.empty() ? Result<Value>(Value()) : read_json(data, {message::kDepthCeiling});
      if (!read)
        refuse(Code::kInvalid, "the notification's data cannot be read: " + read.error().what, {});
      root_ = &kept_.emplace_back(read ? to_data(*read) : Data(Data::type::invalid));
    }
    return root_;
  }

  const Data* labels() const {
    if (labels_ != nullptr) return labels_;
    Data list(Data::type::list);
    for (const Label& label : from_.notification->labels) {
      Data item(Data::type::object);
      item.set("name", std::string(label.name));
      item.set("value", std::string(label.value));
      list.push_back(item);
    }
    labels_ = &kept_.emplace_back(std::move(list));
    return labels_;
  }

  const Data* keep(std::string text) const { return &kept_.emplace_back(std::move(text)); }

  void refuse(Code code, std::string what, std::string where) const {
    if (!failure_) failure_ = Error{code, std::move(what), std::move(where)};
  }
  bool step() const {
    if (++steps_ > kRenderStepsMax)
      refuse(Code::kFull, "the template takes more than 20000 steps", {});
    return !failure_;
  }
  bool spend(std::size_t bytes) const {
    bytes_ += bytes;
    if (bytes_ > kRenderedBytesMax)
      refuse(Code::kFull, "the rendered text is larger than 1 MiB", {});
    return !failure_;
  }

  const std::vector<Slot>& slots_;
  const Missing missing_;
  const Subject& from_;
  std::vector<const Data*> items_;
  // The library asks through a const interface.
  mutable std::deque<Data> kept_;
  mutable const Data* root_ = nullptr;
  mutable const Data* labels_ = nullptr;
  mutable std::optional<Error> failure_;
  mutable std::size_t bytes_ = 0;
  mutable std::size_t steps_ = 0;
  mutable std::uint32_t cuts_ = 0;
};

}  // namespace

class Template::Compiled {
 public:
  Compiled(Program program, Missing missing)
      : mustache_(program.text), slots_(std::move(program.slots)), missing_(missing) {
    TOCSIN_ASSERT(mustache_.is_valid(), "the library refuses what was read");
    mustache_.set_custom_escape([](const std::string& text) { return text; });
  }

  Result<Rendered> render(const Subject& subject) {
    FillingContext context(slots_, missing_, subject);
    Rendered rendered{mustache_.render(context), context.cuts()};
    if (auto failure = context.take_failure()) return tl::unexpected(std::move(*failure));
    TOCSIN_ASSERT(rendered.text.ends_with(kEndMark), "the library lost the end");
    rendered.text.pop_back();
    return rendered;
  }

 private:
  mustache::mustache mustache_;
  const std::vector<Slot> slots_;
  const Missing missing_;
};

Template::Template(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

tl::expected<Template, TextFault> Template::compile(std::string_view text, const Rules& rules) {
  auto program = make_program(text, rules);
  if (!program) return tl::unexpected(std::move(program).error());
  return Template(std::make_unique<Compiled>(std::move(*program), rules.missing));
}

Result<Rendered> Template::render(const Subject& subject) const {
  return compiled_->render(subject);
}

}  // namespace tocsin::templates
