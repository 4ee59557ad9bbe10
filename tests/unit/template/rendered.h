#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "gateway/template/template.h"

namespace tocsin::templates {

/// What a template makes of a notification that has this data and nothing else of note. A template
/// that is refused, or fails, gives its fault in brackets.
inline std::string rendered_with(std::string_view text, std::string_view data,
                                 const Rules& rules = {}) {
  const auto compiled = Template::compile(text, rules);
  if (!compiled) return "[" + compiled.error().what + "]";
  message::Notification notification;
  notification.topic = "topic";
  notification.data = data;
  const Result<Rendered> rendered = compiled->render({.notification = &notification});
  return rendered ? rendered->text : "[" + rendered.error().what + "]";
}

}  // namespace tocsin::templates
