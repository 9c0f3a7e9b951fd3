/* SPDX-License-Identifier: MIT */
#include "frontend/who.h"
#include "frontend/filter_value.h"

#include "frontend/writers.h"

static const struct {
    const char *name;
    enum field_type type;
} fields[FIELD_COUNT] = {
#define NUMBER(key, value, known) {#key, FIELD_NUMERIC},
#define HEX(key, value, known) {#key, FIELD_NUMERIC},
#define NAME(key, name) {#key, FIELD_NAMED},
#define QUOTED(key, name) {#key, FIELD_TEXT},
#define LIST(key, function, known) {#key, FIELD_LISTED},
#define PROSE(key, function, known) {#key, FIELD_TEXT},
#define BYTES(key, bytes, n) {#key, FIELD_OPAQUE},
#define WALK(key) {#key, FIELD_OPAQUE},
#define JSON(key, function, known) {#key, FIELD_OPAQUE},
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
};

const char *field_name(enum field f) { return fields[f].name; }

enum field_type field_type(enum field f) { return fields[f].type; }

bool field_is_of_outcome(enum field f)
{
    return f == FIELD_outcome || f == FIELD_then || f == FIELD_pte_after || f == FIELD_handler_instructions ||
           f == FIELD_writer;
}

const char *field_choice(enum field f, unsigned n)
{
    static const char *const bits[] = {"P", "W", "U", "RSVD", "I", "PK", "SS"};

    switch (f) {
    case FIELD_bits: return n < sizeof(bits) / sizeof(bits[0]) ? bits[n] : NULL;
    case FIELD_cause:
    case FIELD_also: return n + CAUSE_NOT_PRESENT < CAUSE_COUNT ? fault_cause_name(n + CAUSE_NOT_PRESENT) : NULL;
    case FIELD_mode: return n <= MODE_LONG64 ? cpu_mode_name(n) : NULL;
    case FIELD_access: return n <= ACCESS_EXECUTE ? access_name(n) : NULL;
    case FIELD_implicit: return n + 1 <= IMPLICIT_BITMAP ? implicit_name(n + 1) : NULL;
    case FIELD_outcome:
    case FIELD_then: return n + OUTCOME_MAPPED < OUTCOME_COUNT ? outcome_name(n + OUTCOME_MAPPED) : NULL;
    default: return NULL;
    }
}

static void value_number(struct field_value *v, u64 value, bool known)
{
    v->known = known;
    v->number = value;
}

static void value_name(struct field_value *v, const char *name)
{
    v->known = name != NULL;
    v->name = name;
}

static void value_list(struct field_value *v, const struct record *r,
                       void (*list)(struct text *, const struct record *, const char *, const char *), bool known)
{
    struct text t = TEXT_OVER(v->list);

    v->known = known;
    if (known)
        list(&t, r, "", ",");
    text_end(&t);
}

static void value_prose(struct field_value *v, const struct record *r,
                        void (*prose)(struct text *, const struct record *), bool known)
{
    struct text t = TEXT_OVER(v->list);

    v->known = known;
    v->name = v->list;
    if (known)
        prose(&t, r);
    text_end(&t);
}

/* Functions are asked for by name: the offset within is nobody's to know. */
static void only_names(struct field_value *v, enum field f, const struct record *r)
{
    struct text t = TEXT_OVER(v->list);

    if (f == FIELD_symbol)
        value_name(v, r->symbol.name);
    if (f != FIELD_backtrace)
        return;
    for (unsigned i = 0; i < r->frames; i++) {
        text_string(&t, i ? "," : "");
        text_string(&t, r->frame_symbol[i].name ? r->frame_symbol[i].name : "?");
    }
    text_end(&t);
}

void field_value(struct field_value *v, enum field f, const struct record *r, const struct disasm_line *line)
{
    bool pf = r->vector == 14;

    v->known = false;
    v->number = 0;
#define FETCH(key, fetch) f == FIELD_##key ? (fetch) : (void)0;
#define NUMBER(key, value, known_) FETCH(key, value_number(v, value, known_))
#define HEX(key, value, known_) FETCH(key, value_number(v, value, known_))
#define NAME(key, name_) FETCH(key, value_name(v, name_))
#define QUOTED(key, name_) FETCH(key, value_name(v, name_))
#define LIST(key, function, known_) FETCH(key, value_list(v, r, function, known_))
#define PROSE(key, function, known_) FETCH(key, value_prose(v, r, function, known_))
#define BYTES(key, bytes_, n)
#define WALK(key)
#define JSON(key, function, known)
#include "frontend/fields.def"
    only_names(v, f, r);
}
