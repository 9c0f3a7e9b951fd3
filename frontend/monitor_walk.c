/* SPDX-License-Identifier: MIT */
/* Commands about translations: the walk of an address, and what the TLB holds. */
#include <stdio.h>

#include "frontend/monitor.h"
#include "frontend/record.h"

#define CR0_WP BIT(16)
#define CR0_PG BIT(31)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_LA57 BIT(12)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define CR4_PKE BIT(22)
#define CR4_PKS BIT(24)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)
#define RFLAGS_AC BIT(18)

enum paging_mode monitor_paging_mode(const struct cpu_state *s)
{
    if (!(s->cr0 & CR0_PG))
        return PAGING_NONE;
    if (!(s->cr4 & CR4_PAE))
        return PAGING_32BIT;
    if (!(s->efer & EFER_LMA))
        return PAGING_PAE;
    return s->cr4 & CR4_LA57 ? PAGING_5LEVEL : PAGING_4LEVEL;
}

static const char *mode_text(enum paging_mode mode)
{
    static const char *const text[] = {"off", "32-bit", "PAE", "4-level", "5-level"};

    return text[mode];
}

static void put_context(struct reply *r, const struct cpu_state *s, u64 la, unsigned digits)
{
    static const struct {
        const char *name;
        u64 bit;
    } cr4[] = {{"PSE", CR4_PSE}, {"SMEP", CR4_SMEP}, {"SMAP", CR4_SMAP}, {"PKE", CR4_PKE}, {"PKS", CR4_PKS}};

    reply_hex(r, "address", la, digits);
    reply_string(r, "paging", mode_text(monitor_paging_mode(s)));
    reply_hex(r, "cr3", s->cr3, digits);
    reply_list(r, "control");
    if (s->cr0 & CR0_WP)
        reply_item(r, "WP");
    for (unsigned i = 0; i < sizeof(cr4) / sizeof(cr4[0]); i++)
        if (s->cr4 & cr4[i].bit)
            reply_item(r, cr4[i].name);
    if (s->efer & EFER_NXE)
        reply_item(r, "NXE");
    if (s->rflags & RFLAGS_AC)
        reply_item(r, "AC");
    reply_list_end(r);
    if (s->cr4 & CR4_PKE)
        reply_hex(r, "pkru", s->pkru, 8);
    if (s->cr4 & CR4_PKS)
        reply_hex(r, "pkrs", s->pkrs, 8);
    reply_newline(r);
}

/* ---- Entries ---- */

/* Each bit that is set, by its name in the SDM's "Formats of ..." figures; reserved ones cannot be told from ignored
 * ones here, and the one that matters is named by the verdict. */
static void put_bits(struct reply *r, enum paging_mode mode, unsigned level, u64 entry)
{
    bool register_of_pae = mode == PAGING_PAE && level == 3;
    bool leaf = !register_of_pae && (level == 1 || (entry & PTE_PS && (level == 2 || level == 3)));
    char name[16];

    reply_list(r, "bits");
    reply_item(r, entry & PTE_P ? "P" : "not-present");
    if (!(entry & PTE_P)) {
        reply_list_end(r);
        return;
    }
    if (!register_of_pae) {
        reply_item(r, entry & PTE_W ? "W" : "ro");
        reply_item(r, entry & PTE_U ? "U" : "sup");
    }
    if (entry & PTE_PWT)
        reply_item(r, "PWT");
    if (entry & PTE_PCD)
        reply_item(r, "PCD");
    if (entry & PTE_A && !register_of_pae)
        reply_item(r, "A");
    if (entry & PTE_D && leaf)
        reply_item(r, "D");
    if (entry & PTE_PS)
        reply_item(r, level == 1 ? "PAT" : "PS");
    if (entry & PTE_G && leaf)
        reply_item(r, "G");
    if (leaf && level > 1 && entry & BIT(12))
        reply_item(r, "PAT");
    if (entry >> 59 & 15 && leaf && mode >= PAGING_4LEVEL) {
        snprintf(name, sizeof(name), "key%u", (unsigned)(entry >> 59 & 15));
        reply_item(r, name);
    }
    if (entry & PTE_XD)
        reply_item(r, "XD");
    for (unsigned bit = 9; bit < 12; bit++)
        if (entry >> bit & 1) {
            snprintf(name, sizeof(name), "avl%u", bit);
            reply_item(r, name);
        }
    reply_list_end(r);
}

static void put_entries(struct reply *r, enum paging_mode mode, const struct walk *w)
{
    static const char *const columns[] = {"level", ">at", ">entry", "bits", NULL};
    unsigned digits = mode == PAGING_32BIT ? 8 : 16;

    reply_table(r, "entries", columns);
    for (unsigned i = 0; i < w->steps; i++) {
        const struct walk_step *s = &w->step[i];

        reply_row(r);
        reply_string(r, "level", level_name(s->level));
        reply_hex(r, "at", s->at, digits);
        reply_hex(r, "entry", s->entry, digits);
        put_bits(r, mode, s->level, s->entry);
    }
    reply_table_end(r);
}

/* ---- Verdicts ---- */

static bool reaches_page(const struct walk *w)
{
    return w->cause != CAUSE_NOT_PRESENT && w->cause != CAUSE_RESERVED_BIT;
}

static const char *size_text(u64 size)
{
    return size == 4096 ? "4K" : size == 2u << 20 ? "2M" : size == 4u << 20 ? "4M" : "1G";
}

static void put_result(struct reply *r, const struct walk *w, unsigned digits)
{
    if (!reaches_page(w)) {
        reply_null(r, "physical");
        return;
    }
    reply_hex(r, "physical", w->pa, digits);
    reply_string(r, "page", size_text(w->page_size));
    reply_list(r, "rights");
    reply_item(r, "R");
    if (w->writable)
        reply_item(r, "W");
    if (!w->nx)
        reply_item(r, "X");
    reply_item(r, w->user ? "U" : "S");
    if (w->global)
        reply_item(r, "G");
    reply_list_end(r);
    reply_number(r, "key", w->key);
    reply_newline(r);
}

static const char *bit_name(const struct walk *w, char *to, size_t size)
{
    switch (w->cause) {
    case CAUSE_NOT_PRESENT: return "P";
    case CAUSE_SUPERVISOR_PAGE: return "U/S";
    case CAUSE_WRITE_PROTECTED: return "R/W";
    case CAUSE_NO_EXECUTE: return "XD";
    case CAUSE_SMEP:
    case CAUSE_SMAP: return "U/S";
    case CAUSE_PROTECTION_KEY: return "key";
    default: snprintf(to, size, "%u", w->bit); return to;
    }
}

static void put_verdict(struct reply *r, const char *who, const char *access, const struct walk *w)
{
    char bit[8];

    reply_row(r);
    reply_string(r, "who", who);
    reply_string(r, "access", access);
    if (w->cause == CAUSE_NONE) {
        reply_string(r, "verdict", "allowed");
        reply_null(r, "error");
        reply_null(r, "cause");
        reply_null(r, "entry");
        reply_null(r, "bit");
        return;
    }
    reply_string(r, "verdict", "#PF");
    reply_hex(r, "error", w->error, 0);
    reply_string(r, "cause", fault_cause_name(w->cause));
    reply_string(r, "entry", level_name(w->level));
    reply_string(r, "bit", bit_name(w, bit, sizeof(bit)));
}

static void put_verdicts(struct monitor *m, struct reply *r, const struct cpu_state *s, u64 la)
{
    static const char *const columns[] = {"who", "access", "verdict", "error", "cause", "entry", "bit", NULL};
    static const char *const names[] = {"user", "supervisor", "supervisor, AC=1"};
    unsigned askers = s->cr4 & CR4_SMAP ? 3 : 2;

    reply_table(r, "verdicts", columns);
    for (unsigned who = 0; who < askers; who++)
        for (int kind = ACCESS_READ; kind <= ACCESS_EXECUTE; kind++) {
            struct access a = {.kind = (enum access_kind)kind, .user = who == 0, .ac = who == 2};
            struct walk w;

            if (who == 2 && kind == ACCESS_EXECUTE)
                continue; /* AC means nothing to fetches */
            w = cpu_walk(machine_cpu(m->machine), la, a);
            put_verdict(r, names[who], access_name(a.kind), &w);
        }
    reply_table_end(r);
}

void monitor_walk(struct monitor *m, const char *arguments, struct reply *r)
{
    struct paging canonical = {.mode = PAGING_NONE};
    struct cpu_state s;
    struct walk w;
    u64 la;

    if (!monitor_address(m, arguments, &la, r))
        return;
    cpu_get_state(machine_cpu(m->machine), &s);
    canonical.mode = monitor_paging_mode(&s);
    if (!is_canonical(&canonical, la)) {
        reply_error(r, "0x%llx: not canonical: an access is #GP(0), or #SS(0) by SS, and nothing is walked",
                    (unsigned long long)la);
        return;
    }
    w = cpu_walk(machine_cpu(m->machine), la, (struct access){.kind = ACCESS_READ});
    put_context(r, &s, la, monitor_digits(m));
    if (canonical.mode != PAGING_NONE)
        put_entries(r, canonical.mode, &w);
    put_result(r, &w, canonical.mode == PAGING_32BIT ? 10 : 16);
    if (canonical.mode != PAGING_NONE)
        put_verdicts(m, r, &s, la);
}

/* ---- The TLB ---- */

static void put_translation(void *ctx, const struct cpu_translation *t)
{
    struct reply *r = ctx;
    static const char *const who[] = {"supervisor", "supervisor, AC=1", "user"};

    reply_row(r);
    reply_hex(r, "linear", t->la, 16);
    reply_hex(r, "physical", t->pa, 16);
    reply_string(r, "for", who[t->who]);
    reply_string(r, "access", t->code ? "execute" : t->writable ? "read, write" : "read");
}

void monitor_info_tlb(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {">linear", ">physical", "for", "access", NULL};

    (void)arguments;
    reply_table(r, "translations", columns);
    cpu_translations(machine_cpu(m->machine), put_translation, r);
    reply_table_end(r);
}
