/* SPDX-License-Identifier: MIT */
/* One instruction of the list, encoded and set up on the stage so that it completes. */
#ifndef FAULTLINE_TESTS_ATOMIC_SCENE_H
#define FAULTLINE_TESTS_ATOMIC_SCENE_H

#include "cpu/decode.h"
#include "tests/atomic/rig.h"

enum { SCENE_PREFIXES = 3 }; /* none, 66, REX.W */

/* Where operand, stack and code lie, and how the operand is addressed. */
struct placement {
    u8 data_back; /* the operand begins this far before the second data page; 0: in mid-page */
    u8 stack_one,
        stack_many; /* the stack pointer lies this far from the boundary between the stack pages; 0: in mid-page */
    enum { CODE_MID, CODE_TAIL, CODE_END } code; /* in mid-page; across pages; ending with the page */
    enum { FORM_BASE, FORM_INDEX, FORM_SEGMENT, FORM_SHORT } form;
};
extern const struct placement placements[];
extern const unsigned placement_count;

struct scene {
    const struct row *row;
    unsigned prefix, special;
    const struct placement *place;

    u8 code[24];
    struct op op;    /* as decoded */
    u64 at;          /* linear address of the instruction */
    u64 operand;     /* of its ModRM or moffs memory operand; 0 if none */
    u8 rep;          /* F2, F3 or 0 */
    bool ud;         /* completes with #UD: UD0, UD1, UD2 */
    const char *why; /* if it cannot be made */
};

/* Variations the row wants beyond its encoding: equal and unequal CMPXCHG, kinds of far transfers ... */
unsigned scene_specials(const struct row *);
/* Sets up start image and registers. False if there is no such encoding here. */
bool scene_make(struct rig *, struct scene *);
/* Has the row a ModRM memory form? */
bool row_has_memory_form(const struct row *);
bool row_is_string(const struct row *);

#endif
