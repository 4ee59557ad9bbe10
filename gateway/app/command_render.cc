#include "gateway/app/command_render.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "gateway/app/event_fault.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/output_rehearsal.h"
#include "gateway/app/rehearsal_ground.h"
#include "gateway/app/rejection_text.h"
#include "gateway/app/secret_mask.h"
#include "gateway/app/text_table.h"
#include "gateway/base/text.h"
#include "gateway/delivery/intake.h"
#include "gateway/message/notification_codec.h"

namespace tocsin::app {

namespace {

CommandOutput unknown_output(const RenderArguments& arguments, const Value& outputs) {
  std::vector<std::string_view> names;
  for (const Value::Entry& entry : outputs.as<Value::Map>()) names.emplace_back(entry.key);
  const auto meant = closest(arguments.output, names);
  std::string text = "there is no output \"" + arguments.output + "\"";
  if (meant) text += "; did you mean " + std::string(*meant) + "?";
  if (!meant && names.empty()) text += ": the configuration has none";
  CommandOutput output;
  output.exit_code = kFaultExit;
  if (arguments.json) {
    JsonWriter json(output.out);
    json.begin_object();
    json.pair("error", text);
    json.end_object();
    output.out += "\n";
  } else {
    output.err = printable("tocsin: " + text) + "\n";
  }
  return output;
}

// Everything of it that may hold a secret.
void mask(RehearsedOutput& found, const SecretMask& secrets) {
  for (RehearsedOutput::Text& text : found.texts) text.text = secrets.masked(std::move(text.text));
  for (RehearsedOutput::Request& request : found.requests) {
    request.url = secrets.masked(std::move(request.url));
    request.body = secrets.masked(std::move(request.body));
    for (auto& [name, value] : request.headers) value = secrets.masked(std::move(value));
  }
  if (found.verdict) found.verdict->reason = secrets.masked(std::move(found.verdict->reason));
}

bool would_be_sent(const RehearsedOutput& found) {
  const bool good = found.has_address && std::ranges::all_of(found.texts, [](const auto& text) {
                      return text.fault.empty();
                    });
  return good && (!found.verdict || found.verdict->kind == message::VerdictKind::kDelivered);
}

// ---- for people

// Each line by itself, so that none is taken for an escape sequence or for ours.
void append_indented(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += "    " + printable(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void append_text(std::string& out, const RehearsedOutput::Request& request, bool colour) {
  out += "\n" + toned(printable(request.method + " " + request.url), Tone::kGood, colour) + "\n";
  for (const auto& [name, value] : request.headers) {
    append_indented(out, name + ": " + value);
  }
  out += "\n";
  append_indented(out, request.body);
}

std::string text_of(const RehearsedOutput& found, const Value::Entry& output, bool colour) {
  std::string text = printable(output.key + " (" + output.value.string("type") + ")");
  if (!found.address.empty()) text += " to " + printable(found.address);
  if (found.addresses > 1) text += ", the first of " + std::to_string(found.addresses);
  text += "\n";
  for (const RehearsedOutput::Text& one : found.texts) {
    text += "\n" + toned(printable(one.option), Tone::kGood, colour) + "\n";
    if (one.fault.empty()) append_indented(text, one.text);
    if (!one.fault.empty()) text += "    " + toned(printable(one.fault), Tone::kBad, colour) + "\n";
  }
  for (const RehearsedOutput::Request& request : found.requests) {
    append_text(text, request, colour);
  }
  if (found.verdict) {
    text += "\n" +
            printable(std::string(message::verdict_name(found.verdict->kind)) + ": " +
                      found.verdict->reason) +
            "\n";
  }
  if (!found.has_address) {
    text += "\nnothing is sent: `to` of the event names nobody whom this output reaches\n";
  } else if (found.texts.empty() && !found.played) {
    text += "\nit has no templates, and what else it sends only a delivery would show\n";
  }
  return text;
}

// ---- for programs

void write(JsonWriter& json, const RehearsedOutput::Request& request) {
  json.begin_object();
  json.pair("method", request.method);
  json.pair("url", request.url);
  json.key("headers");
  json.begin_object();
  for (const auto& [name, value] : request.headers) json.pair(name, value);
  json.end_object();
  json.pair("body", request.body);
  json.end_object();
}

std::string json_of(const RehearsedOutput& found, const Value::Entry& output) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.pair("output", output.key);
  json.pair("type", output.value.string("type"));
  json.key("sent");
  json.boolean(would_be_sent(found));
  if (!found.address.empty()) json.pair("address", found.address);
  json.key("templates");
  json.begin_array();
  for (const RehearsedOutput::Text& one : found.texts) {
    json.begin_object();
    json.pair("option", one.option);
    json.pair(one.fault.empty() ? "text" : "fault", one.fault.empty() ? one.text : one.fault);
    json.end_object();
  }
  json.end_array();
  if (found.played) {
    json.key("requests");
    json.begin_array();
    for (const RehearsedOutput::Request& request : found.requests) write(json, request);
    json.end_array();
  }
  if (found.verdict) {
    json.pair("verdict", message::verdict_name(found.verdict->kind));
    json.pair("reason", found.verdict->reason);
  }
  json.end_object();
  return text + "\n";
}

}  // namespace

CommandOutput render(const RenderArguments& arguments, const config::Environment& environment) {
  PluginCatalog catalog;
  const auto loaded = load_gateway(arguments.config_path, catalog, environment);
  const RejectionStyle style{arguments.config_path, arguments.json, arguments.colour};
  if (!loaded) return rejected(loaded.error(), style);
  const Value& outputs = loaded->root.at("outputs");
  const auto& entries = outputs.as<Value::Map>();
  const auto output = std::ranges::find(entries, arguments.output, &Value::Entry::key);
  if (output == entries.end()) return unknown_output(arguments, outputs);
  BlockPool blocks;
  Arena arena(blocks, delivery::Intake::kItemBytesMax);
  const auto event = message::decode_notification(arguments.event, arena, {.now = arguments.now});
  if (!event) return invalid_event(arguments.event_path, event.error(), arguments.json);
  RehearsalGround ground;
  auto found =
      rehearse_output(*output, catalog, *event->notification, arguments.now, ground.lent().log);
  if (!found) {
    const plugin::Refusal& why = found.error();
    return rejected(
        {{fault_at(why.place, "outputs." + arguments.output, why.what)}, loaded->sources}, style);
  }
  mask(*found, SecretMask(*catalog.find("output", output->value.string("type")), output->value));
  CommandOutput shown;
  shown.exit_code = would_be_sent(*found) ? 0 : kUnsentExit;
  shown.out =
      arguments.json ? json_of(*found, *output) : text_of(*found, *output, arguments.colour);
  return shown;
}

}  // namespace tocsin::app
