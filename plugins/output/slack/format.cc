#include "format.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>

#include "tocsin/sdk/cut.hpp"
#include "tocsin/sdk/json.hpp"

namespace tocsin::output_slack {

namespace {

using Value = rapidjson::Value;
using Allocator = rapidjson::Document::AllocatorType;

std::string_view escape_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return {};
  }
}

// JSON may write the same characters as \u0026, \u003c and \u003e.
char hidden_in(std::string_view escape) {
  if (escape.size() < 6 || !escape.starts_with("\\u00")) return '\0';
  const auto digit = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; };
  const char high = escape[4];
  const char low = digit(escape[5]);
  if (high == '2' && low == '6') return '&';
  if (high == '3' && low == 'c') return '<';
  return high == '3' && low == 'e' ? '>' : '\0';
}

// Outside of its texts JSON has none of the three.
std::string escaped_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size(); ++at) {
    if (json[at] != '\\') {
      append_escaped(out, json.substr(at, 1));
    } else if (const char hidden = hidden_in(json.substr(at, 6)); hidden != '\0') {
      out.append(escape_of(hidden));
      at += 5;
    } else {
      out.append(json.substr(at, 2));
      ++at;
    }
  }
  return out;
}

// Where a text that is cut at `end` can end: not inside of &amp; nor of <https://...|...>.
std::size_t whole_end(std::string_view text, std::size_t end) {
  constexpr std::size_t kEntityBytesMax = 5;
  const std::string_view kept = text.substr(0, end);
  const std::size_t entity = kept.rfind('&');
  if (entity != kept.npos && end - entity < kEntityBytesMax &&
      kept.find(';', entity) == kept.npos) {
    end = entity;
  }
  const std::size_t link = text.substr(0, end).rfind('<');
  const bool open = link != kept.npos && text.substr(0, end).find('>', link) == kept.npos;
  return open && link != 0 ? link : end;
}

std::string_view text_in(const Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

// `holder` is a text object of Block Kit, {"type": "mrkdwn", "text": "..."}. Whether it was cut.
bool cut_text_of(Value& holder, std::size_t max, Allocator& allocator) {
  if (!holder.IsObject()) return false;
  const auto text = holder.FindMember("text");
  if (text == holder.MemberEnd() || !text->value.IsString()) return false;
  std::string fitting;
  if (!append_fitting(fitting, text_in(text->value), max)) return false;
  text->value.SetString(fitting.data(), static_cast<rapidjson::SizeType>(fitting.size()),
                        allocator);
  return true;
}

std::size_t cut_block(Value& block, Allocator& allocator) {
  if (!block.IsObject()) return 0;
  const auto type = block.FindMember("type");
  if (type == block.MemberEnd() || !type->value.IsString()) return 0;
  const bool header = text_in(type->value) == "header";
  if (!header && text_in(type->value) != "section") return 0;
  std::size_t cuts = 0;
  if (const auto text = block.FindMember("text"); text != block.MemberEnd()) {
    cuts += cut_text_of(text->value, header ? kHeaderTextMax : kSectionTextMax, allocator) ? 1 : 0;
  }
  const auto fields = block.FindMember("fields");
  if (fields == block.MemberEnd() || !fields->value.IsArray()) return cuts;
  for (Value& field : fields->value.GetArray()) {
    cuts += cut_text_of(field, kFieldTextMax, allocator) ? 1 : 0;
  }
  return cuts;
}

// {"type":"context","elements":[{"type":"plain_text","text":"..."}]}
Value marker_block(Allocator& allocator) {
  Value text(rapidjson::kObjectType);
  text.AddMember("type", "plain_text", allocator);
  text.AddMember("text", rapidjson::StringRef(sdk::kCutMarker.data(), sdk::kCutMarker.size()),
                 allocator);
  Value elements(rapidjson::kArrayType);
  elements.PushBack(text, allocator);
  Value block(rapidjson::kObjectType);
  block.AddMember("type", "context", allocator);
  block.AddMember("elements", elements, allocator);
  return block;
}

// Null: there are none.
Value* blocks_in(rapidjson::Document& document) {
  if (document.IsArray()) return &document;
  if (!document.IsObject()) return nullptr;
  const auto blocks = document.FindMember("blocks");
  const bool found = blocks != document.MemberEnd() && blocks->value.IsArray();
  return found ? &blocks->value : nullptr;
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const std::string_view escape = escape_of(c);
    if (escape.empty()) {
      out.push_back(c);
    } else {
      out.append(escape);
    }
  }
}

std::string text_of(const sdk::Notification& notification) {
  std::string text;
  if (!notification.title().empty()) {
    text.append("*");
    append_escaped(text, notification.title());
    text.append("*");
  }
  if (!notification.body().empty()) {
    text.append(text.empty() ? "" : "\n");
    append_escaped(text, notification.body());
  }
  if (text.empty()) append_escaped(text, notification.topic());
  return text;
}

bool append_fitting(std::string& out, std::string_view text, std::size_t max) {
  constexpr sdk::CutUnit kUnit = sdk::CutUnit::kCodePoints;
  if (sdk::fitting_prefix(text, max, kUnit) == text.size()) {
    out.append(text);
    return false;
  }
  const std::size_t end = sdk::fitting_prefix(text, max - 1, kUnit);
  out.append(text.substr(0, whole_end(text, end))).append(sdk::kCutMarker);
  return true;
}

std::optional<Blocks> fitting_blocks(std::string_view json) {
  // Bounds the depth, which what follows descends into.
  if (!sdk::JsonReply::read(json)) return std::nullopt;
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  Value* blocks = document.HasParseError() ? nullptr : blocks_in(document);
  if (blocks == nullptr) return std::nullopt;
  Blocks fitting;
  Allocator& allocator = document.GetAllocator();
  if (blocks->Size() > kBlocksMax) {
    blocks->Erase(blocks->Begin() + (kBlocksMax - 1), blocks->End());
    blocks->PushBack(marker_block(allocator), allocator);
    ++fitting.cuts;
  }
  for (Value& block : blocks->GetArray()) fitting.cuts += cut_block(block, allocator);
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  blocks->Accept(writer);
  fitting.json.assign(buffer.GetString(), buffer.GetSize());
  return fitting;
}

EscapedNotification::EscapedNotification(const tocsin_notification& from) : escaped_(from) {
  const auto escape = [](tocsin_str& text, std::string& kept) {
    append_escaped(kept, sdk::view(text));
    text = sdk::to_c(kept);
  };
  escape(escaped_.title, title_);
  escape(escaped_.body, body_);
  escape(escaped_.topic, topic_);
  escape(escaped_.key, key_);
  escape(escaped_.external_id, external_id_);
  data_ = escaped_json(sdk::view(from.data));
  escaped_.data = sdk::to_c(data_);
  const sdk::Items<tocsin_label> labels(from.labels, from.label_count, from.label_stride);
  values_.reserve(labels.size());  // so that they stay where they are
  for (const tocsin_label& label : labels) {
    tocsin_label copy = label;
    escape(copy.value, values_.emplace_back());
    labels_.push_back(copy);
  }
  escaped_.labels = labels_.data();
  escaped_.label_stride = sizeof(tocsin_label);
}

std::string json_of(const Message& message) {
  std::string json = "{";
  const auto add = [&json](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    json.append(json.size() == 1 ? "\"" : ",\"").append(name).append("\":");
    sdk::append_json(json, value);
  };
  add("channel", message.channel);
  add("ts", message.ts);
  add("thread_ts", message.thread_ts);
  add("text", message.text);
  if (!message.blocks.empty()) json.append(",\"blocks\":").append(message.blocks);
  return json.append("}");
}

}  // namespace tocsin::output_slack
