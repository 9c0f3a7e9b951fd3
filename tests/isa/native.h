/* SPDX-License-Identifier: MIT */
/*
 * One instruction on the host processor: code laid at a low address, all registers in, all registers out, and the
 * exception it raised. x86-64 Linux. Everything is at fixed addresses below 2 GiB, so that the way in and out needs no
 * register.
 */
#ifndef FAULTLINE_TESTS_NATIVE_H
#define FAULTLINE_TESTS_NATIVE_H

#include "mmu/base.h"

/* The workplace: as the test machine's, so that linear addresses are the same on both. Beyond each end nothing is
 * mapped. */
enum {
    NATIVE_CODE = 0x200000,
    NATIVE_CODE_SIZE = 0x1000,
    NATIVE_CASE = 0x200400,
    NATIVE_CASE_SIZE = 128, /* where the instruction is */
    NATIVE_SLOT = 32,       /* the rest of the page is slots: code may jump to their first bytes, which notes that in
                               `landed`, and out */
    NATIVE_DATA = 0x210000,
    NATIVE_DATA_SIZE = 0x4000, /* the last page is read-only */
    NATIVE_STACK = 0x220000,
    NATIVE_STACK_SIZE = 0x2000,
    NATIVE_BLOCK = 0x230000,
};

enum { NO_VECTOR = 0xff };

/* At NATIVE_BLOCK. The assembly knows the offsets. */
struct native_block {
    struct {
        u16 fcw, fsw, ftw, fop;
        u64 fip, fdp;
        u32 mxcsr, mxcsr_mask;
        struct {
            u64 mantissa;
            u16 exponent;
            u16 pad[3];
        } st[8];
        u64 xmm[16][2];
        u8 reserved[96];
    } fx;            /* the FXSAVE64 image */
    u64 gpr[16];     /* 512 */
    u64 rflags;      /* 640 */
    u64 rip;         /* 648: start; afterwards where it ended */
    u64 host_rsp;    /* 656 */
    u64 use_fx;      /* 664: load and save fx */
    u64 leave;       /* 672: where the code jumps to end */
    u16 selector[8]; /* 680: afterwards ES, CS, SS, DS, FS, GS */
    u64 vector;      /* NO_VECTOR: the end was reached */
    u64 error, cr2;
    u64 landed; /* 720: the slot it arrived at, or 0 */
};
_Static_assert(offsetof(struct native_block, gpr) == 512 && offsetof(struct native_block, selector) == 680 &&
                   offsetof(struct native_block, landed) == 720,
               "the assembly's offsets");

#define native_state ((struct native_block *)NATIVE_BLOCK)

/* Map everything and take the signals. False with a reason where the host will not have it. gs: set as the base of GS;
 * fs: as it is. */
bool native_setup(u64 gs, u64 *fs, const char **why);

/* Lay code at NATIVE_CASE: these bytes and a jump out. */
void native_lay(const u8 *bytes, unsigned size);

/* Run from native_state->rip with the registers there; they are replaced by what they were at the end. */
void native_go(void);

/* Is a CPUID bit set on this host, and its register given? */
bool native_has(u32 leaf, u32 subleaf, char reg, unsigned bit);
bool native_is_amd(void); /* or Hygon's, which are the same */

#endif
