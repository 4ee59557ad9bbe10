/* A plugin with one thing wrong, chosen by what it is compiled with; tests/CMakeLists.txt lists
 * them. In C, so that the contract is seen to be C. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tocsin/plugin.h"
#include "tocsin/storage.h"

#define STR(text) {text, sizeof(text) - 1}

static void traits(void* self, tocsin_output_traits* out) {
  (void)self;
  (void)out;
}
static void deliver(void* self, const tocsin_attempt* attempts, uint32_t count, uint32_t stride) {
  (void)self, (void)attempts, (void)count, (void)stride;
}
static void cancel(void* self, tocsin_token token) { (void)self, (void)token; }
static uint32_t create(const tocsin_create* from, void** self, tocsin_fault* fault) {
  (void)from, (void)self, (void)fault;
  return TOCSIN_OK;
}
static void destroy(void* self) { (void)self; }
static uint32_t worker_init(void* self, tocsin_worker* worker, void** own, tocsin_fault* fault) {
  (void)self, (void)worker, (void)own, (void)fault;
  return TOCSIN_OK;
}

#if defined(BROKEN_UNDEFINED_SYMBOL)
extern int tocsin_test_nobody_has_this(void);
#endif

static const tocsin_option kOptions[] = {
    {.size = sizeof(tocsin_option), .type = TOCSIN_STRING, .key = STR("url"), .doc = STR("Where.")},
#if defined(BROKEN_OPTION_TWICE)
    {.size = sizeof(tocsin_option), .type = TOCSIN_STRING, .key = STR("url"), .doc = STR("Where.")},
#elif defined(BROKEN_OPTION_TYPE)
    {.size = sizeof(tocsin_option), .type = 99, .key = STR("odd"), .doc = STR("What.")},
#elif defined(BROKEN_OPTION_KEY)
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_STRING,
     .key = STR("delivery"),
     .doc = STR("No.")},
#elif defined(BROKEN_OPTION_DEFAULT)
    {.size = sizeof(tocsin_option),
     .type = TOCSIN_DURATION,
     .key = STR("timeout"),
     .doc = STR("How long."),
     .default_text = STR("soon")},
#endif
};
static const tocsin_option_table kTable = {.size = sizeof(kTable),
                                           .count = sizeof(kOptions) / sizeof(kOptions[0]),
                                           .stride = sizeof(tocsin_option),
                                           .name = STR("broken"),
                                           .doc = STR("Broken."),
                                           .options = kOptions};
__attribute__((unused)) static const tocsin_output kOutput = {
    .size = sizeof(kOutput), .traits = traits, .deliver = deliver, .cancel = cancel};

static const tocsin_plugin kPlugin = {
#if defined(BROKEN_SIZE)
    .size = 16,
#else
    .size = sizeof(kPlugin),
#endif
#if defined(BROKEN_MAJOR)
    .abi_major = 7,
#else
    .abi_major = TOCSIN_ABI_MAJOR,
#endif
#if defined(BROKEN_HASH)
    .abi_hash = STR("0123456789abcdef0123456789abcdef"),
#else
    .abi_hash = STR(TOCSIN_ABI_HASH),
#endif
#if defined(BROKEN_NAME)
    .name = STR("Not A Name"),
#else
    .name = STR(PLUGIN_NAME),
#endif
    .version = STR("0.0.1"),
    .doc = STR("Has something wrong."),
    .options = &kTable,
#if !defined(BROKEN_NO_KIND)
    .output = &kOutput,
#endif
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
#if !defined(BROKEN_NO_FINI)
    .worker_fini = destroy,
#endif
};

/* What runs while it is loaded, before anybody could ask what it is. */
#if defined(DEADLY_CRASHES)
__attribute__((constructor)) static void on_load(void) { abort(); }
#elif defined(DEADLY_EXITS)
__attribute__((constructor)) static void on_load(void) {
  syscall(SYS_exit_group, 3); /* past what a sanitizer has to say about exits */
}
#elif defined(DEADLY_HANGS)
__attribute__((constructor)) static void on_load(void) {
  for (;;) pause();
}
#endif

#if defined(BROKEN_NO_ENTRY)
TOCSIN_EXPORT const tocsin_plugin* some_other_symbol(void);
TOCSIN_EXPORT const tocsin_plugin* some_other_symbol(void) { return &kPlugin; }
#elif defined(BROKEN_OTHER_ENTRY)
TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v3(void);
TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v3(void) { return &kPlugin; }
#elif defined(BROKEN_UNDEFINED_SYMBOL)
TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void);
TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void) {
  return tocsin_test_nobody_has_this() ? &kPlugin : 0;
}
#elif defined(DEADLY_ENTRY)
TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void);
TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void) {
  abort();
  return &kPlugin; /* never reached; its descriptor is used, as clang wants of every constant */
}
#else
TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void);
TOCSIN_EXPORT const tocsin_plugin* TOCSIN_ENTRY(void) { return &kPlugin; }
#endif
