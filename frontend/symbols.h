/* SPDX-License-Identifier: MIT */
/*
 * Names for guest addresses: from ELF files and System.map, and from a running Linux kernel itself, which carries its
 * own list (kallsyms) and those of its modules. A kernel that has moved (KASLR) is found by its interrupt handlers.
 */
#ifndef FAULTLINE_FRONTEND_SYMBOLS_H
#define FAULTLINE_FRONTEND_SYMBOLS_H

#include "cpu/cpu.h"
#include "frontend/frame.h"
#include "frontend/orc.h"
#include "frontend/text.h"

struct symbols;
struct symbols *symbols_create(void); /* NULL without memory */
void symbols_destroy(struct symbols *);

/*
 * FILE[,offset=N]: an ELF file, whose symbols and DWARF lines are used, or a System.map. offset is where it was loaded
 * less where it was linked, and keeps it there. False with one line in `why`: "FILE: reason".
 */
bool symbols_add(struct symbols *, const char *spec, char *why, size_t size);
/* Look for a Linux kernel's own list once it runs, where no file knows its code. */
void symbols_ask_guest(struct symbols *);

/* The strings belong to the table, and live as long. */
struct symbol_place {
    const char *name;
    u64 offset;         /* of the address behind the symbol */
    const char *module; /* of a Linux kernel; or NULL */
};

/* The symbol an address lies in; false where none is known. */
bool symbols_find(struct symbols *, u64 address, struct symbol_place *);
/* Its source line, by DWARF; NULL if that does not say. */
const char *symbols_line(struct symbols *, u64 address, unsigned *line);
/* Where a symbol is; the first of that name. */
bool symbols_address(struct symbols *, const char *name, u64 *address);
void symbol_text(struct text *, const struct symbol_place *); /* name+0x1f, name+0x1f [module] */
/* The same of an address; nothing where no symbol is known. True if there was one. */
bool symbols_text(struct symbols *, u64 address, struct text *);

/*
 * Has the guest set up its interrupt handlers? Then where the kernel lies follows from them. Call it when a name is
 * about to be wanted (at a fault): it looks at the IDT only when that has changed, and at growing intervals otherwise.
 */
void symbols_follow(struct symbols *, struct cpu *, struct phys *);

/* From a frame to its caller, by the call frame information (.eh_frame, .debug_frame) of the file that its code is of. */
enum unwound symbols_unwind(struct symbols *, const struct stack *, struct frame *);
/* The unwind tables of the kernel that symbols_follow found, or of its module at `address`; NULL if it has none. */
const struct orc *symbols_orc(const struct symbols *, u64 address);
/* Is that a kernel with such tables? They are the last word then. */
bool symbols_has_orc(const struct symbols *);

/* What is known: a line for each table (file, symbols, offset). */
void symbols_list(const struct symbols *, void (*line)(void *ctx, const char *), void *ctx);

#endif
