// Any text as a scalar. What is filled in must come out as it went in, whatever it holds: the
// filled text is bounded, a text without `$` is untouched, and escaping every `$` gives the text
// itself.

#include <cstddef>
#include <cstdint>
#include <string>

#include "gateway/base/assert.h"
#include "gateway/config/interpolation.h"
#include "gateway/config/limits.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using tocsin::config::interpolate;
  const std::string text(reinterpret_cast<const char*>(data), size);
  tocsin::config::MemoryEnvironment environment;
  environment.variables = {{"A", "value"}, {"B", "${A} $$ ${"}, {"E", ""}};
  environment.files = {{"/f", "file\n"}, {"d/f", "near\r\n"}};

  const auto filled = interpolate(text, "d/", environment);
  if (filled) {
    TOCSIN_ASSERT(filled->text.size() <= tocsin::config::kInterpolatedBytesMax, "it is bounded");
    const bool untouched = text.find('$') == std::string::npos;
    TOCSIN_ASSERT(!untouched || filled->text == text, "a text without $ stays");
  } else {
    TOCSIN_ASSERT(!filled.error().message.empty() && filled.error().offset < text.size(),
                  "a fault has a message and a place");
  }

  std::string escaped;
  for (const char c : text) escaped.append(c == '$' ? 2 : 1, c);
  const auto same = interpolate(escaped, "", environment);
  TOCSIN_ASSERT(size > tocsin::config::kInterpolatedBytesMax || (same && same->text == text),
                "escaping every $ gives the text itself");
  return 0;
}
