/* SPDX-License-Identifier: MIT */
/* A triple fault in one sentence: what is wrong with the machine that an exception could not be delivered. */
#include "frontend/record.h"
#include "frontend/story.h"
#include "frontend/who.h"

enum { VEC_NP = 11, VEC_PF = 14 };
#define SAME_STACK 8192u /* a push this near below the stack pointer is one to the same stack */
#define ERROR_IDT 2u     /* SDM "Error Code": the index is one of the IDT */

static void put_name(struct text *t, const struct cpu_event *ev)
{
    const char *name = ev->kind == EVENT_SOFTWARE ? NULL : vector_name(ev->vector);

    if (name) {
        text_string(t, name);
        return;
    }
    text_string(t, ev->kind == EVENT_SOFTWARE ? "INT " : "interrupt ");
    text_decimal(t, ev->vector);
}

/* " (PTE of 0x2060 is not present), last written by .." */
static void put_walk(struct text *t, const struct story_link *link, struct record *r, struct cpu *cpu,
                     struct tables *tables)
{
    r->cr2 = link->event.cr2;
    r->error = link->event.error;
    r->walk = link->walk;
    r->access = link->event.access;
    who_wrote(tables, r, cpu);
    text_string(t, " (");
    verdict_why(t, r);
    text_char(t, ')');
}

static const char *state_of(enum fault_cause cause)
{
    return cause == CAUSE_NOT_PRESENT       ? " is not mapped"
           : cause == CAUSE_WRITE_PROTECTED ? " is read-only"
                                            : " cannot be used";
}

static void put_stack(struct text *t, const struct story_link *tried, const struct story_link *failed,
                      const struct cpu_state *s, struct cpu *cpu)
{
    u64 below = s->gpr[REG_RSP] - failed->event.cr2;
    unsigned cpl = (unsigned)cpu_cpl(cpu);
    struct stack_source from;

    stack_source(&from, cpu, tried->event.vector);
    if (from.name[0]) {
        text_string(t, "the stack that ");
        stack_source_text(t, &from);
        text_string(t, " names, ");
        text_hex(t, from.pointer);
        text_char(t, ',');
        text_string(t, state_of(failed->walk.cause));
        return;
    }
    if (cpl < 3 && below <= SAME_STACK) {
        text_string(t, "the stack has run out at ");
        text_hex(t, failed->event.cr2 & ~7ull);
        return;
    }
    text_string(t, "the stack that delivery switches to");
    text_string(t, state_of(failed->walk.cause));
}

/* Which of the processor's structures a fault of delivery met. */
static void put_page_fault(struct text *t, const struct story_link *tried, const struct story_link *failed,
                           const struct cpu_state *s, struct cpu *cpu)
{
    switch (failed->event.access.implicit) {
    case IMPLICIT_IDT: text_string(t, "the page of the IDT"); break;
    case IMPLICIT_TSS: text_string(t, "the page of the TSS"); break;
    case IMPLICIT_DESCRIPTOR: text_string(t, "the page of a descriptor that delivery needs"); break;
    case IMPLICIT_EXCEPTION_STACK:
    case IMPLICIT_NONE: put_stack(t, tried, failed, s, cpu); return;
    default: text_string(t, "a page that delivery needs"); break;
    }
    text_string(t, state_of(failed->walk.cause));
}

static void put_other(struct text *t, const struct story_link *tried, const struct story_link *failed)
{
    const struct cpu_event *ev = &failed->event;

    if (ev->has_error && ev->error & ERROR_IDT) {
        text_string(t, "entry ");
        text_decimal(t, ev->error >> 3);
        text_string(t, ev->vector == VEC_NP ? " of the IDT is not present"
                                            : " of the IDT is no gate, or beyond its limit");
        return;
    }
    text_string(t, "delivery met ");
    put_name(t, ev);
    if (ev->has_error) {
        text_string(t, ", error ");
        text_hex(t, ev->error);
    }
    text_string(t, ", at: ");
    text_string(t, tried->failed_at);
}

void story_verdict(struct text *t, const struct story *story, struct cpu *cpu, struct tables *tables)
{
    const struct story_link *first = &story->link[0], *failed = &story->link[1];
    struct record r = {.vector = VEC_PF, .cpl = (u8)cpu_cpl(cpu), .icount = cpu_icount(cpu)};
    struct cpu_state s;

    cpu_get_state(cpu, &s);
    r.cr3 = s.cr3, r.cr4 = s.cr4, r.efer = s.efer, r.pkru = s.pkru, r.pkrs = s.pkrs;
    if (story->links < 2 || !first->failed_at) {
        text_string(t, "no exception could be delivered");
        return;
    }
    if (first->walked && failed->walked && first->event.access.kind == ACCESS_EXECUTE &&
        failed->event.access.implicit == IMPLICIT_IDT) {
        text_string(t, "the tables at CR3 = ");
        text_hex(t, s.cr3);
        text_string(t, " map neither the instruction at ");
        text_hex(t, s.rip);
        text_string(t, " nor the IDT");
        put_walk(t, first, &r, cpu, tables);
        verdict_who(t, &r);
        return;
    }
    if (failed->walked) {
        put_page_fault(t, first, failed, &s, cpu);
        put_walk(t, failed, &r, cpu, tables);
    } else {
        put_other(t, first, failed);
    }
    text_string(t, ", so ");
    put_name(t, &first->event);
    text_string(t, " cannot be delivered");
    if (failed->walked)
        verdict_who(t, &r);
}
