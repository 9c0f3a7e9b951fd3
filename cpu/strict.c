/* SPDX-License-Identifier: MIT */
/* Rules of the manual that guests break unnoticed elsewhere. What they are called is the frontend's business. */
#include "cpu/strict.h"

#include "cpu/fault.h"
#include "cpu/segment.h"

void strict_tell(struct cpu *cpu, const struct cpu_strict *s)
{
    if (cpu->observer.strict)
        cpu->observer.strict(cpu->observer.ctx, cpu, s);
}

/* Real-address and virtual-8086 programs meet their limit on purpose: it is how a 286 is told from an 8086. */
static bool has_limits(const struct cpu *cpu) { return in_protected(cpu) && !in_v86(cpu); }

static void tell_access(struct cpu *cpu, const struct strict_access *a)
{
    struct cpu_strict s = {.width = a->width, .kind = a->kind, .seg = (u8)a->seg, .address = a->offset};

    if (a->flat) {
        s.rule = STRICT_CANONICAL;
        s.address += a->seg == SEG_FS || a->seg == SEG_GS ? a->segment->base : 0;
    } else {
        /* a null or unusable segment has no limit to speak of */
        if (!has_limits(cpu) || !(a->segment->attributes & ATTR_P) || segment_covers(a->segment, a->offset, a->width))
            return;
        s.rule = STRICT_LIMIT;
        s.limit = a->segment->limit;
    }
    strict_tell(cpu, &s);
}

_Noreturn void raise_segment(struct cpu *cpu, const struct strict_access *a, u32 error)
{
    if (unlikely(cpu->observer.strict != NULL))
        tell_access(cpu, a);
    if (a->seg == SEG_SS)
        raise_ss(cpu, error);
    raise_gp(cpu, error);
}

_Noreturn void raise_target(struct cpu *cpu, const struct segment *cs, u64 rip, bool to64)
{
    struct cpu_strict s = {.rule = to64 ? STRICT_TARGET : STRICT_LIMIT,
                           .address = rip,
                           .width = 1,
                           .kind = ACCESS_EXECUTE,
                           .seg = SEG_CS,
                           .limit = cs->limit};

    if (to64 || has_limits(cpu))
        strict_tell(cpu, &s);
    raise_gp(cpu, 0);
}

_Noreturn void raise_control(struct cpu *cpu, unsigned reg, u64 value, const char *why)
{
    strict_tell(cpu, &(struct cpu_strict){.rule = STRICT_CONTROL, .seg = (u8)reg, .value = value, .why = why});
    raise_gp(cpu, 0);
}

void strict_cr0(struct cpu *cpu, u64 changed)
{
    bool wide = in_code64(cpu);
    u64 la = wide ? cpu->next_rip : (u32)(cpu->seg[SEG_CS].base + cpu->next_rip);

    strict_tell(cpu, &(struct cpu_strict){.rule = STRICT_SWITCH, .address = la, .value = changed & (CR0_PE | CR0_PG)});
}

void strict_a20(struct cpu *cpu, u64 la, u64 pa)
{
    strict_tell(cpu, &(struct cpu_strict){.rule = STRICT_A20, .address = pa, .value = la});
}
