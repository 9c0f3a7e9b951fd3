/* SPDX-License-Identifier: MIT */
/* Catchpoints: exceptions and interrupts that stop the guest, each with a condition over the fault's record
 * (frontend/filter.h). */
#ifndef FAULTLINE_FRONTEND_CATCH_H
#define FAULTLINE_FRONTEND_CATCH_H

#include "frontend/filter.h"

#define CATCHES_MAX 16u
#define CATCH_TEXT 200u

struct catchpoint {
    int vector; /* -1: any exception, 0 to 31 */
    bool conditional;
    u64 hits;
    char text[CATCH_TEXT]; /* the condition as it was given */
    struct filter filter;
};

struct machine;

struct catches {
    struct cpu *cpu;
    struct machine *machine;
    struct disasm *disasm;
    unsigned count;
    struct catchpoint at[CATCHES_MAX];
    struct record caught; /* the last */
};

bool catches_init(struct catches *, struct cpu *, struct machine *); /* false without memory */
void catches_free(struct catches *);

/* "pf cpl==3 && access==write", "0x21", "any": a vector by name or number and a condition, which may be missing or
 * stand between quotes. False with one line in `why`. */
bool catches_add(struct catches *, const char *spec, char *why, size_t size);
bool catches_remove(struct catches *, unsigned n); /* counted from 1; 0: all */
void catches_list(const struct catches *, struct text *);
/* What was caught, in a line. */
void catches_tell(struct catches *, struct text *);
/* What a point that is not gdb's met, in a line. */
void catches_tell_point(const struct cpu_break *, struct text *);

#endif
