// Input: the body of a batch, cut both as an array and as lines. What is cut out of a well-formed
// array must be JSON, one value each, in order; with a number in the place of each the body must
// still be an array of as many items, so that nothing was left out. Lines must come out whole and
// in order, with nothing but blanks left over.
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "plugins/input/http/batch.h"

namespace {

using tocsin::input_http::Batch;

constexpr std::size_t kItemsMax = 100;
constexpr std::string_view kBlanks = " \t\r\n";

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

bool is_json(std::string_view text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::BaseReaderHandler<> nobody;
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  // RapidJSON takes a NUL for the end.
  return !reader.Parse<kFlags>(stream, nobody).IsError() && stream.Tell() == text.size();
}

bool points_into(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_array(std::string_view body, Batch& batch) {
  split_array(body, kItemsMax, batch);
  if (!batch.fault.empty()) {
    expect(batch.items.empty(), "items of a broken batch");
    expect(!batch.fault.starts_with("not JSON") || !is_json(body), "the wrong reason");
    return;
  }
  expect(is_json(body), "items of an array that is no JSON");
  expect(!batch.items.empty() && batch.items.size() <= kItemsMax, "so many items");
  std::string replaced;
  const char* at = body.data();
  for (const std::string_view item : batch.items) {
    expect(is_json(item), "an item that is no JSON");
    if (!points_into(item, body)) continue;
    expect(item.data() > at, "items overlap or change places");
    replaced.append(at, item.data()).append("0");
    at = item.data() + item.size();
  }
  replaced.append(at, body.data() + body.size());
  const std::size_t count = batch.items.size();
  split_array(replaced, kItemsMax, batch);
  expect(batch.items.size() == count, "the rest is no array of as many items");
  for (const std::string_view item : batch.items) {
    expect(!points_into(item, replaced), "an object or array that was in no item");
  }
}

void check_lines(std::string_view body, Batch& batch) {
  split_lines(body, kItemsMax, batch);
  if (!batch.fault.empty()) return expect(batch.items.empty(), "items of a broken batch");
  const char* at = body.data();
  for (const std::string_view line : batch.items) {
    expect(points_into(line, body) && line.data() >= at, "a line out of place");
    expect(line.find('\n') == std::string_view::npos, "two lines in one");
    expect(line.find_first_not_of(kBlanks) != std::string_view::npos, "an empty line");
    const std::string_view between(at, static_cast<std::size_t>(line.data() - at));
    expect(between.find_first_not_of(kBlanks) == std::string_view::npos, "a line was left out");
    at = line.data() + line.size();
  }
  const std::string_view rest(at, static_cast<std::size_t>(body.data() + body.size() - at));
  expect(rest.find_first_not_of(kBlanks) == std::string_view::npos, "the last line was left out");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  static Batch batch;
  check_array(body, batch);
  check_lines(body, batch);
  return 0;
}
