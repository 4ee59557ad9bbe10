#pragma once

#include <cstddef>
#include <cstdint>

#include "tocsin/plugin.h"

namespace tocsin::plugin {

// The host functions around templates; see plugin.h.

tocsin_template* compile_template(tocsin_str text, std::uint32_t escape, tocsin_fault* fault);
std::size_t render_template(tocsin_template* compiled, const tocsin_notification* notification,
                            char* out, std::size_t out_max);
void free_template(tocsin_template* compiled);

}  // namespace tocsin::plugin
