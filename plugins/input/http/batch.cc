// A batch is either one JSON array or lines of JSON. Only where one item ends and the next begins
// is decided here, by RapidJSON's reader, so that a fault inside an item fails that item alone.

#include "batch.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

namespace tocsin::input_http {

namespace {

using rapidjson::SizeType;

std::string too_many(std::size_t items_max) {
  return "the batch has more than " + std::to_string(items_max) + " items";
}

// Notes the text of every value directly inside the outermost array. The iterative parser calls
// Start and End of objects and arrays while the stream still stands before their bracket.
class ItemFinder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, ItemFinder> {
 public:
  ItemFinder(const rapidjson::MemoryStream& stream, std::string_view body, std::size_t items_max,
             Batch& batch)
      : stream_(stream), body_(body), items_max_(items_max), batch_(batch) {}

  bool Default() { return scalar("null"); }
  bool Null() { return scalar("null"); }
  bool Bool(bool) { return scalar("true"); }
  bool Int(int) { return scalar("0"); }
  bool Uint(unsigned) { return scalar("0"); }
  bool Int64(std::int64_t) { return scalar("0"); }
  bool Uint64(std::uint64_t) { return scalar("0"); }
  bool Double(double) { return scalar("0"); }
  bool RawNumber(const char*, SizeType, bool) { return scalar("0"); }
  bool String(const char*, SizeType, bool) { return scalar("\"\""); }
  bool Key(const char*, SizeType, bool) { return true; }

  bool StartObject() {
    if (depth_ == 0) return refuse("expected an array of notifications, got an object");
    return open();
  }
  bool EndObject(SizeType) { return close(); }
  bool StartArray() { return open(); }
  bool EndArray(SizeType) { return close(); }

 private:
  static constexpr std::size_t kDepthMax = 64;

  bool refuse(std::string_view why) {
    batch_.fault = why;
    return false;
  }
  // Items are objects; of anything else the kind is all that an answer needs.
  bool scalar(std::string_view kind) {
    if (depth_ == 0) return refuse("expected an array of notifications");
    return depth_ > 1 || keep(kind);
  }
  bool open() {
    if (++depth_ == 2) begin_ = stream_.Tell();
    return depth_ <= kDepthMax || refuse("the items are nested too deeply");
  }
  bool close() {
    if (depth_-- != 2) return true;
    return keep(body_.substr(begin_, stream_.Tell() + 1 - begin_));
  }
  bool keep(std::string_view item) {
    if (batch_.items.size() == items_max_) return refuse(too_many(items_max_));
    batch_.items.push_back(item);
    return true;
  }

  const rapidjson::MemoryStream& stream_;
  std::string_view body_;
  std::size_t items_max_;
  Batch& batch_;
  std::size_t depth_ = 0;
  std::size_t begin_ = 0;
};

void begin(Batch& batch) {
  batch.items.clear();
  batch.fault.clear();
}

void end(Batch& batch) {
  if (batch.fault.empty() && batch.items.empty()) batch.fault = "the batch has no items";
  if (!batch.fault.empty()) batch.items.clear();
}

}  // namespace

void split_array(std::string_view body, std::size_t items_max, Batch& batch) {
  begin(batch);
  rapidjson::MemoryStream stream(body.data(), body.size());
  ItemFinder finder(stream, body, items_max, batch);
  rapidjson::Reader reader;
  const auto outcome = reader.Parse < rapidjson::kParseIterativeFlag |
                       rapidjson::kParseNumbersAsStringsFlag > (stream, finder);
  if (outcome.IsError() && batch.fault.empty()) {
    batch.fault = "not JSON at byte " + std::to_string(outcome.Offset()) + ": " +
                  rapidjson::GetParseError_En(outcome.Code());
  }
  // RapidJSON takes a NUL for the end.
  if (batch.fault.empty() && stream.Tell() != body.size()) {
    batch.fault = "not JSON at byte " + std::to_string(stream.Tell()) + ": a NUL byte";
  }
  end(batch);
}

void split_lines(std::string_view body, std::size_t items_max, Batch& batch) {
  begin(batch);
  while (!body.empty() && batch.fault.empty()) {
    const std::size_t length = std::min(body.find('\n'), body.size());
    std::string_view line = body.substr(0, length);
    body.remove_prefix(std::min(length + 1, body.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
      line.remove_suffix(1);
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (batch.items.size() == items_max) batch.fault = too_many(items_max);
    batch.items.push_back(line);
  }
  end(batch);
}

}  // namespace tocsin::input_http
