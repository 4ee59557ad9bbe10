// Lets through what matters enough.
//
//   filters: [{type: level, min: warning}]

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "tocsin/plugin.h"

namespace {

constexpr tocsin_str operator""_t(const char* from, std::size_t length) { return {from, length}; }

const tocsin_option kMin = {
    .size = sizeof(tocsin_option),
    .type = TOCSIN_CHOICE,
    .flags = TOCSIN_REQUIRED | TOCSIN_RELOADABLE,
    .key = "min"_t,
    .doc = "The least important level that passes."_t,
    .choices = "trace|debug|info|notice|warning|error|critical|emergency"_t};
const tocsin_option_table kTable = {.size = sizeof(tocsin_option_table),
                                    .count = 1,
                                    .stride = sizeof(tocsin_option),
                                    .name = "level"_t,
                                    .doc = "Drops what matters less than a level."_t,
                                    .options = &kMin,
                                    .scalar_key = "min"_t};

struct Level {
  std::uint32_t min = TOCSIN_LEVEL_TRACE;
};

std::uint32_t create(const tocsin_create* from, void** self, tocsin_fault*) noexcept {
  constexpr std::array<std::string_view, 8> kLevels = {"trace",   "debug", "info",     "notice",
                                                       "warning", "error", "critical", "emergency"};
  auto made = std::make_unique<Level>();
  const tocsin_str chosen = from->settings->items[0].text;  // the table's only key, and required
  for (std::uint32_t level = 0; level < kLevels.size(); ++level) {
    if (kLevels[level] == std::string_view(chosen.ptr, chosen.len)) made->min = level;
  }
  *self = made.release();
  return TOCSIN_OK;
}

void destroy(void* self) noexcept { delete static_cast<Level*>(self); }

// The instance itself serves every loop: it never changes.
std::uint32_t worker_init(void* self, tocsin_worker*, void** worker, tocsin_fault*) noexcept {
  *worker = self;
  return TOCSIN_OK;
}

void worker_fini(void*) noexcept {}

const tocsin_filter kFilter = {
    .size = sizeof(tocsin_filter),
    .on_message = [](void* self, tocsin_filter_call* call) noexcept -> std::uint32_t {
      return call->notification->level < static_cast<Level*>(self)->min ? TOCSIN_DROP : TOCSIN_PASS;
    }};

}  // namespace

extern "C" TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v0(void) {
  static const tocsin_plugin plugin = {.size = sizeof(tocsin_plugin),
                                       .abi_major = TOCSIN_ABI_MAJOR,
                                       .abi_hash = {TOCSIN_ABI_HASH, sizeof(TOCSIN_ABI_HASH) - 1},
                                       .name = "level"_t,
                                       .version = "0.1.0"_t,
                                       .doc = "Drops what matters less than a level."_t,
                                       .options = &kTable,
                                       .filter = &kFilter,
                                       .create = create,
                                       .destroy = destroy,
                                       .worker_init = worker_init,
                                       .worker_fini = worker_fini};
  return &plugin;
}
