/* What a plugin exports, and the life of an instance: the calls, their threads and their order.
 * The last part of plugin.h, which includes it.
 *
 *   control thread   create --------------------- reconfigure? ------------------------ destroy
 *                      |                              |                                    ^
 *   each loop          +-> worker_init  worker_start  +-> worker_reconfigure  worker_drain |
 *                                                                            worker_fini --+
 *
 * The control thread is one of the host's that runs no loop: what takes its time there holds up the
 * next reload and nothing that is served. A call that does not return within 10 s fails its reload.
 *
 * On a reload an instance whose settings say the same is kept and hears nothing. One whose
 * reloadable options alone differ is reconfigured, if it can be. Any other change makes a new
 * instance: it gets worker_init and serves at once, while the one it replaces is drained on each
 * loop; worker_start comes when that one has ended everywhere, so that what only one of them can
 * hold (a port, a membership, a connection) is held by one at a time.
 *
 * What may be null is never missed: an instance without reconfigure is replaced, one without
 * worker_start or worker_drain begins with worker_init and ends with worker_fini.
 */
#ifndef TOCSIN_LIFE_H
#define TOCSIN_LIFE_H

#include "tocsin/plugin.h"

/* Names of C. NOLINTBEGIN(readability-identifier-naming) */

#ifdef __cplusplus
extern "C" {
#endif

/* What an instance is made from. Valid during the call. */
typedef struct tocsin_create {
  uint32_t size;
  uint32_t reserved;
  const tocsin_host* host;      /* lives as long as the process */
  tocsin_instance* instance;    /* lives until destroy returns */
  tocsin_str id;                /* its name in the configuration */
  const tocsin_value* settings; /* as the option table promises */
} tocsin_create;

typedef struct tocsin_plugin {
  uint32_t size;
  uint32_t abi_major;  /* TOCSIN_ABI_MAJOR */
  tocsin_str abi_hash; /* TOCSIN_ABI_HASH */
  tocsin_str name;     /* what `type:` names: [a-z][a-z0-9_]*, at most 64 bytes */
  tocsin_str version;
  tocsin_str doc; /* a sentence */
  const tocsin_option_table* options;

  /* The kinds it is; null for those it is not. That of the file's name must be among them. */
  const tocsin_input* input;
  const tocsin_filter* filter;
  const tocsin_output* output;
  const struct tocsin_storage* storage;
  const tocsin_http_filter* http_filter;
  const tocsin_handler* handler;

  /* The control thread, one call at a time, also over instances. A call that answers a status other
   * than TOCSIN_OK fills the fault. */

  /* Looks at settings only, also under `tocsin check`; nothing stays. May be null. */
  uint32_t (*validate)(const tocsin_create*, tocsin_fault*);
  /* Stores the instance's self. May read files; no network, nothing that only one can hold. */
  uint32_t (*create)(const tocsin_create*, void** self, tocsin_fault*);
  /* The last call: every worker_fini has returned, or there was no worker_init. Frees self. An
   * instance whose offloaded work still runs is never destroyed. */
  void (*destroy)(void* self);

  /* The loop's thread. */

  /* On each loop that uses the instance (an output, a storage: one loop only), within 10 ms, before
   * the kind's callbacks. Stores the self that those get. When it fails, nothing more comes on this
   * loop, and on the others worker_fini. */
  uint32_t (*worker_init)(void* self, tocsin_worker*, void** worker_self, tocsin_fault*);
  /* The last call on the loop: timers, requests and emits have ended without a call, every token is
   * over, and each host function answers GONE from now on. Frees worker_self. Comes once for each
   * worker_init that went well, with or without worker_start and worker_drain before it. */
  void (*worker_fini)(void* worker_self);

  /* Each of these may be null. */

  /* Control thread, between create and destroy; worker callbacks go on meanwhile on their loops.
   * `next` differs from what the instance has in options with TOCSIN_RELOADABLE only, and has the
   * same id and instance; what `traits` answers must not change. Checks and prepares these settings
   * as create would, and adopts nothing: what is refused, or is never adopted, leaves no trace.
   * Called again it replaces what was prepared before, also with the settings that the instance
   * already has. Not called between the first and the last worker_reconfigure of one adoption. */
  uint32_t (*reconfigure)(void* self, const tocsin_create* next, tocsin_fault*);
  /* On each loop that uses the instance, once the reload is decided: adopts what the last
   * reconfigure prepared. What is under way may end by the old settings or the new. Cannot fail. A
   * worker_init that comes later begins with what was adopted. */
  void (*worker_reconfigure)(void* worker_self);
  /* On each loop, once in an instance's life: it serves, and the instance of its kind and name that
   * it replaces, if any, has ended on every loop. Takes ports, memberships, connections; what
   * cannot be had now is the plugin's to try again. Callbacks of the kind may come before it. */
  void (*worker_start)(void* worker_self);
  /* On each loop, at most once, also when worker_start never came: no delivery, message or request
   * will be new from now on. Lets go of what worker_start took and ends what is open; the host goes
   * on to serve every call. worker_fini follows once no token is open, or after `deadline_ns` (on
   * the monotonic clock), when the host ends what is open itself: messages pass, requests are
   * answered 503, attempts are cancelled and count as ambiguous. */
  void (*worker_drain)(void* worker_self, int64_t deadline_ns);
} tocsin_plugin;

/* The exported entry: TOCSIN_EXPORT const tocsin_plugin* tocsin_plugin_v0(void); */
typedef const tocsin_plugin* (*tocsin_entry_fn)(void);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* TOCSIN_LIFE_H */
