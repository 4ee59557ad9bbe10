#include "form.h"

#include <algorithm>

namespace tocsin::output_sms {

namespace {

// WHATWG URL, 5.2: what stays as it is.
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*' ||
         c == '-' || c == '.' || c == '_';
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') {
      out.push_back('+');
    } else if (is_plain(c)) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4U]);
      out.push_back(kHex[byte & 15U]);
    }
  }
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool decode(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const bool whole = text.size() - i > 2;
    const int high = whole ? digit_of(text[i + 1]) : -1;
    const int low = whole ? digit_of(text[i + 2]) : -1;
    if (high < 0 || low < 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

}  // namespace

std::string encode_form(const Form& form) {
  std::string text;
  for (const auto& [name, value] : form) {
    if (!text.empty()) text.push_back('&');
    append_encoded(text, name);
    text.push_back('=');
    append_encoded(text, value);
  }
  return text;
}

std::optional<Form> decode_form(std::string_view text) {
  Form form;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view field = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (field.empty()) continue;
    if (form.size() == kFormFieldsMax) return std::nullopt;
    const std::size_t equals = std::min(field.find('='), field.size());
    auto& [name, value] = form.emplace_back();
    const std::string_view rest = field.substr(std::min(equals + 1, field.size()));
    if (!decode(field.substr(0, equals), name) || !decode(rest, value)) return std::nullopt;
  }
  return form;
}

std::string_view field_of(const Form& form, std::string_view name) {
  const auto found = std::find_if(form.begin(), form.end(),
                                  [name](const auto& field) { return field.first == name; });
  return found == form.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace tocsin::output_sms
