#pragma once

#include <cstddef>

#include "gateway/base/result.h"
#include "gateway/event/stream.h"
#include "gateway/http/client.h"

namespace tocsin::http {

/// Whether the request may be written at all: kInvalid for a method, target, authority, field or
/// upgrade that could be read as something else than one value on one line.
Result<void> check_request(const ClientRequest& request);

/// Writes the head, and a whole body right behind it so that both leave in one packet. Fields that
/// are the client's business are left out. Returns how many bytes it wrote. For checked requests.
std::size_t write_request(event::Stream& stream, const ClientRequest& request);

}  // namespace tocsin::http
