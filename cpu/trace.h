/* SPDX-License-Identifier: MIT */
/* Decoded traces: straight runs of ops within one physical page, kept by physical address and mode. */
#ifndef FAULTLINE_CPU_TRACE_H
#define FAULTLINE_CPU_TRACE_H

#include "cpu/decode.h"
#include "cpu/tlb.h"

#define TRACE_MAX_INSNS 64
/* Ops a trace may need: its instructions, its end, a stub for each exit, and op_break. */
#define TRACE_MAX_OPS (2 * TRACE_MAX_INSNS + 5)

struct trace_cache *trace_cache_create(unsigned ops);
void trace_cache_destroy(struct trace_cache *);
void trace_flush(struct cpu *); /* forget everything decoded */

/* The trace starting at this physical address, found or built from the page's bytes. NULL if its first instruction runs
 * off the page. */
const struct op *trace_find(struct cpu *, u64 pa, const u8 *page);

/* One instruction at page offset `off`, decoded from `bytes`, followed by its end and exits, in ops[0..3]. False: more
 * bytes are needed. */
bool trace_single(struct cpu *, const u8 *bytes, unsigned size, unsigned off, struct op ops[4]);

#endif
