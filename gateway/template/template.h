#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "gateway/base/clock.h"
#include "gateway/base/result.h"
#include "gateway/message/notification.h"
#include "gateway/template/helpers.h"
#include "gateway/template/tags.h"

// Texts that operators write with places for a notification's fields, in Mustache
// (https://github.com/mustache/spec, version 1.4 without its optional modules):
//
//   {{topic}} {{level}} {{title}} {{body}} {{key}} {{external_id}} {{deliver_at}} {{expires_at}}
//   {{labels.team}} {{labels[service.name]}}     a label
//   {{data.order.total}}                         what the sender's data has there; {{data}} all of
//   it
//   {{id}} {{delivery_id}} {{output}} {{address}} {{accepted_at}}    where there is a delivery
//   {{values.chat_id}}                           what the configuration sets, e.g. a token
//   {{#labels}}{{name}}={{value}} {{/labels}}    all labels
//   {{#data.items}}{{sku}}{{/data.items}}        each of a list; {{#title}}...{{/title}} when there
//   {{^body}}...{{/body}}                        when there is none; an empty text is none
//   {{> footer}}                                 another text
//   {{title | cut 80}}                           helpers.h
//
// `{{x}}` is escaped for the text's target, `{{{x}}}` and `{{&x}}` never.

namespace tocsin::templates {

inline constexpr std::size_t kTemplateBytesMax = 64 * 1024;
inline constexpr std::size_t kExpandedBytesMax = 256 * 1024;  ///< with the parts it includes
inline constexpr std::size_t kPartDepthMax = 8;               ///< parts inside parts
inline constexpr std::size_t kSectionDepthMax = 32;           ///< sections inside sections
inline constexpr std::size_t kRenderedBytesMax = 1024 * 1024;
/// Places filled in and items of lists looked at in one rendering.
inline constexpr std::size_t kRenderStepsMax = 20'000;

/// What a place becomes for which the notification has no value, unless a helper gives one.
enum class Missing : std::uint8_t {
  kEmpty,
  kError,  ///< the rendering fails and says what was missing
};

/// Texts that templates include by name.
using Parts = std::map<std::string, std::string, std::less<>>;
/// What {{values.NAME}} stands for, the same for every notification.
using Values = std::map<std::string, std::string, std::less<>>;

/// How a template is compiled. Borrowed for the call.
struct Rules {
  Escape escape = Escape::kNone;
  Missing missing = Missing::kEmpty;
  bool of_delivery = false;        ///< {{id}} and the like are there
  std::string zone = "UTC";        ///< of `time` without one; is_time_zone()
  const Parts* parts = nullptr;    ///< null: there are none
  const Values* values = nullptr;  ///< null: there are none
};

/// What a template is filled in from; the texts are empty where there is no delivery.
struct Subject {
  const message::Notification* notification = nullptr;
  std::string_view id = {};
  std::string_view delivery_id = {};
  std::string_view output = {};
  std::string_view address = {};
  std::optional<WallTime> accepted_at = std::nullopt;
};

struct Rendered {
  std::string text;
  std::uint32_t cuts = 0;  ///< values that a limit made shorter
};

/// A compiled template. Rendering changes nothing that is seen, but one thread at a time may do it.
class Template {
 public:
  /// The fault is the first one of the text: a tag that is not closed, a section that does not
  /// match, a name that no notification has, a part that is not there or includes itself, a helper
  /// that cannot be, or a limit.
  static tl::expected<Template, TextFault> compile(std::string_view text, const Rules& rules = {});

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// kNotFound: a value is missing, and Missing::kError; kFull: beyond kRenderedBytesMax or
  /// kRenderStepsMax; kInvalid: the template asks for data that is no JSON.
  Result<Rendered> render(const Subject& subject) const;

 private:
  class Compiled;
  explicit Template(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tocsin::templates
