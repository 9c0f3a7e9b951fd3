/* SPDX-License-Identifier: MIT */
/*
 * Break- and watchpoints of a debugger.
 *
 * A breakpoint is no byte in guest memory. While there are any, a trace ends before an instruction whose place in its
 * page is that of a breakpoint, and the trace that begins there begins with op_break, which compares exactly. So a
 * breakpoint may be at an address where nothing is mapped yet, and what runs elsewhere runs at full speed. A page with
 * a watchpoint has no entry in the TLB, so that each access to it takes the slow path, and is compared there.
 */
#include "cpu/interrupt.h"
#include "cpu/points.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/handlers.h"
#include "cpu/mode.h"
#include "cpu/tlb.h"
#include "cpu/trace.h"

static struct cpu_debug *attach(struct cpu *cpu)
{
    if (!cpu->debug && (cpu->debug = calloc(1, sizeof *cpu->debug)))
        cpu->debug->cpu = cpu;
    interrupt_watch(cpu);
    tlb_watch(cpu);
    return cpu->debug;
}

static bool same(const struct cpu_point *a, const struct cpu_point *b)
{
    return a->kind == b->kind && a->physical == b->physical && a->address == b->address && a->size == b->size;
}

static void stop(struct cpu *cpu, struct cpu_break why)
{
    struct cpu_debug *d = cpu->debug;
    if (d->stop)
        return; /* the first reason stands */
    d->stop = true;
    d->broke = why;
    cpu_request_stop(cpu);
}

/* ---- Execution ---- */

static u64 linear_rip(const struct cpu *cpu)
{
    return cpu->mode & MODE_CODE64 ? cpu->rip : (u32)(cpu->seg[SEG_CS].base + cpu->rip);
}

/* The physical address of the next instruction; false if fetching it would fault, and that comes first. */
static bool fetch_place(struct cpu *cpu, u64 la, u64 *pa)
{
    struct access a = {.kind = ACCESS_EXECUTE, .user = cpu->cpl == 3, .ac = cpu->rflags & FLAG_AC};
    if (!is_canonical(&cpu->paging, la))
        return false;
    struct walk w = cpu_walk(cpu, la, a);
    *pa = w.pa & cpu->a20_mask;
    return w.cause == CAUSE_NONE;
}

static bool limit_allows(const struct cpu *cpu)
{
    return cpu->mode & MODE_CODE64 || cpu->rip <= cpu->seg[SEG_CS].limit;
}

bool points_execute(struct cpu *cpu, u64 pa)
{
    struct cpu_debug *d = cpu->debug;
    u64 la = linear_rip(cpu);
    if (!points_offset(cpu, la & ~PAGE_MASK) || (d->pass && d->pass_la == la && d->pass_count == cpu_icount(cpu)))
        return false;
    if (pa == ~0ull && (!limit_allows(cpu) || !fetch_place(cpu, la, &pa)))
        return false;
    for (unsigned i = 0; i < d->points; i++) {
        const struct cpu_point *p = &d->point[i];
        if (p->kind != CPU_POINT_EXECUTE || p->address != (p->physical ? pa : la))
            continue;
        stop(cpu, (struct cpu_break){.kind = CPU_BREAK_POINT, .point = *p});
        return true;
    }
    return false;
}

/* It is the first of its trace: nothing of the trace has retired. */
const struct op *op_break(struct cpu *cpu, const struct op *op)
{
    cpu->rip = op_rip(cpu, op);
    cpu->op = NULL;
    if (unlikely(cpu->debug && points_execute(cpu, (u64)op->disp)))
        return NULL;
    return next(cpu, op);
}

static void pass_now(struct cpu *cpu)
{
    struct cpu_debug *d = cpu->debug;
    d->pass = true;
    d->pass_la = linear_rip(cpu);
    d->pass_count = cpu_icount(cpu);
}

void points_repeats(struct cpu *cpu) { pass_now(cpu); }

/* ---- Accesses ---- */

static bool overlap(const struct cpu_point *p, u64 at, u64 size)
{
    /* neither range passes the top of the address space in these differences */
    return at - p->address < p->size || p->address - at < size;
}

static void compare(struct cpu *cpu, u64 at, u64 size, bool physical, unsigned kinds, bool device)
{
    struct cpu_debug *d = cpu->debug;
    for (unsigned i = 0; i < d->points; i++) {
        const struct cpu_point *p = &d->point[i];
        if (p->physical != physical || !(p->kind & kinds) || p->kind == CPU_POINT_EXECUTE || !overlap(p, at, size))
            continue;
        u64 first = at - p->address < p->size ? at : p->address;
        stop(cpu, (struct cpu_break){.kind = CPU_BREAK_ACCESS,
                                     .point = *p,
                                     .address = first,
                                     .write = kinds & CPU_POINT_WRITE,
                                     .device = device});
        return;
    }
}

void points_access(struct cpu *cpu, u64 la, u64 pa, unsigned width, unsigned access)
{
    unsigned kinds = (access & ACC_r ? CPU_POINT_READ : 0) | (access & ACC_w ? CPU_POINT_WRITE : 0);
    if (!cpu->debug->watched)
        return;
    compare(cpu, la, width, false, kinds, false);
    compare(cpu, pa, width, true, kinds, false);
}

void points_walk(struct cpu *cpu, u64 pa, unsigned width)
{
    if (cpu->debug->watched)
        compare(cpu, pa, width, true, CPU_POINT_WRITE, false);
}

static void device_wrote(void *ctx, u64 pa, u64 size)
{
    struct cpu_debug *d = ctx;
    if (!d->own_write)
        compare(d->cpu, pa, size, true, CPU_POINT_WRITE, true);
}

bool points_cover(const struct cpu *cpu, u64 la, u64 pa)
{
    const struct cpu_debug *d = cpu->debug;
    if (!d->watched)
        return false;
    for (unsigned i = 0; i < d->points; i++) {
        const struct cpu_point *p = &d->point[i];
        if (p->kind != CPU_POINT_EXECUTE && overlap(p, (p->physical ? pa : la) & PAGE_MASK, PAGE_SIZE))
            return true;
    }
    return false;
}

/* ---- Events ---- */

static bool is_exception(const struct cpu_event *e)
{
    return e->kind == EVENT_FAULT || e->kind == EVENT_ABORT || e->kind == EVENT_ICEBP;
}

void points_raised(struct cpu *cpu)
{
    struct cpu_debug *d = cpu->debug;
    if (d->stop && d->broke.kind == CPU_BREAK_ACCESS &&
        !d->broke.device) { /* by an instruction that did not complete */
        d->stop = false;
        d->broke.kind = CPU_BREAK_NONE;
    }
    if (d->catch_event && d->catch_event(d->catch_ctx, cpu, &cpu->event, cpu->delivering))
        stop(cpu, (struct cpu_break){.kind = CPU_BREAK_EVENT, .event = cpu->event});
}

void points_delivering(struct cpu *cpu, const struct cpu_event *e, int during)
{
    struct cpu_debug *d = cpu->debug;
    if (d->catch_event && !is_exception(e) && d->catch_event(d->catch_ctx, cpu, e, during))
        stop(cpu, (struct cpu_break){.kind = CPU_BREAK_EVENT, .event = *e, .delivered = true});
    if (d->at_handlers)
        stop(cpu, (struct cpu_break){.kind = CPU_BREAK_HANDLER, .event = *e});
}

/* ---- The debugger's side ---- */

static void forget_page(struct cpu *cpu, const struct cpu_point *p)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        struct tlb_entry *e = &cpu->tlb[i];
        if (overlap(p, (p->physical ? e->pa : e->read_tag) & PAGE_MASK, PAGE_SIZE))
            e->read_tag = e->write_tag = 0;
    }
}

static void watch_mode(struct cpu *cpu)
{
    cpu->mode = (cpu->mode & ~MODE_WATCH) | (cpu->debug && cpu->debug->watched ? MODE_WATCH : 0);
    tlb_keys_refresh(cpu);
}

static void listen(struct cpu *cpu)
{
    struct cpu_debug *d = cpu->debug;
    bool wanted = false;
    for (unsigned i = 0; i < d->points; i++)
        wanted |= d->point[i].physical && d->point[i].kind & CPU_POINT_WRITE;
    if (wanted != d->listening)
        d->listening = phys_on_written(cpu->phys, wanted ? device_wrote : NULL, d) && wanted;
}

bool cpu_point_add(struct cpu *cpu, const struct cpu_point *p)
{
    struct cpu_debug *d = attach(cpu);
    if (!d || d->points == CPU_POINTS_MAX || !p->size)
        return false;
    d->point[d->points++] = *p;
    if (p->kind == CPU_POINT_EXECUTE) {
        unsigned offset = p->address & ~PAGE_MASK;
        if (!points_offset(cpu, offset)) {
            d->offsets[offset / 64] |= BIT(offset % 64);
            trace_flush(cpu);
        }
        return true;
    }
    d->watched++;
    watch_mode(cpu);
    forget_page(cpu, p);
    listen(cpu);
    return true;
}

bool cpu_point_remove(struct cpu *cpu, const struct cpu_point *p)
{
    struct cpu_debug *d = cpu->debug;
    for (unsigned i = 0; d && i < d->points; i++) {
        if (!same(&d->point[i], p))
            continue;
        d->watched -= p->kind != CPU_POINT_EXECUTE;
        d->point[i] = d->point[--d->points];
        watch_mode(cpu);
        listen(cpu);
        return true;
    }
    return false;
}

bool cpu_catch(struct cpu *cpu, cpu_catch_fn *catch_event, void *ctx)
{
    if (!catch_event && !cpu->debug)
        return true;
    if (!attach(cpu))
        return false;
    cpu->debug->catch_event = catch_event;
    cpu->debug->catch_ctx = ctx;
    return true;
}

bool cpu_stop_at_handlers(struct cpu *cpu, bool on)
{
    if (!on && !cpu->debug)
        return true;
    if (!attach(cpu))
        return false;
    cpu->debug->at_handlers = on;
    return true;
}

void cpu_hold_interrupts(struct cpu *cpu)
{
    if (!cpu->halted && cpu->shadow == SHADOW_NONE)
        cpu->shadow = SHADOW_STI;
}

const struct cpu_break *cpu_broke(const struct cpu *cpu)
{
    static const struct cpu_break none = {.kind = CPU_BREAK_NONE};
    return points_stop(cpu) ? &cpu->debug->broke : &none;
}

void cpu_go_on(struct cpu *cpu)
{
    if (cpu->debug) {
        cpu->debug->stop = false;
        cpu->debug->broke.kind = CPU_BREAK_NONE;
        cpu->debug->pass = false;
        if (!cpu->rip_moved)
            pass_now(cpu);
    }
    cpu->rip_moved = false;
}

void cpu_debug_detach(struct cpu *cpu)
{
    struct cpu_debug *d = cpu->debug;
    if (!d)
        return;
    if (d->listening)
        phys_on_written(cpu->phys, NULL, d);
    cpu->debug = NULL;
    interrupt_watch(cpu);
    tlb_watch(cpu);
    watch_mode(cpu);
    trace_flush(cpu); /* op_break needs cpu->debug no more */
    free(d);
}

size_t cpu_poke_physical(struct cpu *cpu, u64 pa, const void *from, size_t size)
{
    size_t done = 0;
    if (cpu->debug)
        cpu->debug->own_write = true;
    while (done < size) {
        u64 at = pa + done, room = PAGE_SIZE - (at & ~PAGE_MASK);
        size_t n = size - done < room ? size - done : room;
        if (!phys_page_write(cpu->phys, at) || !phys_copy_in(cpu->phys, at, (const u8 *)from + done, n))
            break;
        done += n;
    }
    if (cpu->debug)
        cpu->debug->own_write = false;
    return done;
}

size_t cpu_poke(struct cpu *cpu, u64 la, const void *from, size_t size)
{
    size_t done = 0;
    while (done < size) {
        u64 at = la + done, room = PAGE_SIZE - (at & ~PAGE_MASK);
        size_t n = size - done < room ? size - done : room;
        if (!is_canonical(&cpu->paging, at) || (!in_long(cpu) && at >> 32))
            break;
        struct walk w = cpu_walk(cpu, at, (struct access){.kind = ACCESS_READ});
        if (w.cause == CAUSE_NOT_PRESENT || w.cause == CAUSE_RESERVED_BIT || /* rights are no obstacle */
            cpu_poke_physical(cpu, w.pa & cpu->a20_mask, (const u8 *)from + done, n) != n)
            break;
        done += n;
    }
    return done;
}
