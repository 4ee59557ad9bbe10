#pragma once

#include <gtest/gtest.h>
#include <rapidjson/reader.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tocsin {

/// One JSON object without nesting, as log lines are. Reads with RapidJSON's reader alone: clang no
/// longer compiles the document.h of release 1.1.
class FlatJson {
 public:
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string>;

  /// Fails the test when `text` is anything else.
  explicit FlatJson(std::string_view text) {
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::Reader reader;
    Handler handler(values_);
    const auto outcome = reader.Parse<rapidjson::kParseValidateEncodingFlag>(stream, handler);
    EXPECT_FALSE(outcome.IsError()) << text;
  }

  bool has(const std::string& name) const { return values_.contains(name); }
  std::size_t size() const { return values_.size(); }
  bool is_null(const std::string& name) const { return holds<std::nullptr_t>(name); }
  bool boolean(const std::string& name) const { return get<bool>(name); }
  std::string string(const std::string& name) const { return get<std::string>(name); }
  double number(const std::string& name) const { return get<double>(name); }
  std::uint64_t natural(const std::string& name) const { return get<std::uint64_t>(name); }
  std::int64_t integer(const std::string& name) const {
    return holds<std::uint64_t>(name) ? static_cast<std::int64_t>(natural(name))
                                      : get<std::int64_t>(name);
  }

 private:
  struct Handler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Handler> {
    explicit Handler(std::map<std::string, Value>& into) : values(into) {}
    bool Default() { return false; }
    bool StartObject() { return !std::exchange(inside, true); }
    bool EndObject(rapidjson::SizeType) { return true; }
    bool Key(const char* text, rapidjson::SizeType length, bool) {
      name.assign(text, length);
      return true;
    }
    bool keep(Value value) { return values.emplace(name, std::move(value)).second; }
    bool Null() { return keep(nullptr); }
    bool Bool(bool value) { return keep(value); }
    bool Int(int value) { return keep(std::int64_t{value}); }
    bool Int64(std::int64_t value) { return keep(value); }
    bool Uint(unsigned value) { return keep(std::uint64_t{value}); }
    bool Uint64(std::uint64_t value) { return keep(value); }
    bool Double(double value) { return keep(value); }
    bool String(const char* text, rapidjson::SizeType length, bool) {
      return keep(std::string(text, length));
    }

    std::map<std::string, Value>& values;
    std::string name;
    bool inside = false;
  };

  template <typename T>
  bool holds(const std::string& name) const {
    return has(name) && std::holds_alternative<T>(values_.at(name));
  }
  template <typename T>
  T get(const std::string& name) const {
    EXPECT_TRUE(holds<T>(name)) << name;
    return holds<T>(name) ? std::get<T>(values_.at(name)) : T();
  }

  std::map<std::string, Value> values_;
};

}  // namespace tocsin
