#include "gateway/app/text_table.h"

#include <algorithm>

#include "gateway/base/assert.h"
#include "gateway/base/text.h"

namespace tocsin::app {

namespace {

constexpr std::string_view kGap = "  ";

std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kGood:
      return "\x1B[32m";
    case Tone::kWarning:
      return "\x1B[33m";
    case Tone::kBad:
      return "\x1B[31m";
    case Tone::kFaint:
      break;
  }
  return "\x1B[2m";
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    std::size_t size = 1;
    while (size < text.size() && size < 4 &&
           (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
      ++size;
    }
    const std::string_view character = text.substr(0, first < 0x80 ? 1 : size);
    const bool control = first < 0x20 || first == 0x7F ||
                         (first == 0xC2 && size == 2 && static_cast<unsigned char>(text[1]) < 0xA0);
    if (control || !is_utf8(character)) {
      out += '?';
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string toned(std::string_view text, Tone tone, bool colour) {
  if (!colour || tone == Tone::kPlain) return std::string(text);
  return std::string(code_of(tone)) + std::string(text) + "\x1B[0m";
}

void TextTable::add(std::vector<Cell> row) {
  TOCSIN_ASSERT(row.size() == titles_.size(), "a row of a table has too many or too few cells");
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string TextTable::text(bool colour) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    std::size_t width = columns_of(titles_[i]);
    for (const auto& row : rows_) width = std::max(width, columns_of(row[i].text));
    widths.push_back(width);
  }
  std::string out;
  const auto put = [&](std::size_t column, std::string_view text, Tone tone, bool right) {
    const std::string padding(widths[column] - columns_of(text), ' ');
    const bool last = column + 1 == widths.size();
    if (column > 0) out += kGap;
    if (right) out += padding;
    out += toned(text, tone, colour);
    if (!right && !last) out += padding;
    if (!last) return;
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    const bool right = !rows_.empty() && rows_.front()[i].right;
    put(i, titles_[i], Tone::kFaint, right);
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) put(i, row[i].text, row[i].tone, row[i].right);
  }
  return out;
}

std::string short_time(std::string_view time) {
  constexpr std::size_t kSecondsEnd = 19;
  if (time.size() <= kSecondsEnd) return std::string(time);
  std::string text(time.substr(0, kSecondsEnd));
  text[10] = ' ';
  return text + "Z";
}

}  // namespace tocsin::app
