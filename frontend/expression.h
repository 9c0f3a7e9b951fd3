/* SPDX-License-Identifier: MIT */
/*
 * Numbers as a person writes them in the monitor:
 *
 *     0x1f 31 0b11111            numbers
 *     rax $eax al cs cr3 efer    registers, with $ or without; pc is the linear address of the next instruction
 *     start_kernel               symbols, where there are any; a register of that name comes first
 *     b[A] w[A] d[A] q[A] [A]    memory at linear address A: 1, 2, 4, 8 bytes, or as wide as code is
 *     cs:eip 0x7c0:0x10          a linear address from segment register and offset, or from a real-mode address
 *     + - * / % << >> & ^ | ~ ( )  as in C, on 64 bits without sign
 */
#ifndef FAULTLINE_FRONTEND_EXPRESSION_H
#define FAULTLINE_FRONTEND_EXPRESSION_H

#include "cpu/cpu.h"

struct expression_context {
    struct cpu *cpu;
    bool (*symbol)(void *ctx, const char *name, u64 *address); /* NULL: there are none */
    void *ctx;
};

/* All of `text`. False with one line in `why`. */
bool expression_value(const struct expression_context *, const char *text, u64 *value, char *why, size_t size);
/* The same up to a blank outside of brackets; `end` is then what follows. */
bool expression_word(const struct expression_context *, const char *text, const char **end, u64 *value, char *why,
                     size_t size);

bool expression_is_register(const char *name); /* without $ */
/* The i-th name of a register, NULL after the last: for completion. */
const char *expression_register(unsigned i);

#endif
