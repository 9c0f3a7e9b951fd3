/* SPDX-License-Identifier: MIT */
/*
 * Conditions over fault records: cpl==3 && cause==write-protected && va in 0x1000-0x1fff.
 *
 *     CONDITION = CONDITION || CONDITION | CONDITION && CONDITION | ! TERM | TERM
 *     TERM      = ( CONDITION ) | KEY | KEY & NUMBER | KEY [& NUMBER] RELATION VALUE | KEY in RANGE | KEY has WORD
 *     RELATION  = == != < <= > >= (= is ==)     RANGE = N | N..M | N-M | N..
 *
 * A KEY is one of fields.def, or va (cr2) or ec (error). A VALUE is a number, a name that the key can have (write,
 * smap, long64; for vectors pf, gp ..), "any text", another key, or null. A key alone holds if it is known and not 0.
 * `has` looks into lists (bits has W) and texts (insn has "rep"). What is null (cr2 of a #GP) equals null alone and is
 * neither above nor below anything.
 */
#ifndef FAULTLINE_FRONTEND_FILTER_H
#define FAULTLINE_FRONTEND_FILTER_H

#include "frontend/record.h"

#define FILTER_NODES 64
#define FILTER_WORDS 512 /* bytes of names and texts in one condition */

/* A value: of a key, masked, or a constant. */
struct filter_operand {
    enum { FILTER_NULL, FILTER_NUMBER, FILTER_NAME, FILTER_KEY } kind;
    u8 key;        /* FILTER_KEY: enum field of filter.c */
    u64 number;    /* FILTER_NUMBER: its value; FILTER_KEY: the mask */
    unsigned name; /* FILTER_NAME: where in words[] */
};

struct filter_node {
    enum { FILTER_OR, FILTER_AND, FILTER_NOT, FILTER_TRUTH, FILTER_COMPARE, FILTER_RANGE, FILTER_HAS } kind;
    enum { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE } relation;
    u8 left, right; /* nodes: FILTER_OR, _AND, _NOT (left) */
    struct filter_operand a, b, c;
};

struct filter {
    unsigned nodes, root, words_used;
    struct filter_node node[FILTER_NODES];
    char words[FILTER_WORDS];
};

/* When a condition is asked: at the fault, what became of it is not known, and its keys are refused. */
enum filter_moment { FILTER_AT_FAULT, FILTER_DECIDED };

/* False with one line in `why`, which names the column, counted from 1. */
bool filter_parse(struct filter *, const char *text, enum filter_moment, char *why, size_t size);
/* `line` is the record's disassembly, or NULL: then insn is null. */
bool filter_matches(const struct filter *, const struct record *, const struct disasm_line *line);

#endif
