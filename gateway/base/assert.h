#pragma once

namespace tocsin {

/// Prints the broken claim with its place to standard error and aborts. Never returns.
[[noreturn]] void assertion_failed(const char* claim, const char* what, const char* file, int line);

}  // namespace tocsin

/// A claim about our own code, checked in every build: a false one is a bug, never bad input.
#define TOCSIN_ASSERT(claim, what)                                  \
  do {                                                              \
    if (!(claim)) [[unlikely]]                                      \
      ::tocsin::assertion_failed(#claim, what, __FILE__, __LINE__); \
  } while (false)
