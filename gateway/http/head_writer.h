#pragma once

#include <cstdint>
#include <string_view>

#include "gateway/event/stream.h"
#include "gateway/http/head.h"

namespace tocsin::http {

/// How an HTTP/1.1 message's body is delimited and what becomes of its connection: the fields only
/// the codec writes.
struct HeadFraming {
  enum class Body : std::uint8_t { kNone, kLength, kChunked, kUntilClose };
  enum class Connection : std::uint8_t { kDefault, kClose, kKeepAlive, kUpgrade };
  Body body = Body::kNone;
  std::uint64_t length = 0;  ///< for kLength
  Connection connection = Connection::kDefault;
};

/// Writes status line, Date, fields and framing to the stream. Fields that frame or govern the
/// connection are left out of `head`'s, whoever put them there, and so are fields with control
/// bytes: nobody splits an answer from inside a value. False: above the high watermark.
bool write_response_head(event::Stream& stream, const ResponseHead& head,
                         const HeadFraming& framing, std::string_view date);

/// Writes the last chunk and the trailer section.
bool write_last_chunk(event::Stream& stream, const HeaderMap* trailers);

/// Writes the line that opens a chunk of that many bytes.
bool write_chunk_size(event::Stream& stream, std::size_t bytes);

/// True for fields that only the codec may write.
bool is_framing_field(std::string_view name);

}  // namespace tocsin::http
