#include "gateway/plugin/settings.h"

#include "gateway/base/option.h"
#include "gateway/plugin/text.h"

namespace tocsin::plugin {

namespace {

// What one scalar becomes; lists and maps are the caller's.
struct ScalarFiller {
  tocsin_value& out;

  void operator()(std::monostate) const { out.type = TOCSIN_ANY; }
  void operator()(bool value) const {
    out.type = TOCSIN_BOOLEAN;
    out.integer = value ? 1 : 0;
  }
  void operator()(std::int64_t value) const {
    out.type = TOCSIN_INTEGER;
    out.integer = value;
    out.number = static_cast<double>(value);
  }
  void operator()(double value) const {
    out.type = TOCSIN_NUMBER;
    out.number = value;
  }
  void operator()(const std::string& value) const {
    out.type = TOCSIN_STRING;
    out.text = str_of(value);
  }
  void operator()(Duration value) const {
    out.type = TOCSIN_DURATION;
    out.integer = value.count();
  }
  void operator()(Value::Size value) const {
    out.type = TOCSIN_SIZE;
    out.integer = static_cast<std::int64_t>(value.bytes);
  }
  void operator()(const Rate& value) const {
    out.type = TOCSIN_RATE;
    out.number = value.count;
    out.integer = value.period.count();
  }
  void operator()(const Value::List&) const {}
  void operator()(const Value::Map&) const {}
};

}  // namespace

Settings::Settings(const Value& value) { fill(value, root_, true); }

void Settings::fill(const Value& value, tocsin_value& out, bool top) {
  out = tocsin_value{};
  out.size = sizeof(tocsin_value);
  if (value.place().file != nullptr) {
    out.place = str_of(places_.emplace_back(value.place().text()));
  }
  if (value.is<Value::List>()) {
    fill_list(value.as<Value::List>(), out);
  } else if (value.is<Value::Map>()) {
    fill_map(value.as<Value::Map>(), out, top);
  } else {
    std::visit(ScalarFiller{out}, value.data());
  }
}

void Settings::fill_list(const Value::List& list, tocsin_value& out) {
  std::vector<tocsin_value>& items = items_.emplace_back(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) fill(list[i], items[i], false);
  out.type = TOCSIN_LIST;
  out.items = items.data();
  out.count = static_cast<std::uint32_t>(items.size());
  out.stride = sizeof(tocsin_value);
}

void Settings::fill_map(const Value::Map& map, tocsin_value& out, bool top) {
  std::vector<tocsin_value>& items = items_.emplace_back();
  std::vector<tocsin_str>& keys = keys_.emplace_back();
  items.reserve(map.size());
  for (const Value::Entry& entry : map) {
    if (top && is_gateway_key(entry.key)) continue;
    keys.push_back(str_of(entry.key));
    fill(entry.value, items.emplace_back(), false);
  }
  out.type = TOCSIN_MAP;
  out.items = items.data();
  out.keys = keys.data();
  out.count = static_cast<std::uint32_t>(items.size());
  out.stride = sizeof(tocsin_value);
}

}  // namespace tocsin::plugin
