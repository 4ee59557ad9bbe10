#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/option.h"
#include "gateway/base/result.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

/// A plugin's option tables as the rest of the gateway reads them. Texts stay the plugin's, which
/// is never unloaded; the tables live in this object.
class OptionTables {
 public:
  static constexpr std::size_t kOptionsMax = 256;  ///< of one table
  static constexpr std::size_t kTablesMax = 256;   ///< of one plugin, elements counted as well
  static constexpr int kDepthMax = 16;

  OptionTables() = default;
  OptionTables(const OptionTables&) = delete;
  OptionTables& operator=(const OptionTables&) = delete;

  /// Converts `source`; null becomes a table without options called `name`. Once. Code::kInvalid
  /// names the option at fault: no key or doc, a key twice or one of the gateway's own (type, id,
  /// delivery), an unknown type, a missing element or table, tables nested too deeply. Defaults and
  /// bounds are not looked at: see TableInspector.
  Result<void> convert(const tocsin_option_table* source, std::string_view name);

  /// Valid once converted; lives as long as this object.
  const OptionTable& root() const { return *root_; }

 private:
  Result<const OptionTable*> table(const tocsin_option_table& source, std::string_view path,
                                   int depth);
  Result<Option> option(const tocsin_option& source, std::string_view path, int depth);
  Result<void> nested(const tocsin_option& source, Option& option, std::string_view path,
                      int depth);

  // Deques, because tables point into them.
  std::deque<OptionTable> tables_;
  std::deque<std::vector<Option>> options_;
  std::deque<Option> elements_;
  const OptionTable* root_ = nullptr;
};

}  // namespace tocsin::plugin
