/* The settings of plugin.h: what an operator may write under a plugin's name, as tables, and what
 * he wrote, as values.
 */
#ifndef TOCSIN_OPTIONS_H
#define TOCSIN_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Names of C. NOLINTBEGIN(readability-identifier-naming) */

#ifdef __cplusplus
extern "C" {
#endif

/* UTF-8 with a length and no terminator; a null pointer with length 0 is the empty text. */
typedef struct tocsin_str {
  const char* ptr;
  size_t len;
} tocsin_str;

enum tocsin_option_type {
  TOCSIN_BOOLEAN = 0,
  TOCSIN_INTEGER = 1,
  TOCSIN_NUMBER = 2,
  TOCSIN_STRING = 3,
  TOCSIN_DURATION = 4,  /* "30s" -> nanoseconds */
  TOCSIN_SIZE = 5,      /* "64KiB" -> bytes */
  TOCSIN_RATE = 6,      /* "10/s" -> `number` events in each `integer` nanoseconds */
  TOCSIN_BYTE_RATE = 7, /* "1MiB/s" -> bytes per second */
  TOCSIN_CHOICE = 8,    /* one of `choices` */
  TOCSIN_ADDRESS = 9,   /* host:port; the text is kept */
  TOCSIN_LIST = 10,     /* of `element` */
  TOCSIN_MAP = 11,      /* free keys, values of `element` */
  TOCSIN_TABLE = 12,    /* the keys of `table` */
  TOCSIN_ANY = 14       /* any value as it is written */
};

#define TOCSIN_REQUIRED 1u
#define TOCSIN_SECRET 2u
#define TOCSIN_RELOADABLE 4u
/* Of a string: a text for template_compile. The host tells what is wrong with it where it stands.
 */
#define TOCSIN_TEMPLATE 8u

/* One key. Everything is static and lives as long as the process. Defaults and bounds are written
 * as an operator writes them. */
typedef struct tocsin_option {
  uint32_t size;
  uint32_t type;
  uint32_t flags;
  uint32_t reserved;
  tocsin_str key;
  tocsin_str doc;          /* a sentence for operators */
  tocsin_str default_text; /* empty: absent unless given */
  tocsin_str min;          /* inclusive; texts and lists: of their length */
  tocsin_str max;
  tocsin_str choices; /* "a|b|c" */
  const struct tocsin_option* element;
  const struct tocsin_option_table* table;
} tocsin_option;

typedef struct tocsin_option_table {
  uint32_t size;
  uint32_t count;
  uint32_t stride;
  uint32_t reserved;
  tocsin_str name;
  tocsin_str doc;
  const tocsin_option* options;
  tocsin_str scalar_key;     /* the key that a bare scalar stands for */
  tocsin_str exactly_one_of; /* groups "a|b c|d" */
} tocsin_option_table;

/* A checked setting, as its option promises: booleans, integers, durations, sizes and byte rates in
 * `integer`, numbers in `number`, texts, choices and addresses in `text`. A word of `choices` in an
 * option that is no choice ("auto") is a TOCSIN_STRING. Lists and maps: `items`; maps and tables:
 * also `keys`, one for each item. Absent keys are not there; a null under TOCSIN_ANY is an empty
 * TOCSIN_ANY. */
typedef struct tocsin_value {
  uint32_t size;
  uint32_t type; /* enum tocsin_option_type; a table is TOCSIN_MAP */
  int64_t integer;
  double number;
  tocsin_str text;
  const struct tocsin_value* items;
  const tocsin_str* keys;
  uint32_t count;
  uint32_t stride;
  tocsin_str place; /* "file:line:column" */
} tocsin_value;

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* TOCSIN_OPTIONS_H */
