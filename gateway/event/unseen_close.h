#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TOCSIN_THREAD_SANITIZER 1
#include <sanitizer/linux_syscall_hooks.h>

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}
#endif
#endif

namespace tocsin::event {

/// Stands around a call in which libuv closes a descriptor: by a raw system call, of which
/// ThreadSanitizer hears nothing, so that it takes the next user of the number for a second user of
/// the closed socket. Nothing in other builds.
class UnseenClose {
 public:
#ifdef TOCSIN_THREAD_SANITIZER
  explicit UnseenClose(int fd) {
    if (fd >= 0) __sanitizer_syscall_pre_close(fd);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);  // libuv still takes it out of its epoll set
  }
  ~UnseenClose() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
#else
  explicit UnseenClose(int /*fd*/) {}
  ~UnseenClose() {}  // NOLINT(modernize-use-equals-default): a trivial one would look unused
#endif
  UnseenClose(const UnseenClose&) = delete;
  UnseenClose& operator=(const UnseenClose&) = delete;
};

}  // namespace tocsin::event
