#pragma once

#include <deque>
#include <string>
#include <vector>

#include "gateway/base/value.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// An instance's checked settings in the contract's form. Borrows the texts of the value it was
/// made from.
class Settings {
 public:
  /// `value` is a map that `table` accepted; keys of the gateway's own (type, id, delivery) are
  /// left out at its top.
  explicit Settings(const Value& value);
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  const tocsin_value& root() const { return root_; }

 private:
  void fill(const Value& value, tocsin_value& out, bool top);
  void fill_list(const Value::List& list, tocsin_value& out);
  void fill_map(const Value::Map& map, tocsin_value& out, bool top);

  std::deque<std::vector<tocsin_value>> items_;
  std::deque<std::vector<tocsin_str>> keys_;
  std::deque<std::string> places_;
  tocsin_value root_{};
};

}  // namespace tocsin::plugin
