// Input: a topic pattern, a line break, a topic. Whatever compiles must mean what its definition
// says and stay within its promised number of steps; whatever does not must say where it is wrong.
#include <cstdint>
#include <string_view>

#include "gateway/base/assert.h"
#include "gateway/policy/matcher.h"
#include "tests/unit/policy/naive_glob.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tocsin::policy::Glob;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string_view pattern = input.substr(0, line);
  const std::string_view topic =
      line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  const auto glob = Glob::compile(pattern);
  if (!glob) {
    TOCSIN_ASSERT(glob.error().where.starts_with("column "), "an error without a place");
    return 0;
  }
  const auto [matched, steps] = glob->match_and_count(topic);
  TOCSIN_ASSERT(matched == glob->match(topic), "counting changed the answer");
  TOCSIN_ASSERT(steps <= 2 * (pattern.size() + 1) * (topic.size() + 1), "too many steps");
  if (pattern.size() * topic.size() < 65536) {
    TOCSIN_ASSERT(matched == tocsin::policy::NaiveGlob::match(pattern, topic), "a wrong answer");
  }
  return 0;
}
