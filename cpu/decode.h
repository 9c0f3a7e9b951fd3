/* SPDX-License-Identifier: MIT */
/* From bytes to an op, by the instruction list. Pure: reads no guest memory, raises nothing. */
#ifndef FAULTLINE_CPU_DECODE_H
#define FAULTLINE_CPU_DECODE_H

#include "cpu/handlers.h"
#include "cpu/isa.h"
#include "cpu/mode.h"

/* Rows by opcode: built once per CPU from the list. */
struct isa_index {
    u16 first[4][256]; /* by map; row + 1, 0 for none */
    u16 *next;         /* chain in list order */
    bool modrm[4][256];
};
struct isa_index *isa_index_create(void);
void isa_index_destroy(struct isa_index *);

enum decode_status {
    DECODE_OK,
    DECODE_MORE, /* the instruction goes on beyond the `size` bytes given */
};

/*
 * Decode at bytes[0..size), size <= 15. Fills op but for off, count and link; RIP-relative displacements and branch
 * targets (imm) count from the first byte: the caller adds the page offset (decode_place). An undefined encoding is
 * DECODE_OK with op_ud as its handler.
 */
enum decode_status decode(const struct isa_index *, const struct features *, u32 mode, const u8 *bytes, unsigned size,
                          struct op *);

/* Put op at this offset of its page. */
void decode_place(struct op *, unsigned off);

enum flow { FLOW_NEXT, FLOW_BRANCH, FLOW_JUMP, FLOW_END };
/* Does control go on after op: always; unless a branch (link) is taken; only through its link; or not within the trace?
 */
enum flow op_flow(const struct op *);

#endif
