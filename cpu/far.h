/* SPDX-License-Identifier: MIT */
/* What far transfers and event delivery share: stacks that are not the current one yet, code segments to be entered,
 * the TSS. */
#ifndef FAULTLINE_CPU_FAR_H
#define FAULTLINE_CPU_FAR_H

#include "cpu/fault.h"
#include "cpu/memory.h"
#include "cpu/mode.h"
#include "cpu/segment.h"
#include "cpu/strict.h"
#include "cpu/tlb.h"

/*
 * The host address of [la, la + size) for a supervisor access, if the TLB has it: the short way past sys_read and
 * lin_write, which delivery and IRET are made of. NULL says nothing but "go the long way". Outside long mode la is
 * below 4 GiB.
 */
ALWAYS_INLINE u8 *system_peek(struct cpu *cpu, u64 la, unsigned size, bool write)
{
    const struct tlb_entry *e = tlb_slot(cpu, la);
    u64 want = tlb_want(la, size, cpu->tlb_generation << 2 | KEY_SUPERVISOR);

    return likely((write ? e->write_tag : e->read_tag) == want) ? (u8 *)(la + e->addend) : NULL;
}

ALWAYS_INLINE u64 system_read(struct cpu *cpu, u64 la, unsigned width, enum implicit why)
{
    const u8 *p = system_peek(cpu, la, width, false);

    return likely(p != NULL) ? host_load(p, width) : sys_read(cpu, la, width, why);
}

/*
 * For what is remembered of descriptors: 64-bit mode, or protected mode with flat 32-bit segments; and is this entry of
 * the GDT still these bytes?
 */
static inline bool context_is_flat(const struct cpu *cpu)
{
    const u32 flat32 = MODE_CODE32 | MODE_STACK32 | MODE_FLAT | MODE_CS;

    return cpu->mode & MODE_CODE64 || ((cpu->mode & flat32) == flat32 && !in_long(cpu) && !in_v86(cpu));
}

static inline bool is_flat32(const struct segment *s)
{
    return s->base == 0 && s->limit == 0xffffffff && s->attributes & ATTR_DB;
}

ALWAYS_INLINE bool same_descriptor(struct cpu *cpu, u16 selector, u64 bytes)
{
    u64 at = cpu->gdt.base + (selector & 0xfff8u);
    const u8 *p = system_peek(cpu, in_long(cpu) ? at : (u32)at, 8, false);

    return likely((selector | 7u) <= cpu->gdt.limit && p != NULL) && host_load(p, 8) == bytes;
}

/*
 * A frame being pushed: each slot's address is checked as it is added, then all are probed, then all are written. The
 * longest is a 32-bit call gate's: SS, ESP, 31 parameters, CS, EIP.
 */
#define FRAME_SLOTS 36
struct frame {
    struct segment ss; /* the stack's segment; not looked at if flat */
    bool flat;         /* 64-bit mode: no segment, canonical addresses */
    u8 width;          /* of a slot: 2, 4, 8 */
    u8 count;
    u64 sp;
    u64 mask;  /* of the stack pointer, by SS.B */
    u32 error; /* of #SS: the new stack's selector, 0 for the current stack */
    struct access access;
    struct {
        u64 la, value;
    } slot[FRAME_SLOTS];
};

ALWAYS_INLINE void frame_begin(struct frame *f, const struct segment *ss, bool flat, u64 sp, unsigned width,
                               struct access access)
{
    f->ss = *ss;
    f->flat = flat;
    f->width = (u8)width;
    f->count = 0;
    f->sp = sp;
    f->mask = flat ? ~0ull : ss->attributes & ATTR_DB ? 0xffffffffu : 0xffffu;
    f->error = 0;
    f->access = access;
}

/* #SS: this slot is outside the stack segment, or not canonical. */
_Noreturn void frame_refuse(struct cpu *, const struct frame *, u64 sp);

ALWAYS_INLINE void frame_push(struct cpu *cpu, struct frame *f, u64 value)
{
    u64 sp = (f->sp - f->width) & f->mask, la = sp;

    if (f->flat) {
        if (!is_canonical(&cpu->paging, la) || !is_canonical(&cpu->paging, la + f->width - 1))
            frame_refuse(cpu, f, sp);
    } else {
        if (!segment_covers(&f->ss, sp, f->width))
            frame_refuse(cpu, f, sp);
        la = (u32)(f->ss.base + sp);
    }
    if (f->access.user && f->access.implicit == IMPLICIT_NONE)
        lin_check_alignment(cpu, la, f->width);
    f->sp = sp;
    f->slot[f->count].la = la;
    f->slot[f->count++].value = value;
}

/* Raises what the writes would raise, in the order of the pushes. */
void frame_probe(struct cpu *, const struct frame *);
/* Writes the frame. Probes first unless it lies in one page: then the first write faults or none does. */
void frame_write(struct cpu *, const struct frame *);

/* What RSP becomes. Switching to a 16-bit stack loads SP alone, as every other change of a 16-bit stack pointer does.
 */
static inline u64 frame_rsp(const struct cpu *cpu, const struct frame *f)
{
    return f->mask == 0xffff ? (cpu->RSP & ~0xffffull) | (f->sp & 0xffff) : f->sp;
}

/* The access of pushes made by delivery (implicit) or a call gate, at the privilege level entered. */
static inline struct access access_frame(const struct cpu *cpu, unsigned cpl, enum implicit implicit)
{
    return (struct access){.kind = ACCESS_WRITE,
                           .user = cpl == 3,
                           .ac = cpl != 3 && implicit == IMPLICIT_NONE && (cpu->rflags & FLAG_AC),
                           .implicit = cpl == 3 ? IMPLICIT_NONE : implicit};
}

/* True if a 64-bit code segment: what its RIP must be is canonical, not inside a limit. */
static inline bool enters_code64(const struct cpu *cpu, const struct segment *cs)
{
    return in_long(cpu) && (cs->attributes & ATTR_L);
}

/*
 * Where execution starts in `cs` when a far transfer names `rip`: #GP(0) unless canonical, or within the limit. Outside
 * 64-bit code only 32 bits count, so that a 64-bit return to compatibility mode ignores the upper half.
 */
ALWAYS_INLINE u64 far_rip(struct cpu *cpu, const struct segment *cs, u64 rip)
{
    if (enters_code64(cpu, cs)) {
        if (!is_canonical(&cpu->paging, rip))
            raise_target(cpu, cs, rip, true);
        return rip;
    }
    if ((u32)rip > cs->limit)
        raise_target(cpu, cs, (u32)rip, false);
    return (u32)rip;
}

/* The inner stack a TSS names: `ist` 1..7 (64-bit TSS), or 0 for the stack of privilege level `cpl`. #TS. Outside long
 * mode *ss too. */
u64 tss_stack(struct cpu *, unsigned cpl, unsigned ist, u16 *ss);
/* The same, with the new SS checked (legacy) or null (long mode). `d` is its descriptor, for the accessed bit; d->at is
 * 0 if none. */
struct segment tss_stack_segment(struct cpu *, unsigned cpl, u16 selector, struct descriptor *d);

/* What RET and IRET demand of the code segment they return to (SDM RET, IRET), and of the stack segment they pop.
 * far_return.c */
struct segment return_code_segment(struct cpu *, u16 selector, struct descriptor *);
struct segment return_stack_segment(struct cpu *, u16 selector, const struct segment *cs, struct descriptor *);
/* Loads CS, SS, CPL and the popped stack pointer, plus `release` bytes; nulls data segments when going outward. Sets
 * next_rip. Refreshes. */
void return_commit(struct cpu *, const struct segment *cs, const struct segment *ss, u64 rip, u64 sp, unsigned release);

/*
 * Hardware task switch to the TSS `selector` names; its descriptor is checked here, the DPL of a gate or TSS by the
 * caller. Saves return_rip and old_flags in the old task. For TASK_INT, `event` may have an error code to push. Sets
 * rip and next_rip, refreshes. Faults in loading the new task's segments are raised in its context. task.c
 */
enum task_source { TASK_JMP, TASK_CALL, TASK_INT, TASK_IRET };
void task_switch(struct cpu *, u16 selector, enum task_source, u64 return_rip, u64 old_flags,
                 const struct cpu_event *event);

#endif
