/* SPDX-License-Identifier: MIT */
/* Who called: the return addresses on the guest's stack. */
#ifndef FAULTLINE_FRONTEND_BACKTRACE_H
#define FAULTLINE_FRONTEND_BACKTRACE_H

#include "cpu/cpu.h"
#include "frontend/symbols.h"

/*
 * The callers of the code the processor is in, innermost first, at most `most`; how many there are. Frame by frame by
 * what is known of the place: the call frame information of a file of symbols; else a Linux kernel's ORC tables; else
 * the habits of code: what a CALL has just pushed, and frame pointers. Each return address must lie behind a CALL, so
 * that a function without a frame ends the list rather than lie. Reads guest memory without effects.
 */
unsigned backtrace_frames(struct symbols *, struct cpu *, const struct cpu_state *, u64 *frame, unsigned most);

#endif
