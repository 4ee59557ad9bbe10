// What is no address is refused here, before a server is asked: it would be asked again and again.

#include "address.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

namespace tocsin::output_smtp {

namespace {

constexpr std::size_t kLabelBytesMax = 63;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 5322 3.2.3
bool is_atom(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [kMarks](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool is_dot_string(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_atom(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// "..." with backslashes before quotes and backslashes; `text` has no control characters.
bool is_quoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return false;
    if (text[i] == '\\' && ++i == text.size()) return false;
  }
  return true;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= kLabelBytesMax && text.front() != '-' &&
         text.back() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
           return is_alphanumeric(c) || c == '-';
         });
}

bool is_domain(std::string_view text) {
  if (text.size() > Address::kDomainBytesMax) return false;
  for (;;) {
    const std::size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// `A. Name` of `"A. Name"`.
std::string unquoted(std::string_view text) {
  if (!is_quoted(text)) return std::string(text);
  std::string out;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

std::string domain_of(std::string_view text, std::string& why) {
  if (text.empty()) {
    why = "there is no domain behind the @";
    return {};
  }
  if (text.front() == '[') {
    why = "an IP address in place of the domain is not taken";
    return {};
  }
  std::string ascii(text);
  if (!is_ascii(text)) {
    char* converted = nullptr;
    const int code =
        ::idn2_to_ascii_8z(ascii.c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, void (*)(void*)> owned(converted, ::idn2_free);
    if (code != IDN2_OK) {
      why = std::string("the domain is no internationalized name: ") + ::idn2_strerror(code);
      return {};
    }
    ascii = converted;
  }
  for (char& c : ascii) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  if (!is_domain(ascii)) {
    why = "what stands behind the @ is no domain";
    return {};
  }
  return ascii;
}

bool Address::read(std::string_view text, std::string& why) {
  if (std::any_of(text.begin(), text.end(), is_control)) {
    why = "an address holds no control characters";
    return false;
  }
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) {
    why = "an address has an @";
    return false;
  }
  const std::string_view front = text.substr(0, at);
  if (!is_ascii(front)) {
    why = "only ASCII is taken in front of the @; behind it any script is";
    return false;
  }
  if (!is_dot_string(front) && !is_quoted(front)) {
    why = "what stands in front of the @ is no local part";
    return false;
  }
  std::string behind = domain_of(text.substr(at + 1), why);
  if (behind.empty()) return false;
  if (front.size() > kLocalBytesMax || front.size() + 1 + behind.size() > kBytesMax) {
    why = "the address is longer than mail allows";
    return false;
  }
  local = front;
  domain = std::move(behind);
  return true;
}

bool Mailbox::read(std::string_view text, std::string& why) {
  if (std::any_of(text.begin(), text.end(), is_control)) {
    why = "a mailbox holds no control characters";
    return false;
  }
  text = trimmed(text);
  const std::size_t bracket = text.rfind('<');
  if (bracket == std::string_view::npos || !text.ends_with('>')) {
    name.clear();
    return address.read(text, why);
  }
  if (!address.read(text.substr(bracket + 1, text.size() - bracket - 2), why)) return false;
  name = unquoted(trimmed(text.substr(0, bracket)));
  return true;
}

}  // namespace tocsin::output_smtp
