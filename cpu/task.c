/* SPDX-License-Identifier: MIT */
/* Hardware task switching: SDM Vol. 3A, "Task Management". Legacy modes only; long mode has no task switches. */
#include "cpu/control.h"
#include "cpu/far.h"
#include "cpu/system.h"

#define DR6_BT BIT(15)
#define DR7_LOCAL 0x155ull /* L0..L3, LE */

/* Segment registers in the order of the TSS. */
static const u8 tss_segments[] = {SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS};

/* Where a TSS keeps things. */
struct tss_layout {
    u8 width; /* of the register fields */
    u8 eip, eflags, gpr, segments, ldt;
    u8 segment_count; /* a 16-bit TSS has no FS and GS */
    u8 saved_end;     /* past the last field a switch saves */
    u8 min_limit;
};
static const struct tss_layout layout32 = {4, 0x20, 0x24, 0x28, 0x48, 0x60, 6, 0x60, 0x67};
static const struct tss_layout layout16 = {2, 0x0e, 0x10, 0x12, 0x22, 0x2a, 4, 0x2a, 0x2b};

/* A task's state as its TSS holds it. */
struct task {
    u32 gpr[8], eip, eflags, cr3;
    u16 segment[6], ldt;
    bool trap;
};

static const struct tss_layout *layout_of(const struct segment *tss)
{
    return tss->attributes & 8 ? &layout32 : &layout16;
}

/* The new TSS: "Task Switching", steps 1 to 4. IRET wants a busy one and reports #TS. */
static struct segment check_tss(struct cpu *cpu, u16 selector, enum task_source source, struct descriptor *d)
{
    u32 error = selector_error(selector);
    unsigned busy = source == TASK_IRET ? SYS_BUSY : 0;
    struct segment tss;

    cpu->delivery_step = "TSS descriptor";
    if (selector & 4 || !descriptor_read(cpu, selector, d) || !descriptor_is_system(d) ||
        (descriptor_type(d) != (SYS_TSS | busy) && descriptor_type(d) != (SYS_TSS16 | busy))) {
        if (source == TASK_IRET)
            raise_ts(cpu, error);
        raise_gp(cpu, error);
    }
    if (!descriptor_present(d))
        raise_np(cpu, error);
    tss = descriptor_segment(d, selector);
    if (tss.limit < layout_of(&tss)->min_limit)
        raise_ts(cpu, error);
    tss.attributes |= SYS_BUSY;
    return tss;
}

/*
 * A 16-bit TSS leaves the upper halves of the registers undefined; processors fill them with ones. FS and GS become
 * null.
 */
static void read_task(struct cpu *cpu, const struct segment *tss, struct task *t)
{
    const struct tss_layout *l = layout_of(tss);
    bool wide = l->width == 4;

    *t = (struct task){.trap = false};
    t->eip = (u32)sys_read(cpu, tss->base + l->eip, l->width, IMPLICIT_TSS);
    t->eflags = (u32)sys_read(cpu, tss->base + l->eflags, l->width, IMPLICIT_TSS);
    for (unsigned i = 0; i < 8; i++)
        t->gpr[i] =
            (u32)sys_read(cpu, tss->base + l->gpr + i * l->width, l->width, IMPLICIT_TSS) | (wide ? 0 : 0xffff0000u);
    for (unsigned i = 0; i < l->segment_count; i++)
        t->segment[i] = (u16)sys_read(cpu, tss->base + l->segments + i * l->width, 2, IMPLICIT_TSS);
    t->ldt = (u16)sys_read(cpu, tss->base + l->ldt, 2, IMPLICIT_TSS);
    if (wide) {
        t->cr3 = (u32)sys_read(cpu, tss->base + 0x1c, 4, IMPLICIT_TSS);
        t->trap = sys_read(cpu, tss->base + 0x64, 2, IMPLICIT_TSS) & 1;
    }
}

/* The byte of a descriptor that holds its type, in the GDT. */
static u64 type_byte(const struct cpu *cpu, u16 selector) { return cpu->gdt.base + (selector & 0xfff8u) + 5; }

/*
 * All that will be written must be writable: "the current TSS, new TSS, and all segment descriptors used are paged
 * into memory".
 */
static void probe_switch(struct cpu *cpu, const struct segment *tss, enum task_source source)
{
    const struct segment *tr = &cpu->seg[SEG_TR];
    const struct tss_layout *l = layout_of(tr);

    cpu->delivery_step = "old TSS";
    if (tr->limit < l->saved_end - 1u)
        raise_ts(cpu, selector_error(tss->selector));
    sys_probe_write(cpu, tr->base + l->eip, l->saved_end - l->eip, IMPLICIT_TSS);
    if ((source == TASK_JMP || source == TASK_IRET) && !selector_is_null(tr->selector))
        sys_probe_write(cpu, type_byte(cpu, tr->selector), 1, IMPLICIT_DESCRIPTOR);
    if (source != TASK_IRET)
        sys_probe_write(cpu, type_byte(cpu, tss->selector), 1, IMPLICIT_DESCRIPTOR);
    if (source == TASK_CALL || source == TASK_INT)
        sys_probe_write(cpu, tss->base, 2, IMPLICIT_TSS);
}

static void save_task(struct cpu *cpu, u64 rip, u64 flags)
{
    const struct segment *tr = &cpu->seg[SEG_TR];
    const struct tss_layout *l = layout_of(tr);

    sys_write(cpu, tr->base + l->eip, rip, l->width, IMPLICIT_TSS);
    sys_write(cpu, tr->base + l->eflags, flags, l->width, IMPLICIT_TSS);
    for (unsigned i = 0; i < 8; i++)
        sys_write(cpu, tr->base + l->gpr + i * l->width, cpu->gpr[i], l->width, IMPLICIT_TSS);
    for (unsigned i = 0; i < l->segment_count; i++)
        sys_write(cpu, tr->base + l->segments + i * l->width, cpu->seg[tss_segments[i]].selector, 2, IMPLICIT_TSS);
}

static void set_busy(struct cpu *cpu, u16 selector, bool busy)
{
    u64 at = type_byte(cpu, selector), type = sys_read(cpu, at, 1, IMPLICIT_DESCRIPTOR);

    sys_write(cpu, at, busy ? type | SYS_BUSY : type & ~(u64)SYS_BUSY, 1, IMPLICIT_DESCRIPTOR);
}

/* Steps 6 to 12: the point of no return. Segment registers get their selectors, not yet usable. */
static void commit_switch(struct cpu *cpu, const struct segment *tss, const struct task *t, enum task_source source,
                          u64 rip, u64 flags)
{
    const u64 known = FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC |
                      FLAG_ID | (has_feature(&cpu->features, FEAT_VME) ? FLAG_VIF | FLAG_VIP : 0);
    u16 old = cpu->seg[SEG_TR].selector;
    bool nested = source == TASK_CALL || source == TASK_INT;

    save_task(cpu, rip, source == TASK_IRET ? flags & ~FLAG_NT : flags);
    if (!nested && !selector_is_null(old))
        set_busy(cpu, old, false);
    if (nested)
        sys_write(cpu, tss->base, old, 2, IMPLICIT_TSS);
    if (source != TASK_IRET)
        set_busy(cpu, tss->selector, true);

    cpu->seg[SEG_TR] = *tss;
    cpu->cr0 |= CR0_TS;
    cpu->dr[7] &= ~DR7_LOCAL;
    flags_set(cpu, (t->eflags & known) | (nested ? FLAG_NT : 0));
    for (unsigned i = 0; i < 8; i++)
        cpu->gpr[i] = t->gpr[i];
    for (unsigned i = 0; i < 6; i++)
        cpu->seg[tss_segments[i]] = (struct segment){.selector = t->segment[i]};
    cpu->seg[SEG_LDTR] = (struct segment){.selector = t->ldt};
    cpu->cpl = in_v86(cpu) ? 3 : t->segment[1] & 3;
    cpu->rip = cpu->next_rip = t->eip;
    cpu->switched = true;
    if (cpu->cr0 & CR0_PG && tss->attributes & 8)
        control_load_cr3(cpu, t->cr3);
    else
        cpu_refresh(cpu);
}

static void load_ldt(struct cpu *cpu, u16 selector)
{
    struct descriptor d;

    if (selector_is_null(selector))
        return;
    if (selector & 4 || !descriptor_read(cpu, selector, &d) || !descriptor_is_system(&d) ||
        descriptor_type(&d) != SYS_LDT || !descriptor_present(&d))
        raise_ts(cpu, selector_error(selector));
    cpu->seg[SEG_LDTR] = descriptor_segment(&d, selector);
}

static void load_code(struct cpu *cpu, u16 selector)
{
    u32 error = selector_error(selector);
    struct descriptor d;
    u16 a;

    if (selector_is_null(selector) || !descriptor_read(cpu, selector, &d))
        raise_ts(cpu, error);
    a = descriptor_attributes(&d);
    if ((a & (ATTR_S | ATTR_CODE)) != (ATTR_S | ATTR_CODE) ||
        /* conforming : nonconforming */
        (a & ATTR_EXPAND_DOWN ? ATTR_DPL_OF(a) > cpu->cpl : ATTR_DPL_OF(a) != cpu->cpl))
        raise_ts(cpu, error);
    if (!(a & ATTR_P))
        raise_np(cpu, error);
    descriptor_access(cpu, &d);
    cpu->seg[SEG_CS] = descriptor_segment(&d, selector);
}

static void load_stack(struct cpu *cpu, u16 selector)
{
    struct descriptor d;
    /* the same checks and exceptions as an inner stack's */
    struct segment ss = tss_stack_segment(cpu, cpu->cpl, selector, &d);

    descriptor_access(cpu, &d);
    cpu->seg[SEG_SS] = ss;
}

static void load_data(struct cpu *cpu, unsigned seg, u16 selector)
{
    u32 error = selector_error(selector);
    struct descriptor d;
    u16 a;

    if (selector_is_null(selector))
        return;
    if (!descriptor_read(cpu, selector, &d))
        raise_ts(cpu, error);
    a = descriptor_attributes(&d);
    if (!(a & ATTR_S) || (a & (ATTR_CODE | ATTR_WRITABLE)) == ATTR_CODE)
        raise_ts(cpu, error);
    if ((a & (ATTR_CODE | ATTR_EXPAND_DOWN)) != (ATTR_CODE | ATTR_EXPAND_DOWN) &&
        (ATTR_DPL_OF(a) < cpu->cpl || ATTR_DPL_OF(a) < (selector & 3)))
        raise_ts(cpu, error);
    if (!(a & ATTR_P))
        raise_np(cpu, error);
    descriptor_access(cpu, &d);
    cpu->seg[seg] = descriptor_segment(&d, selector);
}

/* Step 13: "the descriptors are loaded and qualified". Faults from here on are the new task's. */
static void load_segments(struct cpu *cpu, const struct task *t)
{
    cpu->delivery_step = "new task's segments";
    load_ldt(cpu, t->ldt);
    if (in_v86(cpu)) {
        for (unsigned i = 0; i < 6; i++)
            cpu->seg[tss_segments[i]] = segment_v86(t->segment[i]);
    } else {
        /* SS before CS, as "Exception Conditions Checked During a Task Switch" lists them */
        load_stack(cpu, t->segment[2]);
        load_code(cpu, t->segment[1]);
        load_data(cpu, SEG_DS, t->segment[3]);
        load_data(cpu, SEG_ES, t->segment[0]);
        load_data(cpu, SEG_FS, t->segment[4]);
        load_data(cpu, SEG_GS, t->segment[5]);
    }
    cpu_refresh(cpu);
}

/* An exception's error code goes on the new task's stack, in the size of its TSS. */
static void push_error(struct cpu *cpu, const struct cpu_event *event, unsigned width)
{
    struct frame f;

    cpu->delivery_step = "push";
    frame_begin(&f, &cpu->seg[SEG_SS], false, cpu->RSP, width, access_frame(cpu, cpu->cpl, IMPLICIT_EXCEPTION_STACK));
    frame_push(cpu, &f, event->error);
    frame_write(cpu, &f);
    cpu->RSP = frame_rsp(cpu, &f);
}

void task_switch(struct cpu *cpu, u16 selector, enum task_source source, u64 return_rip, u64 old_flags,
                 const struct cpu_event *event)
{
    struct descriptor d;
    struct segment tss = check_tss(cpu, selector, source, &d);
    struct task t;

    cpu->delivery_step = "new TSS";
    read_task(cpu, &tss, &t);
    probe_switch(cpu, &tss, source);
    if (cpu->cr0 & CR0_PG && tss.attributes & 8)
        control_check_cr3(cpu, t.cr3);
    commit_switch(cpu, &tss, &t, source, return_rip, old_flags);
    load_segments(cpu, &t);
    if (t.trap)
        cpu->dr6_pending |= DR6_BT;
    if (event && event->has_error)
        push_error(cpu, event, layout_of(&tss)->width);
    if (t.eip > cpu->seg[SEG_CS].limit)
        raise_gp(cpu, 0);
    cpu->switched = false;
}
