/* SPDX-License-Identifier: MIT */
#include "frontend/catch.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "devices/machine.h"
#include "frontend/explain.h"
#include "frontend/options.h"
#include "frontend/recorder.h"
#include "frontend/writers.h"

#define VEC_PF 14

/* ---- The question ---- */

static void make_record(struct catches *c, struct cpu *cpu, const struct cpu_event *e, int during)
{
    struct record *r = &c->caught;
    struct cpu_state s;

    *r = (struct record){
        .icount = cpu_icount(cpu),
        .time_ns = machine_time(c->machine),
        .parent = RECORD_NONE,
        .handled_at = RECORD_NONE,
        .during = during,
        .vector = e->vector,
        .has_error = e->has_error,
        .error = e->error,
    };
    cpu_get_state(cpu, &s);
    record_place(r, cpu, &s);
    if (e->vector != VEC_PF || e->kind != EVENT_FAULT)
        return;
    /* nothing has changed since the walk that refused it */
    r->cr2 = e->cr2;
    r->access = e->access;
    r->walk = cpu_walk(cpu, e->cr2, e->access);
    r->pte_before = r->walk.steps ? r->walk.step[r->walk.steps - 1].entry : 0;
}

static bool fits(const struct catchpoint *p, const struct cpu_event *e)
{
    return p->vector < 0 ? e->vector < 32 && e->kind != EVENT_EXTERNAL : p->vector == e->vector;
}

static bool caught(void *ctx, struct cpu *cpu, const struct cpu_event *e, int during)
{
    struct catches *c = ctx;
    bool made = false;

    for (unsigned i = 0; i < c->count; i++) {
        struct catchpoint *p = &c->at[i];

        if (!fits(p, e))
            continue;
        if (!made)
            make_record(c, cpu, e, during);
        made = true;
        if (p->conditional && !filter_matches(&p->filter, &c->caught, record_line(c->disasm, &c->caught)))
            continue;
        p->hits++;
        return true;
    }
    return false;
}

/* ---- The list ---- */

bool catches_init(struct catches *c, struct cpu *cpu, struct machine *m)
{
    *c = (struct catches){.cpu = cpu, .machine = m, .disasm = disasm_create()};
    return c->disasm != NULL;
}

void catches_free(struct catches *c)
{
    cpu_catch(c->cpu, NULL, NULL);
    disasm_destroy(c->disasm);
}

static bool parse_vector(const char *word, int *vector)
{
    u64 number;

    if (!strcasecmp(word, "any")) {
        *vector = -1;
        return true;
    }
    for (unsigned v = 0; v < 32; v++) {
        const char *name = vector_name(v);

        if (name && (!strcasecmp(word, name) || (*name == '#' && !strcasecmp(word, name + 1)))) {
            *vector = (int)v;
            return true;
        }
    }
    if (!option_number(word, 255, &number))
        return false;
    *vector = (int)number;
    return true;
}

static bool refuse(char *why, size_t size, const char *reason)
{
    snprintf(why, size, "catch: %s", reason);
    return false;
}

bool catches_add(struct catches *c, const char *spec, char *why, size_t size)
{
    struct catchpoint *p = &c->at[c->count];
    size_t n = strcspn(spec, " \t"), quote;
    char word[16], reason[256];

    if (c->count == CATCHES_MAX)
        return refuse(why, size, "there are 16 already; uncatch one");
    snprintf(word, sizeof(word), "%.*s", (int)n, spec);
    if (n >= sizeof(word) || !parse_vector(word, &p->vector))
        return refuse(why, size, "a vector is expected: pf, gp, ud .., 0 to 255, or any");
    spec += n + strspn(spec + n, " \t");
    n = strlen(spec);
    while (n && (spec[n - 1] == ' ' || spec[n - 1] == '\t'))
        n--;
    quote = n > 1 && *spec == '\'' && spec[n - 1] == '\'';
    n -= 2 * quote;
    if (n >= CATCH_TEXT)
        return refuse(why, size, "the condition is longer than 199 characters");
    memcpy(p->text, spec + quote, n);
    p->text[n] = '\0';
    p->conditional = n;
    p->hits = 0;
    if (n && !filter_parse(&p->filter, p->text, FILTER_AT_FAULT, reason, sizeof(reason)))
        return refuse(why, size, reason);
    if (!cpu_catch(c->cpu, caught, c))
        return refuse(why, size, "out of memory");
    c->count++;
    return true;
}

bool catches_remove(struct catches *c, unsigned n)
{
    if (n > c->count)
        return false;
    if (n)
        memmove(&c->at[n - 1], &c->at[n], (c->count - n) * sizeof(c->at[0]));
    c->count = n ? c->count - 1 : 0;
    if (!c->count)
        cpu_catch(c->cpu, NULL, NULL);
    return true;
}

static void put_vector(struct text *out, int vector)
{
    const char *name = vector >= 0 ? vector_name((unsigned)vector) : "any exception";

    if (name)
        text_string(out, name);
    else
        text_string(out, "vector "), text_decimal(out, (u64)vector);
}

void catches_list(const struct catches *c, struct text *out)
{
    for (unsigned i = 0; i < c->count; i++) {
        const struct catchpoint *p = &c->at[i];

        text_decimal(out, i + 1);
        text_string(out, ": ");
        put_vector(out, p->vector);
        if (p->conditional)
            text_string(out, " if "), text_string(out, p->text);
        text_string(out, ", caught ");
        text_decimal(out, p->hits);
        text_string(out, " times\n");
    }
    if (!c->count)
        text_string(out, "nothing is caught\n");
}

void catches_tell(struct catches *c, struct text *out)
{
    const struct record *r = &c->caught;

    text_string(out, "caught ");
    if (r->vector == VEC_PF) {
        char line[400];
        struct text t = TEXT_OVER(line);

        explain_fault(&t, r, record_line(c->disasm, r));
        text_end(&t);
        text_string(out, "#PF, ");
        text_string(out, line + strcspn(line, " ") + (strchr(line, ' ') != NULL)); /* it has no number */
    } else {
        put_vector(out, r->vector);
        if (r->has_error)
            text_string(out, ", error "), text_hex(out, r->error);
        text_string(out, " at ");
        text_hex(out, r->rip);
        text_string(out, ", CPL ");
        text_decimal(out, r->cpl);
    }
    text_string(out, "\n");
}

void catches_tell_point(const struct cpu_break *b, struct text *out)
{
    const char *space = b->point.physical ? " physical " : " ";

    if (b->kind == CPU_BREAK_ACCESS) {
        text_string(out, b->device ? "a device wrote to" : b->write ? "written:" : "read:");
        text_string(out, space);
        text_hex(out, b->address);
    } else {
        text_string(out, "breakpoint at");
        text_string(out, space);
        text_hex(out, b->point.address);
    }
    text_string(out, "\n");
}
