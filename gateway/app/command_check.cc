#include "gateway/app/command_check.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "gateway/app/load_gateway.h"
#include "gateway/config/limits.h"

namespace tocsin::app {

namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr std::size_t kNamedMax = 8;  // listeners named in the summary line

void write(JsonWriter& json, std::string_view text) {
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

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
  text += ", admin at " + loaded.root.at("admin").string("address");
  if (loaded.files.size() > 1) text += ", from " + std::to_string(loaded.files.size()) + " files";
  return text + "\n";
}

std::string summary_json(const config::LoadedConfig& loaded) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  const auto& listeners = loaded.root.at("listeners").as<Value::Map>();
  json.StartObject();
  json.Key("ok");
  json.Bool(true);
  json.Key("files");
  json.StartArray();
  for (const std::string& file : loaded.files) write(json, file);
  json.EndArray();
  json.Key("listeners");
  json.StartObject();
  for (const Value::Entry& listener : listeners) {
    write(json, listener.key);
    json.StartObject();
    json.Key("address");
    write(json, listener.value.string("address"));
    json.Key("routes");
    json.Uint64(listener.value.at("routes").as<Value::List>().size());
    json.EndObject();
  }
  json.EndObject();
  json.Key("admin");
  write(json, loaded.root.at("admin").string("address"));
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

std::string faults_json(const config::Diagnostics& faults) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("ok");
  json.Bool(false);
  json.Key("errors");
  json.StartArray();
  for (const config::Diagnostic& fault : faults) {
    json.StartObject();
    json.Key("file");
    write(json, fault.place.file ? *fault.place.file : std::string());
    json.Key("line");
    json.Uint(fault.place.line);
    json.Key("column");
    json.Uint(fault.place.column);
    json.Key("path");
    write(json, fault.path);
    json.Key("message");
    write(json, fault.message);
    json.Key("hint");
    write(json, fault.hint);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace

CommandOutput check(const CheckArguments& arguments, const config::Environment& environment) {
  const auto loaded = load_gateway(arguments.config_path, environment);
  CommandOutput output;
  if (loaded) {
    output.out = arguments.json ? summary_json(*loaded) : summary(arguments.config_path, *loaded);
    return output;
  }
  output.exit_code = 1;
  const config::Rejection& rejection = loaded.error();
  if (arguments.json) {
    output.out = faults_json(rejection.diagnostics);
    return output;
  }
  config::append_text(output.err, rejection.diagnostics, rejection.sources,
                      {arguments.colour, config::kDiagnosticsShown});
  output.err +=
      counted(rejection.diagnostics.size(), "fault") + " in " + arguments.config_path + "\n";
  return output;
}

}  // namespace tocsin::app
