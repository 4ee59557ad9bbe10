#include "gateway/template/expression.h"

#include <algorithm>
#include <array>
#include <optional>

#include "gateway/base/text.h"

namespace tocsin::templates {

namespace {

struct Named {
  std::string_view name;
  FieldKind kind;
};

constexpr std::array<Named, 15> kFields = {{
    {"topic", FieldKind::kTopic},
    {"level", FieldKind::kLevel},
    {"title", FieldKind::kTitle},
    {"body", FieldKind::kBody},
    {"key", FieldKind::kKey},
    {"external_id", FieldKind::kExternalId},
    {"deliver_at", FieldKind::kDeliverAt},
    {"expires_at", FieldKind::kExpiresAt},
    {"labels", FieldKind::kLabels},
    {"data", FieldKind::kData},
    {"id", FieldKind::kId},
    {"delivery_id", FieldKind::kDeliveryId},
    {"output", FieldKind::kOutput},
    {"address", FieldKind::kAddress},
    {"accepted_at", FieldKind::kAcceptedAt},
}};

// Inside "labels[...]" and quotes every character counts as itself.
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  // Up to the next '|', which is taken as well. Nothing: a quote or bracket is not closed.
  std::optional<std::vector<std::string>> next_call() {
    std::vector<std::string> words;
    while (true) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ == text_.size()) return words;
      if (text_[at_] == '|') {
        ++at_;
        more_ = true;
        return words;
      }
      std::optional<std::string> word = text_[at_] == '"' ? quoted() : plain();
      if (!word) return std::nullopt;
      words.push_back(std::move(*word));
    }
  }
  // Whether a call was announced by a '|' since the last question.
  bool take_more() { return std::exchange(more_, false); }

 private:
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

  std::optional<std::string> quoted() {
    const std::size_t close = text_.find('"', at_ + 1);
    if (close == std::string_view::npos) return std::nullopt;
    std::string word(text_.substr(at_ + 1, close - at_ - 1));
    at_ = close + 1;
    return word;
  }
  std::optional<std::string> plain() {
    const std::size_t begin = at_;
    bool bracket = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '[') bracket = true;
      if (c == ']') bracket = false;
      if (!bracket && (is_space(c) || c == '|')) break;
    }
    return bracket ? std::nullopt : std::optional(std::string(text_.substr(begin, at_ - begin)));
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  bool more_ = false;
};

}  // namespace

std::vector<std::string> split_name(std::string_view name) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    if (dot == 0) return {};
    parts.emplace_back(name.substr(0, dot));
    if (dot == name.size()) return parts;
    name.remove_prefix(dot + 1);
  }
}

Field parse_field(std::string_view name) {
  Field field{FieldKind::kNone, std::string(name), {}};
  if (name == ".") {
    field.kind = FieldKind::kItem;
    return field;
  }
  for (const Named& named : kFields) {
    if (named.name == name) field.kind = named.kind;
  }
  if (name.starts_with("labels.") && name.size() > 7) {
    field.kind = FieldKind::kLabel;
    field.path = {std::string(name.substr(7))};
  } else if (name.starts_with("labels[") && name.ends_with(']') && name.size() > 8) {
    field.kind = FieldKind::kLabel;
    field.path = {std::string(name.substr(7, name.size() - 8))};
  } else if (name.starts_with("values.") && name.size() > 7) {
    field.kind = FieldKind::kValue;
    field.path = {std::string(name.substr(7))};
  } else if (name.starts_with("data.")) {
    field.path = split_name(name.substr(5));
    if (!field.path.empty()) field.kind = FieldKind::kData;
  }
  return field;
}

bool is_of_delivery(FieldKind kind) {
  return kind == FieldKind::kId || kind == FieldKind::kDeliveryId || kind == FieldKind::kOutput ||
         kind == FieldKind::kAddress || kind == FieldKind::kAcceptedAt;
}

std::string field_advice(std::string_view name, bool of_delivery) {
  std::vector<std::string_view> names;
  for (const Named& named : kFields) {
    if (of_delivery || !is_of_delivery(named.kind)) names.push_back(named.name);
  }
  if (const auto meant = closest(name, names)) return "; did you mean " + std::string(*meant) + "?";
  std::string list = "; there are ";
  for (const std::string_view one : names) list.append(one).append(", ");
  return list + "labels.NAME and data.NAME";
}

tl::expected<Expression, std::string> parse_expression(std::string_view content,
                                                       const std::string& zone) {
  constexpr std::string_view kOpen = "a quote or a bracket is not closed in this tag";
  Words words(content);
  const auto name = words.next_call();
  if (!name) return tl::unexpected(std::string(kOpen));
  if (name->size() != 1) {
    return tl::unexpected(
        std::string("a tag holds one name, and behind each | a helper, as in {{title | cut 80}}"));
  }
  Expression expression{parse_field((*name)[0]), {}};
  while (words.take_more()) {
    const auto call = words.next_call();
    if (!call) return tl::unexpected(std::string(kOpen));
    auto helper = Helper::parse(*call, zone);
    if (!helper) return tl::unexpected(std::move(helper).error());
    expression.helpers.push_back(std::move(*helper));
  }
  return expression;
}

}  // namespace tocsin::templates
