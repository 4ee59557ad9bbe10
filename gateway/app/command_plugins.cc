#include "gateway/app/command_plugins.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>

#include "gateway/app/plugin_catalog.h"
#include "gateway/app/plugin_templates.h"
#include "gateway/base/json_writer.h"
#include "gateway/base/text.h"

namespace tocsin::app {

namespace {

using plugin::Libraries;

std::vector<std::string> folders_of(const PluginsArguments& arguments) {
  return arguments.folders.empty() ? default_plugin_path() : arguments.folders;
}

CommandOutput failed(std::string words) { return {1, {}, std::move(words) + "\n"}; }

// ---- tables for people

using Row = std::vector<std::string>;

// Columns as wide as their widest cell; nothing follows the last word of a line.
std::string aligned(const std::vector<Row>& rows, std::string_view indent = "") {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    out += indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - row[i].size() + 2, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

// ---- options

std::string_view type_name(OptionType type) {
  constexpr std::string_view kNames[] = {"boolean", "integer", "number",    "string", "duration",
                                         "size",    "rate",    "byte rate", "choice", "address",
                                         "list",    "map",     "table",     "plugin", "any"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string type_text(const Option& option) {
  if (option.type == OptionType::kChoice) return std::string(option.choices);
  std::string text(type_name(option.type));
  if (option.element != nullptr) text += " of " + type_text(*option.element);
  if (!option.choices.empty()) text += " or " + std::string(option.choices);
  return text;
}

std::string bounds_text(const Option& option) {
  if (option.min.empty() && option.max.empty()) return {};
  return std::string(option.min) + ".." + std::string(option.max);
}

// A line break as double quotes of YAML write it: a row is one line.
std::string default_text(const Option& option) {
  if ((option.flags & Option::kRequired) != 0) return "required";
  if (option.default_text.empty()) return "-";
  std::string text;
  for (const char c : option.default_text) c == '\n' ? text += "\\n" : text += c;
  return text;
}

// Keys of nested tables are written with dots.
void option_rows(const OptionTable& table, const std::string& prefix, std::vector<Row>& rows) {
  for (const Option& option : table.options) {
    const std::string key = prefix + std::string(option.key);
    std::string doc(option.doc);
    if ((option.flags & Option::kSecret) != 0) doc += " Never shown.";
    rows.push_back({key, type_text(option), default_text(option), bounds_text(option), doc});
    if (option.type == OptionType::kTable) option_rows(*option.table, key + ".", rows);
    const Option* element = option.element;
    if (element != nullptr && element->type == OptionType::kTable) {
      option_rows(*element->table, key + "[].", rows);
    }
  }
}

void options_json(const OptionTable& table, JsonWriter& json);

void option_json(const Option& option, JsonWriter& json) {
  json.begin_object();
  if (!option.key.empty()) json.pair("key", option.key);
  json.pair("type", type_name(option.type));
  json.pair("doc", option.doc);
  if (!option.default_text.empty()) json.pair("default", option.default_text);
  if (!option.min.empty()) json.pair("min", option.min);
  if (!option.max.empty()) json.pair("max", option.max);
  if (!option.choices.empty()) json.pair("choices", option.choices);
  json.key("required");
  json.boolean((option.flags & Option::kRequired) != 0);
  json.key("secret");
  json.boolean((option.flags & Option::kSecret) != 0);
  json.key("reloadable");
  json.boolean((option.flags & Option::kReloadable) != 0);
  if (option.element != nullptr) {
    json.key("element");
    option_json(*option.element, json);
  }
  if (option.table != nullptr) {
    json.key("options");
    options_json(*option.table, json);
  }
  json.end_object();
}

void options_json(const OptionTable& table, JsonWriter& json) {
  json.begin_array();
  for (const Option& option : table.options) option_json(option, json);
  json.end_array();
}

// ---- plugins

/// What both a shared object and a script say of themselves.
struct About {
  std::string_view kind;  ///< of the file's name
  std::string_view name;
  std::string_view path;
  std::string_view version;
  std::string_view doc;
  std::vector<std::string_view> kinds;
  const OptionTable* options = nullptr;
  std::shared_ptr<const script::Script> held;  ///< keeps the texts of a script
  std::string refused;                         ///< why it cannot be used; empty: it can
};

About about(const PluginCatalog& catalog, const Libraries::Found& file) {
  About about{.kind = plugin::kind_name(file.kind), .name = file.name, .path = file.path};
  const auto library = catalog.libraries().find(file.kind, file.name);
  if (!library) {
    about.refused = library.error().what;
    return about;
  }
  about.version = (*library)->version();
  about.doc = (*library)->doc();
  about.options = &(*library)->options();
  for (const plugin::Kind kind : plugin::kKinds) {
    if ((*library)->has(kind)) about.kinds.push_back(plugin::kind_name(kind));
  }
  return about;
}

About about(const PluginCatalog& catalog, const script::Scripts::Found& file) {
  About about{.kind = script::kind_name(file.kind), .name = file.name, .path = file.path};
  const auto script = catalog.scripts().find(file.kind, file.name);
  if (!script) {
    about.refused = script.error().what;
    return about;
  }
  about.held = *script;
  about.version = about.held->version();
  about.doc = about.held->doc();
  about.options = &about.held->options();
  about.kinds.push_back(about.kind);
  return about;
}

std::vector<About> all_of(const PluginCatalog& catalog) {
  std::vector<About> all;
  for (const auto& file : catalog.libraries().files()) all.push_back(about(catalog, file));
  for (const auto& file : catalog.scripts().files()) all.push_back(about(catalog, file));
  std::stable_sort(all.begin(), all.end(), [](const About& a, const About& b) {
    const auto place = [](const About& one) { return *plugin::parse_kind(one.kind); };
    return std::pair(place(a), a.name) < std::pair(place(b), b.name);
  });
  return all;
}

std::string kinds_text(const About& plugin) {
  std::string text;
  for (const std::string_view kind : plugin.kinds) {
    text += text.empty() ? "" : ", ";
    text += kind;
  }
  return text;
}

void about_json(const About& plugin, JsonWriter& json) {
  json.pair("version", plugin.version);
  json.pair("doc", plugin.doc);
  json.key("kinds");
  json.begin_array();
  for (const std::string_view kind : plugin.kinds) json.text(kind);
  json.end_array();
}

std::string list_json(const std::vector<About>& plugins) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const About& plugin : plugins) {
    json.begin_object();
    json.pair("kind", plugin.kind);
    json.pair("name", plugin.name);
    json.pair("path", plugin.path);
    if (plugin.refused.empty()) {
      about_json(plugin, json);
    } else {
      json.pair("refused", plugin.refused);
    }
    json.end_object();
  }
  json.end_array();
  return out + "\n";
}

// The plugin of that name, and of that kind unless it is left out; null: `why` says why not.
const About* find(const std::vector<About>& plugins, std::string_view kind, const std::string& name,
                  std::string& why) {
  const About* found = nullptr;
  for (const About& plugin : plugins) {
    if (plugin.name != name || (!kind.empty() && plugin.kind != kind)) continue;
    if (found != nullptr) {
      why = found->kind == plugin.kind ? std::string(plugin.kind) + " " + name +
                                             " is there twice: " + std::string(found->path) +
                                             " and " + std::string(plugin.path)
                                       : name + " is of several kinds: name one of them before it";
      return nullptr;
    }
    found = &plugin;
  }
  if (found != nullptr) return found;
  const std::string file = std::string(kind) + "_" + name;
  why = kind.empty() ? "there is no plugin " + name + "; `tocsin plugins list` shows all"
                     : "no folder of plugin_path has " + file + ".so or " + file + ".lua";
  return nullptr;
}

std::string show_json(const About& plugin) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.pair("kind", plugin.kind);
  json.pair("name", plugin.name);
  json.pair("path", plugin.path);
  about_json(plugin, json);
  json.key("options");
  options_json(*plugin.options, json);
  json.end_object();
  return out + "\n";
}

std::string show_text(const About& plugin) {
  std::string out = std::string(plugin.kind) + " " + std::string(plugin.name) + " " +
                    std::string(plugin.version) + ": " + std::string(plugin.doc) + "\n";
  out += aligned({{"file", std::string(plugin.path)}, {"kinds", kinds_text(plugin)}}, "  ");
  std::vector<Row> rows = {{"OPTION", "TYPE", "DEFAULT", "BOUNDS", ""}};
  option_rows(*plugin.options, "", rows);
  if (rows.size() == 1) return out + "  It has no options.\n";
  return out + "\n" + aligned(rows);
}

// ---- a new one

// "rate_limit" becomes "RateLimit".
std::string type_of_name(std::string_view name) {
  std::string type;
  bool upper = true;
  for (const char c : name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    type += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = false;
  }
  return type;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

// Every "example" is the name but in the reserved host names of documentation.
std::string renamed(std::string_view from, const std::string& name) {
  constexpr std::string_view kHost = "hooks.example.com";
  constexpr std::string_view kKept = "\x01host\x01";
  std::string text(from);
  replace_all(text, kHost, kKept);
  replace_all(text, "example", name);
  replace_all(text, "Example", type_of_name(name));
  replace_all(text, kKept, kHost);
  return text;
}

std::string template_kinds() {
  std::set<std::string_view> kinds;
  for (const PluginTemplate& file : plugin_templates()) kinds.insert(file.kind);
  std::string text;
  for (const std::string_view kind : kinds) text += (text.empty() ? "" : ", ") + std::string(kind);
  return text;
}

}  // namespace

CommandOutput list_plugins(const PluginsArguments& arguments) {
  const PluginCatalog catalog(folders_of(arguments));
  const Libraries& libraries = catalog.libraries();
  const std::vector<About> plugins = all_of(catalog);
  CommandOutput output;
  if (arguments.json) {
    output.out = list_json(plugins);
    return output;
  }
  std::vector<Row> rows = {{"KIND", "NAME", "VERSION", ""}};
  for (const About& plugin : plugins) {
    const bool is_fit = plugin.refused.empty();
    rows.push_back({std::string(plugin.kind), std::string(plugin.name),
                    is_fit ? std::string(plugin.version) : "-",
                    is_fit ? std::string(plugin.doc) : "REFUSED: " + plugin.refused});
  }
  if (rows.size() > 1) output.out = aligned(rows);
  for (const std::string& folder : libraries.unreadable()) output.err += folder + "\n";
  if (rows.size() == 1) {
    for (const std::string& folder : libraries.folders()) {
      output.err += "no plugin is in " + folder + "\n";
    }
  }
  return output;
}

CommandOutput show_plugin(const PluginsArguments& arguments) {
  if (!arguments.kind.empty() && !plugin::parse_kind(arguments.kind)) {
    return failed("there is no kind " + arguments.kind);
  }
  const PluginCatalog catalog(folders_of(arguments));
  const std::vector<About> plugins = all_of(catalog);
  std::string why;
  const About* plugin = find(plugins, arguments.kind, arguments.name, why);
  if (plugin == nullptr) return failed(why);
  if (!plugin->refused.empty()) return failed(plugin->refused);
  return {0, arguments.json ? show_json(*plugin) : show_text(*plugin), {}};
}

CommandOutput new_plugin(const PluginsArguments& arguments) {
  if (!plugin::is_plugin_name(arguments.name)) {
    return failed("\"" + arguments.name + "\" is no name for a plugin: a-z, 0-9 and _ are");
  }
  const std::filesystem::path folder = std::filesystem::path(arguments.into) / arguments.name;
  std::error_code error;
  if (std::filesystem::exists(folder, error)) {
    return failed(folder.string() + " is there already");
  }
  CommandOutput output;
  for (const PluginTemplate& file : plugin_templates()) {
    if (file.kind != arguments.kind) continue;
    std::filesystem::create_directories(folder, error);
    const std::filesystem::path path = folder / renamed(file.file, arguments.name);
    std::ofstream written(path, std::ios::binary);
    written << renamed(file.text, arguments.name);
    written.close();
    if (!written) return failed("cannot write " + path.string());
    output.out += path.string() + "\n";
  }
  if (output.out.empty()) {
    return failed("there is no template for the kind " + arguments.kind + "; there is for " +
                  template_kinds());
  }
  return output;
}

}  // namespace tocsin::app
