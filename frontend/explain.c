/* SPDX-License-Identifier: MIT */
#include "frontend/explain.h"

#define PUSH_MOST 64u /* bytes: an access so near below the stack pointer is a push (PUSHA, ENTER, a red zone's) */

/* Just below the stack pointer, where an instruction pushes. */
static bool is_push(const struct record *r)
{
    return r->access.kind == ACCESS_WRITE && r->access.implicit == IMPLICIT_NONE && r->rsp - r->cr2 - 1 < PUSH_MOST;
}

static void put_access(struct text *t, const struct record *r)
{
    if (r->access.implicit != IMPLICIT_NONE) {
        text_string(t, implicit_name(r->access.implicit));
        text_char(t, ' ');
    } else {
        text_string(t, r->cpl == 3 ? "user " : "kernel ");
    }
    text_string(t, r->access.kind == ACCESS_EXECUTE ? "fetch" : access_name(r->access.kind));
    text_string(t, r->access.kind == ACCESS_WRITE ? " to " : " of ");
    text_hex(t, r->cr2);
    if (r->stack.name[0]) {
        text_string(t, " (");
        stack_source_text(t, &r->stack);
        text_char(t, ')');
    } else if (is_push(r)) {
        text_string(t, " (its stack)");
    }
}

static void put_instructions(struct text *t, const struct record *r, const char *before)
{
    if (r->handled_at == RECORD_NONE)
        return;
    text_string(t, before);
    text_decimal(t, r->handled_at - r->icount);
    text_string(t, " instructions");
}

static void put_outcome(struct text *t, const struct record *r)
{
    static const char *const sentence[OUTCOME_COUNT] = {
        [OUTCOME_MAPPED] = "kernel mapped it",
        [OUTCOME_COPIED] = "kernel gave it a writable frame of its own",
        [OUTCOME_MADE_WRITABLE] = "kernel made it writable",
        [OUTCOME_PERMITTED] = "kernel permitted it",
        [OUTCOME_SPURIOUS] = "nothing was changed, and the retry passed",
        [OUTCOME_FIXUP] = "kernel went on at another place",
        [OUTCOME_DELIVERED] = "kernel sent the program elsewhere (a signal)",
        [OUTCOME_LOOP] = "the retry faulted again",
        [OUTCOME_DOUBLE_FAULT] = "its delivery failed: double fault",
        [OUTCOME_TRIPLE_FAULT] = "its delivery failed: triple fault",
        [OUTCOME_PENDING] = "not decided when last seen",
    };

    if (r->failure[0]) {
        text_string(t, "its delivery failed, for ");
        text_string(t, r->failure);
        text_string(t, record_outcome(r) == OUTCOME_TRIPLE_FAULT ? ": triple fault" : ": double fault");
        return;
    }
    if (r->lost[0] && record_outcome(r) == OUTCOME_PENDING) {
        text_string(t, r->lost);
        return;
    }
    text_string(t, sentence[record_outcome(r)]);
    if (record_outcome(r) == OUTCOME_LOOP) {
        text_string(t, ", which it will again and again: ");
        verdict_loop(t, r);
    }
    put_instructions(t, r, record_outcome(r) == OUTCOME_LOOP ? ", in " : " in ");
    if (r->outcome == OUTCOME_SWITCHED)
        text_string(t, ", after other programs ran");
}

#define CALLERS_TOLD 3u

static void put_callers(struct text *t, const struct record *r)
{
    for (unsigned i = 0; i < r->frames && i < CALLERS_TOLD && r->frame_symbol[i].name; i++) {
        text_string(t, " <- ");
        symbol_text(t, &r->frame_symbol[i]);
    }
}

void explain_fault(struct text *t, const struct record *r, const struct disasm_line *line)
{
    text_char(t, '#');
    text_decimal(t, r->seq);
    text_char(t, ' ');
    if (r->vector != 14) {
        verdict_why(t, r);
        text_string(t, ", at ");
        text_hex(t, r->rip);
        return;
    }
    put_access(t, r);
    text_string(t, " at ");
    text_hex(t, r->rip);
    if (r->symbol.name) {
        text_char(t, ' ');
        record_symbol(t, r);
        put_callers(t, r);
    }
    if (r->source) {
        text_string(t, " at ");
        record_source(t, r);
    }
    if (line) {
        text_string(t, " (");
        text_string(t, line->text);
        text_char(t, ')');
    }
    if (r->parent != RECORD_NONE) {
        text_string(t, ", while handling #");
        text_decimal(t, r->parent);
    }
    text_string(t, ": ");
    if (r->reason[0] && !(r->open && record_is_resolved(r))) {
        text_string(t, r->reason);
        text_string(t, "; ");
    }
    verdict_short(t, r);
    verdict_who(t, r);
    verdict_before(t, r);
}

void explain_line(struct text *t, const struct record *r, const struct disasm_line *line)
{
    explain_fault(t, r, line);
    if (r->vector == 14) {
        text_string(t, " -> ");
        put_outcome(t, r);
    }
    text_char(t, '\n');
}

void explain_count(struct explain *e, const struct record *r)
{
    if (r->vector != 14)
        return;
    e->count[r->walk.cause][record_outcome(r)]++;
    if (r->handled_at != RECORD_NONE)
        e->instructions[r->walk.cause] += r->handled_at - r->icount;
}

static void explain_cause(const struct explain *e, int cause, FILE *to)
{
    u64 faults = 0;

    for (int o = 0; o < OUTCOME_COUNT; o++)
        faults += e->count[cause][o];
    if (!faults)
        return;
    fprintf(to, "%-18s %10llu %12llu   ", fault_cause_name((enum fault_cause)cause), (unsigned long long)faults,
            (unsigned long long)(e->instructions[cause] / faults));
    for (int o = 0, n = 0; o < OUTCOME_COUNT; o++)
        if (e->count[cause][o])
            fprintf(to, "%s%llu %s", n++ ? ", " : "", (unsigned long long)e->count[cause][o],
                    outcome_name((enum outcome)o));
    fputc('\n', to);
}

void explain_table(const struct explain *e, FILE *to)
{
    u64 total = 0;

    for (int c = 0; c < CAUSE_COUNT; c++)
        for (int o = 0; o < OUTCOME_COUNT; o++)
            total += e->count[c][o];
    fprintf(to, "%llu page faults\n", (unsigned long long)total);
    if (!total)
        return;
    fprintf(to, "%-18s %10s %12s   %s\n", "cause", "faults", "insns each", "outcomes");
    for (int c = 0; c < CAUSE_COUNT; c++)
        explain_cause(e, c, to);
}
