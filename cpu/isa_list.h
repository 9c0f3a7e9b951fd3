/* SPDX-License-Identifier: MIT */
/* The instruction list for people: the rows of isa.def as text. Public, as cpu.h is. */
#ifndef FAULTLINE_CPU_ISA_LIST_H
#define FAULTLINE_CPU_ISA_LIST_H

#include "mmu/base.h"

/* All strings are static; what does not apply is "". */
struct isa_entry {
    u16 opcode;             /* 00NN one byte, 0FNN, 38NN and 3ANN for 0F 38 NN and 0F 3A NN */
    const char *prefix;     /* NP none, P66 PF3 PF2 mandatory; VNP V66 VF3 VF2 within VEX */
    const char *modrm;      /* n0..n7 /0../7; m, r: memory or register only; m0.. r0.. both; x(0xC1): this byte */
    const char *row;        /* the row's name */
    char mnemonic[20];      /* the SDM's: the row's name without what tells rows apart */
    const char *operand[3]; /* codes of the SDM's opcode map */
    const char *access[2];  /* r, w, rw of the first two */
    const char *feature;    /* as -cpu +FEATURE takes it; "" is every processor */
    const char *attributes; /* joined by | (isa.h says what each means) */
};

unsigned isa_list_count(void);
/* The row of this number, in the order of the list. */
struct isa_entry isa_list_entry(unsigned number);

#endif
