/* SPDX-License-Identifier: MIT */
/*
 * Delivery of exceptions and interrupts: SDM Vol. 2A, INT n, "Operation"; Vol. 3A, "Interrupt and Exception
 * Handling".
 */
#include "cpu/interrupt.h"

#include <string.h>

#include "cpu/far.h"
#include "cpu/mode.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/system.h"

#define DR7_GD BIT(13)
#define DR6_BD BIT(13)

/* A gate of the IDT. */
struct gate {
    u64 offset;
    u64 bytes[2];
    u16 selector;
    u8 type, dpl, ist;
    bool present;
};

/* Where delivery leads. */
struct entry {
    struct segment cs;
    struct descriptor cs_descriptor, ss_descriptor;
    unsigned cpl;
    bool inner; /* to a more privileged level */
};

static bool is_software(const struct cpu_event *ev) { return ev->kind == EVENT_SOFTWARE; }

/* The RIP to be saved. */
static u64 saved_rip(const struct cpu *cpu, const struct cpu_event *ev)
{
    return is_software(ev) || ev->kind == EVENT_ICEBP ? ev->next_rip : cpu->rip;
}

/*
 * SDM "Saving and Restoring RF": faults save RF = 1, except instruction breakpoints; all else saves what it was.
 * Processors are seen to save RF = 1 with a double fault too.
 */
static u64 saved_flags(const struct cpu *cpu, const struct cpu_event *ev)
{
    u64 flags = flags_get(cpu);

    if (is_software(ev))
        return flags & ~FLAG_RF;
    if (ev->kind == EVENT_ABORT || (ev->kind == EVENT_FAULT && (ev->vector != VEC_DB || ev->error & DR6_BD)))
        flags |= FLAG_RF;
    return flags;
}

/* After everything that can fault, and before the refresh. */
ALWAYS_INLINE void enter_handler(struct cpu *cpu, const struct cpu_event *ev, u64 clear_flags, u64 rip)
{
    cpu->rip = rip;
    cpu->rflags &= ~clear_flags;
    if (ev->kind == EVENT_NMI)
        cpu->nmi_blocked = true;
    if (ev->vector == VEC_DB && !is_software(ev)) {
        cpu->dr[7] &= ~DR7_GD;
        cpu->debugctl &= ~DEBUGCTL_BTF; /* "BTF": cleared by the debug exception; LBR too on the first that had it */
    }
    cpu->shadow = SHADOW_NONE;
    cpu->halted = HALTED_NOT;
    cpu->single_step = false;
    cpu->delivering = -1;
}

static void deliver_commit(struct cpu *cpu, const struct cpu_event *ev, u64 clear_flags, u64 rip)
{
    enter_handler(cpu, ev, clear_flags, rip);
    cpu_refresh(cpu);
}

/* SDM INT n, "REAL-ADDRESS-MODE". No error codes; IDTR may have been moved or cut short by LIDT. */
static void deliver_real(struct cpu *cpu, const struct cpu_event *ev)
{
    u32 entry = ev->vector * 4u;
    struct frame f;
    u32 target;

    cpu->delivery_step = "IDT entry";
    if (entry + 3 > cpu->idt.limit)
        raise_gp(cpu, ev->vector * 8u + 2);
    target = (u32)sys_read(cpu, cpu->idt.base + entry, 4, IMPLICIT_IDT);

    cpu->delivery_step = "push";
    frame_begin(&f, &cpu->seg[SEG_SS], false, cpu->RSP, 2, access_frame(cpu, 0, IMPLICIT_EXCEPTION_STACK));
    frame_push(cpu, &f, flags_get(cpu));
    frame_push(cpu, &f, cpu->seg[SEG_CS].selector);
    frame_push(cpu, &f, saved_rip(cpu, ev));
    frame_write(cpu, &f);

    cpu->RSP = frame_rsp(cpu, &f);
    segment_load_real(cpu, SEG_CS, (u16)(target >> 16));
    deliver_commit(cpu, ev, FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF, target & 0xffff);
}

/* The IDT entry, with the checks on the gate itself: type, DPL (INT n, INT3, INTO only), presence. */
static struct gate read_gate(struct cpu *cpu, const struct cpu_event *ev)
{
    u32 error = ev->vector * 8u + 2; /* the IDT bit */
    unsigned size = in_long(cpu) ? 16 : 8;
    u32 at = ev->vector * size;
    struct gate g;
    u64 low;
    bool valid;

    cpu->delivery_step = "IDT entry";
    if (at + size - 1 > cpu->idt.limit)
        raise_gp(cpu, error);
    if (size == 16) {
        low = system_read(cpu, cpu->idt.base + at, 8, IMPLICIT_IDT);
        g.offset = system_read(cpu, cpu->idt.base + at + 8, 4, IMPLICIT_IDT) << 32;
    } else {
        low = system_read(cpu, (u32)(cpu->idt.base + at), 8, IMPLICIT_IDT);
        g.offset = 0;
    }
    g.offset |= (low & 0xffff) | (low >> 32 & 0xffff0000);
    g.bytes[0] = low;
    g.bytes[1] = g.offset >> 32;
    g.selector = (u16)(low >> 16);
    g.ist = low >> 32 & 7;
    g.type = low >> 40 & 0x1f;
    g.dpl = low >> 45 & 3;
    g.present = low >> 47 & 1;

    cpu->delivery_step = "gate";
    valid = g.type == SYS_INT || g.type == SYS_TRAP;
    if (size == 8)
        valid = valid || g.type == SYS_TASK || g.type == SYS_INT16 || g.type == SYS_TRAP16;
    if (!valid || (is_software(ev) && g.dpl < cpu->cpl))
        raise_gp(cpu, error);
    if (!g.present)
        raise_np(cpu, error);
    return g;
}

/* The code segment a gate leads to, and the privilege level it will run at. */
static void check_target(struct cpu *cpu, u16 selector, struct entry *e)
{
    u32 error = selector_error(selector);
    u16 a;

    cpu->delivery_step = "target CS";
    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    if (!descriptor_read(cpu, selector, &e->cs_descriptor))
        raise_gp(cpu, error);
    a = descriptor_attributes(&e->cs_descriptor);
    if ((a & (ATTR_S | ATTR_CODE)) != (ATTR_S | ATTR_CODE) || ATTR_DPL_OF(a) > cpu->cpl)
        raise_gp(cpu, error);
    if (in_long(cpu) && (a & (ATTR_L | ATTR_DB)) != ATTR_L)
        raise_gp(cpu, error);
    if (!(a & ATTR_P))
        raise_np(cpu, error);
    e->cpl = a & ATTR_EXPAND_DOWN ? cpu->cpl : ATTR_DPL_OF(a);
    e->inner = e->cpl < cpu->cpl;
    /* "VM is 1": only a nonconforming segment of DPL 0 will do */
    if (in_v86(cpu) && (!e->inner || e->cpl != 0))
        raise_gp(cpu, error);
    e->cs = descriptor_segment(&e->cs_descriptor, selector);
    e->cs.selector = (u16)((selector & ~3u) | e->cpl);
}

/* Probes, sets the A bits still clear, writes: nothing after the first two can fault. */
static void push_frame(struct cpu *cpu, const struct entry *e, const struct frame *f)
{
    cpu->delivery_step = "push";
    if (unlikely(descriptor_unaccessed(&e->cs_descriptor) || (e->inner && descriptor_unaccessed(&e->ss_descriptor)))) {
        frame_probe(cpu, f);
        if (e->inner && descriptor_unaccessed(&e->ss_descriptor))
            sys_probe_write(cpu, e->ss_descriptor.at + 5, 1, IMPLICIT_DESCRIPTOR);
        descriptor_access(cpu, &e->cs_descriptor);
        if (e->inner)
            descriptor_access(cpu, &e->ss_descriptor);
    }
    frame_write(cpu, f);
}

/* The long way to push a 64-bit frame: every check, in order. Returns RSP. */
static NOINLINE u64 push_long_slow(struct cpu *cpu, struct entry *e, const struct segment *ss, u64 rsp,
                                   const u64 *value, unsigned count, u64 rip)
{
    struct frame f;

    frame_begin(&f, ss, true, rsp, 8, access_frame(cpu, e->cpl, IMPLICIT_EXCEPTION_STACK));
    for (unsigned i = 0; i < count; i++)
        frame_push(cpu, &f, value[i]);
    cpu->delivery_step = "target RIP";
    far_rip(cpu, &e->cs, rip);
    push_frame(cpu, e, &f);
    return f.sp;
}

/*
 * One page of supervisor stack, known to the TLB, and nothing else to write: nothing can fault, so the frame is
 * stored at once.
 */
static u64 push_long(struct cpu *cpu, struct entry *e, const struct segment *ss, u64 rsp, const u64 *value,
                     unsigned count, u64 rip)
{
    bool accessed = !descriptor_unaccessed(&e->cs_descriptor);
    bool plain = accessed && !cpu->data_breakpoints && e->cpl != 3 && is_canonical(&cpu->paging, rip);
    u8 *p = plain ? system_peek(cpu, rsp - 8 * count, 8 * count, true) : NULL;

    cpu->delivery_step = "push";
    if (unlikely(!p))
        return push_long_slow(cpu, e, ss, rsp, value, count, rip);
    for (unsigned i = 0; i < count; i++)
        host_store(p + 8 * (count - 1 - i), value[i], 8);
    return rsp - 8 * count;
}

/*
 * The short way, between flat code segments of one size. A context's key: vector, paging mode (which says what is
 * canonical) and CPL.
 */
static u32 gate_key(const struct cpu *cpu, unsigned vector)
{
    return 1u << 31 | vector << 16 | (u32)cpu->paging.mode << 8 | (cpu->mode & MODE_CODE64 ? 1u : 0) << 4 | cpu->cpl;
}

/* A delivery has passed all checks without writing to a descriptor: remember what it found. */
static void remember_gate(struct cpu *cpu, const struct cpu_event *ev, const struct gate *g, const struct entry *e,
                          unsigned old_cpl, u16 ss_selector, u16 tss_at)
{
    struct gate_entry *c = &cpu->gates[ev->vector % GATE_ENTRIES];
    bool wide = in_long(cpu);

    if (descriptor_unaccessed(&e->cs_descriptor) || g->selector & 4 || cpu->delivery_watched)
        return;
    if (!wide && (!is_flat32(&e->cs) ||
                  (e->inner && (ss_selector & 4 || descriptor_unaccessed(&e->ss_descriptor) ||
                                !is_flat32(&cpu->seg[SEG_SS]) || cpu->seg[SEG_SS].attributes & ATTR_EXPAND_DOWN))))
        return;
    *c = (struct gate_entry){
        .key = 1u << 31 | (u32)ev->vector << 16 | (u32)cpu->paging.mode << 8 | (wide ? 1u : 0) << 4 | old_cpl,
        .selector = g->selector,
        .ss_selector = ss_selector,
        .tss_at = tss_at,
        .dpl = g->dpl,
        .cpl = (u8)e->cpl,
        .inner = e->inner,
        .interrupt = g->type == SYS_INT,
        .gate = {g->bytes[0], g->bytes[1]},
        .cs_bytes = e->cs_descriptor.low,
        .ss_bytes = e->inner && !wide ? e->ss_descriptor.low : 0,
        .rip = g->offset,
        .cs = cpu->seg[SEG_CS],
        .ss = cpu->seg[SEG_SS],
    };
}

/* False if anything is new, or not in the TLB: nothing has been done then. */
ALWAYS_INLINE bool deliver_flat(struct cpu *cpu, const struct cpu_event *ev, const bool wide)
{
    const struct gate_entry *c = &cpu->gates[ev->vector % GATE_ENTRIES];
    const unsigned size = wide ? 16 : 8, width = wide ? 8 : 4;
    unsigned count = 0;
    u64 at = cpu->idt.base + ev->vector * size, sp = cpu->RSP, value[6];
    const u8 *gate, *tss;
    u8 *frame;

    if (c->key != gate_key(cpu, ev->vector) || !context_is_flat(cpu) || cpu->data_breakpoints)
        return false;
    gate = system_peek(cpu, wide ? at : (u32)at, size, false);
    if (unlikely(!gate || ev->vector * size + size - 1 > cpu->idt.limit || host_load(gate, 8) != c->gate[0] ||
                 (wide && host_load(gate + 8, 4) != c->gate[1]) || (is_software(ev) && c->dpl < cpu->cpl) ||
                 !same_descriptor(cpu, c->selector, c->cs_bytes)))
        return false;
    if (c->tss_at) {
        const struct segment *tr = &cpu->seg[SEG_TR];
        tss = system_peek(cpu, wide ? tr->base + c->tss_at : (u32)(tr->base + c->tss_at), 8, false);
        if (unlikely(!tss || c->tss_at + 7u > tr->limit))
            return false;
        sp = host_load(tss, width);
        if (!wide && (!(tr->attributes & 8) || host_load(tss + 4, 2) != c->ss_selector ||
                      !same_descriptor(cpu, c->ss_selector, c->ss_bytes)))
            return false;
    }
    if (ev->has_error)
        value[count++] = ev->error;
    value[count++] = saved_rip(cpu, ev);
    value[count++] = cpu->seg[SEG_CS].selector;
    value[count++] = saved_flags(cpu, ev);
    if (wide || c->inner) {
        value[count++] = cpu->RSP;
        value[count++] = cpu->seg[SEG_SS].selector;
    }
    sp = (wide ? sp & ~15ull : sp) - count * width;
    if (!wide)
        sp = (u32)sp;
    frame = system_peek(cpu, sp, count * width, true);
    if (unlikely(!frame))
        return false;
    for (unsigned i = 0; i < count; i++)
        host_store(frame + i * width, value[i], width);

    cpu->RSP = sp;
    cpu->seg[SEG_CS] = c->cs;
    if (c->inner)
        cpu->seg[SEG_SS] = c->ss;
    cpu->cpl = c->cpl;
    enter_handler(cpu, ev, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (c->interrupt ? FLAG_IF : 0), c->rip);
    cpu_refresh_privilege(cpu);
    return true;
}

static bool deliver_short(struct cpu *cpu, const struct cpu_event *ev)
{
    return cpu->mode & MODE_CODE64 ? deliver_flat(cpu, ev, true) : deliver_flat(cpu, ev, false);
}

/* SDM INT n, "PROTECTED-MODE" with a 64-bit gate: one frame layout for every case. */
static void deliver_long(struct cpu *cpu, const struct cpu_event *ev)
{
    struct gate g = read_gate(cpu, ev);
    struct segment ss = cpu->seg[SEG_SS];
    u64 rsp = cpu->RSP, value[6];
    unsigned old_cpl = cpu->cpl;
    struct entry e;
    u16 null_ss = 0;

    check_target(cpu, g.selector, &e);
    if (e.inner || g.ist)
        rsp = tss_stack(cpu, e.cpl, g.ist, &null_ss);
    if (e.inner)
        ss = tss_stack_segment(cpu, e.cpl, 0, &e.ss_descriptor);

    value[0] = cpu->seg[SEG_SS].selector;
    value[1] = cpu->RSP;
    value[2] = saved_flags(cpu, ev);
    value[3] = cpu->seg[SEG_CS].selector;
    value[4] = saved_rip(cpu, ev);
    value[5] = ev->error;
    rsp = push_long(cpu, &e, &ss, rsp & ~15ull, value, ev->has_error ? 6 : 5, g.offset);

    cpu->RSP = rsp;
    cpu->seg[SEG_CS] = e.cs;
    cpu->seg[SEG_SS] = ss;
    cpu->cpl = (u8)e.cpl;
    if (e.cpl != 3)
        remember_gate(cpu, ev, &g, &e, old_cpl, null_ss, (u16)(g.ist ? 28u + g.ist * 8u : e.inner ? 4 + e.cpl * 8 : 0));
    deliver_commit(cpu, ev, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (g.type == SYS_INT ? FLAG_IF : 0), g.offset);
}

/* "INTERRUPT-FROM-VIRTUAL-8086-MODE": the data segments are saved and nulled. */
static void push_v86_segments(struct cpu *cpu, struct frame *f)
{
    frame_push(cpu, f, cpu->seg[SEG_GS].selector);
    frame_push(cpu, f, cpu->seg[SEG_FS].selector);
    frame_push(cpu, f, cpu->seg[SEG_DS].selector);
    frame_push(cpu, f, cpu->seg[SEG_ES].selector);
}

static void null_data_segments(struct cpu *cpu)
{
    cpu->seg[SEG_ES] = cpu->seg[SEG_DS] = cpu->seg[SEG_FS] = cpu->seg[SEG_GS] = (struct segment){.selector = 0};
}

/* SDM INT n, "TRAP-OR-INTERRUPT-GATE" outside long mode. */
static void deliver_gate(struct cpu *cpu, const struct cpu_event *ev, const struct gate *g)
{
    bool gate32 = g->type & 8, v86 = in_v86(cpu);
    struct segment ss = cpu->seg[SEG_SS];
    u64 esp = cpu->RSP;
    unsigned old_cpl = cpu->cpl;
    struct entry e;
    struct frame f;
    u16 selector = 0;
    u64 rip = gate32 ? g->offset : g->offset & 0xffff;

    check_target(cpu, g->selector, &e);
    if (e.inner) {
        esp = tss_stack(cpu, e.cpl, 0, &selector);
        ss = tss_stack_segment(cpu, e.cpl, selector, &e.ss_descriptor);
    }
    cpu->delivery_step = "push";
    frame_begin(&f, &ss, false, esp, gate32 ? 4 : 2, access_frame(cpu, e.cpl, IMPLICIT_EXCEPTION_STACK));
    if (e.inner) {
        f.error = selector_error(selector);
        if (v86)
            push_v86_segments(cpu, &f);
        frame_push(cpu, &f, cpu->seg[SEG_SS].selector);
        frame_push(cpu, &f, cpu->RSP);
    }
    frame_push(cpu, &f, saved_flags(cpu, ev));
    frame_push(cpu, &f, cpu->seg[SEG_CS].selector);
    frame_push(cpu, &f, saved_rip(cpu, ev));
    if (ev->has_error)
        frame_push(cpu, &f, ev->error);
    cpu->delivery_step = "target EIP";
    rip = far_rip(cpu, &e.cs, rip);
    push_frame(cpu, &e, &f);

    cpu->RSP = frame_rsp(cpu, &f);
    cpu->seg[SEG_CS] = e.cs;
    cpu->seg[SEG_SS] = ss;
    cpu->cpl = (u8)e.cpl;
    if (v86)
        null_data_segments(cpu);
    else if (gate32 && e.cpl != 3 && (!e.inner || cpu->seg[SEG_TR].attributes & 8))
        remember_gate(cpu, ev, g, &e, old_cpl, selector, (u16)(e.inner ? 4 + e.cpl * 8 : 0));
    deliver_commit(cpu, ev, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (g->type & 1 ? 0 : FLAG_IF), rip);
}

/* SDM INT n, "TASK-GATE": a new task; it may fault after the switch, then in the new task's context. */
static void deliver_task(struct cpu *cpu, const struct cpu_event *ev, const struct gate *g)
{
    cpu->delivery_step = "task switch";
    task_switch(cpu, g->selector, TASK_INT, saved_rip(cpu, ev), saved_flags(cpu, ev), ev);
    deliver_commit(cpu, ev, 0, cpu->rip);
    if (cpu->observer.resume)
        cpu->observer.resume(cpu->observer.ctx, cpu);
}

void interrupt_watch(struct cpu *cpu)
{
    cpu->delivery_watched = cpu->observer.event || cpu->debug;
    if (cpu->delivery_watched)
        memset(cpu->gates, 0, sizeof(cpu->gates));
}

static NOINLINE void tell_delivery(struct cpu *cpu)
{
    const struct cpu_event *ev = event_first(cpu);
    int during = cpu->delivering;

    cpu->delivering = ev->vector;
    if (cpu->observer.event)
        cpu->observer.event(cpu->observer.ctx, cpu, ev, during);
    if (cpu->debug)
        points_delivering(cpu, ev, during);
}

void interrupt_deliver(struct cpu *cpu, const struct cpu_event *given)
{
    struct cpu_delivery *d = &cpu->recent[cpu->deliveries++ % CPU_RECENT];
    const struct cpu_event *ev = &d->event;

    d->event = *given;
    d->icount = cpu_icount(cpu);
    if (likely(deliver_short(cpu, ev)))
        return;
    if (unlikely(cpu->delivery_watched))
        tell_delivery(cpu);
    cpu->delivering = ev->vector;
    if (in_long(cpu)) {
        deliver_long(cpu, ev);
    } else if (in_protected(cpu)) {
        struct gate g = read_gate(cpu, ev);
        if (g.type == SYS_TASK)
            deliver_task(cpu, ev, &g);
        else
            deliver_gate(cpu, ev, &g);
    } else {
        deliver_real(cpu, ev);
    }
}

/* SDM "Interrupt and Exception Classes". */
enum event_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT, CLASS_DOUBLE_FAULT };

static enum event_class classify(const struct cpu_event *ev)
{
    if (ev->kind == EVENT_SOFTWARE || ev->kind == EVENT_EXTERNAL || ev->kind == EVENT_NMI || ev->kind == EVENT_ICEBP)
        return CLASS_BENIGN;
    switch (ev->vector) {
    case VEC_DE:
    case VEC_TS:
    case VEC_NP:
    case VEC_SS:
    case VEC_GP: return CLASS_CONTRIBUTORY;
    case VEC_PF: return CLASS_PAGE_FAULT;
    case VEC_DF: return CLASS_DOUBLE_FAULT;
    default: return CLASS_BENIGN;
    }
}

bool interrupt_combine(struct cpu *cpu, struct cpu_event *next)
{
    enum event_class first = classify(event_first(cpu)), second = classify(&cpu->event);

    if (cpu->observer.delivery_failed)
        cpu->observer.delivery_failed(cpu->observer.ctx, cpu, event_first(cpu), &cpu->event, cpu->delivery_step);
    if (first == CLASS_DOUBLE_FAULT && second != CLASS_BENIGN) {
        cpu->delivering = -1;
        return false;
    }
    if ((first == CLASS_CONTRIBUTORY && second == CLASS_CONTRIBUTORY) ||
        (first == CLASS_PAGE_FAULT && second != CLASS_BENIGN))
        *next = (struct cpu_event){.vector = VEC_DF, .has_error = true, .error = 0, .kind = EVENT_ABORT};
    else
        *next = cpu->event; /* one after the other */
    return true;
}
