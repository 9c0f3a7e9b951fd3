/* SPDX-License-Identifier: MIT */
/*
 * Nothing of a faulting instruction remains. For every row of the instruction list, in each context: run it once clean
 * and see which pages it touches; then make each of them fault in every way its use allows, and require one #PF with
 * the right CR2 and error code, processor and memory as they were (REP: as after whole iterations), and after repair
 * and return the clean run's end. FAULTS 1-8, 10-20, 44.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/tlb.h"
#include "tests/atomic/scene.h"

enum kind { KIND_ABSENT, KIND_READ_ONLY, KIND_SUPERVISOR, KIND_USER_PAGE, KIND_NO_EXECUTE, KIND_RESERVED, KINDS };
static const char *const kind_names[KINDS] = {"not present", "read-only",   "supervisor", "user page (SMAP, SMEP)",
                                              "no-execute",  "reserved bit"};

enum manner { COLD, WARM, STEP, MANNERS };
static const char *const manner_names[MANNERS] = {"cold", "warm", "single step"};

struct test {
    struct rig rig;
    struct scene scene;
    bool rep_memory; /* partial images are at hand */
    struct arch clean, partial[6];
    u8 clean_memory[PAGES][PAGE_SIZE], partial_memory[6][PAGES][PAGE_SIZE];
    u32 touched, dirtied; /* bits by page */

    /* The run under way. */
    enum manner manner;
    bool armed;
    unsigned page;
    enum kind kind;
    u64 good;
    unsigned faults;
    bool delivered, resumed, done;
    u32 expected;
    u64 la;
    struct arch at_fault, end;
    u8 at_fault_memory[PAGES][PAGE_SIZE];
    u32 end_touched, end_dirtied;
    char problem[200];
    unsigned vector;
};

static struct {
    u64 runs, passed, failed;
} total;
static unsigned *row_memory, *row_code, *row_failures;

static void __attribute__((format(printf, 2, 3))) fail(struct test *t, const char *format, ...)
{
    va_list args;
    if (t->problem[0])
        return; /* the first is the one to know */
    va_start(args, format);
    vsnprintf(t->problem, sizeof(t->problem), format, args);
    va_end(args);
}

static bool is(const struct test *t, const char *name) { return !strcmp(t->scene.row->name, name); }

static bool never_compares(const struct test *t)
{
    static const char *const names[] = {"RDTSC", "RDTSCP", "RDRAND", "RDSEED"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is(t, names[i]))
            return true;
    return false;
}

/* Memory. */

static u8 *frame(struct test *t, unsigned page) { return rig_frame(&t->rig, page); }

/* All pages now and then, else those the instruction knows. */
static u32 pages_to_compare(const struct test *t) { return total.runs % 16 ? t->touched : BIT(PAGES) - 1; }

static void compare_memory(struct test *t, u8 expected[PAGES][PAGE_SIZE], const char *when)
{
    u32 pages = pages_to_compare(t);
    for (unsigned page = 0; page < PAGES; page++)
        if (pages >> page & 1 && memcmp(frame(t, page), expected[page], PAGE_SIZE))
            fail(t, "%s: memory differs (%s)", when, page_name(page));
}

static void load_memory(struct test *t)
{
    for (unsigned page = 0; page < PAGES; page++)
        if (!page_is_code(page))
            memcpy(frame(t, page), t->rig.memory[page], PAGE_SIZE);
}

static void load_code(struct test *t)
{
    for (unsigned page = 0; page < PAGES; page++)
        if (page_is_code(page) && memcmp(frame(t, page), t->rig.memory[page], PAGE_SIZE))
            phys_copy_in(t->rig.phys, FRAME_BASE + (u64)(PAGES - 1 - page) * PAGE_SIZE, t->rig.memory[page], PAGE_SIZE);
}

/* What the processor says. */

static void check_state(struct test *t, const struct arch *expected, const char *when)
{
    const char *what = arch_differs(expected, &t->at_fault);
    if (what)
        fail(t, "%s: %s differs", when, what);
}

/* At a fault of the instruction itself: as before it, or between two iterations. */
static void check_start(struct test *t)
{
    struct arch *start = &t->rig.start;
    u64 left = t->at_fault.gpr[REG_RCX], k = start->gpr[REG_RCX] - left;
    if (!t->scene.rep || k > 4) {
        check_state(t, start, "at the fault");
        compare_memory(t, t->rig.memory, "at the fault");
        return;
    }
    struct arch expected = t->partial[k];
    expected.rip = start->rip, expected.rflags = start->rflags, expected.gpr[REG_RCX] = left;
    check_state(t, &expected, "between iterations");
    compare_memory(t, t->partial_memory[k], "between iterations");
}

static void check_address(struct test *t, u64 la)
{
    u64 operand = t->scene.operand;
    unsigned page = t->page;
    if (page_of(la) != (int)page) {
        fail(t, "CR2 is %" PRIx64 ", not in the %s page", la, page_name(page));
        return;
    }
    if (operand && (page == PG_DATA0 || page == PG_DATA1)) {
        u64 expected = page_of(operand) == (int)page ? operand : AT(PG_DATA1);
        if (la != expected)
            fail(t, "CR2 is %" PRIx64 ", not the first byte on the page", la);
    }
    if (page == PG_CODE1 && t->scene.place->code == CODE_TAIL && la != AT(PG_CODE1))
        fail(t, "CR2 is %" PRIx64 ", not the first byte of the code page", la);
}

static u32 expected_error(const struct test *t, const struct access *access)
{
    const struct rig *r = &t->rig;
    unsigned page = t->page;
    bool fetch_bit = has_wide_entries(r->ctx), code = page_is_code(page);
    bool write = page_is_system(page) || is(t, "ARPL") ? access->kind == ACCESS_WRITE : !code && t->dirtied >> page & 1;
    u32 e = (t->kind != KIND_ABSENT ? PF_P : 0) | (t->kind == KIND_RESERVED ? PF_RSVD : 0);
    if (is(t, "MOVS") && t->scene.special == 3 && page == PG_DATA0)
        write = false; /* overlapping: the source comes first */
    if (t->kind == KIND_READ_ONLY)
        write = true;
    return e | (write ? PF_W : 0) | (page_is_user(r, page) ? PF_U : 0) | (code && fetch_bit ? PF_I : 0);
}

static void on_fault(void *ctx, struct cpu *cpu, u64 la, unsigned width, const struct access *access,
                     const struct walk *walk, int during)
{
    struct test *t = ctx;
    (void)width, (void)during;
    if (t->done)
        return;
    if (!t->armed || ++t->faults > 1) {
        fail(t, "%s page fault at %" PRIx64, t->armed ? "another" : "unexpected", la);
        t->done = true;
        cpu_request_stop(cpu);
        return;
    }
    t->la = la;
    arch_take(cpu, &t->at_fault);
    check_address(t, la);
    t->expected = expected_error(t, access);
    if (walk->error != t->expected)
        fail(t, "error code %x, expected %x", walk->error, t->expected);
    if (t->at_fault.rip == t->rig.start.rip && t->at_fault.seg[SEG_CS].selector == t->rig.start.seg[SEG_CS].selector) {
        check_start(t);
    } else if (!never_compares(t)) { /* the fetch of what comes after: the instruction is done */
        check_state(t, &t->clean, "at the fetch after it");
        compare_memory(t, t->clean_memory, "at the fetch after it");
    }
    for (unsigned page = 0; page < PAGES; page++)
        memcpy(t->at_fault_memory[page], frame(t, page), PAGE_SIZE);
    rig_set_pte(&t->rig, t->page, t->good);
}

static void finish(struct test *t, struct cpu *cpu)
{
    t->done = true;
    arch_take(cpu, &t->end);
    t->end_touched = t->end_dirtied = 0;
    for (unsigned page = 0; page < PAGES; page++) {
        u64 entry = rig_pte(&t->rig, page);
        t->end_touched |= (u32) !!(entry & PTE_A) << page;
        t->end_dirtied |= (u32) !!(entry & PTE_D) << page;
    }
    if (t->armed)
        compare_memory(t, t->clean_memory, "at the end");
    else
        for (unsigned page = 0; page < PAGES; page++)
            memcpy(t->clean_memory[page], frame(t, page), PAGE_SIZE);
    cpu_request_stop(cpu);
}

static void on_event(void *ctx, struct cpu *cpu, const struct cpu_event *ev, int during)
{
    struct test *t = ctx;
    bool at_start = cpu->rip == t->rig.start.rip && cpu->seg[SEG_CS].selector == t->rig.start.seg[SEG_CS].selector;
    (void)during;
    if (t->done)
        return;
    if (ev->vector == 14 && t->faults == 1 && !t->delivered) {
        t->delivered = true;
        if (ev->error != t->expected || cpu->cr2 != t->la)
            fail(t, "#PF delivered with error code %x, CR2 %" PRIx64, ev->error, cpu->cr2);
    } else if ((ev->kind == EVENT_ICEBP && !at_start) || (t->scene.ud && ev->vector == 6)) {
        finish(t, cpu);
    } else if (!at_start || (ev->kind != EVENT_SOFTWARE && ev->kind != EVENT_ICEBP)) {
        fail(t, "unexpected exception %u, error code %x", ev->vector, ev->error);
        t->vector = ev->vector;
        t->done = true;
        cpu_request_stop(cpu);
    }
}

/* The handler's IRET: everything is as it was, and its stack frame is forgotten. */
static void on_resume(void *ctx, struct cpu *cpu)
{
    struct test *t = ctx;
    struct arch now;
    if (t->done || !t->delivered || t->resumed)
        return;
    t->resumed = true;
    arch_take(cpu, &now);
    const char *what = arch_differs(&t->at_fault, &now);
    if (what)
        fail(t, "%s is not restored by the handler's frame", what);
    for (unsigned page = 0; page < PAGES; page++)
        memcpy(frame(t, page), t->at_fault_memory[page], PAGE_SIZE);
}

static void run(struct test *t)
{
    struct cpu *cpu = t->rig.cpu;
    t->faults = 0;
    t->delivered = t->resumed = t->done = false;
    t->problem[0] = 0;
    t->vector = 0;
    arch_give(cpu, &t->rig.start);
    if (t->manner != WARM)
        tlb_flush_all(cpu);
    total.runs++;
    cpu_run(cpu, cpu_icount(cpu) + (t->manner == STEP ? 60 : 2000));
    if (!t->done)
        fail(t, "does not come to an end");
}

static bool run_clean(struct test *t)
{
    t->armed = false;
    load_code(t);
    load_memory(t);
    rig_map(&t->rig, t->manner == WARM);
    run(t);
    if (t->problem[0])
        return false;
    if (t->manner != WARM)
        t->touched = t->end_touched, t->dirtied = t->end_dirtied;
    t->clean = t->end;
    return true;
}

/* REP: what k iterations alone leave. */
static void run_partial(struct test *t)
{
    u64 count = t->rig.start.gpr[REG_RCX];
    for (u64 k = 0; k < count; k++) {
        t->rig.start.gpr[REG_RCX] = k;
        if (run_clean(t)) {
            t->partial[k] = t->clean;
            memcpy(t->partial_memory[k], t->clean_memory, sizeof(t->clean_memory));
        }
    }
    t->rig.start.gpr[REG_RCX] = count;
}

/* One fault. */

/*
 * "If an unrecoverable error occurs after the commit point" of a task switch it is the new task's, and its segments are
 * not loaded again: the page with their descriptors, where the TSS descriptor is not in it too.
 */
static bool is_past_commit(const struct test *t, unsigned page)
{
    unsigned special = t->scene.special;
    bool task =
        (special >= 2 && (is(t, "JMP_far") || is(t, "CALL_far") || is(t, "IRET"))) || (special == 1 && is(t, "INT"));
    return task && t->rig.ctx->split && page == PG_GDT0;
}

/*
 * The instruction changes rSP to anything: a fault right after it finds no stack to be delivered on, but on IST or at
 * CPL 3; and IRET does not bring back the upper half of ESP on a 16-bit stack.
 */
static bool stack_is_gone(const struct test *t)
{
    const struct row *row = t->scene.row;
    return row->op[0] == OPR_Zv && row->access[0] & ACC_w && (row->opcode & 7) == REG_RSP &&
           t->scene.place->code == CODE_END && !is_long(t->rig.ctx) &&
           (t->rig.ctx->cpl == 0 || t->rig.ctx->mode == CTX_16);
}

static bool applies(const struct test *t, unsigned page, enum kind kind)
{
    const struct rig *r = &t->rig;
    bool wide = has_wide_entries(r->ctx);
    if ((page_is_code(page) && stack_is_gone(t)) || is_past_commit(t, page))
        return false;
    switch (kind) {
    case KIND_ABSENT: return true;
    case KIND_READ_ONLY: return t->dirtied >> page & 1;
    case KIND_SUPERVISOR: return page_is_user(r, page);
    case KIND_USER_PAGE: return is_long(r->ctx) && !page_is_user(r, page);
    case KIND_NO_EXECUTE: return wide && page_is_code(page);
    default: return wide;
    }
}

static u64 spoilt(u64 entry, enum kind kind)
{
    switch (kind) {
    case KIND_ABSENT: return entry & ~PTE_P;
    case KIND_READ_ONLY: return entry & ~PTE_W;
    case KIND_SUPERVISOR: return entry & ~PTE_U;
    case KIND_USER_PAGE: return entry | PTE_U;
    case KIND_NO_EXECUTE: return entry | PTE_XD;
    default: return entry | BIT(45);
    }
}

static void report(struct test *t)
{
    const struct scene *s = &t->scene;
    unsigned row = (unsigned)(s->row - isa_rows);
    static const char *const prefixes[] = {"", "66 ", "REX.W "};
    total.failed++;
    if (++row_failures[row] > 3)
        return;
    printf("not ok: %s%s (%x) special %u, placement %u, %s, %s", prefixes[s->prefix], s->row->name, s->row->opcode,
           s->special, (unsigned)(s->place - placements), t->rig.ctx->name, manner_names[t->manner]);
    if (t->armed)
        printf(", %s page %s", page_name(t->page), kind_names[t->kind]);
    printf(": %s\n", t->problem);
}

static void run_fault(struct test *t, unsigned page, enum kind kind)
{
    unsigned row = (unsigned)(t->scene.row - isa_rows);
    t->armed = true;
    t->page = page;
    t->kind = kind;
    load_code(t); /* a sentinel's frame may have gone anywhere */
    load_memory(t);
    t->good = rig_pte(&t->rig, page);
    rig_set_pte(&t->rig, page, spoilt(t->good, kind));
    tlb_invalidate_page(t->rig.cpu, AT(page));
    run(t);
    rig_set_pte(&t->rig, page, t->good);
    if (!t->problem[0] && t->faults != 1)
        fail(t, "%u faults", t->faults);
    if (t->done && !t->problem[0] && !never_compares(t)) {
        const char *what = arch_differs(&t->clean, &t->end);
        if (what)
            fail(t, "at the end: %s differs", what);
    }
    if (t->problem[0]) {
        report(t);
        return;
    }
    total.passed++;
    if (page_is_code(page))
        row_code[row]++;
    else
        row_memory[row]++;
}

/* Does the list's word for the operand hold: is it touched, and written? */
static void check_touched(struct test *t)
{
    static const char *const untouched[] = {"LEA", "NOP", "PREFETCH", "PREFETCHW", "INVLPG", "UD"};
    const struct row *row = t->scene.row;
    u32 data = t->touched & (BIT(PG_DATA0) | BIT(PG_DATA1));
    for (unsigned i = 0; i < sizeof(untouched) / sizeof(untouched[0]); i++)
        if (is(t, untouched[i])) {
            if (data)
                fail(t, "touches its operand"), report(t);
            return;
        }
    if (!row_has_memory_form(row))
        return;
    bool writes = row->access[0] & ACC_w && (row->op[0] <= OPR_Ey || (row->op[0] >= OPR_Mb && row->op[0] <= OPR_Mdq) ||
                                             row->op[0] == OPR_W || row->op[0] == OPR_Q);
    if (is(t, "ARPL") && t->scene.special == 1)
        writes = false; /* nothing to adjust */
    if (!data || (writes && (t->dirtied & data) != data)) {
        fail(t, "operand not %s", data ? "written" : "touched");
        report(t);
    }
}

/* Contexts in which the row is refused by its attributes, or by rules of its own. */
static bool is_refused(const struct test *t)
{
    static const char *const privileged[] = {"MOV_from_CR", "MOV_to_CR", "MOV_from_DR", "MOV_to_DR",
                                             "XSETBV",      "MONITOR",   "MWAIT",       "STAC",
                                             "CLAC",        "SYSRET",    "SYSEXIT",     NULL};
    const struct rig *r = &t->rig;
    const struct row *row = t->scene.row;
    if (!has_feature(&r->cpu->features, row->feature) || row->attributes & (is_code64(r->ctx) ? ATTR_I64 : ATTR_O64))
        return true;
    if (!is_code64(r->ctx) && (is(t, "SYSCALL") || is(t, "SYSRET"))) /* AMD's alone */
        return true;
    if (r->ctx->cpl == 3)
        for (unsigned i = 0; privileged[i]; i++)
            if (is(t, privileged[i]))
                return true;
    if (!is_long(r->ctx) && (is(t, "RDPKRU") || is(t, "WRPKRU")))
        return true;
    return r->ctx->cpl == 3 && row->attributes & ATTR_CPL0;
}

/* Sixteen-byte operands that must be aligned cannot cross a page. */
static bool is_alignment(const struct test *t)
{
    return t->vector == 13 && t->scene.place->data_back && t->scene.row->attributes & (ATTR_SSE);
}

static void run_faults(struct test *t, enum manner manner)
{
    u32 touched = t->touched;
    t->manner = manner;
    if (!run_clean(t)) {
        report(t);
        return;
    }
    for (unsigned page = 0; page < PAGES; page++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            if (touched >> page & 1 && applies(t, page, kind))
                run_fault(t, page, kind);
}

static void run_scene(struct test *t)
{
    t->manner = COLD;
    if (t->scene.rep)
        run_partial(t);
    if (!run_clean(t)) {
        if (!is_alignment(t))
            report(t);
        return;
    }
    check_touched(t);
    run_faults(t, COLD);
    if (t->scene.place->code != CODE_END)
        run_faults(t, WARM);
    if (t->scene.place->code == CODE_MID)
        run_faults(t, STEP);
}

/* Not run, or run for their code bytes alone. */
static const struct {
    const char *name, *reason;
} skipped[] = {
    {"HLT", "stops the processor"},
    {"MWAIT", "stops the processor"},
    {"RDPMC", "there are no counters: #GP"},
};

static const char *skip_reason(const struct row *row)
{
    for (unsigned i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
        if (!strcmp(row->name, skipped[i].name))
            return skipped[i].reason;
    return NULL;
}

static void run_row(struct test *t, const struct row *row)
{
    t->scene.row = row;
    if (skip_reason(row) || is_refused(t))
        return;
    for (unsigned special = 0; special < scene_specials(row); special++)
        for (unsigned prefix = 0; prefix < SCENE_PREFIXES; prefix++)
            for (unsigned place = 0; place < placement_count; place++) {
                t->scene =
                    (struct scene){.row = row, .prefix = prefix, .special = special, .place = &placements[place]};
                if (scene_make(&t->rig, &t->scene))
                    run_scene(t);
            }
}

static bool touches_memory(const struct row *row)
{
    static const char *const implicit[] = {
        "PUSH",  "POP",  "PUSHA",  "POPA", "PUSHF",    "POPF",       "PUSH_Sreg", "POP_Sreg", "ENTER",
        "LEAVE", "CALL", "CALL_E", "RET",  "CALL_far", "JMP_far",    "RET_far",   "IRET",     "INT",
        "INT1",  "INT3", "INTO",   "XLAT", "MASKMOVQ", "MASKMOVDQU", "MONITOR",   NULL};
    static const char *const never[] = {"LEA", "NOP", "PREFETCH", "PREFETCHW", "INVLPG", "UD", NULL};
    for (unsigned i = 0; never[i]; i++)
        if (!strcmp(row->name, never[i]))
            return false;
    for (unsigned i = 0; implicit[i]; i++)
        if (!strcmp(row->name, implicit[i]))
            return true;
    return row_has_memory_form(row) || row_is_string(row) || row->op[0] == OPR_Ob || row->op[0] == OPR_Ov ||
           row->op[1] == OPR_Ob || row->op[1] == OPR_Ov;
}

/* Every row must have been made to fault, on data if it has any, or say why not. */
static void check_coverage(const struct features *f)
{
    unsigned covered = 0, code_only = 0, reasoned = 0, absent = 0;
    for (unsigned i = 0; i < isa_row_count; i++) {
        const struct row *row = &isa_rows[i];
        if (!has_feature(f, row->feature)) {
            absent++;
        } else if (skip_reason(row)) {
            reasoned++;
        } else if (row_memory[i] && row_code[i]) {
            covered++;
        } else if (!touches_memory(row) && row_code[i]) {
            code_only++;
        } else {
            printf("not ok: %s (%x) was never made to fault on %s\n", row->name, row->opcode,
                   row_code[i] ? "memory" : "its code");
            total.failed++;
        }
    }
    printf("# %u rows: %u faulted on memory and code, %u (no memory operand) on code alone, %u skipped with a reason, "
           "%u of features the model lacks\n",
           isa_row_count, covered, code_only, reasoned, absent);
    for (unsigned i = 0; i < sizeof(skipped) / sizeof(skipped[0]); i++)
        printf("# skipped %s: %s\n", skipped[i].name, skipped[i].reason);
}

int main(int argc, char **argv)
{
    static struct test t;
    static const struct cpu_observer observer = {
        .ctx = &t, .page_fault = on_fault, .event = on_event, .resume = on_resume};
    static struct features features;
    const char *only = argc > 1 ? argv[1] : NULL;
    row_memory = calloc(isa_row_count, sizeof(*row_memory));
    row_code = calloc(isa_row_count, sizeof(*row_code));
    row_failures = calloc(isa_row_count, sizeof(*row_failures));
    for (unsigned c = 0; c < context_count; c++) {
        u64 before = total.runs;
        if (!rig_open(&t.rig, &contexts[c]))
            return EXIT_FAILURE;
        features = t.rig.cpu->features;
        cpu_observe(t.rig.cpu, &observer);
        for (unsigned i = 0; i < isa_row_count; i++)
            if (!only || !strcmp(only, isa_rows[i].name))
                run_row(&t, &isa_rows[i]);
        printf("# %s: %llu runs\n", contexts[c].name, (unsigned long long)(total.runs - before));
        rig_close(&t.rig);
    }
    if (!only)
        check_coverage(&features);
    printf("%llu passed, %llu failed\n", (unsigned long long)total.passed, (unsigned long long)total.failed);
    return total.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
