#include "gateway/config/dump.h"

#include "gateway/base/text.h"
#include "gateway/config/key_advice.h"

namespace tocsin::config {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

std::string in_quotes(const std::string& text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string typed_text(const Value& value) {
  return std::visit(
      Overloaded{[](std::monostate) { return std::string("null"); },
                 [](bool b) { return std::string(b ? "boolean true" : "boolean false"); },
                 [](std::int64_t i) { return "integer " + std::to_string(i); },
                 [](double d) { return "number " + std::to_string(d); },
                 [](const std::string& s) { return "text " + in_quotes(s); },
                 [](Duration d) { return "duration " + format_duration(d); },
                 [](Value::Size s) { return "size " + format_size(s.bytes); },
                 [](const Rate& r) { return "rate " + format_rate(r); },
                 [](const Value::List&) { return std::string("[]"); },
                 [](const Value::Map&) { return std::string("{}"); }},
      value.data());
}

class Dumper {
 public:
  Dumper(std::string& out, const ComponentCatalog& catalog, bool written_only)
      : out_(out), catalog_(catalog), written_only_(written_only) {}

  void table(const Value& value, const OptionTable& table, const std::string& path) {
    for (const Value::Entry& entry : value.as<Value::Map>()) {
      this->value(entry.value, find_option(table, entry.key), path_of_key(path, entry.key));
    }
  }

 private:
  void value(const Value& value, const Option* option, const std::string& path) {
    if (option != nullptr && option->type == OptionType::kTable && value.is<Value::Map>()) {
      table(value, *option->table, path);
    } else if (option != nullptr && option->type == OptionType::kPlugin) {
      table(value, *catalog_.find(option->plugin_kind, value.string("type")), path);
    } else if (value.is<Value::List>() && !value.as<Value::List>().empty()) {
      const auto& items = value.as<Value::List>();
      for (std::size_t i = 0; i < items.size(); ++i) {
        this->value(items[i], option ? option->element : nullptr, path_of_item(path, i));
      }
    } else if (value.is<Value::Map>() && !value.as<Value::Map>().empty()) {
      for (const Value::Entry& entry : value.as<Value::Map>()) {
        this->value(entry.value, option ? option->element : nullptr, path_of_key(path, entry.key));
      }
    } else {
      line(value, option, path);
    }
  }

  void line(const Value& value, const Option* option, const std::string& path) {
    const bool is_default = value.place().file == nullptr;
    if (is_default && written_only_) return;
    const bool secret = option != nullptr && (option->flags & Option::kSecret) != 0;
    out_.append(path).append(" = ").append(secret ? "***" : typed_text(value));
    out_.append(is_default ? " (default)\n" : "\n");
  }

  std::string& out_;
  const ComponentCatalog& catalog_;
  bool written_only_;
};

}  // namespace

void append_dump(std::string& out, const Value& root, const OptionTable& table,
                 const ComponentCatalog& catalog, bool written_only) {
  Dumper(out, catalog, written_only).table(root, table, {});
}

}  // namespace tocsin::config
