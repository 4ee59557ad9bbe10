// RapidJSON's events, given to the builder. The text is first copied into the arena, because most
// views of a notification can then point into that copy: only texts written with escapes are
// decoded elsewhere.
//
// Strings are where a notification's bytes are, so they are not read one by one: RunUtf8 takes a
// run of plain ASCII at a time, through the library's own point of extension. Its SSE2 path is not
// used: release 1.1.0 lets the control characters 1A to 1F pass there.
#include "gateway/message/notification_codec.h"

#include <rapidjson/allocators.h>
#include <rapidjson/error/error.h>
#include <rapidjson/reader.h>

#include <cstring>
#include <type_traits>

#include "gateway/base/byte_scan.h"
#include "gateway/message/notification_builder.h"

namespace tocsin::message {

namespace {

// NOLINTBEGIN(readability-identifier-naming): the names that RapidJSON calls

/// NULs behind a text, so that whoever looks at eight bytes stays inside.
constexpr std::size_t kPadding = 8;

/// A text with kPadding behind its end, read from the left.
struct ByteStream {
  using Ch = char;

  explicit ByteStream(const char* text) : begin(text), at(text) {}
  Ch Peek() const { return *at; }
  Ch Take() { return *at++; }
  std::size_t Tell() const { return static_cast<std::size_t>(at - begin); }
  // The library asks for these only where it writes in place.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch /*c*/) {}
  void Flush() {}
  std::size_t PutEnd(Ch* /*begin*/) { return 0; }

  const char* begin;
  const char* at;
};

struct RunUtf8 : rapidjson::UTF8<char> {
  /// Checks and copies at least one character of a string.
  template <typename Out>
  static bool Validate(ByteStream& in, Out& out) {
    if constexpr (std::is_same_v<Out, ByteStream>) {
      return false;  // compiled for parsing in place, never called
    } else {
      return copy_run(in, out);
    }
  }

  template <typename Out>
  static bool copy_run(ByteStream& in, Out& out) {
    const char* end = in.at;
    std::uint64_t marks = not_plain(scan::load(end));
    while (marks == 0) marks = not_plain(scan::load(end += 8));
    end += scan::first(marks);
    if (end == in.at) return rapidjson::UTF8<char>::Validate(in, out);
    const auto size = static_cast<std::size_t>(end - in.at);
    std::memcpy(out.Push(static_cast<rapidjson::SizeType>(size)), in.at, size);
    in.at = end;
    return true;
  }

  // The text ends in kPadding NULs, which are not plain.
  static std::uint64_t not_plain(std::uint64_t word) {
    return scan::below(word, 0x20) | scan::equal(word, '"') | scan::equal(word, '\\') |
           (word & scan::kHigh);
  }
};

/// What the library calls. Its iterative parser moves over a bracket only after the event, and over
/// everything else before.
class Events {
 public:
  Events(NotificationBuilder& builder, const ByteStream& in) : builder_(builder), in_(in) {}

  bool Null() { return builder_.on_scalar("null", in_.Tell()); }
  bool Bool(bool value) { return builder_.on_boolean(value, in_.Tell()); }
  bool RawNumber(const char* /*text*/, rapidjson::SizeType /*size*/, bool /*copy*/) {
    return builder_.on_scalar("a number", in_.Tell());
  }
  bool String(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return builder_.on_text(std::string_view(text, size), in_.Tell());
  }
  bool Key(const char* text, rapidjson::SizeType size, bool /*copy*/) {
    return builder_.on_name(std::string_view(text, size), in_.Tell());
  }
  bool StartObject() { return builder_.on_open(true); }
  bool EndObject(rapidjson::SizeType /*count*/) { return builder_.on_close(in_.Tell() + 1); }
  bool StartArray() { return builder_.on_open(false); }
  bool EndArray(rapidjson::SizeType /*count*/) { return builder_.on_close(in_.Tell() + 1); }

  // Numbers come as text.
  bool Int(int /*value*/) { return false; }
  bool Uint(unsigned /*value*/) { return false; }
  bool Int64(std::int64_t /*value*/) { return false; }
  bool Uint64(std::uint64_t /*value*/) { return false; }
  bool Double(double /*value*/) { return false; }

 private:
  NotificationBuilder& builder_;
  const ByteStream& in_;
};

// NOLINTEND(readability-identifier-naming)

std::string_view syntax_fault(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
      return "there is no JSON value";
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "something follows behind the value";
    case rapidjson::kParseErrorObjectMissName:
      return "a name in double quotes is missing";
    case rapidjson::kParseErrorObjectMissColon:
      return "a colon is missing behind a name";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
      return "a comma or } is missing";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
      return "a comma or ] is missing";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "\\u takes four hexadecimal digits";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
      return "half of a surrogate pair is no character";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "an unknown escape in a string";
    case rapidjson::kParseErrorStringMissQuotationMark:
      return "a string is not closed";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "bytes that are not UTF-8";
    case rapidjson::kParseErrorNumberTooBig:
      return "a number beyond a double";
    case rapidjson::kParseErrorNumberMissFraction:
      return "a digit is missing behind the point";
    case rapidjson::kParseErrorNumberMissExponent:
      return "a digit is missing in the exponent";
    default:
      return "this is no JSON value";
  }
}

Invalid at_byte(std::size_t offset, std::string pointer, std::string_view what) {
  return {std::move(pointer), "at byte " + std::to_string(offset) + ": " + std::string(what)};
}

// Control characters are left only between tokens once the text is known to be JSON.
void put_on_one_line(char* text, std::size_t size) {
  const std::string_view all(text, size);
  for (std::size_t at = scan::find_control(all); at < size; at = scan::find_control(all, at + 1)) {
    if (static_cast<unsigned char>(text[at]) < 0x20) text[at] = ' ';
  }
}

tl::expected<Decoded, Invalid> decode(std::string_view json, Arena& arena,
                                      const DecodeOptions& options,
                                      NotificationBuilder::Rules rules) {
  auto* text = static_cast<char*>(arena.allocate(json.size() + kPadding, 1));
  if (text == nullptr) return tl::unexpected(Invalid{"", "the notification is too large"});
  if (!json.empty()) std::memcpy(text, json.data(), json.size());
  std::memset(text + json.size(), 0, kPadding);

  // Strings pass through the reader's stack; the usual ones fit in ours.
  alignas(std::max_align_t) char memory[8 * 1024];
  using Pool = rapidjson::MemoryPoolAllocator<>;
  Pool pool(memory, sizeof(memory));
  rapidjson::GenericReader<RunUtf8, RunUtf8, Pool> reader(&pool, 6 * 1024);

  NotificationBuilder builder({text, json.size()}, arena, options, rules);
  ByteStream in(text);
  Events events(builder, in);
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(in, events);
  if (result.Code() == rapidjson::kParseErrorTermination) {
    return tl::unexpected(builder.take_fault());
  }
  if (in.Tell() < json.size() && *in.at == '\0') {
    return tl::unexpected(at_byte(in.Tell(), builder.pointer(), "a NUL byte"));
  }
  if (result.IsError()) {
    if (result.Code() == rapidjson::kParseErrorStringEscapeInvalid &&
        text[result.Offset()] != '\\') {
      return tl::unexpected(
          at_byte(result.Offset(), builder.pointer(), "a control character in a string"));
    }
    if (json.starts_with("\xEF\xBB\xBF")) {
      return tl::unexpected(at_byte(0, "", "a byte order mark, which JSON does not have"));
    }
    return tl::unexpected(at_byte(result.Offset(), builder.pointer(), syntax_fault(result.Code())));
  }
  put_on_one_line(text, json.size());
  return builder.finish();
}

}  // namespace

tl::expected<Decoded, Invalid> decode_notification(std::string_view json, Arena& arena,
                                                   const DecodeOptions& options) {
  return decode(json, arena, options, NotificationBuilder::Rules::kReceived);
}

tl::expected<Decoded, Invalid> decode_stored(std::string_view payload, Arena& arena) {
  return decode(payload, arena, DecodeOptions{.depth_max = kDepthCeiling},
                NotificationBuilder::Rules::kStored);
}

}  // namespace tocsin::message
