#include "gateway/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace tocsin {

void assertion_failed(const char* claim, const char* what, const char* file, int line) {
  std::fprintf(stderr, "tocsin: bug: %s (%s) at %s:%d\n", what, claim, file, line);
  std::abort();
}

}  // namespace tocsin
