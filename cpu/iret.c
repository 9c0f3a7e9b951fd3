/* SPDX-License-Identifier: MIT */
/* Software interrupts and IRET: SDM Vol. 2A, INT n and IRET, "Operation". */
#include "cpu/far.h"
#include "cpu/handlers.h"
#include "cpu/interrupt.h"
#include "cpu/run.h"
#include "cpu/system.h"

/*
 * INT n, INT3, INTO: delivered here and now, with the INT still the current instruction: what fails in delivery
 * faults at it.
 */
static void deliver_software(struct cpu *cpu, unsigned vector)
{
    cpu->stats.exceptions++;
    interrupt_deliver(cpu,
                      &(struct cpu_event){.vector = (u8)vector, .kind = EVENT_SOFTWARE, .next_rip = cpu->next_rip});
    cpu->next_rip = cpu->rip;
}

/* The bit of this vector in the TSS: the 32 bytes below the I/O map. Where that cannot be read there is no permission.
 */
static bool is_redirected(struct cpu *cpu, unsigned vector)
{
    const struct segment *tr = &cpu->seg[SEG_TR];
    u32 at;

    if (!(tr->attributes & ATTR_P) || !(tr->attributes & 8) || tr->limit < 103)
        raise_gp(cpu, 0);
    at = (u32)sys_read(cpu, tr->base + 102, 2, IMPLICIT_TSS) - 32 + vector / 8;
    if (at > tr->limit)
        raise_gp(cpu, 0);
    return !(sys_read(cpu, tr->base + at, 1, IMPLICIT_BITMAP) >> (vector % 8) & 1);
}

/* Methods 5 and 6: through the 8086 program's own table at linear address 0, as real-address mode would. */
static void deliver_8086(struct cpu *cpu, unsigned vector)
{
    bool virtual_if = iopl(cpu) < 3;
    u32 target = (u32)sys_read(cpu, vector * 4u, 4, IMPLICIT_IDT);
    struct frame f;

    frame_begin(&f, &cpu->seg[SEG_SS], false, cpu->RSP, 2, access_explicit(cpu, ACCESS_WRITE));
    frame_push(cpu, &f, virtual_if ? flags_virtual_image(cpu) : flags_get(cpu));
    frame_push(cpu, &f, cpu->seg[SEG_CS].selector);
    frame_push(cpu, &f, cpu->next_rip);
    frame_write(cpu, &f);

    cpu->RSP = frame_rsp(cpu, &f);
    segment_load_real(cpu, SEG_CS, (u16)(target >> 16));
    cpu->next_rip = target & 0xffff;
    cpu->rflags &= ~(FLAG_TF | FLAG_RF | (virtual_if ? FLAG_VIF : FLAG_IF));
    cpu->single_step = false;
    cpu_refresh(cpu);
}

/* SDM Vol. 3B, "Software Interrupt Handling Methods While in Virtual-8086 Mode". Only INT n is subject to them. */
void exec_INT(struct cpu *cpu, const struct op *op)
{
    if (in_v86(cpu)) {
        if (cpu->cr4 & CR4_VME && is_redirected(cpu, (u8)op->imm)) {
            deliver_8086(cpu, (u8)op->imm);
            return;
        }
        if (iopl(cpu) < 3)
            raise_gp(cpu, 0);
    }
    deliver_software(cpu, (u8)op->imm);
}

void exec_INT3(struct cpu *cpu, const struct op *op)
{
    (void)op;
    deliver_software(cpu, VEC_BP);
}

void exec_INTO(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (flags_get(cpu) & FLAG_OF)
        deliver_software(cpu, VEC_OF);
}

/*
 * INT1 delivers #DB without the DPL check and leaves DR6 alone; but breakpoints that MOV SS held back come with it, in
 * one exception, where behind INT n and INT3 they are one more.
 */
void exec_INT1(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (cpu->dr6_pending)
        debug_record(cpu, cpu->dr6_pending);
    raise_event(cpu, (struct cpu_event){.vector = VEC_DB, .kind = EVENT_ICEBP, .next_rip = cpu->next_rip});
}

/*
 * The top of the stack in host memory, if `count` slots can be read there without further checks: flat and in the
 * TLB.
 */
static const u8 *peek_stack(struct cpu *cpu, const struct op *op, unsigned count)
{
    if ((cpu->mode & (MODE_FLAT | MODE_AC)) != MODE_FLAT || op->stack_size < 4)
        return NULL;
    return tlb_read(cpu, cpu->RSP & stack_mask(op), count * op->osize);
}

static u64 slot_at(struct cpu *cpu, const struct op *op, const u8 *stack, unsigned index)
{
    if (likely(stack != NULL))
        return host_load(stack + index * op->osize, op->osize);
    return mem_read(cpu, SEG_SS, (cpu->RSP + index * op->osize) & stack_mask(op), op->osize);
}

static u64 slot(struct cpu *cpu, const struct op *op, unsigned index) { return slot_at(cpu, op, NULL, index); }

/* EFLAGS bits a processor without VME does not have. */
static u64 vme_flags(const struct cpu *cpu) { return has_feature(&cpu->features, FEAT_VME) ? FLAG_VIF | FLAG_VIP : 0; }

/* What the popped image may change at this privilege. VM is the caller's. */
static u64 returned_flags(const struct cpu *cpu, const struct op *op, u64 image)
{
    u64 mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT;

    if (!in_protected(cpu) || cpu->cpl <= iopl(cpu))
        mask |= FLAG_IF;
    if (cpu->cpl == 0)
        mask |= FLAG_IOPL;
    if (op->osize > 2)
        mask |= FLAG_RF | FLAG_AC | FLAG_ID | (in_protected(cpu) && cpu->cpl == 0 ? vme_flags(cpu) : 0);
    return (flags_get(cpu) & ~mask) | (image & mask);
}

/* "REAL-ADDRESS-MODE"; "RETURN-FROM-VIRTUAL-8086-MODE", where IOPL itself stays since CPL is 3. */
static void iret_real(struct cpu *cpu, const struct op *op)
{
    bool virtualized = flags_virtualized(cpu, op->osize);
    u64 rip = slot(cpu, op, 0), flags;
    u16 selector = (u16)slot(cpu, op, 1);

    flags = slot(cpu, op, 2);
    flags = virtualized ? flags_from_virtual_image(cpu, flags) : returned_flags(cpu, op, flags);
    if (rip > (in_v86(cpu) ? 0xffff : cpu->seg[SEG_CS].limit))
        raise_gp(cpu, 0);
    stack_set(cpu, op, stack_next(cpu, op, 3 * (int)op->osize));
    segment_load_real(cpu, SEG_CS, selector);
    flags_set(cpu, flags);
    cpu->next_rip = rip;
    cpu_refresh(cpu);
}

/* "RETURN-TO-VIRTUAL-8086-MODE": the nine dwords were all probed by being read. */
static void iret_to_v86(struct cpu *cpu, const struct op *op, u64 eip, u16 cs, u64 image)
{
    const u64 mask = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC |
                     FLAG_ID | vme_flags(cpu);
    static const u8 order[] = {SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    u16 selector[5];
    u64 esp = slot(cpu, op, 3);

    for (unsigned i = 0; i < 5; i++)
        selector[i] = (u16)slot(cpu, op, 4 + i);
    if (eip > 0xffff)
        raise_gp(cpu, 0);
    for (unsigned i = 0; i < 5; i++)
        cpu->seg[order[i]] = segment_v86(selector[i]);
    cpu->seg[SEG_CS] = segment_v86(cs);
    cpu->RSP = esp;
    cpu->cpl = 3;
    flags_set(cpu, image & mask);
    cpu->next_rip = eip;
    cpu_refresh(cpu);
}

/* "TASK-RETURN": back to the task the link field of this TSS names. */
static void iret_task(struct cpu *cpu)
{
    u16 link;

    if (in_long(cpu))
        raise_gp(cpu, 0);
    link = (u16)sys_read(cpu, cpu->seg[SEG_TR].base, 2, IMPLICIT_TSS);
    task_switch(cpu, link, TASK_IRET, cpu->next_rip, flags_get(cpu), NULL);
}

static u32 return_key(const struct cpu *cpu)
{
    return 1u << 31 | (u32)cpu->paging.mode << 8 | (cpu->mode & MODE_CODE64 ? 1u : 0) << 4 | cpu->cpl;
}

/* An IRET between flat segments has passed all checks without writing to a descriptor: remember them. */
static void remember_return(struct cpu *cpu, const struct segment *cs, const struct descriptor *d,
                            const struct segment *ss, const struct descriptor *ss_descriptor)
{
    bool wide = in_code64(cpu);

    if (cs->selector & 4 || descriptor_unaccessed(d) || (wide ? !(cs->attributes & ATTR_L) : !is_flat32(cs)))
        return;
    if (ss && !selector_is_null(ss->selector) &&
        (ss->selector & 4 || descriptor_unaccessed(ss_descriptor) ||
         (!wide && (!is_flat32(ss) || ss->attributes & ATTR_EXPAND_DOWN))))
        return;
    cpu->returns[cs->selector / 8 % RETURN_ENTRIES] = (struct return_entry){
        .key = return_key(cpu),
        .cs_selector = cs->selector,
        .ss_selector = ss ? ss->selector : 0,
        .cs_bytes = d->low,
        .ss_bytes = ss ? ss_descriptor->low : 0,
        .cs = *cs,
        .ss = ss ? *ss : (struct segment){.selector = 0},
    };
}

/* After an outward return: true if a data segment register was taken away. */
static bool validate_changes(struct cpu *cpu)
{
    const struct segment *s = cpu->seg;
    u16 es = s[SEG_ES].attributes, ds = s[SEG_DS].attributes, fs = s[SEG_FS].attributes, gs = s[SEG_GS].attributes;

    segment_validate_data(cpu);
    return (es ^ s[SEG_ES].attributes) | (ds ^ s[SEG_DS].attributes) | (fs ^ s[SEG_FS].attributes) |
           (gs ^ s[SEG_GS].attributes);
}

/* The short way, as delivery's: false if anything is new, or not in the TLB, and nothing has been done then. */
ALWAYS_INLINE bool iret_flat(struct cpu *cpu, const struct op *op, const bool wide)
{
    const unsigned width = wide ? 8 : 4;
    const u8 *stack = peek_stack(cpu, op, wide ? 5 : 3);
    bool pops_stack = wide, outer;
    const struct return_entry *c;
    u64 rip, image, sp = 0;
    u16 selector;

    if (unlikely(!stack) || op->osize != width || !context_is_flat(cpu))
        return false;
    rip = host_load(stack, width);
    selector = (u16)host_load(stack + width, 2);
    image = host_load(stack + 2 * width, width);
    c = &cpu->returns[selector / 8 % RETURN_ENTRIES];
    outer = (selector & 3) > cpu->cpl;
    if (c->key != return_key(cpu) || c->cs_selector != selector || (!wide && image & FLAG_VM) ||
        !same_descriptor(cpu, selector, c->cs_bytes) || (wide && !is_canonical(&cpu->paging, rip)))
        return false;
    if (!wide && outer) {
        pops_stack = true;
        stack = peek_stack(cpu, op, 5);
        if (unlikely(!stack))
            return false;
    }
    if (pops_stack) {
        sp = host_load(stack + 3 * width, width);
        selector = (u16)host_load(stack + 4 * width, 2);
        if (selector != c->ss_selector || (!selector_is_null(selector) && !same_descriptor(cpu, selector, c->ss_bytes)))
            return false;
    }
    flags_set(cpu, returned_flags(cpu, op, image));
    cpu->RSP = pops_stack ? sp : (u32)(cpu->RSP + 12);
    cpu->seg[SEG_CS] = c->cs;
    if (pops_stack)
        cpu->seg[SEG_SS] = c->ss;
    cpu->cpl = c->cs_selector & 3;
    cpu->next_rip = rip;
    if (outer && validate_changes(cpu) && !wide)
        cpu_refresh(cpu);
    else
        cpu_refresh_privilege(cpu);
    return true;
}

static bool iret_short(struct cpu *cpu, const struct op *op)
{
    return cpu->mode & MODE_CODE64 ? iret_flat(cpu, op, true) : iret_flat(cpu, op, false);
}

static void iret_protected(struct cpu *cpu, const struct op *op)
{
    bool pops_stack = in_code64(cpu); /* in 64-bit mode always */
    const u8 *stack = peek_stack(cpu, op, pops_stack ? 5 : 3);
    u64 rip = slot_at(cpu, op, stack, 0), sp = 0, flags, image;
    u16 selector = (u16)slot_at(cpu, op, stack, 1);
    struct descriptor d, ss_descriptor;
    struct segment cs, ss;

    image = slot_at(cpu, op, stack, 2);
    if (image & FLAG_VM && op->osize == 4 && cpu->cpl == 0 && !in_long(cpu)) {
        iret_to_v86(cpu, op, rip, selector, image);
        return;
    }
    cs = return_code_segment(cpu, selector, &d);
    flags = returned_flags(cpu, op, image);
    if (!pops_stack && (selector & 3) > cpu->cpl) {
        pops_stack = true;
        stack = peek_stack(cpu, op, 5);
    }
    if (pops_stack) {
        sp = slot_at(cpu, op, stack, 3);
        ss = return_stack_segment(cpu, (u16)slot_at(cpu, op, stack, 4), &cs, &ss_descriptor);
    }
    rip = far_rip(cpu, &cs, rip);
    if (pops_stack && unlikely(descriptor_unaccessed(&ss_descriptor))) {
        sys_probe_write(cpu, ss_descriptor.at + 5, 1, IMPLICIT_DESCRIPTOR);
        descriptor_access(cpu, &d);
        descriptor_access(cpu, &ss_descriptor);
    } else {
        descriptor_access(cpu, &d);
    }
    if ((cpu->mode & MODE_CODE64 && op->osize == 8) || (context_is_flat(cpu) && op->osize == 4 && !in_long(cpu)))
        remember_return(cpu, &cs, &d, pops_stack ? &ss : NULL, &ss_descriptor);
    flags_set(cpu, flags);
    if (pops_stack) {
        return_commit(cpu, &cs, &ss, rip, sp, 0);
        return;
    }
    stack_set(cpu, op, stack_next(cpu, op, 3 * (int)op->osize));
    cpu->seg[SEG_CS] = cs;
    cpu->next_rip = rip;
    cpu_refresh(cpu);
}

/* NMIs are unblocked even if the instruction faults (SDM "Handling Multiple NMIs"). */
void exec_IRET(struct cpu *cpu, const struct op *op)
{
    cpu->nmi_blocked = false;
    if (!in_protected(cpu)) {
        iret_real(cpu, op);
    } else if (in_v86(cpu)) {
        iret_real(cpu, op);
    } else if (cpu->rflags & FLAG_NT) {
        iret_task(cpu);
    } else if (!iret_short(cpu, op)) {
        iret_protected(cpu, op);
    }
    note_resumed(cpu);
}

TRANSFER(INT);
IRREGULAR(INT3);
IRREGULAR(INTO);
IRREGULAR(INT1);
TRANSFER_RESUME(IRET);
