/* SPDX-License-Identifier: MIT */
/*
 * Every user-mode row against the host processor, in 64-bit mode at CPL 3: the same bytes at the same address, the same
 * registers, flags and memory; afterwards the same again, or the same exception. What vendors may do as they like is in
 * undefined.def, what cannot be asked in skipped.def; everything else is compared, or the test fails. TEST_NATIVE_COUNT
 * sets the encodings tried of a row, TEST_NATIVE_SEED makes them others.
 *
 * Covers numbers 3 (CMPXCHG) and 57 (flags of BZHI, BEXTR and BLSI, NaNs of ADDSUBPS) of the list of faults of others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa/cases.h"
#include "tests/isa/pair.h"

enum { RESULT = 1 << 30 }; /* beside flags in undefined.def; no flag's bit */
enum when { ALWAYS, ZERO, COUNT_1, COUNT_0, COUNT_WIDE, COUNT_OVER, WIDTH_16 };

static const struct {
    const char *row;
    enum when when;
    u32 flags;
} undefined[] = {
#define UNDEFINED(row, when, flags, page) {#row, when, flags},
#define FAULTED(row, flags, why)
#define KEEPS_C1(row)
#define NO_AC(row)
#define ANYWHERE(row)
#include "tests/isa/undefined.def"
#undef UNDEFINED
#undef FAULTED
#undef KEEPS_C1
#undef NO_AC
#undef ANYWHERE
};

/* The same list's other entries: after a fault; C1; alignment. */
static const struct vendor {
    const char *row;
    u32 faulted;
    bool c1, no_ac, anywhere;
} vendors[] = {
#define UNDEFINED(row, when, flags, page)
#define FAULTED(row, flags, why) {#row, .faulted = flags},
#define KEEPS_C1(row) {#row, .c1 = true},
#define NO_AC(row) {#row, .no_ac = true},
#define ANYWHERE(row) {#row, .anywhere = true},
#include "tests/isa/undefined.def"
#undef UNDEFINED
#undef FAULTED
#undef KEEPS_C1
#undef NO_AC
#undef ANYWHERE
};

static const struct {
    const char *row;
    u16 opcode;
    const char *why;
} skipped[] = {
#define SKIP(row, why) {#row, 0, why},
#define SKIP_ROW(row, opcode, why) {#row, opcode, why},
#include "tests/isa/skipped.def"
#undef SKIP
#undef SKIP_ROW
};

static struct native_block *const host = native_state;
static u64 compared, failures, exceptions, host_slips, unaligned;
static unsigned tried[2048], failed[2048];

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
    if (h->vector != NO_VECTOR) {
        for (unsigned i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
            flags |= strcmp(vendors[i].row, e->row->name) ? 0 : vendors[i].faulted;
        return flags;
    }
    for (unsigned i = 0; i < sizeof undefined / sizeof undefined[0]; i++)
        if (!strcmp(undefined[i].row, e->row->name) && holds(undefined[i].when, e, s, h))
            flags |= undefined[i].flags;
    return flags;
}

/* The comparison. */

static bool keeps_c1(const struct row *row)
{
    for (unsigned i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (vendors[i].c1 && !strcmp(vendors[i].row, row->name))
            return true;
    return false;
}

static bool no_ac(const struct row *row)
{
    for (unsigned i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (vendors[i].no_ac && !strcmp(vendors[i].row, row->name))
            return true;
    return false;
}

static bool anywhere(const struct row *row)
{
    for (unsigned i = 0; i < sizeof vendors / sizeof vendors[0]; i++)
        if (vendors[i].anywhere && !strcmp(vendors[i].row, row->name))
            return true;
    return false;
}

/* Our #GP(0) of an unaligned operand that AMD's take, with everything as it was. */
static bool refused_unaligned(const struct encoding *e, const struct case_state *s, const struct outcome *m)
{
    return native_is_amd() && anywhere(e->row) && op_is_mem(&e->op) && s->target & 15 && m->vector == 13 &&
           m->error == 0 && m->rip == NATIVE_CASE && !memcmp(m->gpr, s->gpr, sizeof m->gpr);
}

static const char *x87_differs(const struct encoding *e)
{
    const struct x87 *x = &pair_vm->cpu->x87;
    unsigned top = x->status >> 11 & 7;
    u16 c1 = keeps_c1(e->row) ? 0x200 : 0;
    if (x->control != host->fx.fcw || (x->status ^ host->fx.fsw) & ~c1)
        return "x87 control or status";
    for (unsigned i = 0; i < 8; i++) {
        if ((x->tag >> (2 * i) & 3) != 3 ? !(host->fx.ftw >> i & 1) : host->fx.ftw >> i & 1)
            return "x87 tags";
        if (x->r[(i + top) & 7].mantissa != host->fx.st[i].mantissa ||
            x->r[(i + top) & 7].exponent != host->fx.st[i].exponent)
            return "x87 registers";
    }
    return NULL;
}

/* An instruction with an MMX operand that faults has changed to MMX already on AMD; PE beside an unmasked overflow or
 * underflow is nobody's promise. */
static const char *fx_differs(const struct encoding *e, u64 vector)
{
    enum { PE = 0x20, UE_OE = 0x18 };
    const struct cpu *cpu = pair_vm->cpu;
    const u8 *op = e->row->op;
    bool mmx = op[0] == OPR_P || op[0] == OPR_Q || op[1] == OPR_P || op[1] == OPR_Q || op[1] == OPR_N;
    u32 ignored = vector == 19 && host->fx.mxcsr & UE_OE & ~host->fx.mxcsr >> 7 ? PE : 0;
    if (memcmp(cpu->xmm, host->fx.xmm, sizeof cpu->xmm))
        return "xmm";
    if ((cpu->mxcsr ^ host->fx.mxcsr) & ~ignored)
        return "mxcsr";
    if (!(e->row->attributes & (ATTR_FPU | ATTR_MMXR)) && !mmx)
        return NULL;
    return mmx && vector != NO_VECTOR ? NULL : x87_differs(e);
}

static const char *differs(const struct encoding *e, const struct case_state *s, const struct outcome *h,
                           const struct outcome *m)
{
    u32 undef = undefined_of(e, s, h);
    u64 flags = ~(u64)(undef & ~(u32)RESULT) & ~FLAG_RF; /* RF in the frame is the host kernel's view */
    if (h->vector == 17 && no_ac(e->row))
        return NULL;
    if (refused_unaligned(e, s, m)) {
        unaligned++;
        return NULL;
    }
    if (h->vector != m->vector)
        return "exception";
    if (h->rip != m->rip)
        return "rip";
    bool ours = h->cr2 >= NATIVE_CODE - PAGE_SIZE &&
                h->cr2 < NATIVE_BLOCK; /* else what is mapped there is the host kernel's business */
    if (h->vector != NO_VECTOR && (h->error ^ m->error) & (h->vector == 14 && !ours ? ~1ull : ~0ull))
        return "error code";
    if (h->vector == 14 && h->cr2 != m->cr2)
        return "cr2";
    for (unsigned i = 0; i < 16; i++)
        if (h->gpr[i] != m->gpr[i] && !(undef & RESULT && (i == e->op.reg || i == e->op.rm)))
            return "register";
    if ((h->rflags ^ m->rflags) & flags)
        return "flags";
    bool stores_and_faults =
        h->vector != NO_VECTOR && (!strcmp(e->row->name, "ENTER") ||
                                   !strcmp(e->row->name, "CALL_far")); /* AMD leaves below rSP what it had pushed */
    if (!(undef & RESULT) && !stores_and_faults && !pair_same_memory())
        return "memory";
    for (unsigned i = 0; i < 6; i++)
        if (h->selector[0] != 0xffff && h->selector[i] != m->selector[i])
            return "selector";
    return s->fx ? fx_differs(e, h->vector) : NULL;
}

static void print_case(const struct encoding *e, const struct case_state *s, const struct outcome *h,
                       const struct outcome *m, const char *what)
{
    printf("FAIL %s (row %u): %s:", e->row->name, (unsigned)(e->row - isa_rows), what);
    for (unsigned i = 0; i < e->length; i++)
        printf(" %02x", e->bytes[i]);
    printf("\n  rflags %llx -> host %llx, ours %llx; rip host %llx, ours %llx; vector host %llu/%llx, ours %llu/%llx; "
           "cr2 %llx, %llx; target %llx\n",
           (unsigned long long)s->rflags, (unsigned long long)h->rflags, (unsigned long long)m->rflags,
           (unsigned long long)h->rip, (unsigned long long)m->rip, (unsigned long long)h->vector,
           (unsigned long long)h->error, (unsigned long long)m->vector, (unsigned long long)m->error,
           (unsigned long long)h->cr2, (unsigned long long)m->cr2, (unsigned long long)s->target);
    for (unsigned i = 0; i < 16; i++)
        if (h->gpr[i] != m->gpr[i] || i == e->op.reg || i == e->op.rm || i == REG_RCX || i == REG_RAX || i == REG_RSP ||
            i == REG_RBP)
            printf("  r%u %llx -> host %llx, ours %llx\n", i, (unsigned long long)s->gpr[i],
                   (unsigned long long)h->gpr[i], (unsigned long long)m->gpr[i]);
    for (unsigned i = 0, shown = 0; i < NATIVE_DATA_SIZE && shown < 8; i++)
        if (pair_data[i] != ((u8 *)NATIVE_DATA)[i])
            printf("  [%x] host %02x, ours %02x\n", NATIVE_DATA + i, ((u8 *)NATIVE_DATA)[i], pair_data[i]), shown++;
    for (unsigned i = 0, shown = 0; i < NATIVE_STACK_SIZE && shown < 8; i++)
        if (pair_stack[i] != ((u8 *)NATIVE_STACK)[i])
            printf("  [%x] host %02x, ours %02x\n", NATIVE_STACK + i, ((u8 *)NATIVE_STACK)[i], pair_stack[i]), shown++;
    if (s->fx)
        printf("  mxcsr host %x, ours %x; fsw %x, %x; xmm%u host %llx:%llx, ours %llx:%llx\n", host->fx.mxcsr,
               pair_vm->cpu->mxcsr, host->fx.fsw, pair_vm->cpu->x87.status, e->op.reg,
               (unsigned long long)host->fx.xmm[e->op.reg][1], (unsigned long long)host->fx.xmm[e->op.reg][0],
               (unsigned long long)pair_vm->cpu->xmm[e->op.reg].q[1],
               (unsigned long long)pair_vm->cpu->xmm[e->op.reg].q[0]);
}

static const char *try_case(const struct encoding *e, const struct case_state *s, bool by_trace, struct outcome *h,
                            struct outcome *m)
{
    for (unsigned i = 0; i < s->pokes; i++)
        pair_set(s->poke[i].at, s->poke[i].bytes, s->poke[i].size);
    pair_run_machine(e->length, s->gpr, s->rflags, s->fx, by_trace, m); /* first: it takes fx from the block */
    pair_run_host(e->length, s->gpr, s->rflags, s->fx, h);
    return differs(e, s, h, m);
}

/*
 * A virtual host has been seen to raise #UD on a good floating-point instruction, or to lose NT, once in a million
 * times and not when asked again. So what differs is asked twice more; if it agrees then, it was the host's slip. Slips
 * are counted, and few are allowed.
 */
static void check_case(const struct encoding *e, const struct case_state *s)
{
    static u8 fx[sizeof host->fx];
    struct outcome h, m;
    bool by_trace = case_one_in(2);
    unsigned row = (unsigned)(e->row - isa_rows);
    pair_lay(e->bytes, e->length);
    pair_keep();
    compared++;
    if (s->fx)
        memcpy(fx, &host->fx, sizeof fx);
    const char *what = try_case(e, s, by_trace, &h, &m);
    exceptions += h.vector != NO_VECTOR;
    for (unsigned again = 0; what && again < 3; again++) {
        if (again == 2 && failed[row]++ < 2)
            print_case(e, s, &h, &m, what);
        pair_restore();
        if (again == 2) {
            failures++;
            return;
        }
        if (s->fx)
            memcpy(&host->fx, fx, sizeof fx);
        what = try_case(e, s, by_trace, &h, &m);
        host_slips += !what;
    }
    if (!pair_same_memory()) /* in what is not compared */
        pair_restore();
}

static const char *why_skipped(const struct row *row)
{
    if (row->attributes & ATTR_I64)
        return "not in 64-bit mode";
    for (unsigned i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
        if (!strcmp(skipped[i].row, row->name) && (!skipped[i].opcode || skipped[i].opcode == row->opcode))
            return skipped[i].why;
    return NULL;
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
    if (e->row->opcode == 0x63 && e->op.osize == 2 && op_is_mem(&e->op))
        return true; /* MOVSXD r16, r/m16; AMD reads 32 bits */
    if (flags & OP_66 && (e->row->op[0] == OPR_Jz || e->row->op[0] == OPR_Jb || !strcmp(name, "CALL_E") ||
                          !strcmp(name, "JMP_E") || !strcmp(name, "RET")))
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
            pair_randomize(case_random);
        if (!case_encode(row, &e) || not_comparable(&e))
            continue;
        for (unsigned again = 0; again < 4; again++) {
            if (!case_operands(&e, &s, host))
                continue;
            tried[index]++;
            check_case(&e, &s);
        }
    }
}

/* What is not compared, and why. A name that is no row's any more is an error. */
static unsigned print_skipped(void)
{
    unsigned stale = 0, old = 0;
    for (unsigned i = 0; i < isa_row_count; i++)
        old += !!(isa_rows[i].attributes & ATTR_I64);
    printf("skipped: %u rows: not in 64-bit mode\n", old);
    for (unsigned k = 0; k < sizeof skipped / sizeof skipped[0]; k++) {
        unsigned rows = 0;
        for (unsigned i = 0; i < isa_row_count; i++)
            rows += !strcmp(skipped[k].row, isa_rows[i].name) &&
                    (!skipped[k].opcode || skipped[k].opcode == isa_rows[i].opcode);
        printf("%s %s (%u): %s\n", rows ? "skipped:" : "FAIL no such row:", skipped[k].row, rows, skipped[k].why);
        stale += !rows;
    }
    return stale;
}

static unsigned print_failed(void)
{
    unsigned untried = 0;
    for (unsigned i = 0; i < isa_row_count; i++) {
        const struct row *row = &isa_rows[i];
        if (failed[i] > 2)
            printf("FAIL row %u (%s, opcode %x): %u of %u cases\n", i, row->name, row->opcode, failed[i], tried[i]);
        if (tried[i] || why_skipped(row) || !pair_host_has(row->feature))
            continue;
        printf("FAIL row %u (%s, opcode %x): no case came out\n", i, row->name, row->opcode);
        untried++;
    }
    if (host_slips > 5 + compared / 100000)
        printf("FAIL too many slips of the host\n");
    return untried + (host_slips > 5 + compared / 100000);
}

static u64 number_from(const char *name, u64 otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(void)
{
    u64 fs, gs, seed = number_from("TEST_NATIVE_SEED", 0);
    const char *why;
    unsigned rows = 0, without = 0, skips = 0, count = (unsigned)number_from("TEST_NATIVE_COUNT", 1000);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!pair_setup(&fs, &gs, &why)) {
        printf("SKIP the host cannot be asked: %s\n0 passed, 0 failed, %u skipped\n", why, isa_row_count);
        return 0;
    }
    cases_setup(pair_vm->cpu->isa, &pair_vm->cpu->features, fs, gs);
    for (unsigned i = 0; i < isa_row_count; i++) {
        const struct row *row = &isa_rows[i];
        if (why_skipped(row)) {
            skips++;
        } else if (!pair_host_has(row->feature)) {
            without++;
            printf("skipped: %s (1): the host does not have it\n", row->name);
        } else {
            case_seed(seed ^ ((u64)row->opcode << 32 | (u64)row->modrm << 8 | row->prefix));
            check_row(row, count);
            rows++;
        }
    }
    unsigned bad = print_skipped() + print_failed();
    printf("%u rows compared in %llu cases, %llu of them exceptions, %llu slips of the host, %llu unaligned operands "
           "that only AMD's take; %u rows are not to be compared, %u the host does not have\n",
           rows, (unsigned long long)compared, (unsigned long long)exceptions, (unsigned long long)host_slips,
           (unsigned long long)unaligned, skips, without);
    printf("%llu passed, %llu failed, %u skipped\n", (unsigned long long)(compared - failures),
           (unsigned long long)failures + bad, skips + without);
    vm_destroy(pair_vm);
    return failures + bad != 0;
}
