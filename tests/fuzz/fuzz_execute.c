/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as guest code, in every mode, with tables, registers and control bits out of the input too: run by traces
 * and in another manner (by steps, with a tiny TLB, with a tiny trace arena), and both must end alike, at an exact
 * count, without a host fault or a run past the budget.
 *
 * The input: mode, manner, level, budget; changes to the start, up to one of kind 0; the rest is code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cpu/run.h"
#include "cpu/state.h"
#include "cpu/system.h"
#include "cpu/trace.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/vm.h"

enum { TEMPLATE = 0x30000, EVENTS_MAX = 500, BUDGET_MAX = 10000, CODE_MAX = 4096, MMIO = 0xe0000000, PAGES = 4096 };

/* The first two for all; how much a TLB holds shows to a guest that changes its tables and does not say so. */
static const struct cpu_tuning manners[] = {
    {.all_step = true}, {.trace_ops = 1}, {.tlb_entries = 4}, {.tlb_entries = 4, .trace_ops = 1}};

/* A machine, kept from input to input, and what its run left. */
struct side {
    struct vm *vm;
    struct cpu_state fresh; /* as vm_create made it */
    u8 *template;           /* the low memory, likewise */
    struct cpu_tuning tuning;
    struct cpu_state end;
    enum cpu_stop stop;
    u64 count, hash; /* instructions; events, faults and device accesses in order */
    unsigned events;
};

static u64 mix(u64 h, u64 v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15;
    return h ^ h >> 29;
}

/* A device whose answers depend on what it was asked before. */
static u64 noise_read(void *device, u64 offset, unsigned width)
{
    struct side *s = device;
    s->hash = mix(s->hash, offset * 16 + width);
    return width == 8 ? s->hash : s->hash & (BIT(8 * width) - 1);
}

static void noise_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct side *s = device;
    s->hash = mix(mix(s->hash, offset * 16 + width + 8), value);
}

static void on_fault(void *ctx, struct cpu *cpu, u64 la, unsigned width, const struct access *a, const struct walk *w,
                     int during)
{
    struct side *s = ctx;
    (void)width;
    s->hash = mix(mix(mix(s->hash, la), w->error), cpu_icount(cpu) * 64 + a->kind * 16 + (u64)(during & 15));
}

static void on_event(void *ctx, struct cpu *cpu, const struct cpu_event *ev, int during)
{
    struct side *s = ctx;
    (void)during;
    s->hash = mix(mix(mix(s->hash, ev->vector), ev->has_error ? ev->error : 0), cpu_icount(cpu));
    if (++s->events >= EVENTS_MAX)
        cpu_request_stop(cpu);
}

static void side_open(struct side *s, enum vm_mode mode)
{
    static const struct region_ops ops = {noise_read, noise_write, 1, 8, "test"};
    s->vm = vm_create(mode, NULL);
    bus_attach(phys_mmio(s->vm->phys), MMIO, 4 * PAGE_SIZE, &ops, s);
    bus_attach(s->vm->io, 0x40, 0x20, &ops, s);
    s->fresh = s->vm->start;
    s->template = malloc(TEMPLATE);
    vm_read(s->vm, 0, s->template, TEMPLATE);
    cpu_observe(s->vm->cpu, &(struct cpu_observer){.ctx = s, .page_fault = on_fault, .event = on_event});
}

static u8 *ram(struct side *s) { return phys_page_write(s->vm->phys, 0); }

/* Puts back what the last run wrote, through the functions that tell the processor of it: what it decoded stays as good
 * as it was. */
static void memory_clean(struct side *s)
{
    static u8 touched[PAGES];
    static const u8 zero[PAGE_SIZE];
    mincore(ram(s), VM_RAM, touched);
    for (u64 page = 0; page < PAGES; page++) {
        u8 *now = ram(s) + page * PAGE_SIZE;
        const u8 *then = page * PAGE_SIZE < TEMPLATE ? s->template + page * PAGE_SIZE : zero;
        if (!(touched[page] & 1) || !memcmp(now, then, PAGE_SIZE))
            continue;
        vm_write(s->vm, page * PAGE_SIZE, then, PAGE_SIZE);
        if (then == zero)
            madvise(now, PAGE_SIZE, MADV_DONTNEED);
    }
}

static void side_clean(struct side *s, const struct cpu_tuning *tuning)
{
    struct cpu *cpu = s->vm->cpu;
    memory_clean(s);
    cpu_reset(cpu);
    random_seed(cpu, 0);
    if (memcmp(&s->tuning, tuning, sizeof *tuning)) {
        s->tuning = *tuning;
        cpu_tune(cpu, *tuning);
        trace_flush(cpu);
    }
    s->vm->start = s->fresh;
    s->hash = s->events = 0;
}

/* Changes. What would be no state a processor can be in is left out: cpu_set_state takes its word. */

static void change_page(struct side *s, struct input *in)
{
    u64 la = input_take(in, 2) % PAGES * PAGE_SIZE, entry = input_take(in, 8);
    if (vm_paged(s->vm))
        vm_set_pte(s->vm, la, entry & 0x8000 ? entry : vm_pte(s->vm, la) ^ (entry & ~0xffff000ull));
}

static void change_table(struct side *s, struct input *in)
{
    u64 at = input_take(in, 2), value = input_take(in, 8);
    vm_write64(s->vm, (at & 0x8000 ? VM_IDT : VM_GDT) + at % 512 * 8, value);
}

static void change_control(struct side *s, struct input *in)
{
    struct cpu_state *c = &s->vm->start;
    u64 bits = input_take(in, 4);
    c->cr0 ^= bits & (CR0_WP | CR0_AM | CR0_TS | CR0_EM | CR0_MP | CR0_NE);
    c->cr4 ^= bits & (CR4_TSD | CR4_DE | CR4_PSE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP |
                      CR4_SMEP | CR4_SMAP | CR4_PKE);
    c->pkru = (u32)input_take(in, 4);
}

static void change_segment(struct side *s, struct input *in)
{
    u8 which = input_byte(in) % 6;
    struct cpu_segment *seg = &s->vm->start.seg[which];
    u64 base = input_take(in, 4), limit = input_take(in, 4);
    u16 attributes = (u16)input_take(in, 2);
    if (s->vm->mode == VM_V86)
        return;
    seg->limit = (u32)limit;
    if (s->vm->mode != VM_LONG64 || which >= SEG_FS)
        seg->base = base;
    if (s->vm->mode != VM_REAL16 && which != SEG_CS)
        seg->attributes ^= attributes & (which == SEG_SS ? ATTR_EXPAND_DOWN | ATTR_DB
                                                         : ATTR_EXPAND_DOWN | ATTR_WRITABLE | ATTR_DB | ATTR_CODE);
}

static void change_memory(struct side *s, struct input *in)
{
    u64 pa = input_take(in, 3) % VM_RAM;
    u8 bytes[256], size = input_byte(in);
    for (unsigned i = 0; i < size; i++)
        bytes[i] = input_byte(in);
    vm_write(s->vm, pa, bytes, size);
}

static void change_debug(struct side *s, struct input *in)
{
    struct cpu_state *c = &s->vm->start;
    c->dr[input_byte(in) & 3] = s->vm->data + input_take(in, 2);
    c->dr[input_byte(in) & 3] = s->vm->code + input_take(in, 1);
    c->dr[7] = (input_take(in, 4) & 0xffff03ff) | 0x400;
}

static void side_set(struct side *s, struct input *in)
{
    struct cpu_state *c = &s->vm->start;
    static const u64 flags =
        FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
    for (unsigned n = 0; n < 64; n++)
        switch (input_byte(in) % 10) {
        case 0: return;
        case 1: change_page(s, in); break;
        case 2: change_table(s, in); break;
        case 3: {
            u8 reg = input_byte(in);
            c->gpr[reg & 15] = (reg & 16 ? s->vm->data : 0) + input_take(in, reg & 32 ? 8 : 2);
            break;
        }
        case 4: change_control(s, in); break;
        case 5: c->rflags ^= input_take(in, 3) & flags & ~(s->vm->mode == VM_V86 ? FLAG_IOPL : 0); break;
        case 6: change_segment(s, in); break;
        case 7: change_memory(s, in); break;
        case 8: change_debug(s, in); break;
        default: /* handlers return: NOPs and IRET for all */
            phys_fill(s->vm->phys, VM_HANDLERS, 0x90, 256);
            vm_write(s->vm, VM_HANDLERS + 256, vm_paged(s->vm) && s->vm->mode >= VM_LONG64 ? "\x48\xcf" : "\xcf", 2);
        }
}

static void side_run(struct side *s, struct input in, const struct cpu_tuning *tuning)
{
    struct cpu *cpu = s->vm->cpu;
    u8 code[CODE_MAX], level = input_byte(&in);
    u64 budget = 1 + input_take(&in, 2) % BUDGET_MAX, before;
    side_clean(s, tuning);
    vm_set_cpl(s->vm, level & 1 ? 3 : 0);
    side_set(s, &in);
    size_t size = input_rest(&in, code, sizeof code);
    vm_code(s->vm, code, (unsigned)size);
    for (unsigned i = 0; i < 16; i++) /* something to see in registers */
        if (!s->vm->start.gpr[i])
            s->vm->start.gpr[i] = i & 1 ? s->vm->data + 64 * i : i;
    vm_reset(s->vm);
    before = cpu_icount(cpu);
    s->stop = cpu_run(cpu, before + budget);
    s->count = cpu_icount(cpu) - before;
    cpu_get_state(cpu, &s->end);
    if (s->count > budget || (s->stop == CPU_STOP_DEADLINE && s->count != budget))
        fuzz_found("%llu instructions, of a budget of %llu", (unsigned long long)s->count, (unsigned long long)budget);
}

static const char *memory_differs(struct side *a, struct side *b)
{
    static u8 in_a[PAGES], in_b[PAGES];
    mincore(ram(a), VM_RAM, in_a);
    mincore(ram(b), VM_RAM, in_b);
    for (unsigned i = 0; i < PAGES; i++)
        if (((in_a[i] | in_b[i]) & 1) && memcmp(ram(a) + i * PAGE_SIZE, ram(b) + i * PAGE_SIZE, PAGE_SIZE))
            return "memory";
    return NULL;
}

static const char *differs(struct side *a, struct side *b)
{
    const struct cpu *x = a->vm->cpu, *y = b->vm->cpu;
    if (a->hash != b->hash || a->events != b->events)
        return "events, faults or device accesses";
    if (a->stop != b->stop || a->count != b->count)
        return "the end";
    if (memcmp(a->end.gpr, b->end.gpr, sizeof a->end.gpr) || a->end.rip != b->end.rip)
        return "registers";
    if (a->end.rflags != b->end.rflags)
        return "flags";
    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (a->end.seg[i].selector != b->end.seg[i].selector || a->end.seg[i].attributes != b->end.seg[i].attributes ||
            a->end.seg[i].limit != b->end.seg[i].limit || a->end.seg[i].base != b->end.seg[i].base)
            return "segments";
    if (a->end.cr0 != b->end.cr0 || a->end.cr2 != b->end.cr2 || a->end.cr3 != b->end.cr3 || a->end.cr4 != b->end.cr4 ||
        a->end.efer != b->end.efer || memcmp(a->end.dr, b->end.dr, sizeof a->end.dr) || a->end.pkru != b->end.pkru)
        return "system registers";
    if (memcmp(x->xmm, y->xmm, sizeof x->xmm) || x->mxcsr != y->mxcsr)
        return "SSE state";
    for (unsigned i = 0; i < 8; i++)
        if (x->x87.r[i].mantissa != y->x87.r[i].mantissa || x->x87.r[i].exponent != y->x87.r[i].exponent)
            return "x87 registers";
    if (x->x87.control != y->x87.control || x->x87.status != y->x87.status || x->x87.tag != y->x87.tag ||
        x->x87.fip != y->x87.fip || x->x87.fdp != y->x87.fdp || x->x87.fop != y->x87.fop)
        return "x87 state";
    return memory_differs(a, b);
}

static struct side sides[VM_MODES][2];

/* The leak checker does not look for pointers in the processor, whose memory is a mapping of its own. */
static void close_all(void)
{
    for (unsigned i = 0; i < VM_MODES; i++)
        for (unsigned k = 0; k < 2; k++) {
            vm_destroy(sides[i][k].vm);
            free(sides[i][k].template);
        }
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    static bool closing;
    struct input in = {bytes, size};
    enum vm_mode mode = (enum vm_mode)(input_byte(&in) % VM_MODES);
    u8 manner = input_byte(&in);
    const struct cpu_tuning usual = {.tlb_entries = 4096};
    struct side *a = &sides[mode][0], *b = &sides[mode][1];
    struct cpu_tuning other;
    const char *what;
    if (!closing)
        closing = !atexit(close_all);
    if (!a->vm) {
        side_open(a, mode);
        side_open(b, mode);
    }
    other = manners[manner % (vm_paged(a->vm) ? 2 : 4)];
    if (!other.tlb_entries)
        other.tlb_entries = 4096;
    if (!other.trace_ops)
        other.trace_ops = 65536;
    side_run(a, in, &usual);
    side_run(b, in, &other);
    what = differs(a, b);
    if (what)
        fuzz_found("%s: by traces and otherwise differ in %s: RIP %llx, %llx, stop %d, %d, %llu, %llu instructions",
                   vm_mode_name(mode), what, (unsigned long long)a->end.rip, (unsigned long long)b->end.rip, a->stop,
                   b->stop, (unsigned long long)a->count, (unsigned long long)b->count);
    return 0;
}
