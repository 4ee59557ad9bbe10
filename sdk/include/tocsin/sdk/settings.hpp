#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tocsin/sdk/text.hpp"

namespace tocsin::sdk {

using Duration = std::chrono::nanoseconds;

/// So many events in each period.
struct Rate {
  double count = 0;
  Duration period = std::chrono::seconds(1);
};

/// A checked setting, or one that was not given. The option table promises the types, so a getter
/// only asks whether it is there: absent gives the fallback. Borrows what create() lent.
class Value {
 public:
  Value() = default;
  explicit Value(const tocsin_value* value) : value_(value) {}

  explicit operator bool() const { return value_ != nullptr; }

  bool boolean(bool fallback = false) const {
    return is(TOCSIN_BOOLEAN) ? value_->integer != 0 : fallback;
  }
  std::int64_t integer(std::int64_t fallback = 0) const {
    return is(TOCSIN_INTEGER) ? value_->integer : fallback;
  }
  double number(double fallback = 0) const {
    return is(TOCSIN_NUMBER) || is(TOCSIN_INTEGER) ? value_->number : fallback;
  }
  Duration duration(Duration fallback = Duration::zero()) const {
    return is(TOCSIN_DURATION) ? Duration(value_->integer) : fallback;
  }
  std::uint64_t bytes(std::uint64_t fallback = 0) const {
    return is(TOCSIN_SIZE) ? static_cast<std::uint64_t>(value_->integer) : fallback;
  }
  Rate rate() const {
    return is(TOCSIN_RATE) ? Rate{value_->number, Duration(value_->integer)} : Rate{};
  }
  /// Strings, choices and addresses.
  std::string text(std::string_view fallback = {}) const {
    return std::string(text_view(fallback));
  }
  std::string_view text_view(std::string_view fallback = {}) const {
    return is(TOCSIN_STRING) ? view(value_->text) : fallback;
  }
  /// True for a word such as "auto" where the option is a number.
  bool is_text() const { return is(TOCSIN_STRING); }

  /// Lists and maps.
  std::size_t size() const { return holds_items() ? value_->count : 0; }
  Value at(std::size_t index) const { return Value(&items()[index]); }
  std::string_view key(std::size_t index) const { return view(value_->keys[index]); }
  /// The entry of a map or table.
  Value operator[](std::string_view name) const {
    if (!is(TOCSIN_MAP)) return {};
    for (std::size_t i = 0; i < value_->count; ++i) {
      if (key(i) == name) return Value(&items()[i]);
    }
    return {};
  }

  /// The setting itself, for one of type kAny; null: not given.
  const tocsin_value* c() const { return value_; }

  /// "file:line:column"; empty for a default.
  std::string_view place() const { return value_ == nullptr ? "" : view(value_->place); }

 private:
  bool is(std::uint32_t type) const { return value_ != nullptr && value_->type == type; }
  bool holds_items() const { return is(TOCSIN_LIST) || is(TOCSIN_MAP); }
  Items<tocsin_value> items() const { return {value_->items, value_->count, value_->stride}; }

  const tocsin_value* value_ = nullptr;
};

/// Tells the host why something failed.
class Fault {
 public:
  explicit Fault(tocsin_fault* fault) : fault_(fault) {}

  /// One sentence without a full stop, and the option at fault. Always false, so that it can be
  /// returned.
  bool refuse(std::string_view what, std::string_view key = {}) {
    return fail(TOCSIN_INVALID, what, key);
  }
  bool fail(std::uint32_t status, std::string_view what, std::string_view key = {}) {
    status_ = status;
    if (fault_ == nullptr) return false;
    fault_->code = status;
    fault_->what_len = copy(what, fault_->what, sizeof(fault_->what));
    fault_->key_len = copy(key, fault_->key, sizeof(fault_->key));
    return false;
  }
  std::uint32_t status() const { return status_; }

 private:
  static std::uint32_t copy(std::string_view text, char* to, std::size_t room) {
    return static_cast<std::uint32_t>(text.copy(to, room));
  }

  tocsin_fault* fault_;
  std::uint32_t status_ = TOCSIN_FAILED;
};

}  // namespace tocsin::sdk
