#include "gateway/admin/body.h"

#include <algorithm>
#include <utility>

#include "gateway/base/json_reader.h"
#include "gateway/base/text.h"
#include "gateway/delivery/settle.h"

namespace tocsin::admin {

namespace {

constexpr std::size_t kShownBytesMax = 64;  // of a name that is not known

std::string known_names(std::span<const std::string_view> known) {
  std::string text;
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) text += i + 1 == known.size() ? " and " : ", ";
    text += known[i];
  }
  return text + (known.size() == 1 ? " is known" : " are known");
}

}  // namespace

Problem wrong(std::string pointer, std::string detail) {
  return {.status = 400, .detail = std::move(detail), .pointer = std::move(pointer)};
}

std::string pointer_to(std::string_view member) {
  std::string pointer = "/";
  for (const char c : delivery::cut_text(member, kShownBytesMax)) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

tl::expected<Value, Problem> read_body(std::string_view body,
                                       std::span<const std::string_view> known,
                                       std::span<const std::string_view> required) {
  Result<Value> document = read_json(body);
  if (!document) return tl::unexpected(wrong("", "In the body: " + document.error().what + "."));
  if (!document->is<Value::Map>()) return tl::unexpected(wrong("", "An object is expected."));
  for (const Value::Entry& member : document->as<Value::Map>()) {
    if (std::ranges::find(known, member.key) != known.end()) continue;
    return tl::unexpected(
        wrong(pointer_to(member.key), "This name is unknown; " + known_names(known) + "."));
  }
  for (const std::string_view name : required) {
    if (document->find(name) != nullptr) continue;
    return tl::unexpected(wrong(pointer_to(name), "\"" + std::string(name) + "\" is missing."));
  }
  return std::move(*document);
}

}  // namespace tocsin::admin
