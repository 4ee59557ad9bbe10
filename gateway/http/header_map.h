#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "gateway/base/text.h"

namespace tocsin::http {

struct Header {
  std::string_view name;
  std::string_view value;
};

/// The fields of one head or trailer section in the order they came; names compare without case and
/// may repeat. A fixed table of views: whoever adds a field keeps its bytes alive as long as the
/// map (usually in the exchange's arena). Views handed out stay valid until the next change.
class HeaderMap {
 public:
  /// Room for the most fields a peer may send plus what filters add.
  static constexpr std::size_t kFieldsMax = 128;

  HeaderMap() {}  // NOLINT(modernize-use-equals-default): the table stays uninitialised
  HeaderMap(const HeaderMap& other) { *this = other; }
  HeaderMap& operator=(const HeaderMap& other) {
    count_ = other.count_;
    std::copy_n(other.fields_, count_, fields_);
    return *this;
  }

  /// False when the table is full.
  [[nodiscard]] bool add(std::string_view name, std::string_view value) {
    if (count_ == kFieldsMax) return false;
    fields_[count_++] = Header{name, value};
    return true;
  }
  /// Replaces every field of that name by one. False when the table is full.
  [[nodiscard]] bool set(std::string_view name, std::string_view value);
  /// Returns how many fields went.
  std::size_t remove(std::string_view name);
  void clear() { count_ = 0; }

  /// The first field of that name.
  std::optional<std::string_view> find(std::string_view name) const {
    for (const Header& field : all()) {
      if (equals_ignoring_case(field.name, name)) return field.value;
    }
    return std::nullopt;
  }
  bool has(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;

  /// True when some field of that name holds `token` in its comma-separated list (RFC 9110 5.6.1).
  bool list_has(std::string_view name, std::string_view token) const;

  std::span<const Header> all() const { return {fields_, count_}; }
  std::span<Header> all() { return {fields_, count_}; }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  union {  // only the first count_ are alive: clearing 4 KiB per head would cost more than most
           // heads
    Header fields_[kFieldsMax];
  };
  std::size_t count_ = 0;
};

/// True when the comma-separated list (RFC 9110 5.6.1) holds `token`.
bool list_holds(std::string_view list, std::string_view token);
/// True for a non-empty token of RFC 9110 5.6.2: what a field name or method may be.
bool is_token(std::string_view text);
/// True when the text may be a field value: no control bytes but tab, no space at either end.
bool is_field_value(std::string_view text);

}  // namespace tocsin::http
