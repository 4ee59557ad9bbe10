#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "gateway/base/result.h"
#include "gateway/event/address.h"

namespace tocsin::event {

class Loop;

/// A connected, ordered byte stream owned by one loop: TCP here, TLS in the same place later. All
/// calls and callbacks happen on that loop. Destroying a stream closes it and drops what was not
/// yet written; no callback follows.
class Stream {
 public:
  /// What happens on a stream. Calls are never nested; a callback may destroy the stream.
  class Events {
   public:
    virtual ~Events() = default;
    /// Bytes arrived. They lie in the loop's read slab and are gone when the call returns.
    virtual void on_data(std::string_view bytes) = 0;
    /// The peer will send no more. Writing may go on.
    virtual void on_end() = 0;
    /// The stream broke (reset, write failure); nothing follows. Not called for one's own close. A
    /// stream that is being read when a write finds the peer gone delivers first what had arrived:
    /// who refuses an upload answers and stops listening.
    virtual void on_broken(const Error& why) = 0;
    /// buffered() has fallen to the low watermark after a write had reported the high one.
    virtual void on_writable() = 0;
  };

  /// Above this many waiting bytes write() answers false; on_writable follows below the low one.
  static constexpr std::size_t kHighWater = 256 * 1024;
  static constexpr std::size_t kLowWater = 64 * 1024;

  virtual ~Stream() = default;

  /// Who hears of this stream from now on; the codec hands a stream over by setting the next
  /// owner's events. Must be set before read_start.
  virtual void set_events(Events& events) = 0;

  virtual void read_start() = 0;
  virtual void read_stop() = 0;

  /// Takes a copy of the bytes that cannot leave at once. Small writes of one tick leave together
  /// at its end; a large one is tried at once with what waits before it. False: above the high
  /// watermark, the producer should pause until on_writable (nothing is lost if it does not).
  virtual bool write(std::string_view bytes) = 0;

  /// Room for at least `bytes` contiguous bytes to build output in place; the next call must be
  /// commit() with how many were used. At most kReserveMax.
  virtual char* reserve(std::size_t bytes) = 0;
  virtual bool commit(std::size_t used) = 0;
  static constexpr std::size_t kReserveMax = 16 * 1024;

  /// Sends FIN once everything written has left. No write may follow.
  virtual void end() = 0;

  /// Makes the eventual close a reset (RST), so that the peer cannot take a cut answer for a whole
  /// one. What waits is dropped.
  virtual void reset_on_close() = 0;

  /// Bytes written but not yet taken by the kernel.
  virtual std::size_t buffered() const = 0;

  virtual const Address& peer() const = 0;
  virtual Loop& loop() const = 0;
};

}  // namespace tocsin::event
