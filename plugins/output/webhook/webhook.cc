// Posts notifications to a URL as JSON.
//
//   POST <url>
//   Idempotency-Key: dlv_...         the same on every attempt, so that a receiver can drop repeats
//   Tocsin-Attempt: 1
//
//   {"id":"ntf_...","delivery_id":"dlv_...", and the notification's own fields}
//
// What the answer means is the gateway's to say (2xx delivered, Retry-After honoured, ...), the
// same for every output that speaks HTTP.

#include <array>
#include <memory>

#include "sender.h"
#include "tocsin/plugin.h"

namespace tocsin::output_webhook {

namespace {

constexpr tocsin_str operator""_t(const char* from, std::size_t length) { return {from, length}; }

const tocsin_option kHeader = {.size = sizeof(tocsin_option),
                               .type = TOCSIN_STRING,
                               .flags = TOCSIN_SECRET,
                               .doc = "The value of a request header."_t,
                               .max = "8192"_t};
const std::array<tocsin_option, 2> kOptions = {{
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_STRING,
     .flags = TOCSIN_REQUIRED,
     .key = "url"_t,
     .doc = "Where to post, such as http://example.com/hook."_t,
     .min = "8"_t,
     .max = "2048"_t},
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_MAP,
     .flags = TOCSIN_RELOADABLE,
     .key = "headers"_t,
     .doc = "Further request headers, as an Authorization."_t,
     .default_text = "{}"_t,
     .max = "32"_t,
     .element = &kHeader},
}};
const tocsin_option_table kTable = {.size = sizeof(tocsin_option_table),
                                    .count = kOptions.size(),
                                    .stride = sizeof(tocsin_option),
                                    .name = "webhook"_t,
                                    .doc = "Posts notifications to a URL as JSON."_t,
                                    .options = kOptions.data()};

std::uint32_t create(const tocsin_create* from, void** self, tocsin_fault*) noexcept {
  *self = std::make_unique<Settings>(*from).release();
  return TOCSIN_OK;
}

void destroy(void* self) noexcept { delete static_cast<Settings*>(self); }

std::uint32_t worker_init(void* self, tocsin_worker* worker, void** sender,
                          tocsin_fault*) noexcept {
  *sender = std::make_unique<Sender>(*static_cast<Settings*>(self), worker).release();
  return TOCSIN_OK;
}

void worker_fini(void* sender) noexcept { delete static_cast<Sender*>(sender); }

const tocsin_output kOutput = {
    .size = sizeof(tocsin_output),
    .traits =
        [](void*, tocsin_output_traits* out) noexcept {
          out->batch_max = 64;
          out->has_own_address = 1;
          out->idempotent = 1;
        },
    .deliver =
        [](void* sender, const tocsin_attempt* attempts, std::uint32_t count,
           std::uint32_t stride) noexcept {
          for (std::uint32_t i = 0; i < count; ++i) {
            static_cast<Sender*>(sender)->deliver(*reinterpret_cast<const tocsin_attempt*>(
                reinterpret_cast<const char*>(attempts) + std::size_t{i} * stride));
          }
        },
    .cancel = [](void* sender,
                 tocsin_token token) noexcept { static_cast<Sender*>(sender)->cancel(token); }};

}  // namespace

}  // namespace tocsin::output_webhook

extern "C" TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v0(void) {
  using namespace tocsin::output_webhook;
  static const tocsin_plugin plugin = {.size = sizeof(tocsin_plugin),
                                       .abi_major = TOCSIN_ABI_MAJOR,
                                       .abi_hash = {TOCSIN_ABI_HASH, sizeof(TOCSIN_ABI_HASH) - 1},
                                       .name = "webhook"_t,
                                       .version = "0.1.0"_t,
                                       .doc = "Posts notifications to a URL as JSON."_t,
                                       .options = &kTable,
                                       .output = &kOutput,
                                       .create = create,
                                       .destroy = destroy,
                                       .worker_init = worker_init,
                                       .worker_fini = worker_fini};
  return &plugin;
}
