#include "gateway/config/source_text.h"

#include <algorithm>

#include "gateway/base/text.h"
#include "gateway/config/limits.h"

namespace tocsin::config {

namespace {

std::string hex_of(char c) {
  const auto byte = static_cast<unsigned char>(c);
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'0', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
}

bool is_control(std::string_view text, std::size_t i) {
  const auto byte = static_cast<unsigned char>(text[i]);
  if (byte == '\r') return i + 1 >= text.size() || text[i + 1] != '\n';
  return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
}

}  // namespace

SourceText::SourceText(std::string_view text, std::shared_ptr<const std::string> file)
    : text_(text), file_(std::move(file)), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
  }
}

std::string_view SourceText::line(std::size_t index) const {
  if (index >= starts_.size()) return {};
  const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] : text_.size();
  std::string_view line = text_.substr(starts_[index], end - starts_[index]);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t SourceText::offset(std::size_t line_index, std::size_t byte) const {
  return line_index < starts_.size() ? starts_[line_index] + byte : text_.size();
}

std::size_t SourceText::tab_in_indentation(std::size_t line_index) const {
  const std::string_view content = line(line_index);
  const std::size_t tab = content.find('\t');
  return tab < content.find_first_not_of(" \t") ? tab : std::string_view::npos;
}

Place SourceText::place(std::size_t line_index, std::size_t byte) const {
  const std::string_view before = line(line_index).substr(0, byte);
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  return Place{file_, static_cast<std::uint32_t>(line_index + 1),
               static_cast<std::uint32_t>(characters + 1)};
}

Place SourceText::place_at(std::size_t offset) const {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto index = static_cast<std::size_t>(next - starts_.begin()) - 1;
  return place(index, offset - starts_[index]);
}

std::optional<Diagnostic> SourceText::unfit() const {
  const auto fault = [](Place place, std::string message, std::string hint) {
    return Diagnostic{std::move(place), {}, std::move(message), std::move(hint)};
  };
  if (text_.size() > kFileBytesMax) {
    return fault(Place{file_, 0, 0}, "the file is larger than " + format_size(kFileBytesMax),
                 "split it and include the parts");
  }
  if (const std::size_t good = utf8_prefix(text_); good < text_.size()) {
    return fault(place_at(good), "the byte " + hex_of(text_[good]) + " is not UTF-8",
                 "save the file as UTF-8");
  }
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (!is_control(text_, i)) continue;
    return fault(place_at(i), "a control character (" + hex_of(text_[i]) + ") stands here",
                 text_[i] == '\r' ? "end lines with a line feed"
                                  : "remove it, or write it as an escape in double quotes");
  }
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    if (line(i).size() <= kLineBytesMax) continue;
    return fault(place(i, 0), "the line is longer than " + format_size(kLineBytesMax),
                 "break it into several lines");
  }
  return std::nullopt;
}

}  // namespace tocsin::config
