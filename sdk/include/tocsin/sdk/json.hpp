#pragma once

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tocsin::sdk {

/// JSON that a server answered, to look a few things up in: every text, number, boolean and null
/// by its RFC 6901 pointer, as "/error/details/0/errorCode". Strict RFC 8259 with valid UTF-8;
/// bounded by kDepthMax and kScalarsMax. Empty arrays and objects leave nothing behind. Of repeated
/// names the first counts. Needs rapidjson's headers, which a plugin then depends on.
class JsonReply {
 public:
  static constexpr std::size_t kDepthMax = 32;
  static constexpr std::size_t kScalarsMax = 4096;

  /// None: it is no JSON, or goes beyond a limit.
  static std::optional<JsonReply> read(std::string_view text) {
    JsonReply reply;
    Flattener flattener(reply.scalars_);
    rapidjson::MemoryStream stream(text.data(), text.size());
    rapidjson::Reader reader;
    constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                                rapidjson::kParseValidateEncodingFlag |
                                rapidjson::kParseNumbersAsStringsFlag;
    if (reader.Parse<kFlags>(stream, flattener).IsError()) return std::nullopt;
    return reply;
  }

  /// A text as it is, a number as it was written; none when the place holds neither.
  std::optional<std::string_view> text(std::string_view pointer) const {
    const Scalar* found = find(pointer);
    if (found == nullptr || (found->kind != Kind::kText && found->kind != Kind::kNumber)) {
      return std::nullopt;
    }
    return found->text;
  }
  std::optional<double> number(std::string_view pointer) const {
    const Scalar* found = find(pointer);
    if (found == nullptr || found->kind != Kind::kNumber) return std::nullopt;
    double value = 0;
    const char* end = found->text.data() + found->text.size();
    if (std::from_chars(found->text.data(), end, value).ec != std::errc()) return std::nullopt;
    return value;
  }
  std::optional<bool> boolean(std::string_view pointer) const {
    const Scalar* found = find(pointer);
    if (found == nullptr || found->kind != Kind::kBoolean) return std::nullopt;
    return found->text == "true";
  }
  bool is_null(std::string_view pointer) const {
    const Scalar* found = find(pointer);
    return found != nullptr && found->kind == Kind::kNull;
  }

 private:
  enum class Kind : std::uint8_t { kNull, kBoolean, kNumber, kText };
  struct Scalar {
    std::string pointer;
    std::string text;
    Kind kind;
  };

  // Writes down each scalar with the way that led to it. False ends the reading.
  class Flattener {
   public:
    explicit Flattener(std::vector<Scalar>& out) : out_(out) {}

    bool Null() { return add(Kind::kNull, "null"); }
    bool Bool(bool value) { return add(Kind::kBoolean, value ? "true" : "false"); }
    bool RawNumber(const char* text, unsigned length, bool) {
      return add(Kind::kNumber, {text, length});
    }
    bool String(const char* text, unsigned length, bool) {
      return add(Kind::kText, {text, length});
    }
    bool StartObject() { return enter(false); }
    bool StartArray() { return enter(true); }
    bool EndObject(unsigned) { return leave(); }
    bool EndArray(unsigned) { return leave(); }
    bool Key(const char* text, unsigned length, bool) {
      pointer_.resize(levels_.back().start);
      pointer_.push_back('/');
      for (const char c : std::string_view(text, length)) {
        if (c == '~') {
          pointer_.append("~0");
        } else if (c == '/') {
          pointer_.append("~1");
        } else {
          pointer_.push_back(c);
        }
      }
      return true;
    }
    // Numbers come as they were written; these are the reader's to ask for and never called.
    bool Int(int) { return false; }
    bool Uint(unsigned) { return false; }
    bool Int64(std::int64_t) { return false; }
    bool Uint64(std::uint64_t) { return false; }
    bool Double(double) { return false; }

   private:
    struct Level {
      std::size_t start;  // of its part in pointer_
      std::size_t items;
      bool array;
    };

    void next_item() {
      if (levels_.empty() || !levels_.back().array) return;
      pointer_.resize(levels_.back().start);
      pointer_.append("/").append(std::to_string(levels_.back().items++));
    }
    bool add(Kind kind, std::string_view text) {
      next_item();
      if (out_.size() == kScalarsMax) return false;
      out_.push_back({pointer_, std::string(text), kind});
      return true;
    }
    bool enter(bool array) {
      next_item();
      if (levels_.size() == kDepthMax) return false;
      levels_.push_back({pointer_.size(), 0, array});
      return true;
    }
    bool leave() {
      pointer_.resize(levels_.back().start);
      levels_.pop_back();
      return true;
    }

    std::vector<Scalar>& out_;
    std::vector<Level> levels_;
    std::string pointer_;
  };

  const Scalar* find(std::string_view pointer) const {
    for (const Scalar& scalar : scalars_) {
      if (scalar.pointer == pointer) return &scalar;
    }
    return nullptr;
  }

  std::vector<Scalar> scalars_;
};

/// Appends `text` as a JSON string with its quotes. `text` is UTF-8.
inline void append_json(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        if (byte < 0x20) {
          out.append("\\u00").push_back(kHex[byte >> 4]);
          out.push_back(kHex[byte & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

}  // namespace tocsin::sdk
