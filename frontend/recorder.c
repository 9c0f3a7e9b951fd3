/* SPDX-License-Identifier: MIT */
/*
 * Records live until their outcome is known and all before them have been handed on. The slot used last is used next,
 * so that usually a few stay in the host's cache. Those that wait hang in hash chains by the context that faulted: at
 * CPL 3 the address space, else CPL and stack pointer. So a return to user code looks at few of them, however many
 * threads sleep on a fault.
 */
#include "frontend/recorder_parts.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/delivery.h"
#include "frontend/who.h"

#define CR4_PAE BIT(5)
#define EFER_LMA BIT(10)
#define RFLAGS_AC BIT(18)
#define ATTR_DB BIT(14)
#define CR3_ISOLATION BIT(12) /* the bit in which the two CR3 of a process differ under page-table isolation */

#define VEC_DF 8
#define VEC_PF 14

#define LOOK_AT_MOST 64u  /* waiting records of one context that a resume looks at, newest first */
#define SAME_STACK 65536u /* two stack pointers this near are on the same stack */
#define INSTRUCTION_MOST 15u
#define FRAME_LOOKED_AT 1024u /* bytes: more than lie before the registers in a signal's frame */

struct recorder *recorder_create(const struct recorder_events *events)
{
    struct recorder *rec = calloc(1, sizeof(*rec));

    if (!rec)
        return NULL;
    rec->events = *events;
    rec->first = rec->next = 1;
    rec->retry = RECORD_NONE;
    while (rec->unused_count < RECORDER_WAITING) {
        rec->unused[rec->unused_count] = (u16)rec->unused_count;
        rec->unused_count++;
    }
    return rec;
}

void recorder_destroy(struct recorder *rec) { free(rec); }

u64 recorder_count(const struct recorder *rec) { return rec->next - 1; }

void recorder_number_from(struct recorder *rec, u64 raised) { rec->first = rec->next = raised + 1; }

struct slot *recorder_slot(struct recorder *rec, u64 seq)
{
    return &rec->slot[rec->slot_number[seq & (RECORDER_WAITING - 1)]];
}

/* What of CR3 names the address space: not the PCID or the cache bits. */
static u64 space_of(const struct cpu_state *s)
{
    return s->cr3 & (s->cr4 & CR4_PAE && !(s->efer & EFER_LMA) ? ~0x1full : BITS(51, 12));
}

/* ---- Waiting ---- */

static u32 *chain_of(struct recorder *rec, unsigned cpl, u64 space, u64 rsp)
{
    u64 key = (cpl == 3 ? space : rsp) * 4 + cpl;

    return &rec->chain[key * 0x9e3779b97f4a7c15ull >> 55];
}

void recorder_wait(struct recorder *rec, struct slot *s)
{
    u32 *head = chain_of(rec, s->r.cpl, s->space, s->r.rsp), me = (u32)(s - rec->slot) + 1;

    s->state = SLOT_WAITING;
    s->previous = 0;
    s->next = *head;
    if (*head)
        rec->slot[*head - 1].previous = me;
    *head = me;
    rec->waiting++;
}

static void wait_end(struct recorder *rec, struct slot *s)
{
    if (s->state != SLOT_WAITING)
        return;
    if (s->next)
        rec->slot[s->next - 1].previous = s->previous;
    if (s->previous)
        rec->slot[s->previous - 1].next = s->next;
    else
        *chain_of(rec, s->r.cpl, s->space, s->r.rsp) = s->next;
    rec->waiting--;
}

/* The handling of `seq` is over, and of all that nested in it. */
static void nest_leave(struct recorder *rec, u64 seq)
{
    for (unsigned i = 0; i < rec->nested; i++)
        if (rec->nest[i] == seq)
            rec->nested = i;
}

void recorder_hand_on(struct recorder *rec)
{
    struct slot *s;

    while (rec->first < rec->next && (s = recorder_slot(rec, rec->first))->state == SLOT_DECIDED) {
        if (rec->events.ordered && !s->told)
            rec->events.ordered(rec->events.ctx, &s->r);
        s->state = SLOT_FREE;
        rec->first++;
        rec->unused[rec->unused_count++] = (u16)(s - rec->slot);
    }
}

static void decide(struct recorder *rec, struct slot *s, enum outcome outcome)
{
    bool fatal = outcome == OUTCOME_DOUBLE_FAULT || outcome == OUTCOME_TRIPLE_FAULT;

    wait_end(rec, s);
    s->state = SLOT_DECIDED;
    s->r.outcome = outcome;
    who_changed(rec->events.tables, &s->r);
    if (!fatal && s->switches != rec->switches) {
        s->r.outcome = OUTCOME_SWITCHED;
        s->r.then = outcome;
    }
    if (s->r.handled_at != RECORD_NONE)
        nest_leave(rec, s->r.seq);
    if (rec->events.decided && !s->told)
        rec->events.decided(rec->events.ctx, &s->r);
    recorder_hand_on(rec);
}

/* ---- The fault ---- */

void record_place(struct record *r, struct cpu *cpu, const struct cpu_state *s)
{
    u64 at = s->rip;

    r->cs = s->seg[SEG_CS].selector;
    r->cpl = (u8)cpu_cpl(cpu);
    r->mode = cpu_mode(cpu);
    r->code_bits = r->mode == MODE_LONG64 ? 64 : s->seg[SEG_CS].attributes & ATTR_DB ? 32 : 16;
    r->rip = s->rip;
    r->rsp = s->gpr[REG_RSP];
    r->rflags = s->rflags;
    r->cr0 = s->cr0;
    r->cr3 = s->cr3;
    r->cr4 = s->cr4;
    r->efer = s->efer;
    r->pkru = s->pkru;
    r->pkrs = s->pkrs;
    r->fs_base = s->seg[SEG_FS].base;
    r->gs_base = s->seg[SEG_GS].base;
    if (r->mode != MODE_LONG64)
        at = (u32)(at + s->seg[SEG_CS].base);
    r->bytes_count = (u8)cpu_peek(cpu, at, r->bytes, sizeof(r->bytes));
}

/* The fault in whose handling this one was raised: by delivery, or by kernel code that an unfinished fault led to. */
static u64 parent_of(struct recorder *rec, const struct record *r)
{
    if (r->during == VEC_PF || r->during == VEC_DF)
        return rec->next > 1 ? rec->next - 1 : RECORD_NONE;
    if (r->cpl == 3)
        return RECORD_NONE;
    while (rec->nested) {
        u64 seq = rec->nest[rec->nested - 1];
        const struct slot *s = recorder_slot(rec, seq);
        bool abandoned = s->r.cpl == r->cpl && r->rsp >= s->r.rsp && r->rsp - s->r.rsp < SAME_STACK;

        /* A handler that has thrown its frame away did not return, but it is no longer handling. */
        if (s->r.seq == seq && !abandoned)
            return seq;
        rec->nested--;
    }
    return RECORD_NONE;
}

static void nest_enter(struct recorder *rec, u64 seq)
{
    if (rec->nested == NEST_MAX)
        memmove(rec->nest, rec->nest + 1, --rec->nested * sizeof(rec->nest[0]));
    rec->nest[rec->nested++] = seq;
}

struct slot *recorder_take(struct recorder *rec)
{
    struct slot *s;

    if (rec->next - rec->first == RECORDER_WAITING) {
        s = recorder_slot(rec, rec->first);
        if (rec->retry == rec->first)
            rec->retry = RECORD_NONE;
        decide(rec, s, OUTCOME_PENDING);
    }
    rec->slot_number[rec->next & (RECORDER_WAITING - 1)] = rec->unused[--rec->unused_count];
    s = recorder_slot(rec, rec->next);
    s->told = false;
    s->r.seq = rec->next;
    s->r.parent = RECORD_NONE;
    s->r.handled_at = RECORD_NONE;
    s->r.outcome = s->r.then = OUTCOME_NONE;
    s->r.entries = false;
    s->r.story = NULL;
    s->r.stack.name[0] = '\0';
    s->r.missed_level = 0;
    s->r.open = s->r.before_maps = false;
    s->r.failure[0] = s->r.reason[0] = s->r.lost[0] = '\0';
    s->r.symbol.name = s->r.writer_symbol.name = s->r.elsewhere_symbol.name = s->r.source = NULL;
    s->r.frames = 0;
    s->r.pte_before = s->r.pte_after = s->r.sole_at = s->r.register_source = 0;
    s->r.past = PAST_UNWATCHED;
    s->r.misplaced = s->r.beside = s->r.holds_linear = false;
    s->r.changed = s->r.repeats = s->r.changes = 0;
    return s;
}

/* The instruction that was to be retried with nothing changed has gone on, or faulted again. */
static void retry_settle(struct recorder *rec, enum outcome outcome)
{
    u64 seq = rec->retry;

    rec->retry = RECORD_NONE;
    decide(rec, recorder_slot(rec, seq), outcome);
}

static void retry_before_fault(struct recorder *rec, struct record *r, struct cpu *cpu)
{
    struct record *old = &recorder_slot(rec, rec->retry)->r;
    bool same = r->icount == rec->retry_icount && r->cr2 == old->cr2 && r->rip == old->rip && r->rsp == old->rsp;

    r->repeats = same ? old->repeats + 1 : 0;
    if (same && !old->repeats)
        who_missed(rec->events.tables, old, cpu);
    retry_settle(rec, same ? OUTCOME_LOOP : OUTCOME_SPURIOUS);
}

/* A #DF found its handler. */
static void doomed_settle(struct recorder *rec, enum outcome outcome)
{
    unsigned n = rec->doomed_count;

    rec->doomed_count = 0;
    for (unsigned i = 0; i < n; i++)
        if (recorder_slot(rec, rec->doomed[i])->state == SLOT_DOOMED)
            decide(rec, recorder_slot(rec, rec->doomed[i]), outcome);
}

static void fill_fault(struct recorder *rec, struct record *r, struct cpu *cpu, u64 la, const struct access *access,
                       const struct walk *walk)
{
    r->icount = cpu_icount(cpu);
    r->time_ns = rec->events.time_ns ? rec->events.time_ns(rec->events.ctx) : r->icount;
    r->vector = VEC_PF;
    r->has_error = true;
    r->error = walk->error;
    r->cr2 = la;
    r->access = *access;
    r->walk = *walk;
    r->pte_before = walk->steps ? walk->step[walk->steps - 1].entry : 0;
    if (walk->also & WALK_CACHED) {
        struct walk now = cpu_walk(cpu, la, *access);

        r->pte_before = now.steps ? now.step[now.steps - 1].entry : 0;
    }
}

/*
 * A context that waits does not fault. If a user context that has all its registers does, the kernel has killed the one
 * that waited, and given its tables to another of the same parent.
 */
static void supersede(struct recorder *rec, const struct record *r, u64 space)
{
    u32 at = *chain_of(rec, r->cpl, space, r->rsp);

    for (unsigned n = 0; at && n < LOOK_AT_MOST; n++) {
        struct slot *s = &rec->slot[at - 1];

        at = s->next;
        if (s->state == SLOT_WAITING && s->r.cpl == 3 && s->space == space && s->r.rip == r->rip &&
            s->r.rsp == r->rsp && s->r.fs_base == r->fs_base && s->r.gs_base == r->gs_base)
            decide(rec, s, OUTCOME_PENDING);
    }
}

void recorder_page_fault(struct recorder *rec, struct cpu *cpu, u64 la, unsigned width, const struct access *access,
                         const struct walk *walk, int during)
{
    struct cpu_state state;
    struct slot *s;
    struct record *r;

    if (rec->doomed_count && during < 0)
        doomed_settle(rec, OUTCOME_DOUBLE_FAULT);
    s = recorder_take(rec);
    r = &s->r;
    cpu_get_state(cpu, &state);
    fill_fault(rec, r, cpu, la, access, walk);
    record_place(r, cpu, &state);
    r->size = width;
    r->during = during;
    if (access->implicit == IMPLICIT_EXCEPTION_STACK && during >= 0)
        stack_source(&r->stack, cpu, (unsigned)during);
    who_wrote(rec->events.tables, r, cpu);
    recorder_cause_fault(rec, r, cpu);
    if (rec->retry != RECORD_NONE)
        retry_before_fault(rec, r, cpu);
    s->space = space_of(&state);
    if (r->cpl == 3 && during < 0)
        supersede(rec, r, s->space);
    if (r->cpl == 3) {
        rec->user_space = s->space;
        rec->user_space_loose = false;
        rec->nested = 0;
    } else if (!rec->waiting) {
        rec->user_space = s->space;
        rec->user_space_loose = true;
    }
    s->switches = rec->switches;
    r->parent = parent_of(rec, r);
    rec->next++;
    recorder_wait(rec, s);
    nest_enter(rec, r->seq);
    if (rec->events.describe)
        rec->events.describe(rec->events.ctx, cpu, r);
    if (rec->events.raised)
        rec->events.raised(rec->events.ctx, r);
}

/* ---- Delivery ---- */

void recorder_event(struct recorder *rec, struct cpu *cpu, const struct cpu_event *ev, int during)
{
    if (ev->vector == VEC_PF && ev->kind == EVENT_FAULT)
        rec->delivering = rec->next - 1;
    recorder_cause_event(rec, cpu, ev);
    if (rec->doomed_count && during < 0)
        doomed_settle(rec, OUTCOME_DOUBLE_FAULT);
    if (rec->retry == RECORD_NONE)
        return;
    if (cpu_icount(cpu) == rec->retry_icount && (ev->kind == EVENT_EXTERNAL || ev->kind == EVENT_NMI)) {
        struct slot *s = recorder_slot(rec, rec->retry); /* an interrupt came before the retry */

        rec->retry = RECORD_NONE;
        s->r.handled_at = RECORD_NONE;
        recorder_wait(rec, s);
    } else {
        retry_settle(rec, OUTCOME_SPURIOUS);
    }
}

static void doom(struct recorder *rec, u64 seq)
{
    struct slot *s = recorder_slot(rec, seq);

    if (s->r.seq != seq || s->state != SLOT_WAITING || rec->doomed_count == DOOMED_MAX)
        return;
    wait_end(rec, s);
    s->state = SLOT_DOOMED;
    rec->doomed[rec->doomed_count++] = seq;
}

/* SDM "Interrupt and Exception Classes". */
static bool is_contributory(const struct cpu_event *ev)
{
    return ev->kind == EVENT_FAULT && (ev->vector == 0 || (ev->vector >= 10 && ev->vector <= 13));
}

static bool is_page_fault(const struct cpu_event *ev) { return ev->kind == EVENT_FAULT && ev->vector == VEC_PF; }

void recorder_delivery_failed(struct recorder *rec, struct cpu *cpu, const struct cpu_event *first,
                              const struct cpu_event *second, const char *step)
{
    bool fatal = is_page_fault(second) || is_contributory(second);

    if (is_page_fault(first) && fatal) {
        if (recorder_slot(rec, rec->delivering)->r.seq == rec->delivering)
            delivery_note(&recorder_slot(rec, rec->delivering)->r, cpu, first, second, step);
        doom(rec, rec->delivering);
    }
    if (is_page_fault(second) && (is_page_fault(first) || first->kind == EVENT_ABORT))
        doom(rec, rec->next - 1);
}

/* ---- The context runs again ---- */

/* What the tables say now about the access that was refused. If they still refuse it, the retry will show. */
static void retried(struct recorder *rec, struct slot *s, struct cpu *cpu, const struct cpu_state *now, u64 icount)
{
    struct record *r = &s->r;
    struct access access = r->access;
    struct walk w;

    if (!access.user && access.implicit == IMPLICIT_NONE)
        access.ac = now->rflags & RFLAGS_AC;
    w = cpu_walk(cpu, r->cr2, access);
    r->handled_at = icount;
    r->entries = true;
    r->pte_after = w.steps ? w.step[w.steps - 1].entry : 0;
    if (w.cause != CAUSE_NONE) {
        r->still_cause = w.cause;
        for (unsigned i = 0; i < w.steps; i++)
            if (w.step[i].level == w.level)
                r->still = w.step[i];
        if (rec->retry != RECORD_NONE)
            retry_settle(rec, OUTCOME_SPURIOUS);
        wait_end(rec, s);
        s->state = SLOT_RETRYING;
        rec->retry = r->seq;
        rec->retry_icount = icount;
    } else if (r->walk.also & WALK_CACHED && r->pte_after == r->pte_before) {
        decide(rec, s, OUTCOME_SPURIOUS);
    } else if (r->walk.cause == CAUSE_NOT_PRESENT) {
        decide(rec, s, OUTCOME_MAPPED);
    } else if (r->walk.cause == CAUSE_WRITE_PROTECTED && !r->walk.writable && w.writable) {
        bool same = (r->walk.pa & PAGE_MASK) == (w.pa & PAGE_MASK);

        decide(rec, s, same ? OUTCOME_MADE_WRITABLE : OUTCOME_COPIED);
    } else {
        decide(rec, s, OUTCOME_PERMITTED);
    }
}

/* Another place of the same program: the pages' state is noted, but does not decide. */
static void resumed_elsewhere(struct recorder *rec, struct slot *s, struct cpu *cpu, u64 icount)
{
    struct walk w = cpu_walk(cpu, s->r.cr2, s->r.access);

    s->r.handled_at = icount;
    s->r.entries = true;
    s->r.pte_after = w.steps ? w.step[w.steps - 1].entry : 0;
    decide(rec, s, s->r.cpl == 3 ? OUTCOME_DELIVERED : OUTCOME_FIXUP);
}

/*
 * Who sends a program elsewhere tells it where it was: what is pushed for a signal's handler holds the RIP and RSP of
 * the fault, on every system.
 */
static bool has_frame(const struct record *r, struct cpu *cpu, const struct cpu_state *now)
{
    u8 frame[FRAME_LOOKED_AT];
    bool wide = r->mode == MODE_LONG64, rip = false, rsp = false;
    u64 base = wide ? 0 : now->seg[SEG_SS].base;
    size_t width = wide ? 8 : 4, n = cpu_peek(cpu, base + now->gpr[REG_RSP], frame, sizeof(frame));

    for (size_t at = 0; at + width <= n; at += 4) {
        u64 word = 0;

        memcpy(&word, frame + at, width);
        rip |= word == r->rip;
        rsp |= word == r->rsp;
    }
    return rip && rsp;
}

/*
 * A user context in the same address space, at another place: has the fault's context been sent there?
 * Threads differ in their FS or GS base; where there is none, a signal's frame lies a little below the stack. While
 * other programs ran, the fault's own may have been killed, and its tables may be another's now, a child of the same
 * parent, whose registers are alike: then only what the kernel has pushed tells, or that an instruction was skipped.
 */
static bool is_sent_here(const struct recorder *rec, const struct slot *s, struct cpu *cpu, const struct cpu_state *now)
{
    const struct record *r = &s->r;
    u64 fs = now->seg[SEG_FS].base, gs = now->seg[SEG_GS].base, rsp = now->gpr[REG_RSP];

    if (s->switches != rec->switches) {
        if (rsp == r->rsp && now->rip - r->rip <= INSTRUCTION_MOST)
            return true;
        return r->fs_base == fs && r->gs_base == gs && has_frame(r, cpu, now);
    }
    if (rsp == r->rsp)
        return true;
    if (r->fs_base != fs || r->gs_base != gs || now->rip == r->rip)
        return false;
    return fs || gs || (rsp < r->rsp && r->rsp - rsp <= SAME_STACK);
}

static void match(struct recorder *rec, struct cpu *cpu, const struct cpu_state *now, unsigned cpl, u64 icount)
{
    u64 space = space_of(now), rsp = now->gpr[REG_RSP];
    u32 at = *chain_of(rec, cpl, space, rsp);

    for (unsigned n = 0; at && n < LOOK_AT_MOST; n++) {
        struct slot *s = &rec->slot[at - 1];

        at = s->next;
        if (s->state != SLOT_WAITING || s->r.cpl != cpl || s->space != space)
            continue;
        if (s->r.rsp == rsp && s->r.rip == now->rip)
            retried(rec, s, cpu, now, icount);
        else if (cpl == 3 ? is_sent_here(rec, s, cpu, now) : s->r.rsp == rsp)
            resumed_elsewhere(rec, s, cpu, icount);
    }
}

static void note_user_space(struct recorder *rec, u64 space)
{
    u64 differs = space ^ rec->user_space;

    if (rec->user_space_loose)
        differs &= ~CR3_ISOLATION;
    if (differs)
        rec->switches++;
    rec->user_space = space;
    rec->user_space_loose = false;
}

void recorder_resume(struct recorder *rec, struct cpu *cpu)
{
    unsigned cpl = cpu_cpl(cpu);
    struct cpu_state now;
    u64 icount;

    causes_resume(&rec->causes, cpu);
    if (rec->doomed_count)
        doomed_settle(rec, OUTCOME_DOUBLE_FAULT);
    if (rec->retry != RECORD_NONE)
        retry_settle(rec, OUTCOME_SPURIOUS);
    if (!rec->waiting)
        return;
    icount = cpu_icount(cpu);
    cpu_get_state(cpu, &now);
    if (cpl == 3)
        note_user_space(rec, space_of(&now));
    match(rec, cpu, &now, cpl, icount);
    if (cpl == 3)
        rec->nested = 0;
}

/* ---- The end ---- */

static void pend_all(struct recorder *rec)
{
    rec->retry = RECORD_NONE;
    for (u64 seq = rec->first; seq < rec->next; seq++) {
        struct slot *s = recorder_slot(rec, seq);

        if (s->state == SLOT_DECIDED || s->state == SLOT_FREE)
            continue;
        s->r.handled_at = RECORD_NONE;
        decide(rec, s, OUTCOME_PENDING);
    }
    rec->nested = 0;
}

static void record_link(struct recorder *rec, struct cpu *cpu, const struct story_link *link, int during)
{
    struct slot *s = recorder_take(rec);
    struct record *r = &s->r;
    struct cpu_state state;

    cpu_get_state(cpu, &state);
    r->access = (struct access){.kind = ACCESS_READ};
    fill_fault(rec, r, cpu, 0, &r->access, &(struct walk){.cause = CAUSE_NONE});
    record_place(r, cpu, &state);
    r->vector = link->event.vector;
    r->has_error = link->event.has_error;
    r->error = link->event.error;
    r->size = 0;
    r->during = during;
    r->story = link->failed_at;
    s->switches = rec->switches;
    s->state = SLOT_DOOMED;
    rec->next++;
    if (rec->events.describe)
        rec->events.describe(rec->events.ctx, cpu, r);
    decide(rec, s, OUTCOME_TRIPLE_FAULT);
}

void recorder_shutdown(struct recorder *rec, struct cpu *cpu, const struct story *story)
{
    doomed_settle(rec, OUTCOME_TRIPLE_FAULT);
    pend_all(rec);
    for (unsigned i = 0; i < story->links; i++)
        if (story->link[i].event.vector != VEC_PF)
            record_link(rec, cpu, &story->link[i], i ? story->link[i - 1].event.vector : -1);
}

void recorder_give_up(struct recorder *rec)
{
    doomed_settle(rec, OUTCOME_DOUBLE_FAULT);
    pend_all(rec);
}

void recorder_finish(struct recorder *rec) { recorder_give_up(rec); }
