// Gives types to a tree. Every fault is reported and the walk goes on, because an operator who
// fixes one line at a time at night restarts ten times.

#include "gateway/config/validation.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "gateway/base/assert.h"
#include "gateway/base/text.h"
#include "gateway/config/key_advice.h"
#include "gateway/config/limits.h"
#include "gateway/config/scalar.h"
#include "gateway/config/scalar_place.h"
#include "gateway/config/source_text.h"

namespace tocsin::config {

namespace {

constexpr std::size_t kQuotedTextMax = 60;  // bytes of an operator's text repeated in a message
constexpr std::string_view kTypeKey = "type";
constexpr std::string_view kIdKey = "id";

// What stands where a value was expected, in words that never show a secret.
std::string shown(const Node& node, const Option& option) {
  if (node.kind != Node::Kind::kScalar) return std::string(kind_name(node.kind));
  if (holds_secret(option)) return "a text that is not shown";
  if (node.origin == Node::Origin::kFile) return "what " + node.written + " holds";
  std::string text = "\"" + node.text.substr(0, kQuotedTextMax);
  if (node.text.size() > kQuotedTextMax) text += "...";
  std::replace(text.begin(), text.end(), '\n', ' ');
  text += "\"";
  if (node.origin == Node::Origin::kVariable) text += " (from " + node.written + ")";
  return text;
}

// A default as if it had been written.
Node node_of_default(std::string_view text) {
  Node node;
  if (text == "{}") {
    node.kind = Node::Kind::kMap;
  } else if (text == "[]") {
    node.kind = Node::Kind::kList;
  } else {
    node.kind = Node::Kind::kScalar;
    node.text = text;
  }
  return node;
}

Value untyped(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return Value({}, node.place);
    case Node::Kind::kList: {
      Value::List list;
      for (const Node& item : node.items) list.push_back(untyped(item));
      return Value(std::move(list), node.place);
    }
    case Node::Kind::kMap: {
      Value::Map map;
      for (const Node::Entry& e : node.entries) {
        map.push_back({e.key, untyped(e.value), e.key_place});
      }
      return Value(std::move(map), node.place);
    }
    case Node::Kind::kScalar:
      break;
  }
  if (!node.quoted && node.origin == Node::Origin::kWritten) {
    for (const OptionType type :
         {OptionType::kInteger, OptionType::kNumber, OptionType::kBoolean}) {
      Option plain;
      plain.type = type;
      if (auto typed = parse_scalar(plain, node.text)) return Value(std::move(*typed), node.place);
    }
  }
  return Value(node.text, node.place);
}

class Validator {
 public:
  Validator(const ComponentCatalog& catalog, const SourceFiles& sources)
      : catalog_(catalog), sources_(sources) {}

  tl::expected<Value, Diagnostics> run(const Node& root, const OptionTable& table) {
    Value value = table_value(root, table, {}, root.place);
    if (faults_.empty()) return value;
    for (Diagnostic& fault : faults_) {
      fault.hide_source = fault.hide_source || secret_lines_.contains(line_of(fault.place));
    }
    sort_by_place(faults_);
    return tl::unexpected(std::move(faults_));
  }

 private:
  using Line = std::pair<std::string, std::uint32_t>;
  static Line line_of(const Place& place) {
    return {place.file ? *place.file : std::string(), place.line};
  }

  void blame(Place place, std::string path, std::string message, std::string hint) {
    if (faults_.size() >= kDiagnosticsMax) return;
    faults_.push_back({std::move(place), std::move(path), std::move(message), std::move(hint)});
  }

  // `named_at` is the key that names the value: where its absence is reported.
  Value value(const Node& node, const Option& option, const std::string& path,
              const Place& named_at) {
    switch (option.type) {
      case OptionType::kList:
        return list(node, option, path);
      case OptionType::kMap:
        return map(node, option, path);
      case OptionType::kTable:
        return table_value(node, *option.table, path, named_at);
      case OptionType::kPlugin:
        return plugin(node, option, path);
      case OptionType::kAny:
        return untyped(node);
      default:
        return scalar(node, option, path);
    }
  }

  Value scalar(const Node& node, const Option& option, const std::string& path) {
    const bool secret = (option.flags & Option::kSecret) != 0;
    note_secret(node, option);
    if (node.kind == Node::Kind::kNull) {
      const bool required = (option.flags & Option::kRequired) != 0;
      blame(node.place, path, "the value is missing",
            "write " + expectation(option) + (required ? "" : ", or remove the key"));
      return {};
    }
    if (node.kind != Node::Kind::kScalar) {
      blame(node.place, path, expected(option, node), "");
      return {};
    }
    if (secret && node.has_default) {
      blame(node.place, path, "a secret has no default: whoever reads the file would know it",
            "write ${NAME} alone, or ${file:/path}");
      return {};
    }
    Result<Value::Data> typed = parse_scalar(option, node.text);
    if (!typed) {
      const bool tells = secret || node.origin == Node::Origin::kFile;
      blame(node.place, path, expected(option, node), tells ? "" : std::move(typed.error().what));
      return {};
    }
    if (const std::string bound = broken_bound(option, *typed); !bound.empty()) {
      blame(node.place, path, bound + ", got " + shown(node, option), "");
    }
    if ((option.flags & Option::kTemplate) != 0 && component_ != nullptr)
      check_template(node, path);
    return Value(std::move(*typed), node.place);
  }

  void check_template(const Node& node, const std::string& path) {
    auto fault = catalog_.template_fault(kind_, *component_, node.text);
    if (!fault) return;
    const Node& at = fault->part == nullptr ? node : *fault->part;
    std::optional<Place> exact;
    if (fault->part_is_file) {
      exact = SourceText(at.text, at.place.file).place_at(fault->offset);
    } else if (at.place.file != nullptr && at.written.empty()) {
      exact = place_in_scalar(sources_.text(*at.place.file), at.place, at.text, fault->offset);
    }
    const std::string which = fault->part == nullptr ? "" : "in the part that it includes, ";
    blame(exact.value_or(at.place), path, which + fault->what, "");
  }

  void note_secret(const Node& node, const Option& option) {
    if (node.place.line != 0 && holds_secret(option)) secret_lines_.insert(line_of(node.place));
  }

  static std::string expected(const Option& option, const Node& node) {
    return "expected " + expectation(option) + ", got " + shown(node, option);
  }

  Value list(const Node& node, const Option& option, const std::string& path) {
    TOCSIN_ASSERT(option.element != nullptr, "a list option without element");
    if (node.kind == Node::Kind::kScalar || node.kind == Node::Kind::kMap) {
      const bool text = node.kind == Node::Kind::kScalar;
      const bool short_text = text && node.text.size() <= kQuotedTextMax &&
                              node.origin == Node::Origin::kWritten &&
                              !holds_secret(*option.element);
      std::string hint = "begin each item with - and a space";
      if (short_text) hint = "write [\"" + node.text + "\"]";
      note_secret(node, option);
      blame(node.place, path, expected(option, node), std::move(hint));
      return {};
    }
    Value::List items;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = node.items[i];
      items.push_back(value(item, *option.element, path_of_item(path, i), item.place));
    }
    Value::Data data(std::move(items));
    if (const std::string bound = broken_bound(option, data); !bound.empty()) {
      blame(node.place, path, bound, "");
    }
    return Value(std::move(data), node.place);
  }

  Value map(const Node& node, const Option& option, const std::string& path) {
    TOCSIN_ASSERT(option.element != nullptr, "a map option without element");
    if (node.kind == Node::Kind::kScalar || node.kind == Node::Kind::kList) {
      note_secret(node, option);
      blame(node.place, path, expected(option, node), "write name: value lines, indented below");
      return {};
    }
    Value::Map entries;
    for (const Node::Entry& e : node.entries) {
      if (e.key.empty())
        blame(e.key_place, path, "a name is empty", "give it a name of your choice");
      const std::string below = path_of_key(path, e.key);
      entries.push_back({e.key, value(e.value, *option.element, below, e.key_place), e.key_place});
    }
    Value::Data data(std::move(entries));
    if (const std::string bound = broken_bound(option, data); !bound.empty()) {
      blame(node.place, path, bound, "");
    }
    return Value(std::move(data), node.place);
  }

  Value table_value(const Node& node, const OptionTable& table, const std::string& path,
                    const Place& named_at) {
    if (node.kind == Node::Kind::kScalar && !table.scalar_key.empty()) {
      Node full;
      full.kind = Node::Kind::kMap;
      full.place = node.place;
      full.entries.push_back({std::string(table.scalar_key), node.place, node});
      return table_value(full, table, path, named_at);
    }
    if (node.kind == Node::Kind::kScalar || node.kind == Node::Kind::kList) {
      Option as_table;
      as_table.type = OptionType::kTable;
      as_table.table = &table;
      note_secret(node, as_table);
      blame(node.place, path, expected(as_table, node),
            "write key: value lines; " + keys_of(table));
      return {};
    }
    Value::Map entries;
    tables_.push_back(&table);
    fill_table(node, table, path, named_at, entries);
    tables_.pop_back();
    return Value(std::move(entries), node.place);
  }

  // Written keys in their order, then defaults; what is left to say about absent ones.
  void fill_table(const Node& node, const OptionTable& table, const std::string& path,
                  const Place& named_at, Value::Map& entries) {
    std::set<std::string_view> meant;
    for (const Node::Entry& e : node.entries) {
      const std::string below = path_of_key(path, e.key);
      if (const Option* option = find_option(table, e.key)) {
        entries.push_back({e.key, value(e.value, *option, below, e.key_place), e.key_place});
      } else {
        meant.insert(report_unknown(e, table, path));
      }
    }
    for (const Option& option : table.options) {
      if (node.find(option.key) != nullptr) continue;
      if (!option.default_text.empty()) {
        const Node written = node_of_default(option.default_text);
        const std::string below = path_of_key(path, option.key);
        entries.push_back({std::string(option.key), value(written, option, below, {}), Place()});
      } else if ((option.flags & Option::kRequired) != 0 && !meant.contains(option.key)) {
        blame(named_at, path, "the key \"" + std::string(option.key) + "\" is missing",
              std::string(option.key) + ": " + std::string(option.doc));
      }
    }
    check_exclusive(node, table, path, named_at);
  }

  // The key it was meant to be, if that can be told.
  std::string_view report_unknown(const Node::Entry& entry, const OptionTable& table,
                                  const std::string& path) {
    UnknownKey unknown = unknown_key(entry, table, tables_);
    unknown.fault.path = path;
    if (faults_.size() < kDiagnosticsMax) faults_.push_back(std::move(unknown.fault));
    return unknown.meant;
  }

  void check_exclusive(const Node& node, const OptionTable& table, const std::string& path,
                       const Place& named_at) {
    for (const std::vector<std::string_view>& group : exclusive_groups(table)) {
      const Node::Entry* first = nullptr;
      for (const Node::Entry& e : node.entries) {
        if (std::find(group.begin(), group.end(), e.key) == group.end()) continue;
        if (first != nullptr) {
          blame(e.key_place, path,
                "\"" + first->key + "\" and \"" + e.key + "\" exclude each other",
                "keep one of the two");
        }
        if (first == nullptr) first = &e;
      }
      if (first == nullptr) {
        blame(named_at, path, "one of these keys is missing: " + quoted_list(group),
              "give exactly one of them");
      }
    }
  }

  Value plugin(const Node& node, const Option& option, const std::string& path) {
    const bool bare = node.kind == Node::Kind::kScalar;
    if (!bare && node.kind != Node::Kind::kMap) {
      blame(node.place, path, expected(option, node),
            catalog_hint(catalog_, option.plugin_kind, ""));
      return {};
    }
    const Node::Entry* type_entry = node.find(kTypeKey);
    if (!bare && (type_entry == nullptr || type_entry->value.kind != Node::Kind::kScalar)) {
      const Place& place = type_entry == nullptr ? node.place : type_entry->value.place;
      blame(place, path, "the type of this " + std::string(option.plugin_kind) + " is missing",
            type_hint(node, option));
      return {};
    }
    const Node& type = bare ? node : type_entry->value;
    const OptionTable* table = catalog_.find(option.plugin_kind, type.text);
    if (std::string why = catalog_.refusal(option.plugin_kind, type.text); !why.empty()) {
      blame(type.place, path,
            "the " + std::string(option.plugin_kind) + " " + shown(type, option) +
                " cannot be used: " + why,
            "");
      return {};
    }
    if (table == nullptr) {
      blame(type.place, path,
            "there is no " + std::string(option.plugin_kind) + " " + shown(type, option),
            catalog_hint(catalog_, option.plugin_kind, type.text));
      return {};
    }
    return component(node, type, *table, option.plugin_kind, path);
  }

  // `access_log: {path: x}` is a natural slip for `{type: access_log, path: x}`.
  std::string type_hint(const Node& node, const Option& option) const {
    for (const Node::Entry& e : node.entries) {
      if (catalog_.find(option.plugin_kind, e.key) == nullptr) continue;
      return "write {type: " + e.key + ", ...} instead of " + e.key + ": ...";
    }
    return "write {type: NAME, ...}; " + catalog_hint(catalog_, option.plugin_kind, "");
  }

  Value component(const Node& node, const Node& type, const OptionTable& table,
                  std::string_view kind, const std::string& path) {
    Value::Map entries;
    entries.push_back({std::string(kTypeKey), Value(type.text, type.place), type.place});
    Node options;
    options.kind = Node::Kind::kMap;
    options.place = node.place;
    for (const Node::Entry& e : node.entries) {
      if (e.key == kTypeKey) continue;
      if (e.key != kIdKey) {
        options.entries.push_back(e);
        continue;
      }
      Option id;
      id.min = "1";
      id.max = "100";
      entries.push_back({e.key, scalar(e.value, id, path_of_key(path, e.key)), e.key_place});
    }
    const std::string_view outer = std::exchange(kind_, kind);
    const Node* const around = std::exchange(component_, &options);
    tables_.push_back(&table);
    fill_table(options, table, path, type.place, entries);
    tables_.pop_back();
    kind_ = outer;
    component_ = around;
    return Value(std::move(entries), node.place);
  }

  const ComponentCatalog& catalog_;
  const SourceFiles& sources_;
  std::string_view kind_;  // of the component that is being read
  const Node* component_ = nullptr;
  Diagnostics faults_;
  std::vector<const OptionTable*> tables_;  // from the root to the one being read
  std::set<Line> secret_lines_;
};

}  // namespace

tl::expected<Value, Diagnostics> validate(const Node& root, const OptionTable& table,
                                          const ComponentCatalog& catalog,
                                          const SourceFiles& sources) {
  return Validator(catalog, sources).run(root, table);
}

}  // namespace tocsin::config
