/* SPDX-License-Identifier: MIT */
/* What a debugger reads and writes of the processor's state beyond cpu_get_state() and cpu_set_state(). */
#include <string.h>

#include "cpu/arithmetic.h"
#include "cpu/control.h"
#include "cpu/system.h"
#include "cpu/x87.h"

#define MXCSR_WRITABLE 0xffffu

void cpu_gs_bases(const struct cpu *cpu, u64 *base, u64 *other)
{
    *base = cpu->seg[SEG_GS].base;
    *other = cpu->kernel_gs_base;
}

void cpu_get_float_state(struct cpu *cpu, struct cpu_float_state *s)
{
    struct x87 *x = &cpu->x87;

    for (unsigned i = 0; i < 8; i++) {
        s->st[i].mantissa = x87_st(x, i)->mantissa;
        s->st[i].exponent = x87_st(x, i)->exponent;
    }
    s->control = x->control;
    s->status = x->status;
    s->tag = x87_tag_word(x);
    s->opcode = x->fop;
    s->code_segment = x->fcs;
    s->data_segment = x->fds;
    s->code_offset = x->fip;
    s->data_offset = x->fdp;
    memcpy(s->xmm, cpu->xmm, sizeof s->xmm);
    s->mxcsr = cpu->mxcsr;
    s->kernel_gs_base = cpu->kernel_gs_base;
}

void cpu_set_float_state(struct cpu *cpu, const struct cpu_float_state *s)
{
    struct x87 *x = &cpu->x87;

    x->control = (s->control & FCW_WRITABLE) | FCW_ALWAYS;
    x->status = s->status; /* TOP says which register ST(0) is */
    x->tag = s->tag;
    x->fop = s->opcode & 0x7ff;
    x->fcs = s->code_segment;
    x->fds = s->data_segment;
    x->fip = s->code_offset;
    x->fdp = s->data_offset;
    for (unsigned i = 0; i < 8; i++) {
        x87_st(x, i)->mantissa = s->st[i].mantissa;
        x87_st(x, i)->exponent = s->st[i].exponent;
    }
    x87_update_summary(cpu);
    memcpy(cpu->xmm, s->xmm, sizeof s->xmm);
    cpu->mxcsr = s->mxcsr & MXCSR_WRITABLE;
    cpu->kernel_gs_base = s->kernel_gs_base;
}

/* Translations depend on these. */
static bool same_control(const struct cpu_state *a, const struct cpu_state *b)
{
    return a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 && a->efer == b->efer && a->pkru == b->pkru &&
           a->pkrs == b->pkrs && !memcmp(a->pdpte, b->pdpte, sizeof a->pdpte);
}

/* All but these. */
static void set_plain(struct cpu *cpu, const struct cpu_state *s)
{
    memcpy(cpu->gpr, s->gpr, sizeof s->gpr);
    cpu->rip = s->rip;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct segment){.selector = s->seg[i].selector,
                                       .attributes = s->seg[i].attributes,
                                       .limit = s->seg[i].limit,
                                       .base = s->seg[i].base};
    cpu->gdt = (struct table_register){s->gdt_base, s->gdt_limit};
    cpu->idt = (struct table_register){s->idt_base, s->idt_limit};
    cpu->cr2 = s->cr2;
    control_write_cr8(cpu, s->cr8 & 0xf);
    cpu->xcr0 = s->xcr0;
    memcpy(cpu->dr, s->dr, sizeof s->dr);
    flags_set(cpu, s->rflags);
    cpu_refresh(cpu);
}

void cpu_set_registers(struct cpu *cpu, const struct cpu_state *s)
{
    struct cpu_state old;
    bool halted = cpu->halted, raised = cpu->raised, moved = cpu->rip_moved;
    u64 dr6_pending = cpu->dr6_pending;
    u8 shadow = cpu->shadow, cpl = cpu->cpl;

    cpu_get_state(cpu, &old);
    if (same_control(&old, s)) {
        set_plain(cpu, s);
    } else {
        cpu_set_state(cpu, s);
        cpu->cpl = in_protected(cpu) ? cpl : 0;
        cpu_refresh(cpu);
    }
    cpu->halted = halted;
    cpu->raised = raised;
    cpu->dr6_pending = dr6_pending;
    cpu->shadow = shadow;
    cpu->rip_moved = moved;
    if (old.rip == s->rip && old.seg[SEG_CS].base == s->seg[SEG_CS].base)
        return;
    cpu->halted = cpu->raised = false; /* elsewhere: what happened there is not going on */
    cpu->dr6_pending = 0;
    cpu->shadow = SHADOW_NONE;
    cpu->rip_moved = true;
}
