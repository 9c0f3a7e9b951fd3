/* SPDX-License-Identifier: MIT */
/* Segment descriptors: fetching, checking, loading (SDM Vol. 3A, "Segment Descriptors", "Privilege Checking ..."). */
#ifndef FAULTLINE_CPU_SEGMENT_H
#define FAULTLINE_CPU_SEGMENT_H

#include "cpu/state.h"

/* An 8- or 16-byte descriptor as fetched. */
struct descriptor {
    u64 low;  /* the 8 bytes of the entry */
    u64 high; /* the upper 8 bytes of a 16-byte system descriptor */
    u64 at;   /* its linear address */
};

/* Types of system descriptors (SDM "System Descriptor Types"); bit 3 tells 32- or 64-bit from 16-bit. */
enum {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS = 9,
    SYS_TSS_BUSY = 11,
    SYS_CALL = 12,
    SYS_INT = 14,
    SYS_TRAP = 15,
};
#define SYS_BUSY 2

static inline bool selector_is_null(u16 selector) { return !(selector & 0xfffc); }
/* What error codes show of a selector. */
static inline u32 selector_error(u16 selector) { return selector & 0xfffcu; }

static inline u16 descriptor_attributes(const struct descriptor *d) { return (d->low >> 40) & 0xf0ff; }
static inline unsigned descriptor_dpl(const struct descriptor *d) { return (d->low >> 45) & 3; }
static inline bool descriptor_present(const struct descriptor *d) { return d->low >> 47 & 1; }
static inline bool descriptor_is_system(const struct descriptor *d) { return !(d->low >> 44 & 1); }
static inline unsigned descriptor_type(const struct descriptor *d) { return (d->low >> 40) & 0xf; }

/* Reads the 8 bytes `selector` (not null) names. False if they lie beyond the table's limit or there is no LDT. */
bool descriptor_read(struct cpu *, u16 selector, struct descriptor *);
/* Completes a system descriptor in long mode: its upper 8 bytes. False beyond the limit or if the type field there is
 * not 0. */
bool descriptor_read_high(struct cpu *, u16 selector, struct descriptor *);
/* The segment a descriptor describes. */
static inline struct segment descriptor_segment(const struct descriptor *d, u16 selector)
{
    u32 limit = (u32)(d->low & 0xffff) | (u32)(d->low >> 32 & 0xf0000);
    u16 attributes = descriptor_attributes(d);

    return (struct segment){
        .base = (d->low >> 16 & 0xffffff) | (d->low >> 32 & 0xff000000) | d->high << 32,
        .limit = attributes & ATTR_G ? limit << 12 | 0xfff : limit,
        .selector = selector,
        .attributes = attributes | (attributes & ATTR_S ? ATTR_ACCESSED : 0),
    };
}
/* True if the A bit is still to be set; descriptor_access then sets it in memory. */
static inline bool descriptor_unaccessed(const struct descriptor *d) { return !(d->low >> 40 & ATTR_ACCESSED); }
void descriptor_access(struct cpu *, const struct descriptor *);

/* True if [offset, offset + width) lies inside the segment: limit and direction, not type. Legacy and compatibility
 * mode. */
static inline bool segment_covers(const struct segment *s, u64 offset, unsigned width)
{
    u64 last = offset + width - 1;

    if ((s->attributes & (ATTR_CODE | ATTR_EXPAND_DOWN)) == ATTR_EXPAND_DOWN)
        return offset > s->limit && last <= (s->attributes & ATTR_DB ? 0xffffffffu : 0xffffu);
    return last <= s->limit;
}

/*
 * The bases a register may be given: canonical for the widest linear address the processor has, whatever CR4.LA57
 * says. The SDM speaks of the current width; processors with 5-level paging take 57 bits in MSRs, LGDT, LTR and their
 * kind. Without 64-bit mode there is nothing to check: bits 63:32 are ignored.
 */
static inline bool is_canonical_base(const struct cpu *cpu, u64 la)
{
    unsigned spare = 64 - cpu->features.linear_bits;

    return spare == 32 || (u64)((s64)(la << spare) >> spare) == la;
}

/* MOV/POP/LxS to ES, SS, DS, FS, GS in any mode: all checks (#GP/#SS/#NP), accessed bit, then the load. Sets no shadow.
 */
void segment_load(struct cpu *, unsigned seg, u16 selector);
/* The same in two steps, for LDS-like instructions and outer returns: check and fetch (may raise), then commit
 * (cannot). */
struct segment segment_check(struct cpu *, unsigned seg, u16 selector);
void segment_commit(struct cpu *, unsigned seg, const struct segment *); /* calls cpu_refresh */

/* After CPL rises on return: null DS, ES, FS, GS that the new CPL may not use. The caller refreshes. */
void segment_validate_data(struct cpu *);

/* Real or virtual-8086 mode load: base = selector << 4; limit and attributes as the mode says. */
void segment_load_real(struct cpu *, unsigned seg, u16 selector);
/* The virtual-8086 segment of a selector. */
struct segment segment_v86(u16 selector);

#endif
