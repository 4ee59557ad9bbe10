// The library reads templates as well, but tells the place of a fault inside a sentence, decides on
// lines of their own only while it renders, and not for comments, and has no way to say which names
// a text asks for. So a text is read here, once, and the library is given what is left to do.

#include "gateway/template/tags.h"

#include <algorithm>
#include <optional>

#include "gateway/base/text.h"

namespace tocsin::templates {

namespace {

constexpr std::string_view kBlanks = " \t";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kBlanks) == std::string_view::npos;
}

std::string_view trim_all(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

class TagReader {
 public:
  explicit TagReader(std::string_view text) : text_(text) {}

  tl::expected<std::vector<Tag>, TextFault> read() {
    if (!fits()) return tl::unexpected(fault_);
    while (at_ < text_.size()) {
      const std::size_t open = std::min(text_.find(open_, at_), text_.size());
      if (open == text_.size()) {
        add_text(open);
        break;
      }
      if (!read_tag(open)) return tl::unexpected(fault_);
    }
    return std::move(tags_);
  }

 private:
  struct Found {
    char sigil = 0;  // 0: a variable, '{': of three braces
    std::string_view content;
    std::size_t end = 0;
  };

  bool refuse(std::size_t offset, std::string what) {
    fault_ = {offset, std::move(what), {}};
    return false;
  }

  bool fits() {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text_[i]);
      const bool space = byte == '\t' || byte == '\n' || byte == '\r';
      if ((byte < 0x20 && !space) || byte == 0x7F) {
        return refuse(i, "a control character stands here");
      }
    }
    const std::size_t good = utf8_prefix(text_);
    return good == text_.size() || refuse(good, "this is not UTF-8");
  }

  bool read_tag(std::size_t open) {
    const std::size_t inside = open + open_.size();
    const bool braces = open_ == "{{" && text_.substr(inside).starts_with('{');
    const bool delimiters = trim_all(text_.substr(inside, 16)).starts_with('=');
    const std::string closing = (braces ? "}" : delimiters ? "=" : "") + close_;
    // "{{==}}" closes behind its second '='.
    const std::size_t from =
        braces || delimiters ? text_.find(braces ? '{' : '=', inside) + 1 : inside;
    const std::size_t close = text_.find(closing, from);
    if (close == std::string_view::npos) {
      return refuse(open, "what begins here with " + open_ + " is not closed by " + closing);
    }
    Found found{0, trim_all(text_.substr(from, close - from)), close + closing.size()};
    if (braces) found.sigil = '{';
    if (delimiters) found.sigil = '=';
    if (found.sigil == 0 && !found.content.empty() &&
        std::string_view("#^/>&!").find(found.content[0]) != std::string_view::npos) {
      found.sigil = found.content[0];
      found.content = trim_all(found.content.substr(1));
    }
    if (found.content.empty() && found.sigil != '!') return refuse(open, "this tag names nothing");
    return take(open, found);
  }

  bool take(std::size_t open, const Found& found) {
    const bool shows = found.sigil == 0 || found.sigil == '{' || found.sigil == '&';
    std::string_view indent;
    std::size_t next = found.end;
    if (!shows && alone(open, next)) {
      const std::size_t line = *line_begin(open);
      indent = text_.substr(line, open - line);
      add_text(line);
    } else {
      add_text(open);
    }
    at_ = next;
    if (found.sigil == '!') return true;
    if (found.sigil == '=') return change_delimiters(open, found.content);
    const auto offset = static_cast<std::size_t>(found.content.data() - text_.data());
    tags_.push_back({kind_of(found.sigil), found.content, offset, indent});
    return true;
  }

  static TagKind kind_of(char sigil) {
    switch (sigil) {
      case '#':
        return TagKind::kSection;
      case '^':
        return TagKind::kInverted;
      case '/':
        return TagKind::kEnd;
      case '>':
        return TagKind::kPart;
      case '{':
      case '&':
        return TagKind::kUnescaped;
      default:
        return TagKind::kVariable;
    }
  }

  // Where the line of this tag begins, unless something was read of it before: nothing then.
  std::optional<std::size_t> line_begin(std::size_t open) const {
    const std::size_t before = text_.substr(at_, open - at_).rfind('\n');
    if (before != std::string_view::npos) return at_ + before + 1;
    const bool at_line = at_ == 0 || text_[at_ - 1] == '\n';
    return at_line ? std::optional(at_) : std::nullopt;
  }

  // Nothing but blanks around the tag in its line; `next` is moved behind the line then.
  bool alone(std::size_t open, std::size_t& next) const {
    const std::optional<std::size_t> line = line_begin(open);
    if (!line || !is_blank(text_.substr(*line, open - *line))) return false;
    const std::size_t end = std::min(text_.find('\n', next), text_.size());
    std::string_view rest = text_.substr(next, end - next);
    if (end < text_.size() && rest.ends_with('\r')) rest.remove_suffix(1);
    if (!is_blank(rest)) return false;
    next = std::min(end + 1, text_.size());
    return true;
  }

  bool change_delimiters(std::size_t open, std::string_view content) {
    const std::size_t gap = content.find_first_of(" \t\r\n");
    if (gap == std::string_view::npos) {
      return refuse(open, "new delimiters are two, with a blank between them, as in {{=<% %>=}}");
    }
    const std::string_view begin = content.substr(0, gap);
    const std::string_view end = trim_all(content.substr(gap));
    constexpr std::string_view kNever = " \t\r\n=";
    if (begin.find_first_of(kNever) != std::string_view::npos ||
        end.find_first_of(kNever) != std::string_view::npos) {
      return refuse(open, "a delimiter holds neither blanks nor =");
    }
    open_ = begin;
    close_ = end;
    return true;
  }

  void add_text(std::size_t end) {
    while (at_ < end) {
      const std::size_t stop = std::min(text_.substr(0, end).find_first_of("\r\n", at_), end);
      if (stop > at_) tags_.push_back({TagKind::kText, text_.substr(at_, stop - at_), at_, {}});
      at_ = stop;
      if (stop == end) return;
      const std::size_t bytes = text_.substr(stop, end - stop).starts_with("\r\n") ? 2 : 1;
      tags_.push_back({TagKind::kBreak, text_.substr(stop, bytes), stop, {}});
      at_ += bytes;
    }
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string open_ = "{{";
  std::string close_ = "}}";
  std::vector<Tag> tags_;
  TextFault fault_;
};

}  // namespace

std::string Spot::text() const {
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

Spot spot_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t line =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  const std::string_view in_line = before.substr(line);
  return {static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
          static_cast<std::uint32_t>(std::count_if(in_line.begin(), in_line.end(), begins) + 1)};
}

tl::expected<std::vector<Tag>, TextFault> read_tags(std::string_view text) {
  return TagReader(text).read();
}

}  // namespace tocsin::templates
