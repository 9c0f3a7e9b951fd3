/* SPDX-License-Identifier: MIT */
/* What the recorder's records say of causes that lie before the fault: cause.h finds them. */
#include "frontend/cause.h"
#include "frontend/recorder_parts.h"

enum { VEC_PF = 14 };
#define LOOK_BACK 8u /* deliveries that the processor remembers, and so records that they may be of */

/* The fault that was delivered so. */
static struct record *record_of(struct recorder *rec, const struct cpu_delivery *d)
{
    for (u64 seq = rec->next - 1; seq >= rec->first && rec->next - seq <= LOOK_BACK; seq--) {
        struct record *r = &recorder_slot(rec, seq)->r;

        if (r->seq == seq && r->vector == VEC_PF && r->icount == d->icount && r->cr2 == d->event.cr2)
            return r;
    }
    return NULL;
}

/* Its handler has gone astray, and how. */
static void note_lost(struct recorder *rec, const struct cpu_delivery *d, const char *how)
{
    struct record *r = d->event.vector == VEC_PF ? record_of(rec, d) : NULL;
    struct text t;

    if (!r || r->lost[0])
        return;
    t = TEXT_OVER(r->lost);
    text_string(&t, how);
    text_end(&t);
}

const struct causes *recorder_causes(const struct recorder *rec) { return &rec->causes; }

void record_before(struct record *r, const struct causes *c, struct cpu *cpu)
{
    r->before_maps = cause_tables_before(c, cpu, r->cr2, &r->access);
    r->cr3_before = c->cr3_before;
    r->switch_icount = c->switch_icount;
    r->switch_rip = c->switch_rip;
}

void recorder_cause_fault(struct recorder *rec, struct record *r, struct cpu *cpu)
{
    const struct cpu_delivery *whose;
    struct text t = TEXT_OVER(r->reason);

    record_before(r, &rec->causes, cpu);
    if (r->access.kind == ACCESS_EXECUTE && cause_error_fetched(&t, cpu, r->cr2, &whose)) {
        text_end(&t);
        note_lost(rec, whose, r->reason);
        return;
    }
    if (!cause_bases(&t, &rec->causes, cpu, r->cr2, &r->access))
        r->open = cause_levels(&t, cpu, rec->events.tables, r->cr2, &r->access);
    text_end(&t);
}

void recorder_cause_event(struct recorder *rec, struct cpu *cpu, const struct cpu_event *ev)
{
    const struct cpu_delivery *whose;
    char how[sizeof(((struct record *)0)->lost)];
    struct text t = TEXT_OVER(how);

    causes_event(&rec->causes, cpu, ev);
    if (!cause_error_left(&t, cpu, ev, &whose))
        return;
    text_string(&t, ": ");
    text_string(&t, vector_name(ev->vector));
    text_end(&t);
    note_lost(rec, whose, how);
}
