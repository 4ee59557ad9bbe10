// RapidJSON's events, piled up to a tree. Its iterative parser keeps depth off our stack.

#include "gateway/base/json_reader.h"

#include <rapidjson/error/error.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace tocsin {

namespace {

// NOLINTBEGIN(readability-identifier-naming): the names that RapidJSON calls
/// What the library calls; false ends the parsing, `fault` then says why.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::size_t depth_max) : depth_max_(depth_max) {}

  bool Null() { return put(Value()); }
  bool Bool(bool value) { return put(Value(value, {})); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    const char* const end = text + size;
    std::int64_t whole = 0;
    const auto [stopped, error] = std::from_chars(text, end, whole);
    if (error == std::errc() && stopped == end) return put(Value(whole, {}));
    const double real = std::strtod(std::string(text, size).c_str(), nullptr);
    if (!std::isfinite(real)) return give_up("a number is beyond the range of a double");
    return put(Value(real, {}));
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return put(Value(std::string(text, size), {}));
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    open_.back().members.push_back({std::string(text, size), Value(), {}});
    return true;
  }
  bool StartObject() { return open(true); }
  bool StartArray() { return open(false); }
  bool EndObject(rapidjson::SizeType /*count*/) {
    Value::Map members = std::move(open_.back().members);
    open_.pop_back();
    if (has_duplicates(members)) return give_up("a name stands twice in one object");
    return put(Value(std::move(members), {}));
  }
  bool EndArray(rapidjson::SizeType /*count*/) {
    Value::List items = std::move(open_.back().items);
    open_.pop_back();
    return put(Value(std::move(items), {}));
  }

  // Numbers come as text.
  bool Int(int /*value*/) { return false; }
  bool Uint(unsigned /*value*/) { return false; }
  bool Int64(std::int64_t /*value*/) { return false; }
  bool Uint64(std::uint64_t /*value*/) { return false; }
  bool Double(double /*value*/) { return false; }

  std::string_view fault() const { return fault_; }
  Value take_root() { return std::move(root_); }

 private:
  struct Open {
    bool object = false;
    Value::List items;
    Value::Map members;
  };

  static bool has_duplicates(const Value::Map& members) {
    std::vector<std::string_view> names;
    names.reserve(members.size());
    for (const Value::Entry& member : members) names.push_back(member.key);
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) != names.end();
  }

  bool open(bool object) {
    if (open_.size() == depth_max_) return give_up("arrays and objects are nested too deep");
    open_.push_back({object, {}, {}});
    return true;
  }

  bool put(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().object) {
      open_.back().members.back().value = std::move(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  bool give_up(std::string_view fault) {
    fault_ = fault;
    return false;
  }

  const std::size_t depth_max_;
  std::vector<Open> open_;
  Value root_;
  std::string_view fault_;
};
// NOLINTEND(readability-identifier-naming)

}  // namespace

Result<Value> read_json(std::string_view text, const JsonLimits& limits) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  TreeBuilder tree(limits.depth_max);
  rapidjson::MemoryStream in(text.data(), text.size());
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(in, tree);
  if (!tree.fault().empty()) return fail(Code::kInvalid, std::string(tree.fault()));
  // A NUL byte looks like the end to the parser.
  if (result.IsError() || in.Tell() != text.size()) {
    return fail(Code::kInvalid, "this is not JSON: it breaks off or goes wrong at byte " +
                                    std::to_string(result.IsError() ? result.Offset() : in.Tell()));
  }
  return tree.take_root();
}

void write_json(JsonWriter& json, const Value& value) {
  if (value.is<std::string>()) return json.text(value.as<std::string>());
  if (value.is<bool>()) return json.boolean(value.as<bool>());
  if (value.is<std::int64_t>()) return json.number(value.as<std::int64_t>());
  if (value.is<double>()) {
    char digits[32];
    const auto written = std::to_chars(digits, digits + sizeof(digits), value.as<double>());
    return json.number_text({digits, static_cast<std::size_t>(written.ptr - digits)});
  }
  if (value.is<Value::List>()) {
    json.begin_array();
    for (const Value& item : value.as<Value::List>()) write_json(json, item);
    return json.end_array();
  }
  if (!value.is<Value::Map>()) return json.json("null");
  json.begin_object();
  for (const Value::Entry& member : value.as<Value::Map>()) {
    json.key(member.key);
    write_json(json, member.value);
  }
  json.end_object();
}

}  // namespace tocsin
