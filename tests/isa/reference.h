/* SPDX-License-Identifier: MIT */
/* What the disassemblers say of some bytes, in the decoder's terms: capstone, and Zydis. */
#ifndef FAULTLINE_TESTS_REFERENCE_H
#define FAULTLINE_TESTS_REFERENCE_H

#include "cpu/decode.h"

enum reference_role { ROLE_RM, ROLE_REG, ROLE_VVVV, ROLE_OPCODE, ROLE_IMMEDIATE, ROLE_IMMEDIATE2, ROLE_OTHER, ROLES };

enum { BASE_NONE = 0xff, BASE_IP = 0xfe };

struct reference_operand {
    enum { REF_NONE, REF_REGISTER, REF_MEMORY, REF_IMMEDIATE, REF_POINTER } kind;
    u16 bits;
    bool general;   /* a general register: */
    u8 offset;      /* its byte offset in struct cpu */
    u8 number;      /* other registers: which of their kind */
    u8 base, index; /* register numbers, BASE_* */
    u8 scale;       /* a shift */
    u8 segment;     /* enum SEG */
    s64 value;      /* displacement or immediate */
    bool write;     /* memory: it is written */
};

struct reference {
    bool valid;
    u8 length;
    const char *name; /* lower case */
    const char *set;  /* Zydis: the instruction set it counts to */
    u8 address_bits;
    bool reads_string; /* has DS:rSI, with this segment */
    u8 string_segment;
    struct reference_operand operand[ROLES]; /* Zydis only */
    struct reference_operand memory;         /* ModRM or moffs memory operand */
};

/* bits: 16, 32 or 64, of the code segment. With `details` the operands are filled in. */
void zydis_decode(unsigned bits, const u8 *bytes, unsigned size, struct reference *);
void capstone_decode(unsigned bits, const u8 *bytes, unsigned size, bool details, struct reference *);
void reference_close(void);

#endif
