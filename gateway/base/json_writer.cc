#include "gateway/base/json_writer.h"

#include "gateway/base/assert.h"
#include "gateway/base/text.h"

namespace tocsin {

void JsonWriter::key(std::string_view name) {
  TOCSIN_ASSERT(!filled_.empty() && !after_key_, "a JSON key outside of an object");
  before_value();
  append_json_string(out_, name);
  out_ += indent_ > 0 ? ": " : ":";
  after_key_ = true;
}

void JsonWriter::text(std::string_view value) {
  before_value();
  append_json_string(out_, value);
}

void JsonWriter::number(std::int64_t value) { number_text(std::to_string(value)); }

void JsonWriter::boolean(bool value) { number_text(value ? "true" : "false"); }

void JsonWriter::number_text(std::string_view digits) { json(digits); }

void JsonWriter::json(std::string_view value) {
  before_value();
  out_.append(value);
}

void JsonWriter::open(char bracket) {
  before_value();
  out_ += bracket;
  filled_.push_back(false);
}

void JsonWriter::close(char bracket) {
  TOCSIN_ASSERT(!filled_.empty() && !after_key_, "a JSON bracket closed too early");
  const bool filled = filled_.back();
  filled_.pop_back();
  if (filled) break_line();
  out_ += bracket;
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (filled_.empty()) return;
  if (filled_.back()) out_ += ',';
  filled_.back() = true;
  break_line();
}

void JsonWriter::break_line() {
  if (indent_ == 0) return;
  out_ += '\n';
  out_.append(filled_.size() * indent_, ' ');
}

}  // namespace tocsin
