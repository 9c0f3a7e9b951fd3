/* SPDX-License-Identifier: MIT */
/* The faults whose handlers are at work, as part of a saved state. */
#include "frontend/recorder_parts.h"

/* A fault whose handler is at work: what decides when its context runs again, and what became of it. */
struct waiting {
    u64 space, switches;
    u64 cr2, rip, rsp, fs_base, gs_base, icount;
    u64 pa; /* where the refused walk led, and with which right */
    bool writable, user, ac;
    u8 state, cpl, cause, kind, implicit;
    u32 repeats;
};

static const struct state_field waiting_fields[] = {
    STATE_ANY(waiting, space),
    STATE_ANY(waiting, switches),
    STATE_ANY(waiting, cr2),
    STATE_ANY(waiting, rip),
    STATE_ANY(waiting, rsp),
    STATE_ANY(waiting, fs_base),
    STATE_ANY(waiting, gs_base),
    STATE_ANY(waiting, icount),
    STATE_ANY(waiting, pa),
    STATE_BOOL(waiting, writable),
    STATE_BOOL(waiting, user),
    STATE_BOOL(waiting, ac),
    STATE_RANGE(waiting, state, SLOT_WAITING, SLOT_DECIDED),
    STATE_UPTO(waiting, cpl, 3),
    STATE_UPTO(waiting, cause, CAUSE_COUNT - 1),
    STATE_UPTO(waiting, kind, ACCESS_EXECUTE),
    STATE_UPTO(waiting, implicit, IMPLICIT_BITMAP),
    STATE_ANY(waiting, repeats),
};
static const struct state_table waiting_table = STATE_TABLE(waiting, waiting_fields);

static struct waiting waiting_of(const struct slot *s)
{
    const struct record *r = &s->r;

    return (struct waiting){
        .space = s->space,
        .switches = s->switches,
        .cr2 = r->cr2,
        .rip = r->rip,
        .rsp = r->rsp,
        .fs_base = r->fs_base,
        .gs_base = r->gs_base,
        .icount = r->icount,
        .pa = r->walk.pa,
        .writable = r->walk.writable,
        .user = r->access.user,
        .ac = r->access.ac,
        .state = (u8)s->state,
        .cpl = r->cpl,
        .cause = (u8)r->walk.cause,
        .kind = (u8)r->access.kind,
        .implicit = (u8)r->access.implicit,
        .repeats = r->repeats,
    };
}

/* The next record is this one. */
static void wait_again(struct recorder *rec, const struct waiting *w)
{
    struct slot *s = recorder_take(rec);
    struct record *r = &s->r;

    s->told = true;
    s->space = w->space;
    s->switches = w->switches;
    r->vector = 14;
    r->cr2 = w->cr2;
    r->rip = w->rip;
    r->rsp = w->rsp;
    r->fs_base = w->fs_base;
    r->gs_base = w->gs_base;
    r->icount = w->icount;
    r->cpl = w->cpl;
    r->access = (struct access){.kind = w->kind, .user = w->user, .ac = w->ac, .implicit = w->implicit};
    r->walk = (struct walk){.cause = w->cause, .pa = w->pa, .writable = w->writable};
    r->repeats = w->repeats;
    rec->next++;
    s->state = w->state;
    if (s->state == SLOT_WAITING)
        recorder_wait(rec, s);
}

static const struct state_field recorder_fields[] = {
    STATE_ANY(recorder, user_space),   STATE_BOOL(recorder, user_space_loose),
    STATE_ANY(recorder, switches),     STATE_ANY(recorder, retry),
    STATE_ANY(recorder, retry_icount), STATE_ANY(recorder, delivering),
    STATE_ANY(recorder, nest),         STATE_UPTO(recorder, nested, NEST_MAX),
    STATE_ANY(recorder, doomed),       STATE_UPTO(recorder, doomed_count, DOOMED_MAX),
};
static const struct state_table recorder_table = STATE_TABLE(recorder, recorder_fields);

static bool is_open(const struct recorder *rec, u64 seq) { return seq >= rec->first && seq < rec->next; }

/* Numbers that were loaded name records, and those are in the state that this says. */
static void settle_loaded(struct recorder *rec, struct state *s)
{
    unsigned nested = 0;

    for (unsigned i = 0; i < rec->nested; i++)
        if (is_open(rec, rec->nest[i]))
            rec->nest[nested++] = rec->nest[i];
    rec->nested = nested;
    for (unsigned i = 0; i < rec->doomed_count; i++)
        if (!is_open(rec, rec->doomed[i]) || recorder_slot(rec, rec->doomed[i])->state != SLOT_DOOMED)
            state_fail(s, "recorder.doomed: no such fault is open");
    if (rec->retry != RECORD_NONE &&
        (!is_open(rec, rec->retry) || recorder_slot(rec, rec->retry)->state != SLOT_RETRYING))
        state_fail(s, "recorder.retry: no such fault is open");
    for (u64 seq = rec->first; seq < rec->next; seq++)
        if (recorder_slot(rec, seq)->state == SLOT_RETRYING && seq != rec->retry)
            state_fail(s, "recorder.waiting: another fault is retried");
}

void recorder_state(struct recorder *rec, struct state *s)
{
    u64 first = rec->first, open = rec->next - rec->first;

    state_section(s, "recorder");
    state_number(s, "first", &first, INT64_MAX);
    state_number(s, "open", &open, RECORDER_WAITING);
    if (state_is_loading(s))
        rec->first = rec->next = first;
    for (u64 i = 0; i < open && !s->failed; i++) {
        struct waiting w = state_is_loading(s) ? (struct waiting){0} : waiting_of(recorder_slot(rec, first + i));

        state_struct(s, &waiting_table, &w);
        if (state_is_loading(s) && !s->failed)
            wait_again(rec, &w);
    }
    state_struct(s, &recorder_table, rec);
    if (state_is_loading(s) && !s->failed) {
        settle_loaded(rec, s);
        recorder_hand_on(rec);
    }
}
