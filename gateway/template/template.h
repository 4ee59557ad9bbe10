#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/result.h"
#include "gateway/message/notification.h"

// Texts that operators write with places for a notification's fields, in Mustache
// (https://mustache.github.io/mustache.5.html):
//
//   {{topic}} {{level}} {{title}} {{body}} {{key}} {{external_id}}
//   {{labels.team}} {{labels[service.name]}}     a label; empty when it is not there
//   {{#labels}}{{name}}={{value}} {{/labels}}    all of them; {{#title}}...{{/title}} when not
//   empty
//
// `{{x}}` is escaped for the text's target, `{{{x}}}` never.

namespace tocsin::templates {

enum class Escape : std::uint8_t {
  kNone,
  kHtml,  ///< & < > " '
  kJson,  ///< the inside of a JSON string
  kUrl,   ///< percent-encoded but for RFC 3986's unreserved characters
};

inline constexpr std::size_t kTemplateBytesMax = 64 * 1024;

/// A compiled template. Rendering changes nothing that is seen but is not thread-safe: one per
/// loop.
class Template {
 public:
  /// Code::kInvalid: what does not close, a name that no notification has, partials, or a text
  /// beyond kTemplateBytesMax.
  static Result<Template> compile(std::string_view text, Escape escape = Escape::kNone);

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// Appends the text for this notification.
  void render(const message::Notification& notification, std::string& out) const;

 private:
  class Compiled;
  explicit Template(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tocsin::templates
