#include "gateway/message/pointer.h"

#include "gateway/base/text.h"

namespace tocsin::message {

std::string_view shown_name(std::string_view name) {
  const std::string_view head = name.substr(0, kShownNameBytesMax);
  return head.size() == name.size() ? name : head.substr(0, utf8_prefix(head));
}

void append_pointer_token(std::string& out, std::string_view name) {
  out += '/';
  for (const char c : shown_name(name)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
}

}  // namespace tocsin::message
