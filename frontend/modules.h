/* SPDX-License-Identifier: MIT */
/*
 * The modules of a running Linux kernel: their symbols, and their unwind tables, read from its memory. The kernel's own
 * list says which there are, and its type information how their structures are laid out.
 */
#ifndef FAULTLINE_FRONTEND_MODULES_H
#define FAULTLINE_FRONTEND_MODULES_H

#include "cpu/cpu.h"
#include "frontend/orc.h"

/* Where the running kernel has these symbols; 0: it has not. */
struct module_places {
    u64 list;              /* modules */
    u64 unloaded;          /* last_unloaded_module */
    u64 btf, btf_end;      /* __start_BTF, __stop_BTF */
    unsigned word;         /* bytes: 4 or 8 */
    const struct orc *orc; /* the kernel's own tables, or NULL */
};

struct modules;
struct modules *modules_create(void); /* NULL without memory */
void modules_destroy(struct modules *);

/* Another kernel runs, or has moved: what was known of its structures is not any more. */
void modules_forget(struct modules *);
/* Reads the list if it has changed. Where the guest's tables do not map it (a user's, under page-table isolation),
 * nothing changes. */
void modules_follow(struct modules *, struct cpu *, const struct module_places *);

struct module_place {
    const char *module;    /* these strings live as long as `modules` */
    const char *name;      /* NULL: within the module, but no symbol's */
    u64 offset;            /* behind the symbol */
    const struct orc *orc; /* NULL: it has none */
};
/* False where no module is. */
bool modules_find(const struct modules *, u64 address, struct module_place *);
/* Where a symbol of a module is; the first of that name. */
bool modules_address(const struct modules *, const char *name, u64 *address);
/* A line for each module that is loaded. */
void modules_list(const struct modules *, void (*line)(void *ctx, const char *), void *ctx);

#endif
