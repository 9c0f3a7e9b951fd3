/* SPDX-License-Identifier: MIT */
/* The verdict of a walk in words. */
#include "frontend/record.h"

#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define EFER_LMA BIT(10)

static const char *const outcome_names[OUTCOME_COUNT] = {
    [OUTCOME_NONE] = "pending",
    [OUTCOME_MAPPED] = "mapped",
    [OUTCOME_COPIED] = "copied",
    [OUTCOME_MADE_WRITABLE] = "made-writable",
    [OUTCOME_PERMITTED] = "permitted",
    [OUTCOME_SPURIOUS] = "spurious",
    [OUTCOME_FIXUP] = "fixup",
    [OUTCOME_DELIVERED] = "delivered",
    [OUTCOME_SWITCHED] = "switched",
    [OUTCOME_LOOP] = "loop",
    [OUTCOME_DOUBLE_FAULT] = "double-fault",
    [OUTCOME_TRIPLE_FAULT] = "triple-fault",
    [OUTCOME_PENDING] = "pending",
};

const char *outcome_name(enum outcome o) { return outcome_names[o]; }

enum outcome record_outcome(const struct record *r) { return r->outcome == OUTCOME_SWITCHED ? r->then : r->outcome; }

const char *level_name(unsigned level)
{
    static const char *const names[] = {"?", "PTE", "PDE", "PDPTE", "PML4E", "PML5E"};

    return names[level < 6 ? level : 0];
}

const char *access_name(enum access_kind kind)
{
    static const char *const names[] = {"read", "write", "execute"};

    return names[kind];
}

const char *implicit_name(enum implicit i)
{
    static const char *const names[] = {NULL, "descriptor", "idt", "tss", "exception-stack", "pdpte", "bitmap"};

    return names[i];
}

const char *vector_name(unsigned vector)
{
    static const char *const names[] = {
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", NULL,  "#TS",
        "#NP", "#SS", "#GP", "#PF", NULL,  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
    };

    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : NULL;
}

void record_symbol(struct text *t, const struct record *r) { symbol_text(t, &r->symbol); }

#define SOURCE_MOST 200u /* characters of a path: its end says more than its beginning */

void record_source(struct text *t, const struct record *r)
{
    size_t length = strlen(r->source);
    const char *from = r->source + (length > SOURCE_MOST ? length - SOURCE_MOST : 0);

    for (; *from; from++)
        text_char(t, *from < ' ' || *from == '"' || *from == '\\' ? '?' : *from);
    text_char(t, ':');
    text_decimal(t, r->source_line);
}

void error_bits(struct text *t, u32 error, const char *quote, const char *between)
{
    static const char *const names[] = {"P", "W", "U", "RSVD", "I", "PK", "SS"};
    bool first = true;

    for (unsigned i = 0; i < 7; i++) {
        if (!(error & BIT(i)))
            continue;
        if (!first)
            text_string(t, between);
        text_string(t, quote);
        text_string(t, names[i]);
        text_string(t, quote);
        first = false;
    }
}

/* A PDPTE of PAE paging has no rights. */
static bool has_rights(const struct record *r, const struct walk_step *s)
{
    return s->level != 3 || r->efer & EFER_LMA || !(r->cr4 & CR4_PAE);
}

const struct walk_step *record_deciding(const struct record *r)
{
    for (unsigned i = 0; i < r->walk.steps && i < WALK_MAX_STEPS; i++)
        if (r->walk.step[i].level == r->walk.level)
            return &r->walk.step[i];
    return NULL;
}

static const struct walk_step *leaf(const struct record *r)
{
    return r->walk.steps ? &r->walk.step[r->walk.steps - 1] : NULL;
}

static void name_entry(struct text *t, const struct record *r)
{
    text_string(t, level_name(r->walk.level));
    text_string(t, " of ");
    text_hex(t, r->cr2);
}

static void name_privilege(struct text *t, const struct record *r)
{
    if (r->access.implicit != IMPLICIT_NONE)
        text_string(t, "by the processor itself");
    else {
        text_string(t, "at CPL ");
        text_decimal(t, r->cpl);
    }
}

static void put_why_reserved(struct text *t, const struct record *r)
{
    if (r->walk.bit == 63)
        text_string(t, r->walk.level == 3 && !(r->efer & EFER_LMA) ? "" : " (XD, and EFER.NXE=0)");
    else if (r->walk.bit >= 32)
        text_string(t, " (beyond the processor's physical address width)");
    else if (r->walk.bit == 7)
        text_string(t, " (PS, which this level does not have)");
    else
        text_string(t, " (must be 0 here)");
}

/* The classic mistake: the address of the frame as the kernel sees it. */
static void put_linear(struct text *t, const struct record *r)
{
    const struct walk_step *s = record_deciding(r);

    if (!r->holds_linear || !s)
        return;
    text_string(t, "; ");
    text_hex(t, s->entry & PAGE_MASK);
    text_string(t, " in it is a linear address, whose physical address is ");
    text_hex(t, r->linear_pa);
}

static void why_reserved(struct text *t, const struct record *r)
{
    text_string(t, " has reserved bit ");
    text_decimal(t, r->walk.bit);
    text_string(t, " set");
    put_why_reserved(t, r);
    put_linear(t, r);
}

static void why_smap(struct text *t, const struct record *r)
{
    text_string(t, " is a user page (U/S=1), CR4.SMAP=1 and ");
    if (r->access.implicit != IMPLICIT_NONE) {
        text_string(t, "the ");
        text_string(t, access_name(r->access.kind));
        text_string(t, " was implicit, for which EFLAGS.AC does not count");
    } else {
        text_string(t, "EFLAGS.AC=0 at a ");
        text_string(t, access_name(r->access.kind));
        text_string(t, " at CPL ");
        text_decimal(t, r->cpl);
    }
}

/* AD forbids everything, WD writes. */
static void key_right(struct text *t, const struct record *r)
{
    u32 rights = r->walk.user ? r->pkru : r->pkrs;

    text_string(t, r->walk.user ? "PKRU." : "IA32_PKRS.");
    text_char(t, rights >> (2 * r->walk.key) & 1 ? 'A' : 'W');
    text_char(t, 'D');
}

static void why_key(struct text *t, const struct record *r)
{
    text_string(t, " has protection key ");
    text_decimal(t, r->walk.key);
    text_string(t, " and ");
    key_right(t, r);
    text_decimal(t, r->walk.key);
    text_string(t, r->walk.user ? "=1 (CR4.PKE=1)" : "=1 (CR4.PKS=1)");
}

static void why_write(struct text *t, const struct record *r)
{
    text_string(t, " has R/W=0");
    if (r->access.user) {
        text_string(t, " and the write was made ");
        name_privilege(t, r);
    } else {
        text_string(t, ", and CR0.WP=1 makes that count for a write ");
        name_privilege(t, r);
    }
}

/* SDM "Hierarchical Paging Structures: an Overview": with 32-bit paging a PDE maps a page only if CR4.PSE=1. */
static void put_ignored_size(struct text *t, const struct record *r)
{
    const struct walk_step *s = &r->walk.step[0];

    if (r->walk.level != 1 || s->level != 2 || !(s->entry & PTE_PS) || r->cr4 & (CR4_PAE | CR4_PSE))
        return;
    text_string(t, " (PS=1 in the PDE at ");
    text_hex(t, s->at);
    text_string(t, " is ignored, for CR4.PSE=0)");
}

/* Another vector, within a triple-fault story. */
static void why_event(struct text *t, const struct record *r)
{
    const char *name = vector_name(r->vector);

    text_string(t, r->story ? "delivery of " : "");
    text_string(t, name ? name : "an interrupt");
    text_string(t, r->story ? " failed at: " : " was raised while a #DF was being delivered");
    if (r->story)
        text_string(t, r->story);
}

void verdict_why(struct text *t, const struct record *r)
{
    if (r->vector != 14) {
        why_event(t, r);
        return;
    }
    name_entry(t, r);
    switch (r->walk.cause) {
    case CAUSE_NOT_PRESENT: text_string(t, " is not present"); break;
    case CAUSE_RESERVED_BIT: why_reserved(t, r); break;
    case CAUSE_SUPERVISOR_PAGE:
        text_string(t, " has U/S=0 and the ");
        text_string(t, access_name(r->access.kind));
        text_string(t, " was made ");
        name_privilege(t, r);
        break;
    case CAUSE_WRITE_PROTECTED: why_write(t, r); break;
    case CAUSE_NO_EXECUTE: text_string(t, " has XD=1, and EFER.NXE=1"); break;
    case CAUSE_SMEP:
        text_string(t, " is a user page (U/S=1), and CR4.SMEP=1 forbids to execute it ");
        name_privilege(t, r);
        break;
    case CAUSE_SMAP: why_smap(t, r); break;
    case CAUSE_PROTECTION_KEY: why_key(t, r); break;
    case CAUSE_SHADOW_STACK: text_string(t, " does not map a shadow-stack page"); break;
    default: text_string(t, " allows it");
    }
    put_ignored_size(t, r);
    if (r->walk.also & WALK_CACHED)
        text_string(t, ", as it was cached; the tables in memory allow the access now");
}

/* "U/S=1 in the PDE at 0x.. and the PTE at 0x..": every entry in which `bit` is not as wanted. */
static void cure_rights(struct text *t, const struct record *r, const char *what, u64 bit, bool wanted)
{
    bool first = true;

    text_string(t, what);
    for (unsigned i = 0; i < r->walk.steps && i < WALK_MAX_STEPS; i++) {
        const struct walk_step *s = &r->walk.step[i];

        if (!has_rights(r, s) || !!(s->entry & bit) == wanted)
            continue;
        text_string(t, first ? " in the " : " and the ");
        text_string(t, level_name(s->level));
        text_string(t, " at ");
        text_hex(t, s->at);
        first = false;
    }
}

static void cure_entry(struct text *t, const char *what, const struct walk_step *s)
{
    text_string(t, what);
    if (!s)
        return;
    text_string(t, " in the ");
    text_string(t, level_name(s->level));
    text_string(t, " at ");
    text_hex(t, s->at);
}

static void cure_reserved(struct text *t, const struct record *r)
{
    text_string(t, "bit ");
    text_decimal(t, r->walk.bit);
    cure_entry(t, "=0", record_deciding(r));
    if (r->walk.bit == 63 && (r->efer & EFER_LMA || r->walk.level != 3))
        text_string(t, ", or EFER.NXE=1");
}

void verdict_cure(struct text *t, const struct record *r)
{
    if (r->walk.also & WALK_CACHED) {
        text_string(t, "INVLPG of ");
        text_hex(t, r->cr2);
        text_string(t, " after the write that gave the right");
        return;
    }
    switch (r->walk.cause) {
    case CAUSE_NOT_PRESENT: cure_entry(t, "P=1", record_deciding(r)); break;
    case CAUSE_RESERVED_BIT: cure_reserved(t, r); break;
    case CAUSE_SUPERVISOR_PAGE: cure_rights(t, r, "U/S=1", PTE_U, true); break;
    case CAUSE_WRITE_PROTECTED: cure_rights(t, r, "R/W=1", PTE_W, true); break;
    case CAUSE_NO_EXECUTE: cure_rights(t, r, "XD=0", PTE_XD, false); break;
    case CAUSE_SMEP: cure_entry(t, "U/S=0", leaf(r)); break;
    case CAUSE_SMAP:
        if (r->access.implicit == IMPLICIT_NONE)
            text_string(t, "EFLAGS.AC=1 (STAC) around the access");
        else
            cure_entry(t, "U/S=0", leaf(r));
        break;
    case CAUSE_PROTECTION_KEY:
        key_right(t, r);
        text_decimal(t, r->walk.key);
        text_string(t, r->walk.user ? "=0 (WRPKRU)" : "=0 (WRMSR 6E1H)");
        break;
    default: text_string(t, "none known");
    }
}

/* SDM "PDPTE Registers": of PAE paging. */
static bool is_register(const struct record *r)
{
    return r->walk.level == 3 && r->cr4 & CR4_PAE && !(r->efer & EFER_LMA);
}

/* The entries below the one that decided, which refuse it likewise: to allow the access all have to change. */
static void put_others(struct text *t, const struct record *r)
{
    bool xd = r->walk.cause == CAUSE_NO_EXECUTE;
    u64 bit = xd ? PTE_XD : r->walk.cause == CAUSE_SUPERVISOR_PAGE ? PTE_U : PTE_W;
    unsigned n = 0;

    if (!xd && r->walk.cause != CAUSE_SUPERVISOR_PAGE && r->walk.cause != CAUSE_WRITE_PROTECTED)
        return;
    for (unsigned i = 0; i < r->walk.steps && i < WALK_MAX_STEPS; i++) {
        const struct walk_step *s = &r->walk.step[i];

        if (s->level >= r->walk.level || !!(s->entry & bit) != xd)
            continue;
        text_string(t, n++ ? " and " : ", as are ");
        text_string(t, level_name(s->level));
    }
}

void verdict_short(struct text *t, const struct record *r)
{
    static const char *const clause[CAUSE_COUNT] = {
        [CAUSE_NONE] = "allowed",
        [CAUSE_NOT_PRESENT] = "not present",
        [CAUSE_SUPERVISOR_PAGE] = "supervisor only (U/S=0)",
        [CAUSE_WRITE_PROTECTED] = "read-only (R/W=0)",
        [CAUSE_NO_EXECUTE] = "not executable (XD=1)",
        [CAUSE_SMEP] = "user page, CR4.SMEP=1",
        [CAUSE_SMAP] = "user page, CR4.SMAP=1",
        [CAUSE_SHADOW_STACK] = "no shadow-stack page",
    };

    text_string(t, level_name(r->walk.level));
    text_char(t, ' ');
    if (is_register(r) && r->walk.cause == CAUSE_NOT_PRESENT && r->register_source & PTE_P) {
        text_string(t, "not present in its register, though memory at ");
        text_hex(t, record_deciding(r)->at);
        text_string(t, " holds ");
        text_hex(t, r->register_source);
        text_string(t, " now (MOV to CR3 loads it)");
        return;
    }
    if (r->walk.cause == CAUSE_RESERVED_BIT) {
        text_string(t, "with reserved bit ");
        text_decimal(t, r->walk.bit);
        put_why_reserved(t, r);
        put_linear(t, r);
    } else if (r->walk.cause == CAUSE_PROTECTION_KEY) {
        text_string(t, "with protection key ");
        text_decimal(t, r->walk.key);
        text_string(t, ", ");
        key_right(t, r);
        text_string(t, "=1");
    } else {
        text_string(t, clause[r->walk.cause]);
        put_others(t, r);
    }
    put_ignored_size(t, r);
    if (r->walk.also & WALK_CACHED)
        text_string(t, " as it was cached, but the tables allow it now");
}

/* ---- Who ---- */

void verdict_writer(struct text *t, const struct table_change *c, const struct symbol_place *place)
{
    if (c->write.by == WRITER_OUTSIDE) {
        text_string(t,
                    c->write.icount ? "by a device or debugger at instruction " : "by the loader, before instruction ");
        text_grouped(t, c->write.icount);
        return;
    }
    text_string(t, c->write.by == WRITER_PROCESSOR ? "by the processor itself at " : "by ");
    text_hex(t, c->write.rip);
    if (place && place->name) {
        text_char(t, ' ');
        symbol_text(t, place);
    }
    text_string(t, " at instruction ");
    text_grouped(t, c->write.icount);
    if (c->write.la != TABLES_NO_ADDRESS) {
        text_string(t, " through ");
        text_hex(t, c->write.la);
    }
}

static void put_values(struct text *t, const struct table_change *c)
{
    text_string(t, " (");
    text_hex(t, c->was);
    text_string(t, " -> ");
    text_hex(t, c->is);
    text_char(t, ')');
}

/* What is in an entry whose past nobody watched often tells what it was taken for. */
static void put_unknown(struct text *t, const struct record *r)
{
    const struct walk_step *s = record_deciding(r);

    if (!s || !s->entry) {
        text_string(t, ", empty since the page was first used as a table");
        return;
    }
    text_string(t, ", written before the page was first used as a table (as ");
    text_hex(t, s->entry);
    text_string(t, "; --who may tell by whom)");
}

bool record_is_resolved(const struct record *r)
{
    enum outcome o = record_outcome(r);

    return o != OUTCOME_NONE && o != OUTCOME_PENDING && o != OUTCOME_LOOP && o != OUTCOME_DOUBLE_FAULT &&
           o != OUTCOME_TRIPLE_FAULT;
}

void verdict_who(struct text *t, const struct record *r)
{
    switch (r->past) {
    case PAST_UNWATCHED: return;
    case PAST_UNKNOWN: put_unknown(t, r); break;
    case PAST_NEVER: text_string(t, ", never written since reset"); break;
    case PAST_KNOWN:
        text_string(t, ", last written ");
        verdict_writer(t, &r->writer, &r->writer_symbol);
        put_values(t, &r->writer);
        break;
    }
    if (!r->misplaced || (r->beside && record_is_resolved(r)))
        return;
    if (r->beside) {
        text_string(t, "; the entry beside it, at ");
        text_hex(t, r->elsewhere.at);
        text_string(t, ", was written ");
        verdict_writer(t, &r->elsewhere, &r->elsewhere_symbol);
        return;
    }
    text_string(t, "; such an entry was written ");
    verdict_writer(t, &r->elsewhere, &r->elsewhere_symbol);
    text_string(t, " at ");
    text_hex(t, r->elsewhere.at);
    text_string(t, ", but the table walked is ");
    text_hex(t, record_deciding(r)->at & PAGE_MASK);
}

void verdict_before(struct text *t, const struct record *r)
{
    if (!r->before_maps || record_is_resolved(r))
        return;
    text_string(t, "; the tables before, at CR3 = ");
    text_hex(t, r->cr3_before);
    text_string(t, ", allow it: CR3 was loaded at instruction ");
    text_grouped(t, r->switch_icount);
    text_string(t, ", before ");
    text_hex(t, r->switch_rip);
}

/* The handler did something, but not what was needed. */
static void loop_wrote(struct text *t, const struct record *r)
{
    const struct table_change *last = NULL;

    for (unsigned i = 0; i < r->changes; i++)
        for (unsigned s = 0; s < r->walk.steps; s++)
            if (r->change[i].at == r->walk.step[s].at)
                last = &r->change[i];
    if (last) {
        text_string(t, "the handler wrote ");
        text_hex(t, last->is);
        text_string(t, " to the entry at ");
        text_hex(t, last->at);
    } else {
        text_string(t, "the handler wrote ");
        text_hex(t, r->change[0].is);
        text_string(t, " at ");
        text_hex(t, r->change[0].at);
        text_string(t, ", but no entry that this access walks: ");
        if (r->missed_level) {
            text_string(t, "it is the ");
            text_string(t, level_name(r->missed_level));
            text_string(t, " of ");
            text_hex(t, r->missed_la);
        } else {
            text_string(t, "no table that CR3 = ");
            text_hex(t, r->cr3);
            text_string(t, " leads to has it");
        }
    }
    text_string(t, "; the ");
    text_string(t, level_name(r->still.level));
    text_string(t, " at ");
    text_hex(t, r->still.at);
    text_string(t, " is ");
    text_hex(t, r->still.entry);
    text_string(t, ": still ");
    text_string(t, fault_cause_name(r->still_cause));
    if (!r->sole_at)
        return;
    text_string(t, "; the one entry that its table has, at ");
    text_hex(t, r->sole_at);
    text_string(t, ", is the ");
    text_string(t, level_name(r->still.level));
    text_string(t, " of ");
    text_hex(t, r->sole_la);
}

void verdict_loop(struct text *t, const struct record *r)
{
    if (r->past == PAST_UNWATCHED)
        text_string(t, "the tables refuse the access as before");
    else if (!r->changed)
        text_string(t, "the handler wrote no entry of any table");
    else
        loop_wrote(t, r);
}
