#include "gateway/base/value.h"

namespace tocsin {

std::string Place::text() const {
  if (file == nullptr) return "default";
  if (line == 0) return *file;
  return *file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

const Value* Value::find(std::string_view key) const {
  for (const Entry& entry : as<Map>()) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

const Value& Value::at(std::string_view key) const {
  const Value* value = find(key);
  TOCSIN_ASSERT(value != nullptr, "a setting that its table guarantees is missing");
  return *value;
}

}  // namespace tocsin
