/* SPDX-License-Identifier: MIT */
/* The execution mode: what of the processor's state is settled when a trace is built, and so is part of its key. */
#ifndef FAULTLINE_CPU_MODE_H
#define FAULTLINE_CPU_MODE_H

#include "cpu/op.h"

enum {
    MODE_CODE32 = 1 << 0,  /* CS.D */
    MODE_CODE64 = 1 << 1,  /* 64-bit mode */
    MODE_STACK32 = 1 << 2, /* SS.B (set in 64-bit mode too) */
    MODE_FLAT = 1 << 3,    /* DS, ES, SS: base 0, limit 4 GiB, read/write, expand-up; 64-bit mode always */
    MODE_FS = 1 << 4,      /* FS: any base, no limit to check */
    MODE_GS = 1 << 5,
    MODE_AC = 1 << 6, /* alignment checking or data breakpoints are on: no inlined accesses */
    MODE_CS = 1 << 7, /* CS: base 0, limit 4 GiB (or 64-bit mode): the jump cache may be used */
    /* 1 << 8: MODE_WATCH of points.h */
    MODE_TOLD = 1 << 9, /* observer.resume is there */
};

/* Which of the ADDR_* forms the op's memory operand may use. */
unsigned operand_form(const struct op *, u32 mode);

static inline unsigned code_size(u32 mode) { return mode & MODE_CODE64 ? 8 : mode & MODE_CODE32 ? 4 : 2; }

#endif
