#include "gateway/app/secret_lines.h"

#include "gateway/config/key_advice.h"

namespace tocsin::app {

void SecretLines::add(const OptionTable& table, const Value& settings) {
  for (const Option& option : table.options) {
    if (!config::holds_secret(option)) continue;
    if (const Value* value = settings.find(option.key)) add_all(*value);
  }
}

// Of a table that has one secret all lines count: it costs a line that could have been shown.
void SecretLines::add_all(const Value& value) {
  add(value.place());
  if (value.is<Value::List>()) {
    for (const Value& one : value.as<Value::List>()) add_all(one);
  } else if (value.is<Value::Map>()) {
    for (const Value::Entry& entry : value.as<Value::Map>()) add_all(entry.value);
  }
}

void SecretLines::hide(config::Diagnostics& faults) const {
  for (config::Diagnostic& fault : faults) {
    fault.hide_source = fault.hide_source || lines_.contains(line_of(fault.place));
  }
}

}  // namespace tocsin::app
