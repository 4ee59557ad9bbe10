#pragma once

#include <memory>

#include "gateway/http/transport.h"
#include "tocsin/plugin.h"

namespace tocsin::plugin {

// The host functions around transports; see plugin.h.

tocsin_transport* make_transport(tocsin_instance* instance,
                                 const tocsin_transport_settings* settings, tocsin_fault* fault);
void free_transport(tocsin_transport* transport);

/// What a plugin's handle stands for; null for null.
std::shared_ptr<const http::Transport> transport_of(const tocsin_transport* handle);

}  // namespace tocsin::plugin
