/* SPDX-License-Identifier: MIT */
/*
 * Every user-mode row against the host processor, in 64-bit mode at CPL 3: the same bytes at the same address, the same registers, flags and
 * memory; afterwards the same again, or the same exception. What vendors may do as they like is in undefined.def, what cannot be asked in
 * skipped.def; everything else is compared, or the test fails. TEST_NATIVE_COUNT sets the cases of a row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa/cases.h"
#include "tests/support/vm.h"

enum { RESULT = 1 << 30 }; /* beside flags in undefined.def; no flag's bit */
enum when { ALWAYS, ZERO, COUNT_1, COUNT_0, COUNT_WIDE, COUNT_OVER, WIDTH_16 };

static const struct { const char *row; enum when when; u32 flags; } undefined[] = {
#define UNDEFINED(row, when, flags, page) {#row, when, flags},
#include "tests/isa/undefined.def"
#undef UNDEFINED
};

static const struct { const char *row, *why; } skipped[] = {
#define SKIP(row, why) {#row, why},
#include "tests/isa/skipped.def"
#undef SKIP
};

static struct vm *vm;
static struct native_block *const host = native_state;
static u8 *data, *stack; /* the machine's */
static u64 compared, failures, exceptions;
static unsigned tried[2048], failed[2048];

/* What came of a case, on either side. */
struct outcome {
    u64 gpr[16], rip, rflags;
    u64 vector, error, cr2;
    u16 selector[6];
};

/* The machine. */

static void close_pages(void)
{
    for (u64 page = 0; page < VM_RAM; page += PAGE_SIZE) {
        bool code = page == NATIVE_CODE, write = page >= NATIVE_DATA && page < NATIVE_DATA + NATIVE_DATA_SIZE - PAGE_SIZE;
        bool read = page >= NATIVE_DATA && page < NATIVE_DATA + NATIVE_DATA_SIZE, on_stack = page >= NATIVE_STACK && page < NATIVE_STACK + NATIVE_STACK_SIZE;
        u64 nx = code ? 0 : BIT(63);
        if (write || on_stack || code)
            vm_set_pte(vm, page, page | nx | 7);
        else if (read)
            vm_set_pte(vm, page, page | nx | 5);
        else
            vm_set_pte(vm, page, page >= PAGE_SIZE && page < VM_TABLES + 0x10000 ? page | 3 : 0);
    }
}

static void make_machine(u64 fs, u64 gs)
{
    vm = vm_create(VM_LONG64, NULL);
    vm->cpu->features.has[0] = vm->cpu->features.has[1] = ~0ull;
    vm_set_cpl(vm, 3);
    for (unsigned v = 0; v < 256; v++) /* as Linux: INT3 and INTO for all */
        if (v != 3 && v != 4)
            vm_write32(vm, VM_IDT + 16 * v + 4, 0x8e00 | (vm_read32(vm, VM_IDT + 16 * v + 4) & 0xffff0000));
    close_pages();
    struct cpu_state *s = &vm->start;
    s->cr0 |= CR0_AM;
    s->cr4 &= ~(CR4_FSGSBASE | CR4_OSXSAVE);
    s->rflags = 0x202;
    for (unsigned i = 0; i < 6; i++)
        if (i != SEG_CS && i != SEG_SS)
            s->seg[i] = (struct cpu_segment){.base = i == SEG_FS ? fs : i == SEG_GS ? gs : 0};
    data = phys_page_write(vm->phys, NATIVE_DATA);
    stack = phys_page_write(vm->phys, NATIVE_STACK);
    phys_fill(vm->phys, NATIVE_CODE, 0xcc, NATIVE_CODE_SIZE);
    vm_reset(vm);
}

static void fx_to_machine(const struct native_block *b)
{
    struct cpu *cpu = vm->cpu;
    unsigned top = b->fx.fsw >> 11 & 7;
    cpu->x87 = (struct x87){.control = b->fx.fcw, .status = b->fx.fsw};
    for (unsigned i = 0; i < 8; i++) {
        cpu->x87.r[(i + top) & 7].mantissa = b->fx.st[i].mantissa;
        cpu->x87.r[(i + top) & 7].exponent = b->fx.st[i].exponent;
        cpu->x87.tag |= b->fx.ftw >> i & 1 ? 0 : (u16)(3u << (2 * i));
    }
    memcpy(cpu->xmm, b->fx.xmm, sizeof cpu->xmm);
    cpu->mxcsr = b->fx.mxcsr;
}

static void run_machine(const struct encoding *e, const struct case_state *s, bool by_trace, struct outcome *out)
{
    struct cpu *cpu = vm->cpu;
    if (vm->raised || cpu->seg[SEG_DS].selector || cpu->seg[SEG_ES].selector || cpu->seg[SEG_SS].selector != VM_SEL_USER_DATA)
        vm_reset(vm);
    memcpy(cpu->gpr, s->gpr, sizeof cpu->gpr);
    cpu->rip = CASE_AT;
    flags_set(cpu, s->rflags);
    cpu_refresh(cpu);
    if (s->fx)
        fx_to_machine(host);
    vm_run(vm, by_trace ? 1000 : 1);
    if (!vm->raised && cpu->rip != CASE_AT + e->length)
        vm_run(vm, 1); /* what is there where it went? */
    *out = (struct outcome){.vector = NO_VECTOR};
    struct cpu_state now;
    cpu_get_state(cpu, &now);
    const struct cpu_state *at = vm->raised ? &vm->at_event : &now;
    memcpy(out->gpr, at->gpr, sizeof out->gpr);
    out->rip = at->rip, out->rflags = at->rflags, out->cr2 = at->cr2;
    for (unsigned i = 0; i < 6; i++)
        out->selector[i] = at->seg[i].selector;
    if (vm->raised && vm->event.vector != 3) {
        out->vector = vm->event.vector;
        out->error = vm->event.has_error ? vm->event.error : 0;
        if (vm->event.kind == EVENT_SOFTWARE || vm->event.kind == EVENT_ICEBP)
            out->rip = vm->event.next_rip;
    }
}

/* The host. */

static void run_host(const struct encoding *e, const struct case_state *s, struct outcome *out)
{
    memcpy(host->gpr, s->gpr, sizeof host->gpr);
    host->rflags = s->rflags;
    host->use_fx = s->fx;
    host->rip = CASE_AT;
    native_go();
    *out = (struct outcome){.vector = host->vector, .error = host->error, .cr2 = host->cr2, .rip = host->rip, .rflags = host->rflags};
    memcpy(out->gpr, host->gpr, sizeof out->gpr);
    memcpy(out->selector, host->selector, sizeof out->selector);
    if (host->vector == NO_VECTOR)
        out->rip = CASE_AT + e->length;
    if (host->vector == 3) {
        out->vector = NO_VECTOR;
        out->error = 0;
        out->rip--;
    }
}

/* Memory of both. */

static void set_memory(u64 at, const void *bytes, unsigned size)
{
    bool in_data = at >= NATIVE_DATA && at + size <= NATIVE_DATA + NATIVE_DATA_SIZE - PAGE_SIZE;
    if (!in_data && !(at >= NATIVE_STACK && at + size <= NATIVE_STACK + NATIVE_STACK_SIZE))
        return;
    memcpy((void *)at, bytes, size);
    memcpy(in_data ? data + (at - NATIVE_DATA) : stack + (at - NATIVE_STACK), bytes, size);
}

static void randomize_memory(void)
{
    for (unsigned i = 0; i < NATIVE_DATA_SIZE - PAGE_SIZE; i += 8)
        *(u64 *)(NATIVE_DATA + (u64)i) = case_random();
    for (unsigned i = 0; i < NATIVE_STACK_SIZE; i += 8)
        *(u64 *)(NATIVE_STACK + (u64)i) = case_random();
    memcpy(data, (void *)NATIVE_DATA, NATIVE_DATA_SIZE);
    memcpy(stack, (void *)NATIVE_STACK, NATIVE_STACK_SIZE);
}

static bool same_memory(void) { return !memcmp(data, (void *)NATIVE_DATA, NATIVE_DATA_SIZE) && !memcmp(stack, (void *)NATIVE_STACK, NATIVE_STACK_SIZE); }

/* What is not compared. */

static unsigned count_of(const struct encoding *e, const struct case_state *s)
{
    const struct row *row = e->row;
    u8 mask = e->op.osize == 8 ? 63 : 31;
    for (unsigned i = 1; i < 3; i++) {
        if (row->op[i] == OPR_Ib)
            return (u8)e->op.imm & mask;
        if (row->op[i] == OPR_CL)
            return s->gpr[REG_RCX] & mask;
    }
    return 1;
}

static bool holds(enum when when, const struct encoding *e, const struct case_state *s, const struct outcome *h)
{
    unsigned bits = e->op.osize * 8;
    switch (when) {
    case ALWAYS: return true;
    case ZERO: return h->rflags & FLAG_ZF; /* of BSF, BSR: the source is zero */
    case COUNT_1: return count_of(e, s) > 1;
    case COUNT_0: return count_of(e, s) > 0;
    case COUNT_WIDE: return count_of(e, s) >= bits;
    case COUNT_OVER: return count_of(e, s) > bits;
    default: return bits == 16;
    }
}

static u32 undefined_of(const struct encoding *e, const struct case_state *s, const struct outcome *h)
{
    u32 flags = 0;
    for (unsigned i = 0; i < sizeof undefined / sizeof undefined[0]; i++)
        if (!strcmp(undefined[i].row, e->row->name) && holds(undefined[i].when, e, s, h))
            flags |= undefined[i].flags;
    return flags;
}

/* The comparison. */

static const char *fx_differs(const struct encoding *e)
{
    const struct cpu *cpu = vm->cpu;
    unsigned top = cpu->x87.status >> 11 & 7;
    bool x87 = e->row->attributes & (ATTR_FPU | ATTR_MMXR) || e->row->op[0] == OPR_P || e->row->op[1] == OPR_Q || e->row->op[1] == OPR_N;
    if (memcmp(cpu->xmm, host->fx.xmm, sizeof cpu->xmm))
        return "xmm";
    if (cpu->mxcsr != host->fx.mxcsr)
        return "mxcsr";
    if (!x87)
        return NULL;
    if (cpu->x87.control != host->fx.fcw || cpu->x87.status != host->fx.fsw)
        return "x87 control or status";
    for (unsigned i = 0; i < 8; i++) {
        if ((cpu->x87.tag >> (2 * i) & 3) != 3 ? !(host->fx.ftw >> i & 1) : host->fx.ftw >> i & 1)
            return "x87 tags";
        if (cpu->x87.r[(i + top) & 7].mantissa != host->fx.st[i].mantissa || cpu->x87.r[(i + top) & 7].exponent != host->fx.st[i].exponent)
            return "x87 registers";
    }
    return NULL;
}

static const char *differs(const struct encoding *e, const struct case_state *s, const struct outcome *h, const struct outcome *m)
{
    u32 undef = h->vector == NO_VECTOR ? undefined_of(e, s, h) : 0;
    u64 flags = ~(u64)(undef & ~(u32)RESULT) & ~FLAG_RF; /* RF in the frame is the host kernel's view */
    if (h->vector != m->vector)
        return "exception";
    if (h->rip != m->rip)
        return "rip";
    if (h->vector != NO_VECTOR && h->error != m->error)
        return "error code";
    if (h->vector == 14 && h->cr2 != m->cr2)
        return "cr2";
    for (unsigned i = 0; i < 16; i++)
        if (h->gpr[i] != m->gpr[i] && !(undef & RESULT && (i == e->op.reg || i == e->op.rm)))
            return "register";
    if ((h->rflags ^ m->rflags) & flags)
        return "flags";
    if (!(undef & RESULT) && !same_memory())
        return "memory";
    for (unsigned i = 0; i < 6; i++)
        if (h->selector[0] != 0xffff && h->selector[i] != m->selector[i])
            return "selector";
    return s->fx ? fx_differs(e) : NULL;
}

static void print_case(const struct encoding *e, const struct case_state *s, const struct outcome *h, const struct outcome *m, const char *what)
{
    printf("FAIL %s (row %u): %s:", e->row->name, (unsigned)(e->row - isa_rows), what);
    for (unsigned i = 0; i < e->length; i++)
        printf(" %02x", e->bytes[i]);
    printf("\n  rflags %llx -> host %llx, ours %llx; rip host %llx, ours %llx; vector host %llu/%llx, ours %llu/%llx; cr2 %llx, %llx; target %llx\n",
           (unsigned long long)s->rflags, (unsigned long long)h->rflags, (unsigned long long)m->rflags, (unsigned long long)h->rip, (unsigned long long)m->rip,
           (unsigned long long)h->vector, (unsigned long long)h->error, (unsigned long long)m->vector, (unsigned long long)m->error,
           (unsigned long long)h->cr2, (unsigned long long)m->cr2, (unsigned long long)s->target);
    for (unsigned i = 0; i < 16; i++)
        if (h->gpr[i] != m->gpr[i] || i == e->op.reg || i == e->op.rm || i == REG_RCX || i == REG_RAX)
            printf("  r%u %llx -> host %llx, ours %llx\n", i, (unsigned long long)s->gpr[i], (unsigned long long)h->gpr[i], (unsigned long long)m->gpr[i]);
    for (unsigned i = 0, shown = 0; i < NATIVE_DATA_SIZE && shown < 8; i++)
        if (data[i] != ((u8 *)NATIVE_DATA)[i])
            printf("  [%x] host %02x, ours %02x\n", NATIVE_DATA + i, ((u8 *)NATIVE_DATA)[i], data[i]), shown++;
    for (unsigned i = 0, shown = 0; i < NATIVE_STACK_SIZE && shown < 8; i++)
        if (stack[i] != ((u8 *)NATIVE_STACK)[i])
            printf("  [%x] host %02x, ours %02x\n", NATIVE_STACK + i, ((u8 *)NATIVE_STACK)[i], stack[i]), shown++;
    if (s->fx)
        printf("  mxcsr host %x, ours %x; fsw %x, %x; xmm%u host %llx:%llx, ours %llx:%llx\n", host->fx.mxcsr, vm->cpu->mxcsr, host->fx.fsw, vm->cpu->x87.status, e->op.reg,
               (unsigned long long)host->fx.xmm[e->op.reg][1], (unsigned long long)host->fx.xmm[e->op.reg][0],
               (unsigned long long)vm->cpu->xmm[e->op.reg].q[1], (unsigned long long)vm->cpu->xmm[e->op.reg].q[0]);
}

static void check_case(struct encoding *e, struct case_state *s, bool laid)
{
    struct outcome h, m;
    static u8 text[24];
    if (!laid) {
        memcpy(text, e->bytes, e->length);
        memset(text + e->length, 0xcc, sizeof text - e->length);
        vm_write(vm, CASE_AT, text, sizeof text);
        native_lay(CASE_AT - NATIVE_CODE, e->bytes, e->length);
    }
    for (unsigned i = 0; i < s->pokes; i++)
        set_memory(s->poke[i].at, s->poke[i].bytes, s->poke[i].size);
    run_machine(e, s, case_one_in(2), &m); /* first: it takes fx from the block */
    run_host(e, s, &h);
    compared++;
    exceptions += h.vector != NO_VECTOR;
    const char *what = differs(e, s, &h, &m);
    if (what) {
        unsigned row = (unsigned)(e->row - isa_rows);
        failures++;
        if (failed[row]++ < 2)
            print_case(e, s, &h, &m, what);
    }
    if (!same_memory()) {
        memcpy(data, (void *)NATIVE_DATA, NATIVE_DATA_SIZE);
        memcpy(stack, (void *)NATIVE_STACK, NATIVE_STACK_SIZE);
    }
}

static const char *why_skipped(const struct row *row)
{
    if (row->attributes & ATTR_I64)
        return "not in 64-bit mode";
    for (unsigned i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
        if (!strcmp(skipped[i].row, row->name))
            return skipped[i].why;
    return NULL;
}

static bool host_has(unsigned feature)
{
    static const struct { u32 leaf, subleaf; char reg; u8 bit; } places[] = {
#define FEATURE(id, leaf, subleaf, reg, bit, name) {leaf, subleaf, #reg[1], bit},
#include "cpu/features.def"
#undef FEATURE
    };
    return feature == FEAT_ALWAYS || native_has(places[feature].leaf, places[feature].subleaf, places[feature].reg, places[feature].bit);
}

/* Encodings a vendor runs its own way, by rules the SDM states; and what would take the host's thread pointer. */
static bool not_comparable(const struct encoding *e)
{
    const char *name = e->row->name;
    if (!strcmp(name, "MOV_to_Sreg") && e->op.reg >= SEG_FS)
        return true;
    unsigned flags = e->op.flags;
    bool far = strstr(name, "_far") || !strcmp(name, "LSS");
    if (far && e->op.osize == 8 && strcmp(name, "RET_far"))
        return true; /* REX.W far pointers: m16:64 on Intel only */
    if (flags & OP_66 && (e->row->op[0] == OPR_Jz || e->row->op[0] == OPR_Jb || !strcmp(name, "CALL_E") || !strcmp(name, "JMP_E") || !strcmp(name, "RET")))
        return true; /* 66 on near branches: ignored by Intel only */
    return false;
}

static void check_row(const struct row *row, unsigned count)
{
    struct encoding e;
    struct case_state s;
    unsigned index = (unsigned)(row - isa_rows);
    for (unsigned i = 0; i < count; i++) {
        if (i % 512 == 0)
            randomize_memory();
        if (!case_encode(row, &e) || not_comparable(&e))
            continue;
        for (unsigned again = 0; again < 4; again++) {
            u8 before[16];
            memcpy(before, e.bytes, 16);
            if (!case_operands(&e, &s, host))
                continue;
            tried[index]++;
            check_case(&e, &s, again && !memcmp(before, e.bytes, 16) && false);
        }
    }
}

int main(void)
{
    const u64 gs = NATIVE_DATA + 0x40;
    u64 fs;
    const char *why;
    unsigned rows = 0, not_here = 0, missing = 0, skips = 0;
    const char *text = getenv("TEST_NATIVE_COUNT");
    unsigned count = text ? (unsigned)atoi(text) : 600;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!native_setup(gs, &fs, &why)) {
        printf("SKIP the host cannot be asked: %s\n0 passed, 0 failed, %u skipped\n", why, isa_row_count);
        return 0;
    }
    make_machine(fs, gs);
    cases_setup(isa_index_create(), &vm->cpu->features, fs, gs);
    for (unsigned i = 0; i < isa_row_count; i++) {
        const struct row *row = &isa_rows[i];
        if (why_skipped(row)) {
            skips++;
        } else if (!host_has(row->feature)) {
            not_here++;
        } else {
            check_row(row, count);
            rows++;
            if (!tried[i])
                printf("FAIL row %u (%s, opcode %x): no case came out\n", i, row->name, row->opcode), missing++;
        }
    }
    for (unsigned i = 0; i < isa_row_count; i++)
        if (failed[i] > 2)
            printf("FAIL row %u (%s, opcode %x): %u of %u cases\n", i, isa_rows[i].name, isa_rows[i].opcode, failed[i], tried[i]);
    printf("%u rows compared in %llu cases, %llu of them exceptions; %u rows are not the host's (no 64-bit form, or its own: skipped.def), %u it does not have\n", rows,
           (unsigned long long)compared, (unsigned long long)exceptions, skips, not_here);
    printf("%llu passed, %llu failed, %u skipped\n", (unsigned long long)(compared - failures), (unsigned long long)failures + missing, skips + not_here);
    return failures + missing != 0;
}
