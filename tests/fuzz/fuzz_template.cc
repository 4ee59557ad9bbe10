// Input: the notification's data on the first line, a template below, which may include itself as
// {{> self}} and a text as {{> part}}. Whatever compiles stays within its limits and means the same
// for every target; whatever does not says where it is wrong.
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/assert.h"
#include "gateway/base/json_reader.h"
#include "gateway/base/text.h"
#include "gateway/template/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tocsin::templates::Escape;
  using tocsin::templates::Template;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view text = input.substr(line + 1);

  constexpr tocsin::message::Label kLabels[] = {{"team", "<till>"}, {"a.b", "\"quoted\""}};
  tocsin::message::Notification notification;
  notification.topic = "orders.paid";
  notification.title = "caf\xC3\xA9 & more";
  notification.labels = kLabels;
  // Whoever decodes a notification lets no other data in.
  if (tocsin::read_json(input.substr(0, line))) notification.data = input.substr(0, line);
  const tocsin::templates::Parts parts = {{"self", std::string(text)},
                                          {"part", " {{#labels}}\n{{name}}{{/labels}}\n"}};

  bool first_compiled = false;
  for (const Escape escape :
       {Escape::kNone, Escape::kHtml, Escape::kJson, Escape::kUrl, Escape::kSlack}) {
    const auto compiled = Template::compile(text, {.escape = escape, .parts = &parts});
    if (escape == Escape::kNone) first_compiled = compiled.has_value();
    TOCSIN_ASSERT(compiled.has_value() == first_compiled, "a target decides what compiles");
    if (!compiled) {
      TOCSIN_ASSERT(!compiled.error().what.empty(), "a fault without a sentence");
      TOCSIN_ASSERT(!compiled.error().part.empty() || compiled.error().offset <= text.size(),
                    "a fault without a place");
      continue;
    }
    const auto rendered = compiled->render({.notification = &notification});
    if (!rendered) continue;
    TOCSIN_ASSERT(rendered->text.size() <= tocsin::templates::kRenderedBytesMax, "too large");
    TOCSIN_ASSERT(tocsin::is_utf8(rendered->text), "what was UTF-8 is none any more");
    const bool plain = text.find("{{") == std::string_view::npos;
    TOCSIN_ASSERT(!plain || rendered->text == text, "a text without places was changed");
    const auto again = compiled->render({.notification = &notification});
    TOCSIN_ASSERT(again && again->text == rendered->text, "it renders differently");
  }
  return 0;
}
