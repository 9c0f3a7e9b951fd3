/* SPDX-License-Identifier: MIT */
/* Growing bytes, and numbers in them as .flt files have them. */
#ifndef FAULTLINE_FRONTEND_FLT_CODE_H
#define FAULTLINE_FRONTEND_FLT_CODE_H

#include "frontend/flt.h"

struct bytes {
    u8 *at;
    size_t size, room;
    bool failed; /* no memory; everything after it is void */
};

/* Room for n more bytes at its end, where they are; NULL without memory. */
u8 *bytes_room(struct bytes *, size_t n);
void bytes_put(struct bytes *, const void *, size_t);
void bytes_put_byte(struct bytes *, u8);
/* Seven bits a byte, lowest first; the top bit says that more follow. */
void bytes_put_varint(struct bytes *, u64);
void bytes_put_u32(struct bytes *, u32); /* lowest byte first */

/*
 * A lane of n numbers for `rows` rows, the way that takes the least room. `flags` are LANE_BASED and LANE_ROTATED,
 * which have been applied; `base` is the column of the first. `known` says which rows have a number, if n < rows.
 */
void bytes_put_lane(struct bytes *, const u64 *v, u32 n, unsigned flags, unsigned base, const u8 *known, u32 rows);

#endif
