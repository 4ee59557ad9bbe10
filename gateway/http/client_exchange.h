#pragma once

#include <cstdint>

#include "gateway/event/timer_wheel.h"
#include "gateway/http/client.h"

namespace tocsin::http {

class ClientConnection;

/// What the client knows of one call:
///
///   waiting (in its pool's queue) -> on a connection -> over
///        ^------- one retry ---------------'
///
/// Belongs to its handle and is used again for a later call.
struct ClientExchange {
  enum class Phase : std::uint8_t { kWaiting, kOnConnection, kOver };

  ClientExchange(HttpClient& owner, event::TimerWheel& wheel)
      : client(owner), deadline(wheel, [this] { client.time_is_up(*this); }) {}

  bool body_is_sent() const { return request.body.kind == ClientBody::Kind::kWhole || body_ended; }
  /// The body can be sent once more from its start.
  bool body_is_repeatable() const {
    return request.body.kind == ClientBody::Kind::kWhole || !body_asked;
  }

  HttpClient& client;
  ClientRequest request;
  ClientEvents* events = nullptr;
  ClientPool* pool = nullptr;
  ClientConnection* connection = nullptr;  // when on one
  event::Timer deadline;

  ClientExchange* next = nullptr;  // in the pool's queue
  ClientExchange* previous = nullptr;

  std::uint64_t body_left = 0;  // of a body with announced length
  Phase phase = Phase::kOver;
  bool retried = false;      // needs a fresh connection and gets no further try
  bool left_before = false;  // some byte of the first try may have left
  bool paused = false;
  bool body_asked = false;  // on_writable came: from here on its producer may send at any time
  bool body_ended = false;
};

}  // namespace tocsin::http
