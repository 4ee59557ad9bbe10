// Filling in happens on the parsed tree and only once. A password that holds a quote, a colon or a
// "${" is therefore just a password: nothing that comes from outside is ever read as YAML or again
// as a variable.

#include "gateway/config/interpolation.h"

#include <algorithm>
#include <array>

#include "gateway/base/text.h"
#include "gateway/config/limits.h"

namespace tocsin::config {

namespace {

constexpr std::string_view kForms = "write ${NAME}, ${NAME:default} or ${file:/path}";
constexpr std::string_view kFilePrefix = "file:";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool good =
        (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!good) return false;
  }
  return true;
}

// What other tools write before the colon. Read as a variable with a default it would fill in the
// rest of the text itself: a secret anybody can guess, in a file that passes every check.
struct ForeignPrefix {
  std::string_view message;  // empty: it is none
  std::string hint;
};

ForeignPrefix foreign_prefix(std::string_view name, std::string_view rest) {
  constexpr std::array<std::string_view, 3> kOfVariables = {"env", "environ", "environment"};
  constexpr std::array<std::string_view, 3> kOfSecrets = {"secret", "secrets", "vault"};
  const auto is_one_of = [name](const std::array<std::string_view, 3>& words) {
    return std::ranges::any_of(
        words, [name](std::string_view word) { return equals_ignoring_case(word, name); });
  };
  if (equals_ignoring_case(name, "file")) {
    return {"file: has small letters", "write ${file:" + std::string(rest) + "}"};
  }
  if (is_one_of(kOfVariables)) {
    const std::string_view meant = rest.substr(0, rest.find(':'));
    return {"a variable has no prefix",
            is_variable_name(meant) ? "write ${" + std::string(meant) + "}" : std::string(kForms)};
  }
  if (is_one_of(kOfSecrets)) {
    return {"there is no such source of values",
            "write ${NAME} for a variable or ${file:/path} for a file"};
  }
  return {};
}

std::string directory_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

class Filler {
 public:
  Filler(std::string_view text, const std::string& directory, const Environment& environment)
      : text_(text), directory_(directory), environment_(environment) {}

  tl::expected<Interpolated, InterpolationFault> run() {
    while (at_ < text_.size()) {
      if (!step()) return tl::unexpected(std::move(fault_));
      if (out_.text.size() > kInterpolatedBytesMax) {
        blame("the filled-in text is larger than " + format_size(kInterpolatedBytesMax), "");
        return tl::unexpected(std::move(fault_));
      }
    }
    return std::move(out_);
  }

 private:
  // Takes the text up to and with the next `$` construct. False leaves a fault.
  bool step() {
    const std::size_t dollar = std::min(text_.find('$', at_), text_.size());
    out_.text.append(text_.substr(at_, dollar - at_));
    at_ = dollar;
    if (text_.substr(at_).starts_with("${")) return fill();
    if (text_.substr(at_).starts_with("$$")) ++at_;
    if (at_ < text_.size()) out_.text += text_[at_++];
    return true;
  }

  bool fill() {
    const std::size_t close = text_.find('}', at_);
    if (close == std::string_view::npos) {
      return blame("a ${ is never closed", "close it with }, or write $${ for the text ${ itself");
    }
    const std::string_view inside = text_.substr(at_ + 2, close - at_ - 2);
    if (inside.find("${") != std::string_view::npos) {
      return blame("a ${ stands inside another", "a default is plain text: give it without ${");
    }
    const bool filled = inside.starts_with(kFilePrefix)
                            ? fill_from_file(inside.substr(kFilePrefix.size()))
                            : fill_from_variable(inside);
    at_ = close + 1;
    return filled;
  }

  bool fill_from_variable(std::string_view inside) {
    const std::size_t colon = inside.find(':');
    const std::string name(inside.substr(0, colon));
    if (!is_variable_name(name)) {
      return blame("${" + std::string(inside) + "} names no variable", std::string(kForms));
    }
    const bool has_default = colon != std::string_view::npos;
    if (has_default) {
      ForeignPrefix foreign = foreign_prefix(name, inside.substr(colon + 1));
      if (!foreign.message.empty()) {
        return blame("${" + std::string(inside) + "}: " + std::string(foreign.message),
                     std::move(foreign.hint));
      }
    }
    const std::string_view fallback = has_default ? inside.substr(colon + 1) : std::string_view();
    if (fallback.starts_with('-') || fallback.starts_with('?')) {
      return blame("${" + std::string(inside) + "} is a shell's form",
                   "the default follows the colon directly: ${" + name + ":" +
                       std::string(fallback.substr(1)) + "}");
    }
    const std::optional<std::string> value = environment_.variable(name);
    if (!value && !has_default) {
      return blame(
          "the variable " + name + " is not set",
          "set it in the gateway's environment, or give a default: ${" + name + ":default}");
    }
    if (value && !is_fit(*value)) {
      return blame("the variable " + name + " holds bytes that are not UTF-8 text", "");
    }
    out_.has_default = out_.has_default || has_default;
    out_.origin = std::max(out_.origin, Node::Origin::kVariable);
    out_.text.append(value ? std::string_view(*value) : fallback);
    return true;
  }

  bool fill_from_file(std::string_view path_text) {
    if (path_text.empty()) return blame("${file:} names no file", std::string(kForms));
    const bool relative = path_text[0] != '/';
    const std::string path = (relative ? directory_ : std::string()) + std::string(path_text);
    Result<std::string> content = environment_.read_file(path, kValueFileBytesMax);
    if (!content) {
      return blame("the file " + path + " cannot be filled in: " + content.error().what,
                   "check the path, and that the gateway's user may read it");
    }
    if (!is_fit(*content)) {
      return blame("the file " + path + " holds bytes that are not UTF-8 text", "");
    }
    if (content->starts_with(kByteOrderMark)) {
      return blame("the file " + path + " begins with a byte order mark",
                   "save it as UTF-8 without one");
    }
    std::string_view kept = *content;
    if (kept.ends_with('\n')) kept.remove_suffix(kept.ends_with("\r\n") ? 2 : 1);
    out_.origin = Node::Origin::kFile;
    out_.text.append(kept);
    return true;
  }

  static bool is_fit(std::string_view text) {
    return text.find('\0') == std::string_view::npos && is_utf8(text);
  }

  bool blame(std::string message, std::string hint) {
    fault_ = InterpolationFault{at_, std::move(message), std::move(hint)};
    return false;
  }

  std::string_view text_;
  const std::string& directory_;
  const Environment& environment_;
  std::size_t at_ = 0;
  Interpolated out_;
  InterpolationFault fault_;
};

void fill_scalar(Node& node, const Environment& environment, Diagnostics& faults) {
  if (node.text.find('$') == std::string::npos) return;
  const std::string directory = node.place.file ? directory_of(*node.place.file) : std::string();
  auto filled = interpolate(node.text, directory, environment);
  if (!filled) {
    faults.push_back(
        {node.place, {}, std::move(filled.error().message), std::move(filled.error().hint)});
    return;
  }
  if (filled->origin != Node::Origin::kWritten) node.written = node.text;
  node.origin = filled->origin;
  node.has_default = filled->has_default;
  node.text = std::move(filled->text);
}

}  // namespace

tl::expected<Interpolated, InterpolationFault> interpolate(std::string_view text,
                                                           const std::string& directory,
                                                           const Environment& environment) {
  return Filler(text, directory, environment).run();
}

void interpolate_tree(Node& node, const Environment& environment, Diagnostics& faults) {
  if (faults.size() >= kDiagnosticsMax) return;
  if (node.kind == Node::Kind::kScalar) fill_scalar(node, environment, faults);
  for (Node& item : node.items) interpolate_tree(item, environment, faults);
  for (Node::Entry& entry : node.entries) {
    if (entry.key.find("${") != std::string::npos) {
      faults.push_back({entry.key_place,
                        {},
                        "keys are not filled in, and this one holds a ${",
                        "write the key itself"});
    }
    interpolate_tree(entry.value, environment, faults);
  }
}

}  // namespace tocsin::config
