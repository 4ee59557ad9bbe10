// Only the outermost members are told apart; what is inside of them is kept as text.

#include "json_object.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "tocsin/sdk/json.hpp"

namespace tocsin::output_fcm {

namespace {

class Reader {
 public:
  explicit Reader(JsonObject& out) : out_(out), writer_(buffer_) {}

  bool Null() { return take(writer_.Null()); }
  bool Bool(bool value) { return take(writer_.Bool(value)); }
  bool RawNumber(const char* text, unsigned length, bool) {
    return take(writer_.RawValue(text, length, rapidjson::kNumberType));
  }
  bool String(const char* text, unsigned length, bool) {
    if (depth_ == 1) {
      out_.back().is_text = true;
      out_.back().text.assign(text, length);
    }
    return take(writer_.String(text, length));
  }
  bool StartObject() { return depth_ == 0 ? enter() : enter() && writer_.StartObject(); }
  bool StartArray() { return depth_ > 0 && enter() && writer_.StartArray(); }
  bool EndObject(unsigned) {
    --depth_;
    return depth_ == 0 || take(writer_.EndObject());
  }
  bool EndArray(unsigned) {
    --depth_;
    return take(writer_.EndArray());
  }
  bool Key(const char* text, unsigned length, bool) {
    if (depth_ > 1) return writer_.Key(text, length);
    if (out_.size() == kJsonMembersMax) return false;
    buffer_.Clear();
    writer_.Reset(buffer_);
    out_.emplace_back().name.assign(text, length);
    return true;
  }
  // Numbers come as they were written; these are the reader's to ask for and never called.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  bool enter() { return ++depth_ <= kJsonDepthMax; }
  // A value has ended; one of the outermost ends its member.
  bool take(bool written) {
    if (depth_ == 0) return false;
    if (depth_ == 1) out_.back().json.assign(buffer_.GetString(), buffer_.GetSize());
    return written;
  }

  JsonObject& out_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
  std::size_t depth_ = 0;
};

void append_number(std::string& out, double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// What YAML made of it. False: it is nested too deeply.
bool append_value(std::string& out, const tocsin_value& value, std::size_t depth) {
  if (depth > kJsonDepthMax) return false;
  const sdk::Items<tocsin_value> items(value.items, value.count, value.stride);
  switch (value.type) {
    case TOCSIN_BOOLEAN:
      out.append(value.integer != 0 ? "true" : "false");
      return true;
    case TOCSIN_INTEGER:
      out.append(std::to_string(value.integer));
      return true;
    case TOCSIN_NUMBER:
      append_number(out, value.number);
      return true;
    case TOCSIN_STRING:
      sdk::append_json(out, sdk::view(value.text));
      return true;
    case TOCSIN_LIST:
    case TOCSIN_MAP:
      break;
    default:
      out.append("null");
      return true;
  }
  const bool map = value.type == TOCSIN_MAP;
  out.push_back(map ? '{' : '[');
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.push_back(',');
    if (map) {
      sdk::append_json(out, sdk::view(value.keys[i]));
      out.push_back(':');
    }
    if (!append_value(out, items[i], depth + 1)) return false;
  }
  out.push_back(map ? '}' : ']');
  return true;
}

}  // namespace

std::optional<JsonObject> read_object(std::string_view json) {
  JsonObject object;
  Reader handler(object);
  rapidjson::MemoryStream stream(json.data(), json.size());
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  if (reader.Parse<kFlags>(stream, handler).IsError()) return std::nullopt;
  for (auto member = object.begin(); member != object.end();) {
    const bool repeated = std::any_of(member + 1, object.end(), [member](const JsonMember& later) {
      return later.name == member->name;
    });
    member = repeated ? object.erase(member) : member + 1;
  }
  return object;
}

std::optional<JsonObject> read_object(sdk::Value value) {
  if (value.c() == nullptr) return JsonObject();
  if (value.is_text()) return read_object(value.text_view());
  std::string json;
  if (!append_value(json, *value.c(), 0)) return std::nullopt;
  return read_object(json);
}

const JsonMember* find_member(const JsonObject& object, std::string_view name) {
  const auto found = std::find_if(object.begin(), object.end(),
                                  [name](const JsonMember& member) { return member.name == name; });
  return found == object.end() ? nullptr : &*found;
}

void write_object(std::string& out, const JsonObject& object, JsonAdditions more) {
  char before = '{';
  const auto write = [&](std::string_view name, std::string_view json) {
    out.push_back(std::exchange(before, ','));
    sdk::append_json(out, name);
    out.append(":").append(json);
  };
  for (const JsonMember& member : object) write(member.name, member.json);
  for (const auto& [name, json] : more) {
    if (!json.empty() && find_member(object, name) == nullptr) write(name, json);
  }
  out.append(before == '{' ? "{}" : "}");
}

}  // namespace tocsin::output_fcm
