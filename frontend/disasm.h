/* SPDX-License-Identifier: MIT */
/* One instruction as text, through a small cache. The only part that knows capstone. */
#ifndef FAULTLINE_FRONTEND_DISASM_H
#define FAULTLINE_FRONTEND_DISASM_H

#include "mmu/base.h"

#define DISASM_MAX 15

struct disasm;
struct disasm *disasm_create(void);
void disasm_destroy(struct disasm *);

struct disasm_line {
    u8 length;      /* 0: no whole, known instruction */
    char text[103]; /* Intel syntax */
};

/* Up to DISASM_MAX bytes at `rip`, in a code segment of 16, 32 or 64 bits. Valid until the next call. */
const struct disasm_line *disasm_at(struct disasm *, unsigned bits, u64 rip, const u8 *bytes, unsigned n);

#endif
