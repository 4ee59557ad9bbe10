// The schema is written from the same tables that validate, so an editor can never be behind. Two
// liberties of the configuration show in it: a scalar may be quoted or hold a ${variable} whatever
// its type, and an empty list or mapping may be left blank.

#include "gateway/config/json_schema.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "gateway/base/json_writer.h"
#include "gateway/config/key_advice.h"
#include "gateway/config/scalar.h"

namespace tocsin::config {

namespace {

constexpr std::string_view kInterpolated = "\\$\\{";
constexpr std::string_view kDurationPattern =
    "^(0|([0-9]+(\\.[0-9]+)?d)?([0-9]+(\\.[0-9]+)?h)?([0-9]+(\\.[0-9]+)?m)?"
    "([0-9]+(\\.[0-9]+)?s)?([0-9]+(\\.[0-9]+)?ms)?([0-9]+(\\.[0-9]+)?us)?)$";
constexpr std::string_view kSizePattern = "^(0|[0-9]+(\\.[0-9]+)?([KMGT]iB|kB|[MGT]B|B))$";
constexpr std::string_view kByteRatePattern = "^(0|[0-9]+(\\.[0-9]+)?([KMGT]iB|kB|[MGT]B|B)/s)$";
constexpr std::string_view kRatePattern =
    "^[0-9]+(\\.[0-9]+)?/([0-9]+(\\.[0-9]+)?)?(us|ms|s|m|h|d)$";
constexpr std::string_view kAddressPattern = "^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._*-]*):[0-9]+$";

class SchemaWriter {
 public:
  explicit SchemaWriter(const ComponentCatalog& catalog) : catalog_(catalog), json_(out_, 2) {}

  std::string run(const OptionTable& table) {
    json_.begin_object();
    pair("$schema", "https://json-schema.org/draft/2020-12/schema");
    pair("title", table.name);
    pair("description", table.doc);
    table_body(table, true);
    key("$defs");
    json_.begin_object();
    while (!pending_.empty()) {
      const OptionTable* next = pending_.front();
      pending_.pop_front();
      key(definition_of(*next));
      json_.begin_object();
      pair("description", next->doc);
      table_body(*next, false);
      json_.end_object();
    }
    json_.end_object();
    json_.end_object();
    return out_ + "\n";
  }

 private:
  void text(std::string_view value) { json_.text(value); }
  void key(std::string_view name) { json_.key(name); }
  void pair(std::string_view name, std::string_view value) { json_.pair(name, value); }
  void length(std::string_view name, std::string_view bound) {
    if (bound.empty()) return;
    key(name);
    json_.number_text(bound);
  }
  void types(std::initializer_list<std::string_view> names) {
    key("type");
    json_.begin_array();
    for (const std::string_view name : names) text(name);
    json_.end_array();
  }
  void pattern_branch(std::string_view pattern) {
    json_.begin_object();
    pair("type", "string");
    pair("pattern", pattern);
    json_.end_object();
  }

  // The members of an object schema for a table, inside an object already open.
  void table_body(const OptionTable& table, bool is_root) {
    if (may_be_blank(table)) {
      types({"object", "null"});
    } else {
      pair("type", "object");
    }
    key("properties");
    json_.begin_object();
    if (is_root) include_property();
    properties(table);
    json_.end_object();
    key("additionalProperties");
    json_.boolean(false);
    required(table, {});
    exclusive(table);
  }

  static bool may_be_blank(const OptionTable& table) {
    return table.exactly_one_of.empty() &&
           std::none_of(table.options.begin(), table.options.end(), [](const Option& option) {
             return (option.flags & Option::kRequired) != 0;
           });
  }

  void include_property() {
    key("include");
    json_.begin_object();
    pair("description", "Files to merge into this one: a path or pattern, or a list of them.");
    types({"string", "array"});
    key("items");
    json_.begin_object();
    pair("type", "string");
    json_.end_object();
    json_.end_object();
  }

  void properties(const OptionTable& table) {
    for (const Option& option : table.options) {
      key(option.key);
      json_.begin_object();
      pair("description", option.doc);
      if (!option.default_text.empty() && is_scalar(option.type)) {
        pair("default", option.default_text);
      }
      value(option);
      json_.end_object();
    }
  }

  void required(const OptionTable& table, std::string_view also) {
    std::vector<std::string_view> keys;
    if (!also.empty()) keys.push_back(also);
    for (const Option& option : table.options) {
      if ((option.flags & Option::kRequired) != 0) keys.push_back(option.key);
    }
    if (keys.empty()) return;
    key("required");
    json_.begin_array();
    for (const std::string_view k : keys) text(k);
    json_.end_array();
  }

  // Of a component: what a preset may fill in need not be written beside one.
  void demands(const OptionTable& table) {
    if (find_option(table, "preset") == nullptr) {
      required(table, "type");
      exclusive(table);
      return;
    }
    key("required");
    json_.begin_array();
    text("type");
    json_.end_array();
    key("if");
    json_.begin_object();
    key("required");
    json_.begin_array();
    text("preset");
    json_.end_array();
    json_.end_object();
    key("else");
    json_.begin_object();
    required(table, {});
    exclusive(table);
    json_.end_object();
  }

  void exclusive(const OptionTable& table) {
    const auto groups = exclusive_groups(table);
    if (groups.empty()) return;
    key("allOf");
    json_.begin_array();
    for (const auto& group : groups) {
      json_.begin_object();
      key("oneOf");
      json_.begin_array();
      for (const std::string_view k : group) {
        json_.begin_object();
        key("required");
        json_.begin_array();
        text(k);
        json_.end_array();
        json_.end_object();
      }
      json_.end_array();
      json_.end_object();
    }
    json_.end_array();
  }

  // The members that describe one value, inside an object already open.
  void value(const Option& option) {
    switch (option.type) {
      case OptionType::kList:
        return list(option);
      case OptionType::kMap:
        return map(option);
      case OptionType::kTable:
        return reference(*option.table);
      case OptionType::kPlugin:
        return plugin(option);
      case OptionType::kAny:
        return;
      default:
        return scalar(option);
    }
  }

  void branch(const Option& option) {
    json_.begin_object();
    value(option);
    json_.end_object();
  }

  void list(const Option& option) {
    types({"array", "null"});
    length("minItems", option.min);
    length("maxItems", option.max);
    key("items");
    branch(*option.element);
  }

  void map(const Option& option) {
    types({"object", "null"});
    length("minProperties", option.min);
    length("maxProperties", option.max);
    key("additionalProperties");
    branch(*option.element);
  }

  // A table's name under $defs. Two tables may be called the same: the second is "name 2".
  const std::string& definition_of(const OptionTable& table) {
    const auto [place, is_new] = definitions_.try_emplace(&table);
    if (!is_new) return place->second;
    pending_.push_back(&table);
    place->second = table.name;
    for (int count = 2; !names_.insert(place->second).second; ++count) {
      place->second = std::string(table.name) + " " + std::to_string(count);
    }
    return place->second;
  }

  void reference(const OptionTable& table) {
    const std::string target = "#/$defs/" + definition_of(table);
    if (table.scalar_key.empty()) return pair("$ref", target);
    key("anyOf");
    json_.begin_array();
    branch(*find_option(table, table.scalar_key));
    json_.begin_object();
    pair("$ref", target);
    json_.end_object();
    json_.end_array();
  }

  void plugin(const Option& option) {
    key("anyOf");
    json_.begin_array();
    for (const std::string_view name : catalog_.names(option.plugin_kind)) {
      const OptionTable* found = catalog_.find(option.plugin_kind, name);
      if (found == nullptr) continue;  // it cannot be used
      const OptionTable& table = *found;
      json_.begin_object();
      pair("const", name);
      json_.end_object();
      json_.begin_object();
      pair("description", table.doc);
      pair("type", "object");
      key("properties");
      json_.begin_object();
      key("type");
      json_.begin_object();
      pair("const", name);
      json_.end_object();
      key("id");
      json_.begin_object();
      pair("type", "string");
      json_.end_object();
      properties(table);
      json_.end_object();
      key("additionalProperties");
      json_.boolean(false);
      demands(table);
      json_.end_object();
    }
    pattern_branch(kInterpolated);
    json_.end_array();
  }

  void scalar(const Option& option) {
    if (option.type == OptionType::kString) return plain_text(option);
    key("anyOf");
    json_.begin_array();
    typed(option);
    if (option.type != OptionType::kChoice) {
      for (const std::string_view word : words_of(option.choices)) {
        json_.begin_object();
        pair("const", word);
        json_.end_object();
      }
    }
    pattern_branch(kInterpolated);
    json_.end_array();
  }

  // A number written without quotes is text too, since its option says so.
  void plain_text(const Option& option) {
    types({"string", "number", "boolean"});
    length("minLength", option.min);
    // Bytes bound an option, characters a schema: a text within the first is within the second.
    length("maxLength", option.max);
  }

  void typed(const Option& option) {
    switch (option.type) {
      case OptionType::kBoolean:
        json_.begin_object();
        pair("type", "boolean");
        json_.end_object();
        return pattern_branch("^(true|false)$");
      case OptionType::kInteger:
      case OptionType::kNumber: {
        const bool integer = option.type == OptionType::kInteger;
        json_.begin_object();
        pair("type", integer ? "integer" : "number");
        length("minimum", option.min);
        length("maximum", option.max);
        json_.end_object();
        return pattern_branch(integer ? "^-?[0-9]+$" : "^-?[0-9.eE+-]+$");
      }
      case OptionType::kDuration:
        return quantity(kDurationPattern);
      case OptionType::kSize:
        return quantity(kSizePattern);
      case OptionType::kByteRate:
        return quantity(kByteRatePattern);
      case OptionType::kRate:
        return pattern_branch(kRatePattern);
      case OptionType::kAddress:
        return pattern_branch(kAddressPattern);
      default:
        break;
    }
    json_.begin_object();
    key("enum");
    json_.begin_array();
    for (const std::string_view word : words_of(option.choices)) {
      text(word);
      // `status: 301` is a number to YAML's other readers.
      const bool digits = word.find_first_not_of("0123456789") == std::string_view::npos;
      if (digits) json_.number_text(word);
    }
    json_.end_array();
    json_.end_object();
  }

  void quantity(std::string_view pattern) {
    pattern_branch(pattern);
    json_.begin_object();
    key("const");
    json_.number(0);
    json_.end_object();
  }

  const ComponentCatalog& catalog_;
  std::string out_;
  JsonWriter json_;
  std::deque<const OptionTable*> pending_;
  std::map<const OptionTable*, std::string> definitions_;
  std::set<std::string> names_;  // of definitions_
};

}  // namespace

std::string json_schema(const OptionTable& table, const ComponentCatalog& catalog) {
  return SchemaWriter(catalog).run(table);
}

}  // namespace tocsin::config
