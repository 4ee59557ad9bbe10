/* The storage kind of plugin.h: the durable side of the outbox.
 *
 * The host forms batches of operations; the storage applies each batch in order as one transaction,
 * whole or not at all. Operations are written so that data cannot make them fail (upserts,
 * conditional updates). What an operation came to is written into its result fields, marked
 * "result"; texts and arrays there belong to the storage and live until the next apply or close.
 * Ids are 64-bit numbers that ascend; instants are nanoseconds since 1970 in UTC, 0 where absent is
 * allowed. An epoch is one instance of the gateway from its start to its end; 0 is nobody.
 */
#ifndef TOCSIN_STORAGE_H
#define TOCSIN_STORAGE_H

#include "tocsin/plugin.h"

/* Names of C. NOLINTBEGIN(readability-identifier-naming) */

#ifdef __cplusplus
extern "C" {
#endif

enum tocsin_operation_kind {
  TOCSIN_OP_RENEW = 0,
  TOCSIN_OP_SETTLE = 1,
  TOCSIN_OP_CANCEL = 2,
  TOCSIN_OP_REVIEW = 3,
  TOCSIN_OP_APPEND = 4,
  TOCSIN_OP_CLAIM = 5,
  TOCSIN_OP_PURGE = 6,
  TOCSIN_OP_BLAME = 7,
  TOCSIN_OP_RECORD = 8,
  TOCSIN_OP_MOVE = 9,
  TOCSIN_OP_LOOK = 10,
  TOCSIN_OP_OWNED = 11,
  TOCSIN_OP_SUPERSEDE = 12,
  TOCSIN_OP_RESCHEDULE = 13,
  TOCSIN_OP_REDRIVE_DUE = 14,
  TOCSIN_OP_AMEND = 15
};

/* The head of every operation. */
typedef struct tocsin_operation {
  uint32_t size;
  uint32_t kind; /* says which of the structs below it is */
} tocsin_operation;

/* The line of an output and a group key: of its unsettled deliveries only the first may be claimed;
 * when that is delivered, dead, cancelled or fell back, the next one may. A delivery is in line by
 * its next_at, then its id, from when it joins; one that was redriven, or moved to another output,
 * is in none. */
enum tocsin_ordering {
  TOCSIN_ORDER_NONE = 0,
  TOCSIN_ORDER_JOIN = 1,    /* it is in line */
  TOCSIN_ORDER_WHEN_DUE = 2 /* it joins when its next_at has come */
};

typedef struct tocsin_new_delivery {
  tocsin_str output;
  tocsin_str address; /* "kind:value"; empty: the output's own */
  uint32_t state;     /* READY, or CLAIMED by our epoch */
  /* Its queue, in every state: 0: critical, 1: the rest. What it is claimed by, also after a
   * takeover or a redrive. */
  uint32_t delivery_class;
  uint32_t mirror;   /* 1: a copy of a dead letter for others to see, which is never copied again */
  uint32_t ordering; /* only with a group key, and READY */
  int64_t next_at_ns;
} tocsin_new_delivery;

enum tocsin_append_outcome {
  TOCSIN_APPEND_COMMITTED = 0,
  TOCSIN_APPEND_REPLAYED = 1, /* the key is known with this body: the earlier_* fields */
  TOCSIN_APPEND_CONFLICT = 2, /* the key is known with another body */
  TOCSIN_APPEND_SKIPPED = 3   /* the stream is past it */
};

/* Adds a notification and its deliveries, whose ordinals count from 0. With no deliveries only the
 * key is kept, with dropped_by. A key or stream that says otherwise: nothing is written. A key is
 * forgotten when accepted_at is not before its end. An id that is stored already is left as it is
 * and COMMITTED, so that a batch may be applied twice. */
typedef struct tocsin_append {
  uint32_t size;
  uint32_t kind;
  uint64_t id;
  tocsin_str input;
  tocsin_str caller;
  tocsin_str topic;
  tocsin_str external_id;
  tocsin_str group_key; /* the notification's `key`: groups what one caller sends; empty: none */
  tocsin_str payload;
  uint32_t level;
  uint32_t delivery_count;
  uint32_t delivery_stride;
  uint32_t keyed; /* the key fields below are set */
  const tocsin_new_delivery* deliveries;
  int64_t accepted_at_ns;
  int64_t expires_at_ns;
  tocsin_str dropped_by;
  uint64_t key_hash[2];
  uint64_t body_hash[2];
  int64_t key_expires_at_ns;
  tocsin_str stream; /* empty: none */
  uint64_t stream_first;
  uint64_t stream_next;

  uint32_t outcome;              /* result */
  uint32_t earlier_deliveries;   /* result */
  uint64_t earlier_id;           /* result */
  tocsin_str earlier_dropped_by; /* result */
} tocsin_append;

typedef struct tocsin_claimed_delivery {
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t attempts;
  uint32_t crashes;
  uint32_t redriven; /* 1: a dead letter that somebody sent again, however late that is */
  uint32_t redrives; /* how often it was sent again by the clock */
  uint32_t mirror;
  uint32_t in_line; /* 1: settle says so, too */
  uint32_t reserved;
  tocsin_str address;
  tocsin_str payload;
  int64_t next_at_ns;
  int64_t accepted_at_ns;
  int64_t expires_at_ns;
} tocsin_claimed_delivery;

/* Claims up to `limit` ready rows of the output and class (0: critical, 1: the rest)
 * whose next_at is not after now, ordered by next_at, then id. */
typedef struct tocsin_claim {
  uint32_t size;
  uint32_t kind;
  tocsin_str output;
  uint32_t delivery_class;
  uint32_t limit;
  int64_t now_ns;

  const tocsin_claimed_delivery* claimed; /* result */
  uint32_t claimed_count;                 /* result */
  uint32_t claimed_stride;                /* result */
  int64_t next_due_ns; /* result: the earliest next_at left ready in this queue; 0: none is left */
} tocsin_claim;

/* Moves a delivery that our epoch owns to `state`; SENDING and CLAIMED stay ours. When a cancel was
 * requested, any state but DELIVERED is written as CANCELLED. A dead letter begins PENDING. With
 * the state, and only when it is written as asked, a successor is added to the notification's
 * deliveries, behind the last: the fallback's beside FELL_BACK, a mirror's beside DEAD. It is
 * READY, of the class that it names, and a mirror when the one it follows is. */
typedef struct tocsin_settle {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t state;
  uint32_t attempts;
  uint32_t crashes;
  int64_t at_ns;
  int64_t next_at_ns;
  int64_t redrive_at_ns; /* DEAD: when REDRIVE_DUE sends it again; 0: only people do */
  tocsin_str reason;
  tocsin_str provider_id;
  const tocsin_new_delivery* successor; /* null: none */
  uint32_t in_line;                     /* as its claim said */

  uint32_t changed;           /* result: 0: not ours any more, nothing was written */
  uint32_t cancelled;         /* result */
  uint32_t successor_ordinal; /* result: of the one that was added */
  uint32_t freed;             /* result: 1: the next in line is ready */
  uint32_t reserved;
} tocsin_settle;

/* Cancels what is ready of a notification of `caller`, asks for it where it is under way. */
typedef struct tocsin_cancel {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  tocsin_str caller;
  int64_t at_ns;

  uint32_t found;     /* result: 0: no such notification of this caller */
  uint32_t cancelled; /* result */
  uint32_t in_flight; /* result */
  uint32_t done;      /* result */
} tocsin_cancel;

#define TOCSIN_SUPERSEDE_ROWS_MAX 1000

/* A notification takes the place of its caller's earlier ones with its key: cancels up to `limit`
 * deliveries of theirs that are ready, with reason "superseded", and asks for it where they are
 * under way. Does nothing when the notification is not stored: its append was answered otherwise.
 */
typedef struct tocsin_supersede {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id; /* the newer one */
  tocsin_str caller;
  tocsin_str group_key;
  int64_t at_ns;
  uint32_t limit; /* 1 to TOCSIN_SUPERSEDE_ROWS_MAX */

  uint32_t cancelled;            /* result */
  const uint64_t* in_flight_ids; /* result: notifications it was asked for, each once */
  uint32_t in_flight_count;      /* result */
  uint32_t more;                 /* result: 1: there are more of them */
} tocsin_supersede;

/* Gives what is ready of a notification of `caller` another next_at, unless the notification would
 * have expired by then. What was in line leaves it, and joins again when it is due. */
typedef struct tocsin_reschedule {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  tocsin_str caller;
  int64_t at_ns;
  int64_t next_at_ns;

  uint32_t found;            /* result: 0: no such notification of this caller */
  uint32_t expires;          /* result: 1: it expires before; nothing was written */
  uint32_t rescheduled;      /* result */
  uint32_t in_flight;        /* result */
  uint32_t done;             /* result */
  uint32_t output_count;     /* result */
  const tocsin_str* outputs; /* result: of what was rescheduled, each once */
} tocsin_reschedule;

enum tocsin_review_verb {
  /* Back to ready, attempts and redrives from 0; a discarded one too. It is `redriven` until it
   * dies again. */
  TOCSIN_REDRIVE = 0,
  TOCSIN_APPROVE = 1,
  TOCSIN_DISCARD = 2 /* and not by the clock either */
};

typedef struct tocsin_review {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t verb;
  int64_t at_ns;

  uint32_t changed; /* result: 0: no dead letter has this id */
  uint32_t reserved;
  tocsin_str output; /* result: the output of a redriven one */
} tocsin_review;

/* Makes up to `limit` dead letters ready, the earliest first, whose redrive_at is not after now, or
 * those of one output that have any: attempts from 0, one redrive more. */
typedef struct tocsin_redrive_due {
  uint32_t size;
  uint32_t kind;
  int64_t now_ns;
  tocsin_str output; /* its own, due or not; empty: what is due of any */
  uint32_t limit;

  uint32_t redriven;         /* result */
  int64_t next_due_ns;       /* result: the earliest redrive_at left, of any output; 0: none */
  const tocsin_str* outputs; /* result: of what was redriven, one for each of it */
  uint32_t output_count;     /* result: as many as `redriven` */
  uint32_t reserved;
} tocsin_redrive_due;

/* Corrects a delivery that nobody holds by what its provider said later, and only if it is still as
 * a query told: READY, or settled. To DELIVERED, to DEAD, or to the state it has, of which it says
 * more: a reason when there is one. What is DEAD by this, or has a reason by it, is sent again by
 * people only; with another state it begins PENDING. What was in line leaves it. A successor is
 * added as beside a settlement's DEAD, unless the delivery is a mirror. */
typedef struct tocsin_amend {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t state;
  uint32_t was;
  uint32_t reserved;
  int64_t was_updated_at_ns;
  int64_t at_ns;
  tocsin_str reason;
  tocsin_str provider_id;               /* kept where none is */
  const tocsin_new_delivery* successor; /* null: none */

  uint32_t changed;           /* result: 0: it is not as it was, nothing was written */
  uint32_t mirror;            /* result: 1: it is one */
  uint32_t successor_ordinal; /* result: of the one that was added */
  uint32_t freed;             /* result: 1: the next in line is ready */
} tocsin_amend;

/* The process that owned the delivery died while its output had it in hand: adds one to `crashes`
 * of what is not settled, whoever owns it. */
typedef struct tocsin_blame {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t changed; /* result: 0: it is settled, or there is no such delivery */
} tocsin_blame;

typedef struct tocsin_renew {
  uint32_t size;
  uint32_t kind;
  uint64_t high_mark; /* no greater id is given before the next renewal */
  int64_t at_ns;
  uint32_t others; /* result: other epochs on the store, those not yet taken over included */
  uint32_t reserved;
} tocsin_renew;

/* Deletes up to rows_max rows of history settled before `before` (never unsettled ones or dead
 * letters, unless discarded; a notification goes when all its deliveries may) and of keys and
 * records past their time. While the store holds more than size_max bytes, room it could use again
 * not counted, history goes however young it is, the oldest first. Looks at a bounded number of
 * rows and goes on there the next time. */
typedef struct tocsin_purge {
  uint32_t size;
  uint32_t kind;
  int64_t before_ns;
  int64_t now_ns;
  uint64_t size_max; /* 0: any */
  uint32_t rows_max;
  uint32_t deleted;  /* result: rows of every kind; the last notification may exceed rows_max */
  uint32_t more;     /* result: 1: not everything was looked at */
  uint32_t oversize; /* result: 1: it held more than size_max before this */
} tocsin_purge;

/* Gives up to `limit` deliveries of output `from` to output `to`, which the store may not have
 * heard of: the ready ones, earliest first, or the dead letters that are not discarded, oldest
 * first. Only their output changes. */
typedef struct tocsin_move {
  uint32_t size;
  uint32_t kind;
  tocsin_str from;
  tocsin_str to;
  uint32_t dead; /* 0: ready deliveries; 1: dead letters */
  uint32_t limit;
  uint32_t moved; /* result */
  uint32_t more;  /* result: 1: there are more of them */
} tocsin_move;

/* ---- records: named collections of small values, the storage's second door
 *
 * What the gateway keeps beside the outbox: suppressed addresses, preferences, who changed what. A
 * record is a key of a collection, its value and its version; keys are compared as bytes. Records
 * change by operations of the batch, so that a change is committed with what surrounds it, and are
 * read through tocsin_records. The version is a number that the host gives with each put, ascending
 * and never given twice: a record that was removed and made again has another one. */

#define TOCSIN_COLLECTION_BYTES_MAX 64
#define TOCSIN_RECORD_KEY_BYTES_MAX 512
#define TOCSIN_RECORD_VALUE_BYTES_MAX (64 * 1024)
#define TOCSIN_RECORD_PAGE_ROWS_MAX 500
#define TOCSIN_RECORD_PAGE_BYTES (1024 * 1024)

/* if_version: whatever is there, or nothing. */
#define TOCSIN_VERSION_ANY UINT64_MAX

enum tocsin_record_verb { TOCSIN_RECORD_PUT = 0, TOCSIN_RECORD_REMOVE = 1 };

/* Puts or removes one record when if_version is met. What has expired by now is not there. A put
 * that finds its own version is CHANGED, so that a batch may be applied twice. */
typedef struct tocsin_record_change {
  uint32_t size;
  uint32_t kind;
  uint32_t verb;
  uint32_t reserved;
  tocsin_str collection;
  tocsin_str key;
  tocsin_str value;      /* any bytes; of a put */
  uint64_t if_version;   /* that the record must have; 0: there must be none; or VERSION_ANY */
  uint64_t version;      /* that a put gives it */
  int64_t now_ns;        /* by the host's clock */
  int64_t expires_at_ns; /* of a put; not after now: it is never seen; 0: it stays */

  uint32_t changed;       /* result: 0: if_version was not met, or there was nothing to remove */
  uint32_t reserved2;     /* for alignment */
  uint64_t found_version; /* result: of what was there before; 0: nothing was */
} tocsin_record_change;

typedef struct tocsin_record {
  tocsin_str key;
  tocsin_str value;
  uint64_t version;
  int64_t expires_at_ns; /* 0: it stays */
} tocsin_record;

/* Takes the records of a page as they are found; what is passed is borrowed for the call. */
typedef struct tocsin_record_sink {
  uint32_t size;
  uint32_t reserved;
  void* user;
  void (*record)(void* user, const tocsin_record*);
} tocsin_record_sink;

/* The records of a collection whose keys begin with `prefix`, in the order of their keys. A page
 * ends with `limit` records, or with the one with which keys and values reach
 * TOCSIN_RECORD_PAGE_BYTES. */
typedef struct tocsin_record_scan {
  uint32_t size;
  uint32_t descending; /* 1: the greatest key first */
  tocsin_str collection;
  tocsin_str prefix;
  tocsin_str after; /* only keys beyond it, in the direction of the scan; empty: from the start */
  uint32_t limit;   /* 1 to TOCSIN_RECORD_PAGE_ROWS_MAX */
  uint32_t reserved;
  int64_t now_ns; /* what has expired by then is not there */
} tocsin_record_scan;

/* Reading, as tocsin_storage.query reads: any thread that may block, also several at once; status
 * UNAVAILABLE or FAILED with the fault. A read sees every batch that was applied before it. */
typedef struct tocsin_records {
  uint32_t size;
  uint32_t reserved;
  /* One record, or none. */
  uint32_t (*get)(void* instance_self, tocsin_str collection, tocsin_str key, int64_t now_ns,
                  const tocsin_record_sink*, tocsin_fault*);
  uint32_t (*scan)(void* instance_self, const tocsin_record_scan*, const tocsin_record_sink*,
                   tocsin_fault*);
} tocsin_records;

typedef struct tocsin_backlog_count {
  tocsin_str output;
  uint64_t ready;
  uint64_t dead;           /* not discarded */
  int64_t oldest_ready_ns; /* the earliest next_at of the ready ones; 0: none. Of queries alone */
} tocsin_backlog_count;

/* How the host wants the store opened. */
typedef struct tocsin_store_open {
  uint32_t size;
  uint32_t join; /* 1: beside the epochs that live there; 0: the storage's options say whether */
  int64_t now_ns;
} tocsin_store_open;

/* Asked every now and then while others live on the store: takes over what those left that died or
 * went, and tells whether anybody but us changed the store since the last look. Costs little when
 * nobody did. */
typedef struct tocsin_look {
  uint32_t size;
  uint32_t kind;
  int64_t now_ns;
  uint32_t others;                     /* result: as of a renewal */
  uint32_t changed;                    /* result: 1: the backlog below is of the end of the batch */
  uint64_t taken_over;                 /* result: deliveries made ready, or dead ("ambiguous") */
  const tocsin_backlog_count* backlog; /* result */
  uint32_t backlog_count;              /* result */
  uint32_t backlog_stride;             /* result */
} tocsin_look;

typedef struct tocsin_owned_delivery {
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t state; /* CLAIMED or SENDING */
  uint32_t delivery_class;
  uint32_t attempts;
  uint32_t crashes;
  uint32_t reserved;
  tocsin_str output;
} tocsin_owned_delivery;

/* Tells which deliveries our epoch owns, in the order of their ids from the `after` pair on, at
 * most `limit`: so the host finds those that nothing in its memory stands for. Changes nothing. */
typedef struct tocsin_owned {
  uint32_t size;
  uint32_t kind;
  uint64_t after_notification_id; /* 0: from the first */
  uint32_t after_ordinal;
  uint32_t limit;
  const tocsin_owned_delivery* owned; /* result: as of this place in the batch */
  uint32_t owned_count;               /* result */
  uint32_t owned_stride;              /* result */
} tocsin_owned;

typedef struct tocsin_store_state {
  uint32_t size;
  uint32_t epoch; /* ours, new */
  uint32_t node;  /* 0..1023, held by no living epoch */
  uint32_t backlog_count;
  uint64_t high_mark;  /* no id up to it may be given again */
  uint64_t taken_over; /* deliveries of dead epochs, made ready or dead ("ambiguous") */
  const tocsin_backlog_count* backlog; /* until the first apply */
  uint32_t backlog_stride;
  uint32_t reserved;
} tocsin_store_state;

enum tocsin_query_kind {
  TOCSIN_QUERY_NOTIFICATION = 0, /* by id, with all its deliveries in order of their ordinals */
  /* newest first, below the `before` pair, of `output` when given; discarded ones too */
  TOCSIN_QUERY_DEAD_LETTERS = 1,
  TOCSIN_QUERY_HEALTH = 2,
  TOCSIN_QUERY_BACKLOG = 3,
  TOCSIN_QUERY_EXISTS = 4, /* of `ids`, those that are stored, be it only with their key */
  /* Notifications whose group_key, or external_id, is `text`, newest first, below
   * before_notification_id; their deliveries are not told. NOT_FOUND: the store has no index for
   * it, since its options do not ask for one. */
  TOCSIN_QUERY_BY_KEY = 5,
  TOCSIN_QUERY_BY_EXTERNAL_ID = 6
};

typedef struct tocsin_query {
  uint32_t size;
  uint32_t kind;
  uint64_t notification_id;
  tocsin_str output;
  uint64_t before_notification_id; /* 0: from the newest */
  uint32_t before_ordinal;
  uint32_t limit; /* at most 500 */
  const uint64_t* ids;
  uint32_t id_count;
  uint32_t reserved;
  tocsin_str text; /* BY_KEY, BY_EXTERNAL_ID */
} tocsin_query;

typedef struct tocsin_stored_delivery {
  uint64_t notification_id;
  uint32_t ordinal;
  uint32_t state;
  uint32_t review;
  uint32_t attempts;
  uint32_t cancel_requested;
  uint32_t reserved;
  tocsin_str output;
  tocsin_str address;
  tocsin_str reason;
  tocsin_str provider_id;
  int64_t next_at_ns; /* DEAD: when it died */
  int64_t updated_at_ns;
  int64_t redrive_at_ns; /* of a dead one; 0: only people send it again */
} tocsin_stored_delivery;

typedef struct tocsin_stored_notification {
  uint64_t id;
  tocsin_str input;
  tocsin_str caller;
  tocsin_str payload;
  int64_t accepted_at_ns;
} tocsin_stored_notification;

typedef struct tocsin_store_health {
  uint32_t size;
  uint32_t reserved;
  uint64_t size_bytes; /* on disk, logs included */
  uint64_t free_disk_bytes;
  int64_t oldest_ready_ns; /* the earliest next_at that waits; 0: none */
} tocsin_store_health;

/* Takes the rows of a query as they are found; what is passed is borrowed for the call. */
typedef struct tocsin_row_sink {
  uint32_t size;
  uint32_t reserved;
  void* user;
  void (*notification)(void* user, const tocsin_stored_notification*); /* before its deliveries */
  void (*delivery)(void* user, const tocsin_stored_delivery*);
  void (*backlog)(void* user, const tocsin_backlog_count*);
  void (*found)(void* user, uint64_t id);
  void (*health)(void* user, const tocsin_store_health*);
} tocsin_row_sink;

enum tocsin_apply_outcome {
  TOCSIN_APPLIED = 0,
  /* Nothing was written; the batch may be applied again. Fault code FULL: the disk is full, and
   * what has no appends may still fit. */
  TOCSIN_APPLY_FAILED = 1,
  TOCSIN_APPLY_UNKNOWN = 2 /* whether it was committed is unknown: the host reopens and looks */
};

typedef struct tocsin_storage {
  uint32_t size;
  /* apply() blocks: the host gives the storage a loop that may. */
  uint32_t blocking;
  /* Opens or creates, migrates forward in one transaction, begins an epoch, takes over what dead
   * epochs left. A store that a living epoch uses is refused, unless it may be shared: the host
   * asks to join, or an option allows it. The fault says what to do. May be called again after
   * close. When that close followed an UNKNOWN outcome the epoch goes on: `epoch` is the same,
   * nothing of it is taken over, and it finds those again that it lived with. */
  uint32_t (*open)(void* self, const tocsin_store_open*, tocsin_store_state*, tocsin_fault*);
  /* One batch at a time; ends with host->applied(token), possibly inside this call. */
  void (*apply)(void* self, tocsin_operation* const* operations, uint32_t count, tocsin_token);
  /* Any thread that may block, also at once from several: a page on a connection of its own. `self`
   * is the instance's. Status UNAVAILABLE or FAILED with the fault. */
  uint32_t (*query)(void* instance_self, const tocsin_query*, const tocsin_row_sink*,
                    tocsin_fault*);
  /* Ends the epoch and lets go of everything open() took; after an UNKNOWN outcome the epoch is
   * kept for the next open(). */
  void (*close)(void* self);
  const tocsin_records* records; /* never null */
} tocsin_storage;

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* TOCSIN_STORAGE_H */
