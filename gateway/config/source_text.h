#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/value.h"
#include "gateway/config/diagnostic.h"

namespace tocsin::config {

/// The bytes of one file and where its lines begin. Borrows the text.
class SourceText {
 public:
  SourceText(std::string_view text, std::shared_ptr<const std::string> file);

  std::string_view text() const { return text_; }
  std::size_t line_count() const { return starts_.size(); }

  /// A line by its index from 0, without its break; empty past the end.
  std::string_view line(std::size_t index) const;

  /// Where in the text a byte of a line is.
  std::size_t offset(std::size_t line, std::size_t byte) const;

  /// The byte of the first tab before a line's content, or npos.
  std::size_t tab_in_indentation(std::size_t line) const;

  /// The place of a byte within a line, both from 0.
  Place place(std::size_t line, std::size_t byte) const;

  /// The place of a byte within the whole text.
  Place place_at(std::size_t offset) const;

  /// What no configuration may hold, whatever YAML makes of it: bytes that are not UTF-8, control
  /// characters, a carriage return alone, a line or a file beyond its limit. The first one found.
  std::optional<Diagnostic> unfit() const;

 private:
  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  std::vector<std::size_t> starts_;
};

}  // namespace tocsin::config
