#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

/// Writes one JSON value into a string, with commas and, if asked, line breaks in the right places.
/// Text is escaped, and bytes that are not UTF-8 become U+FFFD. The caller keeps the grammar: in an
/// object a key before each value, every begin with its end.
class JsonWriter {
 public:
  /// `indent` 0 writes everything on one line; otherwise so many spaces a level.
  explicit JsonWriter(std::string& out, std::size_t indent = 0) : out_(out), indent_(indent) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  void key(std::string_view name);
  void text(std::string_view value);
  void number(std::int64_t value);
  void boolean(bool value);
  /// A number as it is written, e.g. "0.5"; the caller knows that it is one.
  void number_text(std::string_view digits);
  /// A whole value as it is written, e.g. `{"a":[1]}`; the caller knows that it is one.
  void json(std::string_view value);

  /// key() and text() in one.
  void pair(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }

 private:
  void open(char bracket);
  void close(char bracket);
  void before_value();
  void break_line();

  std::string& out_;
  std::size_t indent_;
  std::vector<bool> filled_;  // for each open bracket, whether something stands in it
  bool after_key_ = false;
};

}  // namespace tocsin
