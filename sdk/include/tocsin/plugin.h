/* The contract between the Tocsin gateway and its plugins, major 0.
 *
 * A plugin is a shared object <kind>_<name>.so that exports one function, tocsin_plugin_v0, which
 * returns a descriptor. While the major is 0 the gateway loads a plugin only if it was compiled
 * with exactly this header (TOCSIN_ABI_HASH); from 1.0 on structs only grow at their end.
 *
 * Rules that hold everywhere:
 *   - Every struct begins with its size in bytes; whoever fills one sets it with sizeof.
 *   - Arrays of structs come with a count and a stride, the distance between items in bytes.
 *   - Texts are UTF-8 with a length and no terminator. A null pointer with length 0 is the empty
 *     text.
 *   - What a call passes in is borrowed until it returns, unless the comment says otherwise.
 * Whoever allocates frees.
 *   - No function throws, none unwinds through the other side.
 *   - All callbacks of one (instance, loop) come on that loop's thread, one at a time, never from
 *     inside a host function. Host functions are for that thread too; the exceptions say so.
 *   - Durations and instants are nanoseconds; instants count from 1970-01-01T00:00:00Z, deadlines
 *     on the host's monotonic clock.
 *   - A token names something under way, holds a slot and a generation, and is never 0. Completing
 *     a token that is over does nothing but count.
 */
#ifndef TOCSIN_PLUGIN_H
#define TOCSIN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "tocsin/abi_hash.h" /* TOCSIN_ABI_HASH: SHA-256 over the contract's headers, in hex */
#include "tocsin/ledger.h"
#include "tocsin/options.h"

/* Names of C. NOLINTBEGIN(readability-identifier-naming) */

#ifdef __cplusplus
extern "C" {
#endif

#define TOCSIN_ABI_MAJOR 0
#define TOCSIN_ENTRY tocsin_plugin_v0
#define TOCSIN_EXPORT __attribute__((visibility("default")))

typedef uint64_t tocsin_token;

/* What a host function answers. */
enum tocsin_status {
  TOCSIN_OK = 0,
  TOCSIN_FULL = 1,    /* a bounded queue or table has no room now */
  TOCSIN_GONE = 2,    /* the token, loop or instance is over */
  TOCSIN_INVALID = 3, /* the call breaks the contract; counted against the plugin */
  TOCSIN_NOT_FOUND = 4,
  TOCSIN_EXISTS = 5,
  TOCSIN_UNAVAILABLE = 6, /* a dependency cannot serve now */
  TOCSIN_FAILED = 7       /* anything else; the fault, where there is one, has the words */
};

/* Why something failed, in one sentence without a full stop. The callee copies it in. */
typedef struct tocsin_fault {
  uint32_t size;
  uint32_t code;     /* enum tocsin_status */
  uint32_t what_len; /* bytes used of `what` */
  uint32_t key_len;  /* bytes used of `key` */
  char what[512];
  char key[64]; /* the option at fault, empty when none is */
} tocsin_fault;

/* ---- the host -----------------------------------------------------------------------------------
 */

/* An instance as the host knows it, and that instance on one loop. Opaque. */
typedef struct tocsin_instance tocsin_instance;
typedef struct tocsin_worker tocsin_worker;

enum tocsin_log_level {
  TOCSIN_LOG_TRACE = 0,
  TOCSIN_LOG_DEBUG = 1,
  TOCSIN_LOG_INFO = 2,
  TOCSIN_LOG_WARNING = 3,
  TOCSIN_LOG_ERROR = 4,
  TOCSIN_LOG_CRITICAL = 5
};

typedef struct tocsin_header {
  tocsin_str name;
  tocsin_str value;
} tocsin_header;

/* What one attempt came to; the meanings are the host's verdict table. */
enum tocsin_verdict_kind {
  TOCSIN_DELIVERED = 0,
  TOCSIN_RETRY = 1,
  TOCSIN_THROTTLED = 2,
  TOCSIN_REJECTED = 3,
  TOCSIN_TARGET_GONE = 4,
  TOCSIN_AMBIGUOUS = 5,
  TOCSIN_UNAUTHORIZED = 6,
  TOCSIN_INTERNAL = 7
};
enum tocsin_scope { TOCSIN_SCOPE_ADDRESS = 0, TOCSIN_SCOPE_OUTPUT = 1, TOCSIN_SCOPE_ACCOUNT = 2 };

typedef struct tocsin_verdict {
  uint32_t size;
  uint32_t kind;
  uint32_t scope;
  uint32_t reserved;
  int64_t after_ns;       /* RETRY, THROTTLED: what the receiver asked for; 0: nothing */
  tocsin_str reason;      /* copied, cut to 512 bytes */
  tocsin_str provider_id; /* copied, cut to 256 bytes */
} tocsin_verdict;

/* How requests reach their servers, where that is not the usual way. Texts may be empty; lists are
 * parted by commas. */
typedef struct tocsin_transport tocsin_transport;
typedef struct tocsin_transport_settings {
  uint32_t size;
  uint32_t flags;
  tocsin_str ca_file;     /* trusted instead of the system's; PEM, as the next two */
  tocsin_str cert_file;   /* shown to servers that ask */
  tocsin_str key_file;    /* of cert_file */
  tocsin_str server_name; /* the certificate must be for this host; empty: for the URL's */
  tocsin_str proxy;       /* "http://user:password@host:port", asked for a tunnel (CONNECT) */
  tocsin_str no_proxy;    /* hosts, with what is below them, and address ranges */
  tocsin_str allow;       /* address ranges that GUARDED lets pass all the same */
} tocsin_transport_settings;
#define TOCSIN_TRANSPORT_UNVERIFIED 1u /* whoever answers is believed */
/* The URL's host comes from data: loopback, private and link-local addresses and their like are
 * refused, once the name was resolved. */
#define TOCSIN_TRANSPORT_GUARDED 2u

/* A request of the host's HTTP client. Copied before http_send returns. */
typedef struct tocsin_http_request {
  uint32_t size;
  uint32_t flags;
  tocsin_str method;
  tocsin_str url;
  const tocsin_header* headers;
  uint32_t header_count;
  uint32_t header_stride;
  tocsin_str body;
  int64_t deadline_ns;               /* monotonic; 0: 30 s from now */
  uint64_t response_bytes_max;       /* of the body; what is beyond is cut; 0: 64 KiB */
  const tocsin_transport* transport; /* null: the usual; may be freed while the request goes on */
} tocsin_http_request;
#define TOCSIN_HTTP_IDEMPOTENT 1u /* sending it twice does no harm */

enum tocsin_http_failure {
  TOCSIN_HTTP_ANSWERED = 0,      /* status, headers and body are there */
  TOCSIN_HTTP_NO_CONNECTION = 1, /* nothing was sent */
  TOCSIN_HTTP_TIMEOUT = 2,       /* `sent` says whether it may have arrived */
  TOCSIN_HTTP_CUT = 3,           /* the connection ended before the answer did */
  TOCSIN_HTTP_PROTOCOL = 4       /* the answer breaks HTTP or a limit */
};

typedef struct tocsin_http_response {
  uint32_t size;
  uint32_t failure; /* enum tocsin_http_failure */
  uint32_t status;
  uint32_t sent;  /* 0: certainly no byte of the request left this host */
  uint32_t flags; /* of the request: http_verdict judges a timeout by them */
  uint32_t reserved;
  const tocsin_header* headers;
  uint32_t header_count;
  uint32_t header_stride;
  tocsin_str body;
  tocsin_str error; /* a sentence, unless answered */
} tocsin_http_response;

/* One notification as its sender wrote it. */
typedef struct tocsin_emit_item {
  uint32_t size;
  uint32_t reserved;
  tocsin_str json;            /* one object in the wire format */
  tocsin_str idempotency_key; /* empty: the item's own, else none */
} tocsin_emit_item;

typedef struct tocsin_emit_request {
  uint32_t size;
  uint32_t count; /* of items, at most 1,000 */
  const tocsin_emit_item* items;
  uint32_t stride;
  uint32_t reserved;
  tocsin_str caller;
  uint64_t stream; /* emits of one stream are appended in order; 0: no promise */
  uint64_t user;   /* given back to on_emitted */
} tocsin_emit_request;

enum tocsin_emit_outcome_kind {
  TOCSIN_COMMITTED = 0,
  TOCSIN_DROPPED = 1,
  TOCSIN_UNROUTED = 2,
  TOCSIN_NO_ADDRESS = 3,
  TOCSIN_TOO_MANY = 4,
  TOCSIN_REPLAYED = 5,
  TOCSIN_CONFLICT = 6,
  TOCSIN_ITEM_INVALID = 7,
  TOCSIN_STORE_DOWN = 8,
  TOCSIN_INTAKE_FULL = 9
};

typedef struct tocsin_emit_outcome {
  uint32_t size;
  uint32_t kind;
  tocsin_str id; /* COMMITTED, REPLAYED */
  uint32_t deliveries;
  uint32_t reserved;
  tocsin_str pointer;     /* ITEM_INVALID: an RFC 6901 pointer */
  tocsin_str text;        /* the filter that dropped it, what is wrong, or why INTAKE_FULL (may be
                             empty: there was no room) */
  int64_t retry_after_ns; /* STORE_DOWN, INTAKE_FULL */
} tocsin_emit_outcome;

enum tocsin_metric_kind { TOCSIN_COUNTER = 0, TOCSIN_GAUGE = 1, TOCSIN_HISTOGRAM = 2 };

typedef struct tocsin_metric tocsin_metric;

struct tocsin_http_answer; /* these three below */
struct tocsin_notification;
struct tocsin_attempt;

enum tocsin_fd_event { TOCSIN_FD_READABLE = 1, TOCSIN_FD_WRITABLE = 2 };

/* A compiled text with places for a notification's fields (Mustache). */
typedef struct tocsin_template tocsin_template;
enum tocsin_escape {
  TOCSIN_ESCAPE_NONE = 0,
  TOCSIN_ESCAPE_HTML = 1,
  TOCSIN_ESCAPE_JSON = 2, /* the inside of a JSON string */
  TOCSIN_ESCAPE_URL = 3,
  TOCSIN_ESCAPE_SLACK = 4 /* & < > */
};

/* Exactly one of a reservation's three ends: confirm, undo, or 30 s without either. */
typedef struct tocsin_reservation {
  uint32_t size;
  uint32_t outcome; /* OK: reserved; EXISTS: marked or reserved by another; FULL; INVALID */
  uint64_t token;   /* when OK */
  char value[128];  /* when EXISTS: what the first one left, cut */
  uint32_t value_len;
  uint32_t confirmed; /* when EXISTS: 0 while the other's outcome is open */
} tocsin_reservation;

typedef struct tocsin_host {
  uint32_t size;
  uint32_t abi_major;

  /* -- any thread -- */

  /* Logs a line under the instance's name. */
  void (*log)(tocsin_instance*, uint32_t level, tocsin_str message);
  uint32_t (*log_enabled)(tocsin_instance*, uint32_t level);
  /* Runs fn(user) on the worker's loop, never inside this call. GONE after worker_fini. When fn
   * will not be called, whatever the reason and whatever this answers, drop(user) is, on any thread
   * and possibly inside this call: it frees `user` and calls nothing of the host; may be null. */
  uint32_t (*post)(tocsin_worker*, void (*fn)(void* user), void (*drop)(void* user), void* user);
  int64_t (*wall_ns)(tocsin_instance*);

  /* Compiles `text`, {{topic}} {{labels.team}} and so on; null when it is broken, and the fault
   * says how. Ends in template_free. One thread at a time may use what comes back, while the
   * instance lives. `option` is the key that `text` is the value of, for which an operator may have
   * written other texts for some topics: the host fills in the one that fits. Empty: of none. */
  tocsin_template* (*template_compile)(tocsin_instance*, tocsin_str option, tocsin_str text,
                                       uint32_t escape, tocsin_fault*);
  /* Fills it in; `attempt` is an output's, for {{delivery_id}} and the like, else null. OK: `out`
   * is the text, until the next call with this template. Otherwise the fault says why it cannot be
   * had: a value is missing where that is an error, or a limit. */
  uint32_t (*template_render)(tocsin_template*, const struct tocsin_notification*,
                              const struct tocsin_attempt*, tocsin_str* out, tocsin_fault*);
  void (*template_free)(tocsin_template*); /* null is nothing */

  /* Makes a transport. Reads files: in validate, create and reconfigure only. Null on failure, and
   * the fault's key is the setting's name, "tls.ca_file" for what concerns TLS. An instance whose
   * files have changed at a reload is reconfigured, or replaced, as if its settings had. Ends in
   * transport_free. */
  tocsin_transport* (*transport_make)(tocsin_instance*, const tocsin_transport_settings*,
                                      tocsin_fault*);
  void (*transport_free)(tocsin_transport*); /* any thread; null is nothing */

  /* -- in create and later, any thread -- */

  /* The metric `tocsin_plugin_<name>` with the labels `plugin` and `id`; the same again returns the
   * same one. A counter's name ends in _total. Null when another kind has the name, or there are
   * more than 64. Lives as long as the process. */
  tocsin_metric* (*metric)(tocsin_instance*, uint32_t kind, tocsin_str name, tocsin_str help);
  /* Counter: adds; gauge: sets; histogram: observes. */
  void (*metric_record)(tocsin_metric*, double value);

  /* -- the worker's loop -- */

  int64_t (*now_ns)(tocsin_worker*); /* the tick's instant, monotonic */
  /* Calls fn(user) once after the delay. The token is over when fn is called. 0 when there are too
   * many. */
  tocsin_token (*timer)(tocsin_worker*, int64_t delay_ns, void (*fn)(void* user), void* user);
  void (*timer_cancel)(tocsin_worker*, tocsin_token);
  /* Calls fn(user, events) each time round the loop while the descriptor is ready for one of
   * `events` (enum tocsin_fd_event), until fd_unwatch; an error or a hang-up counts as both, and
   * nothing is told that was not asked for. The descriptor stays the caller's, who unwatches it
   * before closing it; it is made non-blocking. 0: no event asked for, a descriptor that is watched
   * already or cannot be (a file), or more than 256 of one instance and loop. */
  tocsin_token (*fd_watch)(tocsin_worker*, int32_t fd, uint32_t events,
                           void (*fn)(void* user, uint32_t events), void* user);
  /* From now on for these events; none: it rests. OK, GONE, INVALID. */
  uint32_t (*fd_change)(tocsin_worker*, tocsin_token, uint32_t events);
  void (*fd_unwatch)(tocsin_worker*, tocsin_token);
  /* Runs work(user) on a thread that may block, then done(user) on the loop. FULL: neither. When
   * done will not be called, drop(user) is, as for post; never while work runs. */
  uint32_t (*offload)(tocsin_worker*, void (*work)(void* user), void (*done)(void* user),
                      void (*drop)(void* user), void* user);

  /* Begins a request; fn(user, response) comes exactly once unless it is cancelled, never inside
   * this call. 0 on failure, and the fault says why. */
  tocsin_token (*http_send)(tocsin_worker*, const tocsin_http_request*,
                            void (*fn)(void* user, const tocsin_http_response*), void* user,
                            tocsin_fault*);
  void (*http_cancel)(tocsin_worker*, tocsin_token);
  /* The verdict that HTTP itself suggests (status, Retry-After, failure); `text` is scratch for its
   * reason, of `text_max` bytes, and must live as long as the verdict. */
  void (*http_verdict)(tocsin_worker*, const tocsin_http_response*, char* text, size_t text_max,
                       tocsin_verdict* out);

  /* State that all loops share, private to the instance's id. Keys up to 800 bytes: INVALID. */
  void (*reserve)(tocsin_worker*, tocsin_str key, tocsin_str value, tocsin_reservation* out);
  uint32_t (*confirm)(tocsin_worker*, tocsin_str key, uint64_t token, int64_t ttl_ns);
  uint32_t (*undo)(tocsin_worker*, tocsin_str key, uint64_t token);

  /* input: hands notifications in. OK: on_emitted follows once, never inside this call. */
  uint32_t (*emit)(tocsin_worker*, const tocsin_emit_request*);
  /* input: reads or cancels a notification of `caller` by the text of its id. OK: fn(user, answer)
   * follows once. NOT_FOUND at once when the text is no id; then, and for any other answer, fn is
   * not called. */
  uint32_t (*notification_get)(tocsin_worker*, tocsin_str id, tocsin_str caller,
                               void (*fn)(void* user, const tocsin_ledger_answer*), void* user);
  uint32_t (*notification_cancel)(tocsin_worker*, tocsin_str id, tocsin_str caller,
                                  void (*fn)(void* user, const tocsin_ledger_answer*), void* user);

  /* The same for another time of delivery: {"deliver_at"} or {"delay"} as in a notification. */
  uint32_t (*notification_reschedule)(tocsin_worker*, tocsin_str id, tocsin_str caller,
                                      tocsin_str json,
                                      void (*fn)(void* user, const tocsin_ledger_answer*),
                                      void* user);

  /* Of these four: OK means that fn follows once, never inside this call, unless the loop is over
   * first; for any other answer it is not called. FULL: too many are under way. fn may be null, but
   * of record_get.
   *
   * What a provider tells later of a delivery. fn: OK once it is kept, NOT_FOUND, UNAVAILABLE.
   * NOT_FOUND at once: the text is no delivery's id. */
  uint32_t (*report)(tocsin_worker*, const tocsin_report*, void (*fn)(void* user, uint32_t status),
                     void* user);
  /* Suppresses an address, or lifts that. fn: OK once it is kept, NOT_FOUND (there was nothing to
   * lift), UNAVAILABLE. INVALID at once: the text is no address. */
  uint32_t (*suppress)(tocsin_worker*, const tocsin_suppression*,
                       void (*fn)(void* user, uint32_t status), void* user);
  /* Small durable values of the instance's id, shared by all loops and kept by the store. Keys have
   * 1 to 256 bytes, values up to 4 KiB: else INVALID. */
  uint32_t (*record_get)(tocsin_worker*, tocsin_str key,
                         void (*fn)(void* user, const tocsin_record_answer*), void* user);
  /* `version`: the one that a get told, for a put only if nothing changed since; 0: whatever is
   * there. ttl 0: for ever. fn: OK once it is kept, EXISTS (something changed), UNAVAILABLE. */
  uint32_t (*record_put)(tocsin_worker*, tocsin_str key, tocsin_str value, uint64_t version,
                         int64_t ttl_ns, void (*fn)(void* user, uint32_t status), void* user);

  /* filter: ends a hold with PASS or DROP. A hold that is not ended after 5 s passes. */
  uint32_t (*filter_decide)(tocsin_worker*, tocsin_token, uint32_t decision);
  /* output: the one verdict of an attempt. GONE: its deadline was first. */
  uint32_t (*complete)(tocsin_worker*, tocsin_token, const tocsin_verdict*);
  /* handler and http_filter: answers the exchange, copying what it is given. A handler that has not
   * answered after 60 s is answered for, with 504. */
  uint32_t (*respond)(tocsin_worker*, tocsin_token, const struct tocsin_http_answer*);
  /* storage: how the batch of this token ended. */
  uint32_t (*applied)(tocsin_worker*, tocsin_token, uint32_t outcome, const tocsin_fault*);
  /* http_filter: ends a hold. */
  uint32_t (*http_resume)(tocsin_worker*, tocsin_token);
} tocsin_host;

/* ---- notifications ------------------------------------------------------------------------------
 */

enum tocsin_level {
  TOCSIN_LEVEL_TRACE = 0,
  TOCSIN_LEVEL_DEBUG = 1,
  TOCSIN_LEVEL_INFO = 2,
  TOCSIN_LEVEL_NOTICE = 3,
  TOCSIN_LEVEL_WARNING = 4,
  TOCSIN_LEVEL_ERROR = 5,
  TOCSIN_LEVEL_CRITICAL = 6,
  TOCSIN_LEVEL_EMERGENCY = 7
};

typedef struct tocsin_label {
  tocsin_str name;
  tocsin_str value;
} tocsin_label;

typedef struct tocsin_recipient {
  tocsin_str kind;
  tocsin_str value;
} tocsin_recipient;

typedef struct tocsin_notification {
  uint32_t size;
  uint32_t level;
  tocsin_str topic;
  tocsin_str title;
  tocsin_str body;
  tocsin_str data; /* JSON as it was received; empty: absent */
  tocsin_str key;
  tocsin_str external_id;
  const tocsin_label* labels;
  uint32_t label_count;
  uint32_t label_stride;
  const tocsin_recipient* to;
  uint32_t to_count;
  uint32_t to_stride;
  int64_t deliver_at_ns; /* 0: none */
  int64_t expires_at_ns; /* 0: none */
} tocsin_notification;

/* ---- the six kinds ------------------------------------------------------------------------------
 */

/* An input lets notifications in through host->emit. It may also be a handler, when they come over
 * HTTP; so may an output, for what its provider calls back with. */
typedef struct tocsin_input {
  uint32_t size;
  uint32_t reserved;
  /* One outcome per item of the emit with this `user`, in order. */
  void (*on_emitted)(void* self, uint64_t user, const tocsin_emit_outcome* outcomes, uint32_t count,
                     uint32_t stride);
} tocsin_input;

enum tocsin_decision { TOCSIN_PASS = 0, TOCSIN_DROP = 1, TOCSIN_HOLD = 2 };

typedef struct tocsin_filter_call {
  uint32_t size;
  uint32_t reserved;
  tocsin_token token; /* for filter_decide */
  const tocsin_notification* notification;
  tocsin_str identity;  /* empty: it has none. The same identity is the same notification */
  uint64_t reservation; /* set by the filter, not 0: on_outcome will come with it */
} tocsin_filter_call;

typedef struct tocsin_filter {
  uint32_t size;
  uint32_t reserved;
  uint32_t (*on_message)(void* self, tocsin_filter_call*); /* enum tocsin_decision */
  void (*on_outcome)(void* self, uint64_t reservation, uint32_t committed); /* may be null */
} tocsin_filter;

/* One try of one delivery. The array of them is borrowed for the call; what they point to lives
 * until the attempt's completion, or until cancel() returns. */
typedef struct tocsin_attempt {
  uint32_t size;
  uint32_t number; /* counts from 1 */
  tocsin_token token;
  tocsin_str notification_id;
  tocsin_str delivery_id; /* the idempotency key for providers */
  const tocsin_notification* notification;
  tocsin_str payload; /* the notification as one JSON object */
  tocsin_str address; /* "kind:value"; empty: the output's own */
  int64_t accepted_at_ns;
  int64_t deadline_ns; /* monotonic */
} tocsin_attempt;

/* What an output says of itself. */
typedef struct tocsin_output_traits {
  uint32_t size;
  uint32_t batch_max;       /* attempts in one deliver(), at least 1 */
  tocsin_str address_kind;  /* takes `to` of this kind; empty: only its own address */
  uint32_t has_own_address; /* delivers also when no `to` fits */
  uint32_t idempotent;      /* the receiver drops a repeated delivery id */
  tocsin_str account;       /* outputs of one account are paced together; empty: this one alone */
  /* It reaches others through http_send alone and asks nobody before it sends, so that `tocsin
   * render` may run it and show the requests, which then never leave. */
  uint32_t rehearses;
} tocsin_output_traits;

typedef struct tocsin_output {
  uint32_t size;
  uint32_t reserved;
  /* Of this instance, as its settings make it; asked once, on the control thread after create.
   * Texts are copied. */
  void (*traits)(void* instance_self, tocsin_output_traits* out);
  void (*deliver)(void* self, const tocsin_attempt* attempts, uint32_t count, uint32_t stride);
  /* The verdict no longer matters; nothing of the attempt may be touched afterwards. */
  void (*cancel)(void* self, tocsin_token);
} tocsin_output;

typedef struct tocsin_http_answer {
  uint32_t size;
  uint32_t status;
  const tocsin_header* headers;
  uint32_t header_count;
  uint32_t header_stride;
  tocsin_str body;
} tocsin_http_answer;

typedef struct tocsin_http_head {
  uint32_t size;
  uint32_t header_count;
  tocsin_token token;
  tocsin_str method;
  tocsin_str path; /* below the route's prefix, decoded and normalised, begins with '/' */
  tocsin_str full_path;
  tocsin_str query;             /* behind '?', as sent */
  const tocsin_header* headers; /* until the callback returns */
  uint32_t header_stride;
  uint32_t peer_is_loopback;
  tocsin_str peer;       /* the client's address without port */
  tocsin_str request_id; /* empty: none */
} tocsin_http_head;

/* Answers HTTP requests that end in it; once each, by host->respond. Requests come on any loop: an
 * instance that is an output as well runs on all of them, and delivers on one. */
typedef struct tocsin_handler {
  uint32_t size;
  uint32_t reserved;
  /* Answers, or returns how many bytes of body it wants whole (more is answered 413): on_body
   * follows. 0: no body is wanted. What it returns in `request` comes with every later call. */
  uint64_t (*on_request)(void* self, const tocsin_http_head*, void** request);
  /* The whole body. */
  void (*on_body)(void* self, void* request, tocsin_str body);
  /* The exchange is over, answered or not: frees `request`. Exactly once. */
  void (*on_done)(void* self, void* request);
} tocsin_handler;

/* Changes requests on their way in and answers on their way out. */
typedef struct tocsin_http_filter {
  uint32_t size;
  uint32_t reserved;
  /* enum tocsin_http_step. `state` is kept for the exchange. */
  uint32_t (*on_request_head)(void* self, const tocsin_http_head*, void** state);
  uint32_t (*on_response_head)(void* self, void* state, tocsin_token, uint32_t status,
                               const tocsin_header* headers, uint32_t count, uint32_t stride);
  void (*done)(void* self, void* state, uint32_t flags);
} tocsin_http_filter;
enum tocsin_http_step { TOCSIN_HTTP_CONTINUE = 0, TOCSIN_HTTP_HOLD = 1, TOCSIN_HTTP_RESPOND = 2 };

/* A store of the outbox: storage.h. */
struct tocsin_storage;

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#include "tocsin/life.h" /* what a plugin exports: the descriptor, and an instance's life */

#endif /* TOCSIN_PLUGIN_H */
