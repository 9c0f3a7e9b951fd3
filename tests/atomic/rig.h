/* SPDX-License-Identifier: MIT */
/*
 * The stage of the restart test: one processor with paging, whose every page has a role of its own, so that any access
 * of an instruction can be made to fault alone. Neighbouring linear pages lie apart in physical memory.
 */
#ifndef FAULTLINE_TESTS_ATOMIC_RIG_H
#define FAULTLINE_TESTS_ATOMIC_RIG_H

#include "cpu/state.h"

enum {
    LINEAR_BASE = 0x2000,
    FRAME_BASE = 0x80000, /* physical */
    TABLE_ROOT = 0x10000,
    TABLE_LEAF = 0x11000,
    TABLE_MIDDLE = 0x12000,
};

/*
 * Pages by role, in linear order. Up to the outer stack they have linear addresses below 64 KiB: 16-bit code reaches
 * them, and IRET to a 16-bit stack, which leaves the upper half of ESP as it is, restores it all the same.
 */
enum page {
    PG_CODE0,
    PG_CODE1,
    PG_TARGET,
    PG_OUTER, /* OUTER: code of CPL 3, whatever the instruction's level */
    PG_DATA0,
    PG_DATA1,
    PG_DEST0,
    PG_DEST1,
    PG_STACK0,
    PG_STACK1,
    PG_FRAME0,
    PG_FRAME1,
    PG_KERNEL_STACK,
    PG_OUTER_STACK,
    PG_HANDLER,
    PG_IDT,
    PG_LDT,
    PG_GDT0,
    PG_GDT1,
    PG_TSS0,
    PG_TSS1,
    PG_TASK0,
    PG_TASK1,
    PAGES,
};

#define AT(page) ((u64)LINEAR_BASE + (u64)(page)*PAGE_SIZE)

enum mode_of_context { CTX_32, CTX_PAE, CTX_64, CTX_COMPAT, CTX_16 };

struct context {
    const char *name;
    enum mode_of_context mode;
    u8 cpl;
    bool flat;  /* segments of base 0 and 4 GiB; else bases and limits */
    bool split; /* GDT and TSS lie across a page boundary */
};
static inline bool is_code64(const struct context *c) { return c->mode == CTX_64; }
static inline bool is_long(const struct context *c) { return c->mode == CTX_64 || c->mode == CTX_COMPAT; }
static inline bool has_wide_entries(const struct context *c) { return c->mode == CTX_PAE || is_long(c); }
extern const struct context contexts[];
extern const unsigned context_count;

/* Descriptors: index * 8 is the selector. T: of the instruction under test. */
enum {
    D_KCODE = 1,
    D_KDATA,
    D_TCODE,
    D_TDATA,
    D_TSTACK,
    D_ODATA,
    D_OCODE,
    D_TEXTRA,
    D_SPARE_DATA,
    D_SPARE_CODE,
    D_TSS,
    D_LDT = 13,
    D_TASK = 15,
    D_GATE = 17,
    D_TASK_GATE = 19,
    D_COUNT = 20,
};
#define SELECTOR(index, rpl) ((u16)((index)*8 | (rpl)))

/* The whole architectural state. */
struct arch {
    u64 gpr[16], rip, rflags;
    struct segment seg[SEG_COUNT];
    u8 cpl, shadow;
    struct table_register gdt, idt;
    u64 cr0, cr2, cr3, cr4, cr8, efer, xcr0, dr[8];
    u32 pkru, mxcsr;
    struct paging paging;
    u64 msr[offsetof(struct cpu, x87) / 8 - offsetof(struct cpu, star) / 8];
    struct x87 x87;
    union xmm xmm[16];
    u64 rng[4];
};

struct rig {
    const struct context *ctx;
    struct phys *phys;
    struct bus *io;
    struct cpu *cpu;
    u8 *frames;                  /* the watched pages on the host, by physical address */
    u8 memory[PAGES][PAGE_SIZE]; /* what they hold before the instruction, by role */
    struct arch start;
    u64 gdt, tss, task;  /* linear */
    u64 base[SEG_COUNT]; /* of the segments: offset = linear - base */
};

bool rig_open(struct rig *, const struct context *);
void rig_close(struct rig *);

static inline u8 *rig_frame(struct rig *r, unsigned page) { return r->frames + (u64)(PAGES - 1 - page) * PAGE_SIZE; }
static inline int page_of(u64 linear)
{
    return linear < LINEAR_BASE || linear >= AT(PAGES) ? -1 : (int)((linear - LINEAR_BASE) / PAGE_SIZE);
}

/* Write into the start image, at a linear address. */
void rig_put(struct rig *, u64 linear, const void *from, unsigned size);
void rig_put_value(struct rig *, u64 linear, u64 value, unsigned width);
/* The start image to its blank form: tables, handlers, noise in the data pages. */
void rig_blank(struct rig *);

void arch_take(const struct cpu *, struct arch *);
void arch_give(struct cpu *, const struct arch *);
/* NULL if equal but for CR2 and RF, else the name of the first difference. */
const char *arch_differs(const struct arch *, const struct arch *);

/* Leaf entries. Accessed and dirty are what the processor set since rig_map. */
void rig_map(struct rig *, bool accessed_dirty);
u64 rig_pte(struct rig *, unsigned page);
void rig_set_pte(struct rig *, unsigned page, u64 entry);
/* May an access at the context's level use the page (U/S)? */
bool page_is_user(const struct rig *, unsigned page);
bool page_is_code(unsigned page);
bool page_is_system(unsigned page);
const char *page_name(unsigned page);

#endif
