#pragma once

#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "tocsin/sdk/text.hpp"

namespace tocsin::sdk {

enum class Type : std::uint32_t {
  kBoolean = TOCSIN_BOOLEAN,
  kInteger = TOCSIN_INTEGER,
  kNumber = TOCSIN_NUMBER,
  kString = TOCSIN_STRING,
  kDuration = TOCSIN_DURATION,
  kSize = TOCSIN_SIZE,
  kRate = TOCSIN_RATE,
  kByteRate = TOCSIN_BYTE_RATE,
  kChoice = TOCSIN_CHOICE,
  kAddress = TOCSIN_ADDRESS,
  kList = TOCSIN_LIST,
  kMap = TOCSIN_MAP,
  kTable = TOCSIN_TABLE,
  kAny = TOCSIN_ANY
};
using enum Type;

inline constexpr unsigned kRequired = TOCSIN_REQUIRED;
inline constexpr unsigned kSecret = TOCSIN_SECRET;
inline constexpr unsigned kReloadable = TOCSIN_RELOADABLE;
inline constexpr unsigned kTemplate = TOCSIN_TEMPLATE;

struct OptionTable;

/// One key an operator may write; the fields are those of tocsin_option. Write arrays of them with
/// static storage.
struct Option {
  std::string_view key = {};
  Type type = Type::kString;
  std::string_view doc = {};
  std::string_view default_text = {};
  unsigned flags = 0;
  std::string_view min = {};
  std::string_view max = {};
  std::string_view choices = {};
  const Option* element = nullptr;
  const OptionTable* table = nullptr;
};

struct OptionTable {
  std::string_view name = {};
  std::string_view doc = {};
  std::span<const Option> options = {};
  std::string_view scalar_key = {};
  std::string_view exactly_one_of = {};
};

/// The same tables as the host reads them.
class OptionExport {
 public:
  const tocsin_option_table* table(const OptionTable& from) {
    std::vector<tocsin_option>& options = options_.emplace_back();
    options.reserve(from.options.size());
    for (const Option& option : from.options) options.push_back(to_c_option(option));
    tocsin_option_table& to = tables_.emplace_back();
    to = {};
    to.size = sizeof(to);
    to.count = static_cast<std::uint32_t>(options.size());
    to.stride = sizeof(tocsin_option);
    to.name = to_c(from.name);
    to.doc = to_c(from.doc);
    to.options = options.data();
    to.scalar_key = to_c(from.scalar_key);
    to.exactly_one_of = to_c(from.exactly_one_of);
    return &to;
  }

 private:
  tocsin_option to_c_option(const Option& from) {
    tocsin_option to{};
    to.size = sizeof(to);
    to.type = static_cast<std::uint32_t>(from.type);
    to.flags = from.flags;
    to.key = to_c(from.key);
    to.doc = to_c(from.doc);
    to.default_text = to_c(from.default_text);
    to.min = to_c(from.min);
    to.max = to_c(from.max);
    to.choices = to_c(from.choices);
    if (from.element != nullptr) {
      const tocsin_option element = to_c_option(*from.element);
      to.element = &elements_.emplace_back(element);
    }
    if (from.table != nullptr) to.table = table(*from.table);
    return to;
  }

  std::deque<tocsin_option_table> tables_;
  std::deque<std::vector<tocsin_option>> options_;
  std::deque<tocsin_option> elements_;
};

}  // namespace tocsin::sdk
