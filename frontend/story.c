/* SPDX-License-Identifier: MIT */
#include "frontend/story.h"

#include "frontend/record.h"

enum { VEC_PF = 14 };

static void story_walk(struct story_link *link, struct cpu *cpu)
{
    if (link->event.vector != VEC_PF || link->event.kind != EVENT_FAULT)
        return;
    link->walk = cpu_walk(cpu, link->event.cr2, link->event.access);
    link->walked = link->walk.cause != CAUSE_NONE;
}

static struct story_link *story_add(struct story *s, struct cpu *cpu, const struct cpu_event *ev)
{
    struct story_link *link = &s->link[s->links < STORY_LINKS ? s->links++ : STORY_LINKS - 1];

    *link = (struct story_link){.event = *ev};
    story_walk(link, cpu);
    return link;
}

void story_page_fault(struct story *s, struct cpu *cpu, u64 la, const struct access *access, const struct walk *w)
{
    if (access->kind != ACCESS_EXECUTE || (s->fetch_la == la && s->fetch_icount == cpu_icount(cpu)))
        return;
    s->fetch_icount = cpu_icount(cpu);
    s->fetch_la = la;
    s->fetch = *w;
}

static bool is_same(const struct cpu_event *a, const struct cpu_event *b)
{
    return a->vector == b->vector && a->kind == b->kind && a->error == b->error && a->cr2 == b->cr2;
}

void story_delivery_failed(struct story *s, struct cpu *cpu, const struct cpu_event *first,
                           const struct cpu_event *second, const char *step)
{
    struct story_link *link = s->links ? &s->link[s->links - 1] : NULL;

    if (link && cpu_icount(cpu) != s->icount)
        link = NULL;
    if (!link || (!is_same(&link->event, first) && first->kind != EVENT_ABORT)) {
        s->links = 0;
        s->icount = cpu_icount(cpu);
        link = NULL;
    }
    if (!link || !is_same(&link->event, first))
        link = story_add(s, cpu, first);
    link->failed_at = step;
    story_add(s, cpu, second);
}

/* Real mode pushes no error codes. */
static void put_event(struct text *t, const struct cpu_event *ev, bool real)
{
    const char *name =
        ev->kind == EVENT_FAULT || ev->kind == EVENT_TRAP || ev->kind == EVENT_ABORT ? vector_name(ev->vector) : NULL;

    if (name) {
        text_string(t, name);
    } else {
        text_string(t, ev->kind == EVENT_SOFTWARE ? "INT " : ev->kind == EVENT_NMI ? "NMI, vector " : "interrupt ");
        text_decimal(t, ev->vector);
    }
    if (ev->has_error && !real) {
        text_string(t, ", error ");
        text_hex(t, ev->error);
    }
}

/* "selector 0x28 of the GDT": what the error code of #TS, #NP, #SS and #GP names. */
static void put_selector(struct text *t, const struct cpu_event *ev)
{
    if (ev->kind != EVENT_FAULT || ev->vector < 10 || ev->vector > 13 || !ev->error)
        return;
    if (ev->error & 2) {
        text_string(t, " (IDT entry ");
        text_hex(t, ev->error >> 3);
    } else {
        text_string(t, ev->error & 4 ? " (LDT selector " : " (GDT selector ");
        text_hex(t, ev->error & 0xfff8);
    }
    text_char(t, ')');
}

static void put_link(struct text *t, const struct story_link *link, const struct record *state, bool real)
{
    put_event(t, &link->event, real);
    if (!real)
        put_selector(t, &link->event);
    if (link->walked) {
        struct record r = *state;

        r.cr2 = link->event.cr2;
        r.error = link->event.error;
        r.walk = link->walk;
        r.access = link->event.access;
        text_string(t, link->event.access.implicit != IMPLICIT_NONE ? ": the processor's own "
                       : link->event.access.user                    ? ": user "
                                                                    : ": supervisor ");
        text_string(t, access_name(link->event.access.kind));
        text_string(t, "; ");
        verdict_why(t, &r);
    } else if (link->event.vector == VEC_PF) {
        text_string(t, " at ");
        text_hex(t, link->event.cr2);
    }
}

static void tell(FILE *to, struct text *t, char *line)
{
    text_end(t);
    fprintf(to, "faultline:   %s\n", line);
}

/* Exceptions that were delivered shortly before: the first cause of a chain is often there. */
static void tell_recent(const struct story *s, struct cpu *cpu, bool real, FILE *to)
{
    for (unsigned back = CPU_RECENT; back-- > 0;) {
        const struct cpu_delivery *d = cpu_recent(cpu, back);
        const struct cpu_event *ev = d ? &d->event : NULL;
        char line[256];
        struct text t = TEXT_OVER(line);

        if (!ev || d->icount == s->icount || (ev->kind != EVENT_FAULT && ev->kind != EVENT_ABORT))
            continue;
        text_string(&t, "earlier, ");
        text_decimal(&t, s->icount - d->icount);
        text_string(&t, " instructions before: ");
        put_event(&t, ev, real);
        if (ev->vector == VEC_PF) {
            text_string(&t, " at ");
            text_hex(&t, ev->cr2);
        }
        text_string(&t, ", delivered");
        tell(to, &t, line);
    }
}

static void tell_where(struct cpu *cpu, const struct cpu_state *state, FILE *to)
{
    fprintf(to,
            "faultline: triple fault after %llu instructions at %#llx (CS %#x, CPL %u, %s), RSP %#llx, CR0 %#llx,"
            " CR3 %#llx, CR4 %#llx, IDT %#llx limit %#x\n",
            (unsigned long long)cpu_icount(cpu), (unsigned long long)state->rip, state->seg[SEG_CS].selector,
            cpu_cpl(cpu), cpu_mode_name(cpu_mode(cpu)), (unsigned long long)state->gpr[REG_RSP],
            (unsigned long long)state->cr0, (unsigned long long)state->cr3, (unsigned long long)state->cr4,
            (unsigned long long)state->idt_base, state->idt_limit);
}

static void tell_verdict(const struct story *s, struct cpu *cpu, struct tables *tables, FILE *to)
{
    char line[1024];
    struct text t = TEXT_OVER(line);

    story_verdict(&t, s, cpu, tables);
    text_end(&t);
    fprintf(to, "faultline: triple fault: %s\n", line);
}

void story_tell(const struct story *s, struct cpu *cpu, struct tables *tables, FILE *to)
{
    struct cpu_state state;
    struct record r = {.vector = VEC_PF, .cpl = (u8)cpu_cpl(cpu)};
    bool real = cpu_mode(cpu) == MODE_REAL;

    cpu_get_state(cpu, &state);
    r.cr4 = state.cr4;
    r.efer = state.efer;
    r.pkru = state.pkru;
    r.pkrs = state.pkrs;
    tell_verdict(s, cpu, tables, to);
    tell_where(cpu, &state, to);
    tell_recent(s, cpu, real, to);
    for (unsigned i = 0; i < s->links; i++) {
        const struct story_link *link = &s->link[i];
        char line[512];
        struct text t = TEXT_OVER(line);

        text_string(&t, i == 0 ? "first, " : link->event.kind == EVENT_ABORT ? "so, " : "because of ");
        put_link(&t, link, &r, real);
        if (link->failed_at) {
            text_string(&t, "; its delivery failed at: ");
            text_string(&t, link->failed_at);
        } else if (i + 1 == s->links) {
            text_string(&t, "; nothing is left to deliver: shutdown");
        }
        tell(to, &t, line);
    }
}
