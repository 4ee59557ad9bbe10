#pragma once

#include <cstdint>

#include "tocsin/plugin.h"

namespace tocsin::plugin {

// The host functions around templates; see plugin.h. What a limit cut is counted for the instance.

tocsin_template* compile_template(tocsin_instance* instance, tocsin_str option, tocsin_str text,
                                  std::uint32_t escape, tocsin_fault* fault);
std::uint32_t render_template(tocsin_template* compiled, const tocsin_notification* notification,
                              const tocsin_attempt* attempt, tocsin_str* out, tocsin_fault* fault);
void free_template(tocsin_template* compiled);

}  // namespace tocsin::plugin
