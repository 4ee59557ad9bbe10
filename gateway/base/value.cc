#include "gateway/base/value.h"

#include <algorithm>
#include <iterator>
#include <type_traits>

namespace tocsin {

std::string Place::text() const {
  if (file == nullptr) return "default";
  if (line == 0) return *file;
  return *file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

namespace {

// Files tend to keep their order, so that the next entry is mostly found behind the last one's.
bool same_entries(const Value::Map& one, const Value::Map& other, std::string_view but) {
  const auto counts = [but](const Value::Entry& entry) { return but.empty() || entry.key != but; };
  if (std::ranges::count_if(one, counts) != std::ranges::count_if(other, counts)) return false;
  auto next = other.begin();
  for (const Value::Entry& entry : one) {
    if (!counts(entry)) continue;
    const auto named = [&](const Value::Entry& candidate) { return candidate.key == entry.key; };
    auto match = std::find_if(next, other.end(), named);
    if (match == other.end()) match = std::find_if(other.begin(), next, named);
    if (match == other.end() || !named(*match) || !same_content(entry.value, match->value)) {
      return false;
    }
    next = std::next(match);
  }
  return true;
}

}  // namespace

bool same_content(const Value& one, const Value& other) {
  if (one.data().index() != other.data().index()) return false;
  if (one.is<Value::Map>()) {
    return same_entries(one.as<Value::Map>(), other.as<Value::Map>(), {});
  }
  if (one.is<Value::List>()) {
    return std::ranges::equal(one.as<Value::List>(), other.as<Value::List>(), same_content);
  }
  return std::visit(
      [&](const auto& payload) {
        using Payload = std::decay_t<decltype(payload)>;
        if constexpr (std::is_same_v<Payload, Value::Map> || std::is_same_v<Payload, Value::List>) {
          return false;  // compared above
        } else {
          return payload == std::get<Payload>(other.data());
        }
      },
      one.data());
}

bool same_content_but(const Value& one, const Value& other, std::string_view key) {
  return same_entries(one.as<Value::Map>(), other.as<Value::Map>(), key);
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
