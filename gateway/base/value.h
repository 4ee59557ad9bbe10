#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/base/assert.h"
#include "gateway/base/clock.h"
#include "gateway/base/units.h"

namespace tocsin {

/// Where an operator wrote something. Line and column count from 1; 0 means the whole file, and no
/// file means the value is a default.
struct Place {
  std::shared_ptr<const std::string> file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  /// "file:line:column", "file", or "default".
  std::string text() const;
};

/// One typed setting. Immutable once built; a copy is deep.
class Value {
 public:
  using List = std::vector<Value>;
  struct Entry;
  /// In the order written; keys are unique.
  using Map = std::vector<Entry>;
  /// A size in bytes, told apart from a plain integer.
  struct Size {
    std::uint64_t bytes = 0;
    bool operator==(const Size&) const = default;
  };

  using Data = std::variant<std::monostate, bool, std::int64_t, double, std::string, Duration, Size,
                            Rate, List, Map>;

  // Defined below Entry, without which a Map cannot be destroyed.
  Value();
  Value(Data data, Place place);
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  const Place& place() const { return place_; }
  const Data& data() const { return data_; }
  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }

  template <typename T>
  bool is() const {
    return std::holds_alternative<T>(data_);
  }

  /// The payload as T; asking for another type than the option table promised is a bug.
  template <typename T>
  const T& as() const {
    const T* payload = std::get_if<T>(&data_);
    TOCSIN_ASSERT(payload != nullptr, "a setting was read as another type than its table says");
    return *payload;
  }

  /// The entry of a map, or null when absent. The value must be a map.
  const Value* find(std::string_view key) const;

  /// The entry of a map that the table guarantees (required, or with a default).
  const Value& at(std::string_view key) const;

  bool boolean(std::string_view key) const { return at(key).as<bool>(); }
  std::int64_t integer(std::string_view key) const { return at(key).as<std::int64_t>(); }
  const std::string& string(std::string_view key) const { return at(key).as<std::string>(); }
  Duration duration(std::string_view key) const { return at(key).as<Duration>(); }
  std::uint64_t bytes(std::string_view key) const { return at(key).as<Size>().bytes; }

 private:
  Data data_;
  Place place_;
};

struct Value::Entry {
  std::string key;
  Value value;
  Place key_place;
};

/// Whether both say the same, wherever it is written and in whatever order the keys of maps stand.
bool same_content(const Value& one, const Value& other);
/// The same of two maps, whatever stands under `key`.
bool same_content_but(const Value& one, const Value& other, std::string_view key);

inline Value::Value() = default;
inline Value::Value(Data data, Place place) : data_(std::move(data)), place_(std::move(place)) {}
inline Value::Value(const Value& other) = default;
inline Value::Value(Value&& other) noexcept = default;
inline Value& Value::operator=(const Value& other) = default;
inline Value& Value::operator=(Value&& other) noexcept = default;
inline Value::~Value() = default;

}  // namespace tocsin
