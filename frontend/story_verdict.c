/* SPDX-License-Identifier: MIT */
/* A triple fault in one sentence: what is wrong with the machine that an exception could not be delivered. */
#include "frontend/cause.h"
#include "frontend/delivery.h"
#include "frontend/recorder.h"
#include "frontend/story.h"
#include "frontend/who.h"

enum { VEC_PF = 14 };
#define PF_P 1u
#define EFER_LMA BIT(10)
#define CR4_PAE BIT(5)
#define CR4_PCIDE BIT(17)
#define CR4_SMEP BIT(20)
#define CR3_IGNORED 0xfe7u /* bits 11:0 but for PWT and PCD; of PAE paging's CR3, 11:5 are of the address */
#define AGAIN_LEAST 3u     /* page faults at one address, one behind the other, are no coincidence */

/* What the sentence is made of. */
struct verdict {
    const struct story *story;
    const struct story_link *first, *failed;
    struct cpu *cpu;
    struct tables *tables;
    struct cpu_state state;
    struct record r; /* the page fault that decided, for its words */
};

/* Who decided, and who wrote that. */
static void find_walk(struct verdict *v, const struct cpu_event *ev, const struct walk *w)
{
    v->r.cr2 = ev->cr2;
    v->r.error = ev->error;
    v->r.walk = *w;
    v->r.access = ev->access;
    who_wrote(v->tables, &v->r, v->cpu);
    if (v->story->causes)
        record_before(&v->r, v->story->causes, v->cpu);
}

/* " (PTE of 0x2060 is not present)"; whose entry that is, is asked for later. */
static void put_walk(struct text *t, struct verdict *v, const struct cpu_event *ev, const struct walk *w)
{
    find_walk(v, ev, w);
    text_string(t, " (");
    verdict_why(t, &v->r);
    text_char(t, ')');
}

/* Of an empty entry that nobody has been seen to write there is nothing to tell here. */
static void put_who(struct text *t, const struct verdict *v)
{
    const struct walk_step *s = record_deciding(&v->r);

    if (v->r.past != PAST_UNKNOWN || v->r.misplaced || (s && s->entry))
        verdict_who(t, &v->r);
    verdict_before(t, &v->r);
}

static void put_access(struct text *t, const struct verdict *v, const struct cpu_event *ev)
{
    text_string(t, ev->access.user ? "user " : "kernel ");
    text_string(t, ev->access.kind == ACCESS_EXECUTE ? "fetch" : access_name(ev->access.kind));
    text_string(t, ev->access.kind == ACCESS_WRITE ? " to " : " of ");
    text_hex(t, ev->cr2);
    if (ev == &v->first->event) {
        text_string(t, " at ");
        text_hex(t, v->state.rip);
    }
}

static void put_failure(struct text *t, const struct verdict *v)
{
    delivery_failure(t, v->cpu, &v->first->event, &v->failed->event,
                     v->failed->walked ? v->failed->walk.cause : CAUSE_NONE, v->first->failed_at);
}

/* What delivery needs was mapped: its entry was cleared, or is in other tables. */
static void put_any_more(struct text *t, struct verdict *v)
{
    const struct cpu_event *ev = &v->failed->event;
    enum implicit i = ev->access.implicit;

    if (v->failed->walk.cause != CAUSE_NOT_PRESENT || i == IMPLICIT_NONE || i == IMPLICIT_EXCEPTION_STACK)
        return;
    find_walk(v, ev, &v->failed->walk);
    if (v->r.before_maps ||
        (v->r.past == PAST_KNOWN && v->r.writer.was & PTE_P && v->r.writer.write.cr3 == v->state.cr3))
        text_string(t, " any more");
}

static bool put_no_tables(struct text *t, struct verdict *v)
{
    if (!v->first->walked || !v->failed->walked || v->first->event.access.kind != ACCESS_EXECUTE ||
        v->failed->event.access.implicit != IMPLICIT_IDT)
        return false;
    text_string(t, "the tables at CR3 = ");
    text_hex(t, v->state.cr3);
    if (v->first->walk.steps && v->state.cr3 & CR3_IGNORED && !(v->state.cr4 & CR4_PCIDE) &&
        (v->state.efer & EFER_LMA || !(v->state.cr4 & CR4_PAE))) {
        text_string(t, " (they are at ");
        text_hex(t, v->first->walk.step[0].at & PAGE_MASK);
        text_string(t, ", for its bits 11:0 are no address)");
    }
    text_string(t, " map neither the instruction at ");
    text_hex(t, v->state.rip);
    text_string(t, " nor the IDT");
    put_walk(t, v, &v->first->event, &v->first->walk);
    put_who(t, v);
    return true;
}

/* #PF was delivered again and again, and nothing was executed, for it could not be fetched where its gate leads: the
 * oldest of these that is remembered, or NULL. */
static const struct cpu_event *find_fetches(const struct verdict *v)
{
    const struct cpu_event *oldest = NULL;
    unsigned n = 0;

    for (unsigned back = 0; back < CPU_RECENT; back++) {
        const struct cpu_delivery *d = cpu_recent(v->cpu, back);

        if (!d || d->icount != v->story->icount || d->event.vector != VEC_PF || d->event.kind != EVENT_FAULT ||
            d->event.access.kind != ACCESS_EXECUTE || d->event.cr2 != v->first->event.cr2)
            continue;
        oldest = &d->event;
        n++;
    }
    return n >= AGAIN_LEAST ? oldest : NULL;
}

/* The gate of #PF leads to where nothing can be fetched: each fetch is another #PF, until something else gives way. By
 * then its frames may have overwritten the tables. */
static bool put_no_handler(struct text *t, struct verdict *v)
{
    const struct cpu_event *ev = v->first->walked ? find_fetches(v) : NULL;

    if (!ev)
        return false;
    text_string(t, "the handler of #PF, at ");
    text_hex(t, v->state.rip);
    text_string(t, ", cannot be fetched");
    if (v->story->fetch_icount == v->story->icount && v->story->fetch_la == ev->cr2 && v->story->fetch.steps) {
        put_walk(t, v, ev, &v->story->fetch);
        put_who(t, v);
    } else if ((v->first->walk.cause == CAUSE_NOT_PRESENT) == !(ev->error & PF_P)) {
        put_walk(t, v, ev, &v->first->walk);
        put_who(t, v);
    } else {
        text_string(t, " (error ");
        text_hex(t, ev->error);
        text_string(t, v->state.cr4 & CR4_SMEP ? ": it is present, but XD or CR4.SMEP forbids it)"
                                               : ": it is present, but XD forbids it)");
    }
    text_string(t, ", so #PF leads to #PF until ");
    put_failure(t, v);
    return true;
}

/* The page fault that was delivered again and again before, or NULL. */
static const struct cpu_event *find_repeated(const struct verdict *v)
{
    const struct cpu_event *last = NULL;
    unsigned n = 0;

    for (unsigned back = 0; back < CPU_RECENT; back++) {
        const struct cpu_delivery *d = cpu_recent(v->cpu, back);

        if (!d || d->icount == v->story->icount)
            continue;
        if (d->event.vector != VEC_PF || d->event.kind != EVENT_FAULT || d->event.access.user ||
            (last && d->event.cr2 != last->cr2))
            break;
        last = &d->event;
        n++;
    }
    return n >= AGAIN_LEAST ? last : NULL;
}

static bool put_handler_faults(struct text *t, struct verdict *v)
{
    const struct cpu_event *ev = find_repeated(v);
    struct walk w;

    if (!ev)
        return false;
    w = cpu_walk(v->cpu, ev->cr2, ev->access);
    if (w.cause == CAUSE_NONE)
        return false;
    text_string(t, "the handler of #PF faults itself, by a ");
    put_access(t, v, ev);
    put_walk(t, v, ev, &w);
    put_who(t, v);
    text_string(t, ", again and again until ");
    put_failure(t, v);
    return true;
}

/* Early in a kernel's life there are no gates: then the page fault is the news. */
static bool put_unhandled(struct text *t, struct verdict *v)
{
    if (!v->first->walked || v->failed->walked || !delivery_lacks_gate(&v->failed->event))
        return false;
    put_access(t, v, &v->first->event);
    put_walk(t, v, &v->first->event, &v->first->walk);
    put_who(t, v);
    text_string(t, ", and there is no handler: ");
    put_failure(t, v);
    return true;
}

/* What lies behind the first event goes before it. */
static void put_cause(struct text *t, const struct verdict *v)
{
    const struct story_link *link = v->first->walked ? v->first : v->failed;
    const struct cpu_event *ev = &link->event;

    if (cause_error_left(t, v->cpu, &v->first->event, NULL) ||
        (v->first->walked && v->story->causes && cause_bases(t, v->story->causes, v->cpu, ev->cr2, &ev->access)) ||
        (link->walked && cause_levels(t, v->cpu, v->tables, ev->cr2, &ev->access)))
        text_string(t, "; ");
}

void story_verdict(struct text *t, const struct story *story, struct cpu *cpu, struct tables *tables)
{
    struct verdict v = {
        .story = story, .first = &story->link[0], .failed = &story->link[1], .cpu = cpu, .tables = tables};

    cpu_get_state(cpu, &v.state);
    v.r = (struct record){.vector = VEC_PF,
                          .cpl = (u8)cpu_cpl(cpu),
                          .icount = cpu_icount(cpu),
                          .cr3 = v.state.cr3,
                          .cr4 = v.state.cr4,
                          .efer = v.state.efer,
                          .pkru = v.state.pkru,
                          .pkrs = v.state.pkrs,
                          .outcome = OUTCOME_TRIPLE_FAULT};
    if (story->links < 2 || !v.first->failed_at) {
        text_string(t, "no exception could be delivered");
        return;
    }
    put_cause(t, &v);
    if (put_no_tables(t, &v) || put_no_handler(t, &v) || put_handler_faults(t, &v) || put_unhandled(t, &v))
        return;
    put_failure(t, &v);
    if (v.failed->walked) {
        put_any_more(t, &v);
        put_walk(t, &v, &v.failed->event, &v.failed->walk);
    }
    text_string(t, ", so ");
    delivery_name(t, &v.first->event);
    text_string(t, " cannot be delivered");
    if (v.failed->walked)
        put_who(t, &v);
}
