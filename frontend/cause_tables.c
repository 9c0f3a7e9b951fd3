/* SPDX-License-Identifier: MIT */
/* Accesses that other tables, or the same tables walked otherwise, would have allowed. */
#include "frontend/cause.h"

#define PAE_ROOT BITS(31, 5)

bool causes_cr3(struct causes *c, struct cpu *cpu)
{
    const struct paging *p = cpu_paging(cpu);
    u64 cr3 = p->mode == PAGING_NONE ? p->cr3 & PAGE_MASK : walk_root(p);
    bool other = c->cr3_known && cr3 != c->cr3;
    struct cpu_state s;

    if (other && p->mode != PAGING_NONE) {
        cpu_get_state(cpu, &s);
        c->switched = true;
        c->cr3_before = c->cr3;
        c->switch_icount = cpu_icount(cpu);
        c->switch_rip = s.rip;
    }
    c->cr3_known = true;
    c->cr3 = cr3;
    return other;
}

bool cause_tables_before(const struct causes *c, struct cpu *cpu, u64 la, const struct access *a)
{
    struct paging p = *cpu_paging(cpu);
    struct walk_reader reader = cpu_table_reader(cpu);

    if (!c->switched || p.mode == PAGING_NONE || walk_root(&p) != c->cr3 ||
        (a->kind != ACCESS_EXECUTE && a->implicit == IMPLICIT_NONE) || (a->user && cpu_icount(cpu) != c->user_icount))
        return false;
    p.cr3 = c->cr3_before;
    for (unsigned i = 0; p.mode == PAGING_PAE && i < 4; i++)
        p.pdpte[i] = reader.read(reader.ctx, (p.cr3 & PAE_ROOT) + i * 8, 8);
    return walk(&p, la, *a, reader).cause == CAUSE_NONE;
}

/*
 * Tables of five levels, walked as if they were of four, may lead somewhere by chance: to a table taken for a page, or
 * by way of the entry of a large page, whose PS bit means PAT a level below, or a smaller page. Then nothing is proved,
 * unless it is where an identity map has it.
 */
static bool is_by_chance(struct tables *tables, const struct walk *w)
{
    u64 leaf = w->steps ? w->step[w->steps - 1].entry : 0;

    if (!tables || tables_watched(tables, w->pa))
        return true;
    return w->page_size == PAGE_SIZE ? leaf & PTE_PS : w->page_size == 2u << 20 && !(leaf & BITS(29, 21));
}

bool cause_levels(struct text *t, struct cpu *cpu, struct tables *tables, u64 la, const struct access *a)
{
    struct paging p = *cpu_paging(cpu);
    struct walk w;

    if (p.mode != PAGING_5LEVEL || a->user)
        return false;
    p.mode = PAGING_4LEVEL;
    if (!is_canonical(&p, la))
        return false;
    w = walk(&p, la, *a, cpu_table_reader(cpu));
    if (w.cause != CAUSE_NONE || (w.pa != la && is_by_chance(tables, &w)))
        return false;
    text_string(t, "CR4.LA57=1 makes the table that CR3 names, ");
    text_hex(t, walk_root(&p));
    text_string(t, ", a PML5; as a PML4 it would allow the access to ");
    text_hex(t, la);
    return true;
}
