/* SPDX-License-Identifier: MIT */
/* Cases for the comparison with the host: encodings of a row in 64-bit mode, and operands that make it do something. */
#ifndef FAULTLINE_TESTS_CASES_H
#define FAULTLINE_TESTS_CASES_H

#include "cpu/decode.h"
#include "tests/isa/native.h"

struct encoding {
    const struct row *row;
    struct op op; /* as decoded, before placement */
    u8 bytes[16];
    unsigned length;
    unsigned disp_at, disp_size; /* where the displacement or moffs is in bytes */
    unsigned imm_at;
};

struct poke {
    u64 at;
    unsigned size;
    u8 bytes[64];
};

struct case_state {
    u64 gpr[16];
    u64 rflags;
    bool fx; /* the block's fx is filled in */
    struct poke poke[2];
    unsigned pokes;
    u64 target; /* of the memory operand, 0 without one */
};

void cases_setup(const struct isa_index *, const struct features *, u64 fs_base, u64 gs_base);

void case_seed(u64); /* the same cases follow */
u64 case_random(void);
bool case_one_in(unsigned n);

/* A random encoding of the row; false if none that the host can be asked came out. */
bool case_encode(const struct row *, struct encoding *);
/* Operands for it. May change displacement and immediate in the encoding. False: give up this one. */
bool case_operands(struct encoding *, struct case_state *, struct native_block *);

#endif
