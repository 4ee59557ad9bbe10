// From what an operator wrote to what the library renders. Everything that can be wrong with a
// template is found here, while the configuration is read.

#include "gateway/template/program.h"

#include <algorithm>
#include <optional>

#include "gateway/base/text.h"

namespace tocsin::templates {

namespace {

// Each line that holds something begins with `indent`, as a part does that stands indented.
std::string indented(std::string_view text, std::string_view indent) {
  std::string out;
  bool at_line = true;
  for (const char c : text) {
    if (at_line && c != '\n' && c != '\r') out.append(indent);
    at_line = c == '\n';
    out += c;
  }
  return out;
}

// Where the byte of the indented text stands in the text itself.
std::size_t offset_before(std::string_view text, std::string_view indent, std::size_t offset) {
  std::size_t at = 0;
  std::size_t in_indented = 0;
  bool at_line = true;
  for (; at < text.size(); ++at) {
    if (at_line && text[at] != '\n' && text[at] != '\r') in_indented += indent.size();
    if (in_indented >= offset) break;
    at_line = text[at] == '\n';
    ++in_indented;
  }
  return at;
}

class ProgramMaker {
 public:
  explicit ProgramMaker(const Rules& rules) : rules_(rules) {}

  tl::expected<Program, TextFault> make(std::string_view text) {
    if (text.size() > kTemplateBytesMax) {
      return tl::unexpected(TextFault{0, "a template has at most 64 KiB", {}});
    }
    program_.text = std::string("{{=") + kSlotBegins + ' ' + kSlotEnds + "=}}";
    program_.slots.push_back({SlotKind::kRoot, {}, {}, Escape::kNone, {}, 0, {}});
    if (!add(text, {})) return tl::unexpected(std::move(fault_));
    add_slot('&', {SlotKind::kEnd, {}, {}, Escape::kNone, {}, 0, {}});
    return std::move(program_);
  }

 private:
  struct Section {
    std::string_view name;
    std::size_t offset;
    std::size_t slot;
    bool over_items;
  };

  bool refuse(std::size_t offset, std::string what) {
    fault_ = {offset, std::move(what), including_.empty() ? std::string() : including_.back()};
    return false;
  }

  bool add(std::string_view text, std::string_view indent) {
    const std::string shifted = indent.empty() ? std::string() : indented(text, indent);
    auto tags = read_tags(indent.empty() ? text : shifted);
    const std::size_t outside = sections_.size();
    bool good = tags.has_value();
    if (!good) refuse(tags.error().offset, std::move(tags.error().what));
    for (std::size_t i = 0; good && i < tags->size(); ++i) {
      good = add_tag((*tags)[i], text, outside);
    }
    if (good && sections_.size() > outside) {
      const Section& open = sections_.back();
      good = refuse(open.offset, "the section \"" + std::string(open.name) + "\" is not closed");
    }
    if (!good && !indent.empty() && fault_.part == including_.back()) {
      fault_.offset = offset_before(text, indent, fault_.offset);
    }
    return good;
  }

  bool add_tag(const Tag& tag, std::string_view text, std::size_t outside) {
    if (program_.text.size() > kExpandedBytesMax) {
      return refuse(tag.offset, "with what it includes the template is larger than 256 KiB");
    }
    switch (tag.kind) {
      case TagKind::kText:
        program_.text.append(tag.text);
        count_literal(tag.text.size());
        return true;
      case TagKind::kBreak:
        count_literal(tag.text.size());
        add_slot('&', {SlotKind::kBreak, std::string(tag.text), {}, Escape::kNone, {}, 0, {}});
        return true;
      case TagKind::kVariable:
      case TagKind::kUnescaped:
        return add_value(tag, text);
      case TagKind::kSection:
      case TagKind::kInverted:
        return open_section(tag, text);
      case TagKind::kEnd:
        return close_section(tag, outside);
      case TagKind::kPart:
        return include(tag);
    }
    return false;
  }

  void count_literal(std::size_t bytes) {
    program_.slots[sections_.empty() ? 0 : sections_.back().slot].literal_bytes += bytes;
  }

  std::size_t add_slot(char sigil, Slot slot) {
    const std::size_t index = program_.slots.size();
    program_.slots.push_back(std::move(slot));
    add_place(sigil, index);
    return index;
  }
  void add_place(char sigil, std::size_t index) {
    program_.text += kSlotBegins;
    program_.text += sigil;
    program_.text += std::to_string(index);
    program_.text += kSlotEnds;
  }

  bool inside_items() const {
    return std::ranges::any_of(sections_, [](const Section& open) { return open.over_items; });
  }

  // The slot of a tag with a name in it; nothing: refused.
  std::optional<Slot> named(SlotKind kind, const Tag& tag, std::string_view text) {
    auto expression = parse_expression(tag.text, rules_.zone);
    if (!expression) {
      refuse(tag.offset, std::move(expression).error());
      return std::nullopt;
    }
    Slot slot{kind, {}, std::move(*expression), Escape::kNone, {}, 0, spot_of(text, tag.offset)};
    Field& field = slot.expression.field;
    if (field.kind == FieldKind::kValue && !put_in_value(field, tag)) return std::nullopt;
    if (inside_items()) slot.item_path = split_name(field.name);
    const bool known =
        field.kind != FieldKind::kNone && (rules_.of_delivery || !is_of_delivery(field.kind));
    if (field.kind == FieldKind::kItem && sections_.empty()) {
      refuse(tag.offset, "{{.}} is what a section stands for, and this is outside of any");
      return std::nullopt;
    }
    if (!known && slot.item_path.empty()) {
      refuse(tag.offset, "no notification has \"" + field.name + "\"" +
                             field_advice(field.name, rules_.of_delivery));
      return std::nullopt;
    }
    return slot;
  }

  // The value instead of its name.
  bool put_in_value(Field& field, const Tag& tag) {
    const auto none = Values::const_iterator();
    const auto value = rules_.values == nullptr ? none : rules_.values->find(field.path[0]);
    if (rules_.values == nullptr || value == rules_.values->end()) {
      return refuse(tag.offset, "there is no value \"" + field.path[0] + "\"" +
                                    (rules_.values == nullptr
                                         ? std::string(" here")
                                         : ": write values: {" + field.path[0] + ": ...}"));
    }
    field.path[0] = value->second;
    return true;
  }

  bool add_value(const Tag& tag, std::string_view text) {
    std::optional<Slot> slot = named(SlotKind::kValue, tag, text);
    if (!slot) return false;
    if (slot->expression.field.kind == FieldKind::kLabels && slot->item_path.empty()) {
      return refuse(tag.offset,
                    "labels are many: write {{labels.NAME}}, or "
                    "{{#labels}}{{name}}={{value}} {{/labels}}");
    }
    if (tag.kind == TagKind::kVariable) slot->escape = rules_.escape;
    add_slot('&', std::move(*slot));
    return true;
  }

  bool open_section(const Tag& tag, std::string_view text) {
    if (sections_.size() == kSectionDepthMax) {
      return refuse(tag.offset, "more than 32 sections stand inside one another");
    }
    const bool inverted = tag.kind == TagKind::kInverted;
    std::optional<Slot> slot =
        named(inverted ? SlotKind::kInverted : SlotKind::kSection, tag, text);
    if (!slot) return false;
    if (!slot->expression.helpers.empty()) return refuse(tag.offset, "a section takes no helpers");
    const FieldKind kind = slot->expression.field.kind;
    const bool items = kind == FieldKind::kNone || kind == FieldKind::kItem ||
                       kind == FieldKind::kData || kind == FieldKind::kLabels;
    const std::size_t index = add_slot(inverted ? '^' : '#', std::move(*slot));
    sections_.push_back({tag.text, tag.offset, index, items && !inverted});
    return true;
  }

  bool close_section(const Tag& tag, std::size_t outside) {
    if (sections_.size() == outside) {
      return refuse(tag.offset, "no section \"" + std::string(tag.text) + "\" is open here");
    }
    const Section& open = sections_.back();
    if (open.name != tag.text) {
      return refuse(tag.offset, "the section that is open here is \"" + std::string(open.name) +
                                    "\", not \"" + std::string(tag.text) + "\"");
    }
    add_place('/', open.slot);
    sections_.pop_back();
    return true;
  }

  bool include(const Tag& tag) {
    const std::string name(tag.text);
    if (std::ranges::find(including_, name) != including_.end()) {
      return refuse(tag.offset, "the part \"" + name + "\" includes itself");
    }
    if (including_.size() == kPartDepthMax) {
      return refuse(tag.offset, "more than 8 parts include one another");
    }
    const auto part = rules_.parts == nullptr ? Parts::const_iterator() : rules_.parts->find(name);
    if (rules_.parts == nullptr || part == rules_.parts->end()) {
      return refuse(tag.offset, "there is no part \"" + name + "\"" + part_advice(name));
    }
    if (part->second.size() > kTemplateBytesMax) {
      return refuse(tag.offset, "the part \"" + name + "\" is larger than 64 KiB");
    }
    including_.push_back(name);
    const bool good = add(part->second, tag.indent);
    including_.pop_back();
    return good;
  }

  std::string part_advice(std::string_view name) const {
    if (rules_.parts == nullptr) return {};
    if (rules_.parts->empty()) return ": templates.parts holds none";
    std::vector<std::string_view> names;
    for (const auto& [known, text] : *rules_.parts) names.emplace_back(known);
    const auto meant = closest(name, names);
    return meant ? "; did you mean " + std::string(*meant) + "?" : std::string();
  }

  const Rules& rules_;
  Program program_;
  std::vector<Section> sections_;
  std::vector<std::string> including_;
  TextFault fault_;
};

}  // namespace

tl::expected<Program, TextFault> make_program(std::string_view text, const Rules& rules) {
  return ProgramMaker(rules).make(text);
}

}  // namespace tocsin::templates
