#include "gateway/app/command_check.h"

#include "gateway/app/access_logs.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/notification_check.h"
#include "gateway/app/rejection_text.h"
#include "gateway/base/json_writer.h"

namespace tocsin::app {

namespace {

constexpr std::size_t kNamedMax = 8;  // listeners named in the summary line

std::size_t route_count(const Value::Map& listeners) {
  std::size_t count = 0;
  for (const Value::Entry& listener : listeners) {
    count += listener.value.at("routes").as<Value::List>().size();
  }
  return count;
}

std::string counted(std::size_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

// As storages that can be shared call the option.
bool shares_storage(const Value& root) {
  const Value* storage = root.find("storage");
  const Value* shared = storage == nullptr ? nullptr : storage->find("shared");
  return shared != nullptr && shared->is<bool>() && shared->as<bool>();
}

std::string summary(const std::string& path, const config::LoadedConfig& loaded) {
  const auto& listeners = loaded.root.at("listeners").as<Value::Map>();
  std::string text = path + ": ok: " + counted(listeners.size(), "listener");
  for (std::size_t i = 0; i < listeners.size() && i < kNamedMax; ++i) {
    text += i == 0 ? " (" : ", ";
    text += listeners[i].key + " at " + listeners[i].value.string("address");
  }
  if (listeners.size() > kNamedMax) text += ", ...";
  if (!listeners.empty()) text += ")";
  text += ", " + counted(route_count(listeners), "route");
  const auto count = [&](std::string_view key) {
    return loaded.root.at(key).as<Value::Map>().size();
  };
  if (count("inputs") + count("outputs") > 0) {
    text +=
        ", " + counted(count("inputs"), "input") + " and " + counted(count("outputs"), "output");
  }
  text += ", admin at " + loaded.root.at("admin").string("address");
  if (loaded.files.size() > 1) text += ", from " + std::to_string(loaded.files.size()) + " files";
  if (shares_storage(loaded.root)) {
    text +=
        "\nthe storage is shared: rates, concurrency, retry budget and breaker of an output hold "
        "for "
        "each gateway alone";
  }
  return text + "\n";
}

std::string summary_json(const config::LoadedConfig& loaded) {
  std::string out;
  JsonWriter json(out);
  const auto& listeners = loaded.root.at("listeners").as<Value::Map>();
  json.begin_object();
  json.key("ok");
  json.boolean(true);
  json.key("files");
  json.begin_array();
  for (const std::string& file : loaded.files) json.text(file);
  json.end_array();
  json.key("listeners");
  json.begin_object();
  for (const Value::Entry& listener : listeners) {
    json.key(listener.key);
    json.begin_object();
    json.pair("address", listener.value.string("address"));
    json.key("routes");
    json.number(static_cast<std::int64_t>(listener.value.at("routes").as<Value::List>().size()));
    json.end_object();
  }
  json.end_object();
  json.pair("admin", loaded.root.at("admin").string("address"));
  if (!loaded.warnings.empty()) append_faults(json, "warnings", loaded.warnings);
  json.end_object();
  return out + "\n";
}

// What passes every rule and is hardly meant.
void note_emptiness(const std::string& path, config::LoadedConfig& loaded) {
  for (const std::string_view key : {"listeners", "inputs"}) {
    if (!loaded.root.at(key).as<Value::Map>().empty()) return;
  }
  const Place whole_file{std::make_shared<const std::string>(path), 0, 0};
  loaded.warnings.push_back(
      {whole_file,
       {},
       "there is no listener and no input: only the admin address will answer",
       {}});
}

}  // namespace

CommandOutput check(const CheckArguments& arguments, const config::Environment& environment) {
  PluginCatalog catalog;
  auto loaded = load_gateway(arguments.config_path, catalog, environment);
  if (loaded && arguments.create) {
    config::Diagnostics faults = try_notifications(loaded->root, catalog);
    config::Diagnostics more = check_log_paths(loaded->root);
    faults.insert(faults.end(), more.begin(), more.end());
    config::sort_by_place(faults);
    if (!faults.empty()) {
      loaded = tl::unexpected(config::Rejection{std::move(faults), std::move(loaded->sources)});
    }
  }
  if (!loaded) {
    return rejected(loaded.error(), {arguments.config_path, arguments.json, arguments.colour});
  }
  CommandOutput output;
  note_emptiness(arguments.config_path, *loaded);
  for (const config::Diagnostic& warning : loaded->warnings) {
    if (!arguments.json) output.err += "warning: " + config::one_line(warning) + "\n";
  }
  output.out = arguments.json ? summary_json(*loaded) : summary(arguments.config_path, *loaded);
  return output;
}

}  // namespace tocsin::app
