#include "gateway/plugin/change.h"

#include <algorithm>

namespace tocsin::plugin {

namespace {

Change change_of_table(const Value& had, const Value& wanted, const OptionTable& table);

// Null: absent.
Change change_of_option(const Value* had, const Value* wanted, const Option& option) {
  if (had == nullptr && wanted == nullptr) return Change::kSame;
  const bool both = had != nullptr && wanted != nullptr;
  if (both && same_content(*had, *wanted)) return Change::kSame;
  if ((option.flags & Option::kReloadable) != 0) return Change::kReloadable;
  const bool tables = both && option.type == OptionType::kTable && had->is<Value::Map>() &&
                      wanted->is<Value::Map>();
  return tables ? change_of_table(*had, *wanted, *option.table) : Change::kNew;
}

// The gateway's own keys are no plugin's options, so that they are passed over.
Change change_of_table(const Value& had, const Value& wanted, const OptionTable& table) {
  Change most = Change::kSame;
  for (const Option& option : table.options) {
    most = std::max(most, change_of_option(had.find(option.key), wanted.find(option.key), option));
  }
  return most;
}

}  // namespace

Change change_of(const tocsin_plugin& was, const Value& had, const tocsin_plugin& is,
                 const Value& wanted, const OptionTable& options) {
  if (&was != &is) return Change::kNew;
  const Change change = change_of_table(had, wanted, options);
  return change == Change::kReloadable && !can_reconfigure(is) ? Change::kNew : change;
}

Change change_of(const Value& had, const Value& wanted, const OptionTable& options) {
  return change_of_table(had, wanted, options);
}

bool can_reconfigure(const tocsin_plugin& plugin) {
  return plugin.reconfigure != nullptr && plugin.worker_reconfigure != nullptr;
}

}  // namespace tocsin::plugin
