/* SPDX-License-Identifier: MIT */
/* Frames, inner stacks: what far transfers and event delivery share. */
#include "cpu/far.h"

#include "cpu/run.h"
#include "cpu/system.h"

_Noreturn void frame_refuse(struct cpu *cpu, const struct frame *f, u64 sp)
{
    raise_segment(cpu, &(struct strict_access){&f->ss, SEG_SS, sp, f->width, ACCESS_WRITE, f->flat}, f->error);
}

void frame_probe(struct cpu *cpu, const struct frame *f)
{
    u64 probed = ~0ull; /* no page address */

    for (unsigned i = 0; i < f->count; i++) {
        u64 la = f->slot[i].la;
        if ((la & PAGE_MASK) != probed || (la & (PAGE_SIZE - 1)) + f->width > PAGE_SIZE) {
            lin_probe(cpu, la, f->width, f->access);
            probed = la & PAGE_MASK;
        }
    }
}

void frame_write(struct cpu *cpu, const struct frame *f)
{
    u64 first = f->slot[0].la, last = f->slot[f->count - 1].la;
    unsigned size = f->count * f->width;
    bool plain = !f->access.user && !f->access.ac && first - last == size - f->width;
    u8 *p = plain ? system_peek(cpu, last, size, true) : NULL;

    if (unlikely(cpu->data_breakpoints))
        debug_data_access(cpu, last, size, true);
    if (likely(p != NULL)) {
        for (unsigned i = 0; i < f->count; i++)
            host_store(p + size - (i + 1) * f->width, f->slot[i].value, f->width);
        return;
    }
    if ((last ^ (first + f->width - 1)) & PAGE_MASK)
        frame_probe(cpu, f);
    for (unsigned i = 0; i < f->count; i++)
        lin_write(cpu, f->slot[i].la, f->slot[i].value, f->width, f->access);
}

/*
 * SDM "Stack Switching" and INT n, "INTER-PRIVILEGE-LEVEL-INTERRUPT". The TSS's layout is the type TR was loaded
 * with.
 */
u64 tss_stack(struct cpu *cpu, unsigned cpl, unsigned ist, u16 *ss)
{
    const struct segment *tr = &cpu->seg[SEG_TR];
    u32 error = selector_error(tr->selector);

    cpu->delivery_step = "TSS stack pointer";
    if (in_long(cpu)) {
        u32 at = ist ? 36 + (ist - 1) * 8 : 4 + cpl * 8;
        if (at + 7 > tr->limit)
            raise_ts(cpu, error);
        *ss = (u16)cpl;
        return system_read(cpu, tr->base + at, 8, IMPLICIT_TSS);
    }
    if (tr->attributes & 8) {
        u32 at = 4 + cpl * 8;
        if (at + 5 > tr->limit)
            raise_ts(cpu, error);
        *ss = (u16)system_read(cpu, (u32)(tr->base + at + 4), 2, IMPLICIT_TSS);
        return system_read(cpu, (u32)(tr->base + at), 4, IMPLICIT_TSS);
    }
    u32 at = 2 + cpl * 4;
    if (at + 3 > tr->limit)
        raise_ts(cpu, error);
    *ss = (u16)sys_read(cpu, tr->base + at + 2, 2, IMPLICIT_TSS);
    return sys_read(cpu, tr->base + at, 2, IMPLICIT_TSS);
}

struct segment tss_stack_segment(struct cpu *cpu, unsigned cpl, u16 selector, struct descriptor *d)
{
    u32 error = selector_error(selector);
    u16 a;

    cpu->delivery_step = "new SS";
    d->at = 0;
    d->low = (u64)ATTR_ACCESSED << 40;
    if (in_long(cpu))
        return (struct segment){.selector = (u16)cpl};
    if (selector_is_null(selector))
        raise_ts(cpu, 0);
    if (!descriptor_read(cpu, selector, d))
        raise_ts(cpu, error);
    a = descriptor_attributes(d);
    if ((selector & 3) != cpl || ATTR_DPL_OF(a) != cpl ||
        (a & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) != (ATTR_S | ATTR_WRITABLE))
        raise_ts(cpu, error);
    if (!(a & ATTR_P))
        raise_ss(cpu, error);
    return descriptor_segment(d, selector);
}
