/* SPDX-License-Identifier: MIT */
/* One source of symbols, as a table sorted by address. For frontend/symbols*.c and kallsyms.c alone. */
#ifndef FAULTLINE_FRONTEND_SYMBOL_TABLE_H
#define FAULTLINE_FRONTEND_SYMBOL_TABLE_H

#include "frontend/frame.h"
#include "mmu/base.h"
#include "mmu/phys.h"

/* Of several symbols at one address the one of the highest rank stays. */
enum symbol_rank { SYMBOL_LABEL, SYMBOL_DATA, SYMBOL_LOCAL, SYMBOL_GLOBAL };

struct symbol {
    u64 address; /* as linked */
    u64 size;    /* 0: up to the next symbol */
    u32 name;    /* where it begins in `strings` */
    u32 rank;
};

struct lines; /* the DWARF of a file: symbols_elf.c */

struct symbol_table {
    char *path; /* owned */
    struct symbol *symbol;
    size_t count, room;
    char *strings;
    size_t used, strings_room;
    u64 low, high;       /* the first symbol's address, and one past the last's; as linked */
    u64 slide;           /* added to addresses as linked */
    bool fixed;          /* the slide was given, or the guest itself gave the addresses */
    bool exhausted;      /* memory ran out: table_finish refuses */
    struct lines *lines; /* or NULL */
};

/* So many will be added to this table, which is empty: what is more, or less, costs time alone. */
void table_expect(struct symbol_table *, size_t symbols);
void table_add(struct symbol_table *, u64 address, u64 size, const char *name, size_t length, enum symbol_rank);
/* Sorts; one symbol an address stays. False if there are none or memory ran out. */
bool table_finish(struct symbol_table *);
void table_free(struct symbol_table *);
/* The symbol an address (as linked) lies in, or NULL. */
const struct symbol *table_find(const struct symbol_table *, u64 address);

/* symbols_elf.c: false with a reason in `why`. */
bool table_read_elf(struct symbol_table *, int fd, char *why, size_t size);
const char *lines_find(struct lines *, u64 address, unsigned *line);
void lines_close(struct lines *);
/* Its module for libdwfl, opened now if it was not; NULL if that failed. For cfi.c. */
struct Dwfl_Module;
struct Dwfl_Module *lines_module(struct lines *);

/* cfi.c: from a frame to its caller, by the call frame information of `address` (as linked). */
enum unwound lines_unwind(struct lines *, u64 address, const struct stack *, struct frame *);

/*
 * kallsyms.c: the list of a Linux kernel of which a page lies at physical address `near`. Words of the kernel are
 * `word` bytes, 4 or 8. False if there is none: the table is as it was.
 */
bool table_read_kallsyms(struct symbol_table *, struct phys *, u64 near, unsigned word, const u64 *handlers,
                         unsigned count);

#endif
