#include "gateway/app/heap_trim.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tocsin::app {

namespace {

// Not malloc's own count of free bytes: that does not fall when their pages go back.
HeapUse heap_use() {
  unsigned long size = 0, resident = 0, of_files = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%lu %lu %lu", &size, &resident, &of_files) != 3) resident = of_files = 0;
    std::fclose(file);
  }
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t anonymous = (resident - std::min(resident, of_files)) * page;
  const struct mallinfo2 heap = mallinfo2();
  const std::size_t used = heap.uordblks + heap.hblkhd;
  return {used, anonymous - std::min(anonymous, used)};
}

}  // namespace

HeapTrim::HeapTrim(event::Loop& control) : timer_(control.timers(), [this] { look(); }) {
  timer_.arm_after(kLookEvery);
}

void HeapTrim::look() {
  if (rule_.due(heap_use())) {
    malloc_trim(0);
    rule_.trimmed(heap_use());
  }
  timer_.arm_after(kLookEvery);
}

}  // namespace tocsin::app
