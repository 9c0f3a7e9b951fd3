/* SPDX-License-Identifier: MIT */
/* The keys of a record as values: what filter.c parses and filter_value.c fetches. */
#ifndef FAULTLINE_FRONTEND_FILTER_VALUE_H
#define FAULTLINE_FRONTEND_FILTER_VALUE_H

#include "frontend/record.h"

enum field {
#define NUMBER(key, value, known) FIELD_##key,
#define HEX(key, value, known) FIELD_##key,
#define NAME(key, name) FIELD_##key,
#define QUOTED(key, name) FIELD_##key,
#define LIST(key, function, known) FIELD_##key,
#define PROSE(key, function, known) FIELD_##key,
#define BYTES(key, bytes, n) FIELD_##key,
#define WALK(key) FIELD_##key,
#define JSON(key, function, known) FIELD_##key,
#include "frontend/fields.def"
#undef NUMBER
#undef HEX
#undef NAME
#undef QUOTED
#undef LIST
#undef PROSE
#undef BYTES
#undef WALK
#undef JSON
    FIELD_COUNT,
};

/* FIELD_OPAQUE: bytes, walks; nothing to compare. */
enum field_type { FIELD_NUMERIC, FIELD_NAMED, FIELD_LISTED, FIELD_TEXT, FIELD_OPAQUE };

struct field_value {
    bool known;
    u64 number;       /* FIELD_NUMERIC */
    const char *name; /* FIELD_NAMED, FIELD_TEXT */
    char list[1024];  /* FIELD_LISTED: items with commas between; FIELD_TEXT: where name may point */
};

const char *field_name(enum field);
enum field_type field_type(enum field);
bool field_is_of_outcome(enum field); /* known only when the fault's outcome is */

/* The nth name that a named or listed key can have, in no order that means something; NULL after the last. A key
 * without any takes every name. */
const char *field_choice(enum field, unsigned n);

void field_value(struct field_value *, enum field, const struct record *, const struct disasm_line *line);

#endif
