// The HTTP door for notifications.
//
//   POST   .../notifications         one, as JSON
//   POST   .../notifications/batch   a JSON array, or lines of JSON (application/x-ndjson)
//   GET    .../notifications/{id}    what became of it
//   DELETE .../notifications/{id}    cancel what has not left
//   POST   a path of `paths`         one, as JSON
//
// A 202 is written only after the commit. Callers are told apart by bearer tokens, and each sees
// its own notifications only.

#include <array>
#include <memory>

#include "door.h"
#include "tocsin/plugin.h"

namespace tocsin::input_http {

namespace {

tocsin_str text(std::string_view from) { return {from.data(), from.size()}; }

constexpr tocsin_str operator""_t(const char* from, std::size_t length) { return {from, length}; }

const tocsin_option kToken = {.size = sizeof(tocsin_option),
                              .type = TOCSIN_STRING,
                              .flags = TOCSIN_SECRET,
                              .doc = "A secret text that the caller sends as its bearer token."_t,
                              .min = "8"_t,
                              .max = "4096"_t};
const tocsin_option kPath = {.size = sizeof(tocsin_option),
                             .type = TOCSIN_STRING,
                             .doc = "A path such as /api/messages."_t,
                             .min = "1"_t,
                             .max = "2048"_t};
const std::array<tocsin_option, 4> kOptions = {{
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_MAP,
     .flags = TOCSIN_RELOADABLE,
     .key = "tokens"_t,
     .doc = "Who may send: caller names and their bearer tokens."_t,
     .default_text = "{}"_t,
     .max = "10000"_t,
     .element = &kToken},
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_BOOLEAN,
     .flags = TOCSIN_RELOADABLE,
     .key = "open"_t,
     .doc = "Let everybody who reaches the listener send without a token."_t,
     .default_text = "false"_t},
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_LIST,
     .flags = TOCSIN_RELOADABLE,
     .key = "paths"_t,
     .doc = "Further paths where one notification may be posted, whatever the route's prefix."_t,
     .default_text = "[]"_t,
     .max = "100"_t,
     .element = &kPath},
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_SIZE,
     .flags = TOCSIN_RELOADABLE,
     .key = "body_bytes_max"_t,
     .doc = "The longest request body; a longer one is answered 413."_t,
     .default_text = "1MiB"_t,
     .min = "1KiB"_t,
     .max = "64MiB"_t},
}};
const tocsin_option_table kTable = {.size = sizeof(tocsin_option_table),
                                    .count = kOptions.size(),
                                    .stride = sizeof(tocsin_option),
                                    .name = "http"_t,
                                    .doc = "Takes notifications over HTTP."_t,
                                    .options = kOptions.data()};

std::uint32_t create(const tocsin_create* from, void** self, tocsin_fault*) noexcept {
  *self = std::make_unique<Settings>(*from).release();
  return TOCSIN_OK;
}

void destroy(void* self) noexcept { delete static_cast<Settings*>(self); }

std::uint32_t worker_init(void* self, tocsin_worker* worker, void** door, tocsin_fault*) noexcept {
  *door = std::make_unique<Door>(*static_cast<Settings*>(self), worker).release();
  return TOCSIN_OK;
}

void worker_fini(void* door) noexcept { delete static_cast<Door*>(door); }

const tocsin_input kInput = {
    .size = sizeof(tocsin_input),
    .on_emitted = [](void*, std::uint64_t user, const tocsin_emit_outcome* outcomes,
                     std::uint32_t count, std::uint32_t stride) noexcept {
      Door::on_emitted(user, outcomes, count, stride);
    }};

const tocsin_handler kHandler = {
    .size = sizeof(tocsin_handler),
    .on_request =
        [](void* door, const tocsin_http_head* head, void** request) noexcept {
          return static_cast<Door*>(door)->on_request(*head, request);
        },
    .on_body =
        [](void* door, void* request, tocsin_str body) noexcept {
          static_cast<Door*>(door)->on_body(*static_cast<Request*>(request), {body.ptr, body.len});
        },
    .on_done =
        [](void*, void* request) noexcept {
          if (request != nullptr) Door::on_done(*static_cast<Request*>(request));
        }};

}  // namespace

}  // namespace tocsin::input_http

extern "C" TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v0(void) {
  using namespace tocsin::input_http;
  static const tocsin_plugin plugin = {.size = sizeof(tocsin_plugin),
                                       .abi_major = TOCSIN_ABI_MAJOR,
                                       .abi_hash = text(TOCSIN_ABI_HASH),
                                       .name = "http"_t,
                                       .version = "0.1.0"_t,
                                       .doc = "Takes notifications over HTTP."_t,
                                       .options = &kTable,
                                       .input = &kInput,
                                       .handler = &kHandler,
                                       .create = create,
                                       .destroy = destroy,
                                       .worker_init = worker_init,
                                       .worker_fini = worker_fini};
  return &plugin;
}
