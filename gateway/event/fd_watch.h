#pragma once

#include <memory>

#include "gateway/base/function.h"
#include "gateway/base/result.h"
#include "gateway/event/loop.h"

namespace tocsin::event {

/// Tells when a descriptor that somebody else owns can be read or written, for libraries that bring
/// their own sockets. Level-triggered: the callback comes again while the condition holds.
/// Destroying the watch ends it at once; the descriptor must stay open until then and is not
/// closed.
class FdWatch {
 public:
  struct Ready {
    bool readable = false;
    bool writable = false;
    bool failed = false;  ///< an error or hang-up is pending; read or write to learn it
  };
  using Callback = Function<void(Ready)>;

  /// Watches for nothing until want() says otherwise. The descriptor must be one that can be
  /// watched, and it becomes non-blocking.
  FdWatch(Loop& loop, int fd, Callback callback);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  /// The same for a descriptor that nobody vouches for: kInvalid when it is closed, a file, or
  /// watched already.
  static Result<std::unique_ptr<FdWatch>> make(Loop& loop, int fd, Callback callback);

  void want(bool read, bool write);

 private:
  struct Handle;
  explicit FdWatch(Handle* handle) : handle_(handle) {}
  Handle* handle_;
};

}  // namespace tocsin::event
