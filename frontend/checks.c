/* SPDX-License-Identifier: MIT */
#include "frontend/checks.h"

#include "frontend/record.h"

const char *check_name(enum check c)
{
    static const char *const names[CHECKS] = {"stale-tlb", "lint", "strict"};

    return names[c];
}

bool checks_is_new(struct checks *c, enum check which, u64 place)
{
    u64 key = (place ^ (u64)which << 60) * 0x9e3779b97f4a7c15ull | 1;
    u64 *slot = &c->seen[key >> 40 & (CHECKS_SEEN - 1)];

    for (unsigned n = 0; n < 8; n++, slot = &c->seen[(slot - c->seen + 1) & (CHECKS_SEEN - 1)]) {
        if (*slot == key)
            return false;
        if (!*slot)
            break;
    }
    *slot = key;
    c->count[which]++;
    return true;
}

void checks_total(const struct checks *c, struct text *t)
{
    bool first = true;

    for (enum check i = 0; i < CHECKS; i++) {
        if (!c->count[i])
            continue;
        text_string(t, first ? "" : ", ");
        text_grouped(t, c->count[i]);
        text_char(t, ' ');
        text_string(t, check_name(i));
        first = false;
    }
    if (first)
        text_string(t, "nothing found");
}

void checks_tell(const struct checks *c, struct text *t, const char *line)
{
    text_end(t);
    fprintf(c->to, "%s\n", line);
}

/* ---- stale-tlb ---- */

void checks_put_code(struct text *t, struct symbols *symbols, u64 rip)
{
    struct symbol_place place;
    const char *source;
    unsigned number;

    if (!symbols || !symbols_find(symbols, rip, &place))
        return;
    text_char(t, ' ');
    symbol_text(t, &place);
    source = symbols_line(symbols, rip, &number);
    if (source) {
        text_string(t, " at ");
        text_string(t, source);
        text_char(t, ':');
        text_decimal(t, number);
    }
}

static void put_use(struct text *t, struct symbols *symbols, struct cpu *cpu, const struct cpu_stale *s)
{
    struct cpu_state state;
    const char *own = implicit_name(s->access.implicit);

    cpu_get_state(cpu, &state);
    text_string(t, own ? own : s->access.user ? "user" : "kernel");
    text_char(t, ' ');
    text_string(t, s->access.kind == ACCESS_EXECUTE ? "fetch" : access_name(s->access.kind));
    text_string(t, s->access.kind == ACCESS_WRITE ? " to " : " of ");
    text_hex(t, s->la);
    text_string(t, " at ");
    text_hex(t, state.rip);
    checks_put_code(t, symbols, state.rip);
    text_string(t, " (instruction ");
    text_grouped(t, cpu_icount(cpu));
    text_char(t, ')');
}

/* An entry of a paging-structure cache, and what a walk from it finds. */
static void put_structure(struct text *t, const struct cpu_stale *s)
{
    text_string(t, "a cached ");
    text_string(t, level_name(s->level));
    text_string(t, " to the table at ");
    text_hex(t, s->pa);
    text_string(t, ", loaded at instruction ");
    text_grouped(t, s->loaded);
    if (s->old->cause != CAUSE_NONE) {
        text_string(t, ", by which this is refused (");
        text_string(t, fault_cause_name(s->old->cause));
        text_char(t, ')');
    } else {
        text_string(t, ", by which this is ");
        text_hex(t, s->old->pa);
    }
}

static void put_page(struct text *t, const struct cpu_stale *s)
{
    text_string(t, s->size > PAGE_SIZE ? (s->size >> 30 ? "a 1G " : s->size == 2 << 20 ? "a 2M " : "a 4M ") : "a ");
    text_string(t, s->global ? "global " : "");
    text_string(t, "translation to ");
    text_hex(t, s->pa + (s->la - s->page));
    text_string(t, " loaded at instruction ");
    text_grouped(t, s->loaded);
}

/* What the tables say of the access now. */
static void put_now(struct text *t, const struct cpu_stale *s)
{
    const struct walk *w = s->now;
    unsigned level = w->level;

    for (unsigned i = 0; i < w->steps; i++)
        if (w->step[i].at == s->entry)
            level = w->step[i].level;
    if (s->other_tables) {
        text_string(t, ", but CR3 names other tables now: ");
    } else {
        text_string(t, ", but the ");
        text_string(t, level_name(level));
        text_string(t, " at ");
        text_hex(t, s->entry);
        text_string(t, " has changed since: ");
    }
    if (s->dirty_lost && w->page_size != s->size) {
        text_string(t,
                    w->page_size == PAGE_SIZE ? "the page there now has D = 0" : "the large page there now has D = 0");
        text_string(t, ", and this write does not set it");
    } else if (s->dirty_lost) {
        text_string(t, "its D flag was cleared, and this write does not set it again");
    } else if (s->marks_old) {
        text_string(t, "the tables lead to the same page now, but A and D are set in those of before");
    } else if (w->cause != CAUSE_NONE) {
        text_string(t, "the tables refuse this access now (");
        text_string(t, fault_cause_name(w->cause));
        text_char(t, ')');
    } else {
        text_string(t, "the tables lead to ");
        text_hex(t, w->pa);
        text_string(t, " now");
    }
}

static void put_instruction(struct text *t, const struct cpu_invalidation *i)
{
    text_string(t, " at instruction ");
    text_grouped(t, i->icount);
}

/* The invalidation that was meant for it, and why it missed. */
static void put_missed(struct text *t, const struct cpu_stale *s)
{
    const struct cpu_invalidation *i = &s->missed;

    switch (i->how) {
    case INVALIDATED_PAGE:
    case INVALIDATED_ADDRESS:
        text_string(t, i->how == INVALIDATED_PAGE ? "; INVLPG " : "; INVPCID of ");
        text_hex(t, i->la);
        put_instruction(t, i);
        if (s->missed_early) {
            text_string(t, " came before the change");
        } else if (s->global && i->how == INVALIDATED_ADDRESS) {
            text_string(t, " leaves global translations");
        } else if (s->global || i->pcid == s->pcid) {
            text_string(t, s->level ? " is for that address alone" : " invalidated another page");
        } else {
            text_string(t, i->how == INVALIDATED_PAGE ? " was made in PCID " : " names PCID ");
            text_hex(t, i->pcid);
            text_string(t, ", and this is held for PCID ");
            text_hex(t, s->pcid);
        }
        break;
    case INVALIDATED_SWITCH:
    case INVALIDATED_PCID:
    case INVALIDATED_CONTEXTS:
        text_string(t, "; the invalidation of ");
        text_string(t, i->how == INVALIDATED_CONTEXTS ? "all PCIDs" : "PCID ");
        if (i->how != INVALIDATED_CONTEXTS)
            text_hex(t, i->pcid);
        put_instruction(t, i);
        text_string(t, s->global ? " leaves global translations" : " is not for PCID ");
        if (!s->global)
            text_hex(t, s->pcid);
        break;
    case INVALIDATED_KEPT:
        text_string(t, "; MOV to CR3");
        put_instruction(t, i);
        text_string(t, " kept what is held for PCID ");
        text_hex(t, i->pcid);
        text_string(t, " (bit 63 = 1)");
        break;
    case INVALIDATED_NONE: break;
    }
}

void checks_put_writer(struct text *t, struct symbols *symbols, struct tables *tables, u64 at)
{
    struct symbol_place place = {0};
    struct table_change history[TABLES_HISTORY];
    unsigned n;

    if (!tables || tables_history(tables, at, history, &n, NULL) != PAST_KNOWN)
        return;
    text_string(t, "; written ");
    if (symbols && history[0].write.by != WRITER_OUTSIDE)
        symbols_find(symbols, history[0].write.rip, &place);
    verdict_writer(t, &history[0], &place);
    text_string(t, " (");
    text_hex(t, history[0].was);
    text_string(t, " -> ");
    text_hex(t, history[0].is);
    text_char(t, ')');
}

/*
 * SDM, "Recommended Invalidation": an entry that was present and changed in its address or to fewer rights must be
 * invalidated; "Delayed Invalidation" lets that wait only for as long as nothing uses the translation. What the manual
 * calls optional (more rights, P = 1, A and D set) is no finding. A cleared D flag is between the two: "Optional
 * Invalidation" allows it to whoever does not take D = 0 for "not written".
 * Of an entry that leads to a table: "it remains necessary to execute INVLPG at least once", even if nothing was mapped
 * by that table. Where the page is the same by either table, only its A and D flags are lost.
 */
void checks_stale(struct checks *c, struct cpu *cpu, const struct cpu_stale *s)
{
    struct cpu_state state;
    char line[1024];
    struct text t = TEXT_OVER(line);

    cpu_get_state(cpu, &state);
    if (!checks_is_new(c, CHECK_STALE_TLB, state.rip))
        return;
    text_string(&t, s->dirty_lost || s->marks_old ? "check stale-tlb: fragile: "
                                                  : "check stale-tlb: missing invalidation: ");
    if (c->symbols)
        symbols_follow(c->symbols, cpu, machine_phys(c->machine));
    put_use(&t, c->symbols, cpu, s);
    text_string(&t, s->used ? " used " : ": a processor might still use ");
    if (s->level)
        put_structure(&t, s);
    else
        put_page(&t, s);
    put_now(&t, s);
    if (!s->other_tables)
        checks_put_writer(&t, c->symbols, c->tables, s->entry);
    put_missed(&t, s);
    checks_tell(c, &t, line);
}
