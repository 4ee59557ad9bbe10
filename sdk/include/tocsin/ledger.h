/* What a plugin hears of deliveries, tells of them, and keeps beside them: the data of those host
 * functions that reach the store. Part of plugin.h. */
#ifndef TOCSIN_LEDGER_H
#define TOCSIN_LEDGER_H

#include <stdint.h>

#include "tocsin/options.h"

/* Names of C. NOLINTBEGIN(readability-identifier-naming) */

#ifdef __cplusplus
extern "C" {
#endif

enum tocsin_delivery_state {
  TOCSIN_STATE_READY = 0,
  TOCSIN_STATE_CLAIMED = 1,
  TOCSIN_STATE_SENDING = 2,
  TOCSIN_STATE_DELIVERED = 3,
  TOCSIN_STATE_DEAD = 4,
  TOCSIN_STATE_CANCELLED = 5,
  TOCSIN_STATE_FELL_BACK = 6
};
enum tocsin_review_state {
  TOCSIN_REVIEW_PENDING = 0,
  TOCSIN_REVIEW_APPROVED = 1,
  TOCSIN_REVIEW_DISCARDED = 2
};

typedef struct tocsin_delivery_row {
  uint32_t size;
  uint32_t attempts;
  tocsin_str id;
  tocsin_str output;
  tocsin_str address;
  tocsin_str state;
  tocsin_str reason;
  tocsin_str provider_id;
  int64_t next_at_ns;
  int64_t updated_at_ns;
} tocsin_delivery_row;

/* What the ledger answered; `status` OK, NOT_FOUND, UNAVAILABLE, INVALID (what was asked for: text
 * and pointer say why). */
typedef struct tocsin_ledger_answer {
  uint32_t size;
  uint32_t status;
  tocsin_str id;
  int64_t accepted_at_ns;
  tocsin_str payload; /* the wire text */
  const tocsin_delivery_row* deliveries;
  uint32_t count;
  uint32_t stride;
  uint32_t cancelled; /* after a cancel: how many are, are asked to be, and were settled before */
  uint32_t in_flight;
  uint32_t done;
  uint32_t rescheduled; /* after a reschedule; in_flight and done count as after a cancel */
  uint32_t expires;     /* 1: the notification expires before the new time; nothing was changed */
  uint32_t reserved;
  tocsin_str text; /* of INVALID */
  tocsin_str pointer;
} tocsin_ledger_answer;

/* What a provider says of a delivery some time after it took it. Forward only: a repeat, or a state
 * behind the one that is known, changes nothing and is OK. */
enum tocsin_report_state {
  TOCSIN_REPORT_ACCEPTED = 0,  /* the provider has it; tells its id */
  TOCSIN_REPORT_DELIVERED = 1, /* it arrived: ends the doubt about one that is ambiguous */
  TOCSIN_REPORT_BOUNCED = 2    /* it did not, and will not: a delivered one becomes a dead letter */
};

typedef struct tocsin_report {
  uint32_t size;
  uint32_t state; /* enum tocsin_report_state */
  tocsin_str delivery_id;
  tocsin_str provider_id; /* kept when none is known yet; cut to 256 bytes; may be empty */
  tocsin_str reason;      /* of BOUNCED; cut to 512 bytes */
} tocsin_report;

/* An address that nothing is sent to any more, or lifting that. */
typedef struct tocsin_suppression {
  uint32_t size;
  uint32_t lift;      /* 1: it may be sent to again; reason and ttl say nothing */
  tocsin_str address; /* "sms:+4917..." */
  tocsin_str reason;  /* cut to 256 bytes */
  int64_t ttl_ns;     /* 0: until it is lifted */
} tocsin_suppression;

/* As the version of a put: there must be no record. */
#define TOCSIN_RECORD_ABSENT UINT64_MAX

/* What a record_get found; `status` OK, NOT_FOUND, UNAVAILABLE. */
typedef struct tocsin_record_answer {
  uint32_t size;
  uint32_t status;
  tocsin_str value;
  uint64_t version; /* for a put only if nothing changed; of NOT_FOUND: RECORD_ABSENT */
} tocsin_record_answer;

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* TOCSIN_LEDGER_H */
