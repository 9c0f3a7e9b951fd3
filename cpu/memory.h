/* SPDX-License-Identifier: MIT */
/*
 * From a logical address to a byte: segment check -> linear address -> TLB -> (miss) walk -> physical memory. Every
 * access goes this way. The fast part is inline in handlers (access.h); this is the rest. All functions may raise,
 * before anything is changed.
 */
#ifndef FAULTLINE_CPU_MEMORY_H
#define FAULTLINE_CPU_MEMORY_H

#include "cpu/state.h"

/*
 * Explicit accesses of the current context. offset is the effective address, already truncated to the address size.
 * width: 1, 2, 4, 8 (reads and writes), or any up to 1024 for probes and blocks. #GP or #SS for segment faults, #AC
 * where enabled, #PF.
 */
u64 mem_read(struct cpu *, unsigned seg, u64 offset, unsigned width);
void mem_write(struct cpu *, unsigned seg, u64 offset, u64 value, unsigned width);
/* Host memory of an operand whose page the TLB knows, checked as any access; NULL sends the caller the long way. */
u8 *mem_hit(struct cpu *, unsigned seg, u64 offset, unsigned width, unsigned access /* ACC_r or ACC_w */);
void mem_probe_write(struct cpu *, unsigned seg, u64 offset,
                     unsigned width); /* raise what the write would, touch nothing (A/D may be set) */
void mem_probe_read(struct cpu *, unsigned seg, u64 offset,
                    unsigned width); /* likewise for a read: a device is not read */
void mem_read_block(struct cpu *, unsigned seg, u64 offset, void *to,
                    unsigned size); /* all probed before any is read */
void mem_write_block(struct cpu *, unsigned seg, u64 offset, const void *from, unsigned size);

/* #AC where alignment checking is on and an object that needs `align` bytes (a power of two) is not so placed: for
 * blocks, which have no alignment of their own ("Alignment Requirements by Data Type"). */
void mem_check_alignment(struct cpu *, unsigned seg, u64 offset, unsigned align);
void lin_check_alignment(struct cpu *, u64 la, unsigned align);

/* The segment part alone: the linear address, or #GP/#SS. */
u64 seg_linear(struct cpu *, unsigned seg, u64 offset, unsigned width, enum access_kind);

/* Linear accesses with the rights given: for what has its own segment rules. */
u64 lin_read(struct cpu *, u64 la, unsigned width, struct access);
void lin_write(struct cpu *, u64 la, u64 value, unsigned width, struct access);
void lin_probe(struct cpu *, u64 la, unsigned size, struct access); /* size <= 4096 */

/* System accesses: supervisor, implicit (AC and CPL ignored). The linear address wraps at 4 GiB outside long mode. */
u64 sys_read(struct cpu *, u64 la, unsigned width, enum implicit);
void sys_write(struct cpu *, u64 la, u64 value, unsigned width, enum implicit);
void sys_probe_write(struct cpu *, u64 la, unsigned size, enum implicit);

#endif
