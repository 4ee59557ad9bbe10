// Any bytes as a gateway file, and behind a NUL as a file it may include: read, filled in, typed,
// checked, and printed either way. Nothing may crash, hang, or leave a refusal without a message.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gateway/app/command_check.h"
#include "gateway/app/gateway_options.h"
#include "gateway/app/load_gateway.h"
#include "gateway/base/assert.h"
#include "gateway/base/text.h"
#include "gateway/config/dump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t split = bytes.find('\0');
  tocsin::config::MemoryEnvironment environment;
  environment.variables = {{"PORT", "8080"}, {"TEXT", "a: [b, \"${PORT}\"]"}};
  environment.files["main.yaml"] = bytes.substr(0, split);
  if (split != bytes.npos) environment.files["part.yaml"] = bytes.substr(split + 1);

  tocsin::app::PluginCatalog catalog;
  const auto loaded = tocsin::app::load_gateway("main.yaml", catalog, environment);
  if (loaded) {
    std::string dump;
    tocsin::config::append_dump(dump, loaded->root, tocsin::app::gateway_options(), catalog, false);
    TOCSIN_ASSERT(!dump.empty(), "an accepted configuration has settings");
  } else {
    TOCSIN_ASSERT(!loaded.error().diagnostics.empty(), "a refusal says why");
    for (const auto& fault : loaded.error().diagnostics) {
      TOCSIN_ASSERT(!fault.message.empty() && fault.place.file, "a fault has a message and a file");
    }
  }
  for (const bool json : {false, true}) {
    const auto output = tocsin::app::check({.config_path = "main.yaml", .json = json}, environment);
    TOCSIN_ASSERT(output.exit_code == (loaded ? 0 : 1), "check agrees with the loader");
    TOCSIN_ASSERT(tocsin::is_utf8(output.out), "what programs read is UTF-8");
  }
  return 0;
}
