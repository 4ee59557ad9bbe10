#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tocsin/plugin.h"
#include "tocsin/sdk/text.hpp"

namespace tocsin::testing {

/// What a plugin's test needs of the gateway's templates: {{topic}}, {{title}}, {{body}}, {{key}},
/// {{external_id}}, {{level}} as its number, {{labels.NAME}} and {{labels[NAME]}}. Nothing is
/// escaped, and sections are not understood.
class FakeTemplate {
 public:
  /// Null with a fault when a place is not closed or names no field.
  static tocsin_template* compile(tocsin_instance* /*instance*/, tocsin_str /*option*/,
                                  tocsin_str text, std::uint32_t /*escape*/, tocsin_fault* fault) {
    auto made = std::make_unique<FakeTemplate>();
    const std::string why = made->parse(sdk::view(text));
    if (why.empty()) return reinterpret_cast<tocsin_template*>(made.release());
    if (fault != nullptr) {
      fault->code = TOCSIN_INVALID;
      fault->what_len = static_cast<std::uint32_t>(why.copy(fault->what, sizeof(fault->what)));
      fault->key_len = 0;
    }
    return nullptr;
  }
  static std::uint32_t render(tocsin_template* compiled, const tocsin_notification* notification,
                              const tocsin_attempt* /*attempt*/, tocsin_str* out,
                              tocsin_fault* /*fault*/) {
    auto& self = *reinterpret_cast<FakeTemplate*>(compiled);
    self.text_.clear();
    for (const Piece& piece : self.pieces_) {
      self.text_ += piece.field ? value(*piece.field, *notification) : piece.text;
    }
    *out = sdk::to_c(self.text_);
    return TOCSIN_OK;
  }
  static void free(tocsin_template* compiled) { delete reinterpret_cast<FakeTemplate*>(compiled); }

 private:
  struct Piece {
    std::string text;
    std::optional<std::string> field;
  };

  std::string parse(std::string_view left) {
    while (!left.empty()) {
      const std::size_t open = std::min(left.find("{{"), left.size());
      pieces_.push_back({std::string(left.substr(0, open)), std::nullopt});
      left.remove_prefix(open);
      if (left.empty()) break;
      const std::size_t close = left.find("}}");
      if (close == left.npos) return "a {{ is not closed";
      const std::string field(left.substr(2, close - 2));
      if (!is_field(field)) return "a notification has no field \"" + field + "\"";
      pieces_.push_back({{}, field});
      left.remove_prefix(close + 2);
    }
    return {};
  }

  static std::string_view label_name(std::string_view field) {
    if (field.starts_with("labels.")) return field.substr(7);
    if (field.starts_with("labels[") && field.ends_with(']')) {
      return field.substr(7, field.size() - 8);
    }
    return {};
  }
  static bool is_field(std::string_view name) {
    constexpr std::array<std::string_view, 6> kFields = {"topic", "title",       "body",
                                                         "key",   "external_id", "level"};
    return std::find(kFields.begin(), kFields.end(), name) != kFields.end() ||
           !label_name(name).empty();
  }
  static std::string value(std::string_view field, const tocsin_notification& n) {
    if (field == "level") return std::to_string(n.level);
    const std::pair<std::string_view, tocsin_str> texts[] = {{"topic", n.topic},
                                                             {"title", n.title},
                                                             {"body", n.body},
                                                             {"key", n.key},
                                                             {"external_id", n.external_id}};
    for (const auto& [name, text] : texts) {
      if (name == field) return std::string(sdk::view(text));
    }
    for (const tocsin_label& label :
         sdk::Items<tocsin_label>(n.labels, n.label_count, n.label_stride)) {
      if (sdk::view(label.name) == label_name(field)) return std::string(sdk::view(label.value));
    }
    return {};
  }

  std::vector<Piece> pieces_;
  std::string text_;  // rendered last
};

}  // namespace tocsin::testing
