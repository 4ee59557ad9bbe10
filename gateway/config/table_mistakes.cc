// An option table is written by hand and read by machines; these are the slips it can hold.

#include <set>

#include "gateway/config/key_advice.h"
#include "gateway/config/scalar.h"
#include "gateway/config/validation.h"

namespace tocsin::config {

namespace {

class TableInspector {
 public:
  std::vector<std::string> inspect(const OptionTable& table) {
    look_at(table, std::string(table.name));
    return std::move(mistakes_);
  }

 private:
  void complain(const std::string& where, const std::string& what) {
    mistakes_.push_back(where + ": " + what);
  }

  void look_at(const OptionTable& table, const std::string& where) {
    if (!seen_.insert(&table).second) return;
    if (table.name.empty() || table.doc.empty()) complain(where, "no name or no doc");
    std::set<std::string_view> keys;
    for (const Option& option : table.options) {
      const std::string below = path_of_key(where, option.key);
      if (option.key.empty()) complain(below, "no key");
      if (!keys.insert(option.key).second) complain(below, "the key is there twice");
      if (option.doc.empty()) complain(below, "no doc");
      look_at_option(option, below);
    }
    if (!table.scalar_key.empty()) {
      const Option* option = find_option(table, table.scalar_key);
      if (option == nullptr || !is_scalar(option->type)) complain(where, "scalar_key is no scalar");
    }
    for (const auto& group : exclusive_groups(table)) {
      for (const std::string_view key : group) {
        const Option* option = find_option(table, key);
        if (option == nullptr) {
          complain(where, "exactly_one_of names no option: " + std::string(key));
        } else if (!option->default_text.empty() || (option->flags & Option::kRequired) != 0) {
          complain(where, "exactly_one_of with a default or required: " + std::string(key));
        }
      }
    }
  }

  void look_at_option(const Option& option, const std::string& where) {
    const bool required = (option.flags & Option::kRequired) != 0;
    if (required && !option.default_text.empty()) complain(where, "required with a default");
    if (option.type == OptionType::kChoice && option.choices.empty()) complain(where, "no choices");
    if (option.type == OptionType::kPlugin && option.plugin_kind.empty()) {
      complain(where, "no plugin_kind");
    }
    const bool holder = option.type == OptionType::kList || option.type == OptionType::kMap;
    if (holder && option.element == nullptr) return complain(where, "no element");
    if (option.type == OptionType::kTable && option.table == nullptr) {
      return complain(where, "no table");
    }
    look_at_bounds(option, where);
    look_at_default(option, where);
    if (holder) look_at_option(*option.element, where + "[]");
    if (option.type == OptionType::kTable) look_at(*option.table, where);
  }

  void look_at_bounds(const Option& option, const std::string& where) {
    Option plain = option;
    plain.choices = {};
    const bool length = option.type == OptionType::kString || option.type == OptionType::kList ||
                        option.type == OptionType::kMap;
    if (length) plain.type = OptionType::kInteger;
    for (const std::string_view bound : {option.min, option.max}) {
      if (bound.empty()) continue;
      const bool comparable = is_scalar(plain.type) && plain.type != OptionType::kBoolean &&
                              plain.type != OptionType::kChoice &&
                              plain.type != OptionType::kAddress;
      if (!comparable || !parse_scalar(plain, bound)) complain(where, "a bound does not parse");
    }
  }

  void look_at_default(const Option& option, const std::string& where) {
    const std::string_view text = option.default_text;
    if (text.empty()) return;
    if (option.type == OptionType::kList) {
      if (text != "[]") complain(where, "a list's default is []");
    } else if (option.type == OptionType::kMap || option.type == OptionType::kTable) {
      if (text != "{}") complain(where, "a mapping's default is {}");
      if (option.type == OptionType::kTable) look_for_required(*option.table, where);
    } else if (is_scalar(option.type)) {
      const Result<Value::Data> typed = parse_scalar(option, text);
      if (!typed) complain(where, "the default does not parse");
      if (typed && !broken_bound(option, *typed).empty()) complain(where, "default out of bounds");
    }
  }

  // A table that is present by default must be able to stand without being written.
  void look_for_required(const OptionTable& table, const std::string& where) {
    if (!table.exactly_one_of.empty()) complain(where, "present by default, but needs a key");
    for (const Option& option : table.options) {
      if ((option.flags & Option::kRequired) != 0) {
        complain(where, "present by default, but needs the key " + std::string(option.key));
      }
    }
  }

  std::set<const OptionTable*> seen_;
  std::vector<std::string> mistakes_;
};

}  // namespace

std::vector<std::string> table_mistakes(const OptionTable& table) {
  return TableInspector().inspect(table);
}

}  // namespace tocsin::config
