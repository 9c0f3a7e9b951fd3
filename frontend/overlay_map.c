/* SPDX-License-Identifier: MIT */
/* Which linear addresses are mapped: the paging structures, read whole (SDM Vol. 3A, "Paging"). */
#include <stdlib.h>

#include "frontend/overlay.h"

#define CR0_PG BIT(31)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_LA57 BIT(12)
#define EFER_LMA BIT(10)
#define ADDRESS BITS(51, 12)

enum { REGIONS = 4096, TABLES = 4096 }; /* bounds: a guest can point tables at themselves */

struct survey {
    struct phys *phys;
    struct overlay_region *region;
    unsigned regions, tables;
    bool pae, pse, sign; /* eight-byte entries; 4 MiB pages; addresses are sign-extended */
    unsigned sign_bit;
};

static void add(struct survey *s, u64 base, u64 size, bool user, bool writable, bool executable)
{
    struct overlay_region *last = s->regions ? &s->region[s->regions - 1] : NULL;

    if (s->sign && base >> s->sign_bit & 1)
        base |= ~0ull << s->sign_bit;
    if (last && last->last + 1 == base && last->user == user && last->writable == writable &&
        last->executable == executable) {
        last->last = base + size - 1;
        return;
    }
    if (s->regions < REGIONS)
        s->region[s->regions++] = (struct overlay_region){base, base + size - 1, user, writable, executable, true};
}

struct rights {
    bool user, writable, executable;
};

static void survey_table(struct survey *s, u64 table, unsigned level, u64 base, struct rights up)
{
    unsigned entries = s->pae ? 512 : 1024, width = s->pae ? 8 : 4;
    unsigned shift = 12 + (level - 1) * (s->pae ? 9 : 10);
    u8 bytes[PAGE_SIZE];

    if (++s->tables > TABLES || !phys_copy_out(s->phys, table, bytes, sizeof(bytes)))
        return;
    if (s->pae && !s->sign && level == 3)
        entries = 4;
    for (unsigned i = 0; i < entries; i++) {
        u64 entry = 0, at = base + ((u64)i << shift);
        struct rights r;

        __builtin_memcpy(&entry, bytes + (size_t)i * width, width);
        if (!(entry & PTE_P))
            continue;
        r = (struct rights){up.user && entry & PTE_U, up.writable && entry & PTE_W, up.executable && !(entry & PTE_XD)};
        if (s->pae && !s->sign && level == 3)
            r = up; /* PAE's PDPTEs have no rights */
        if (level == 1 || (entry & PTE_PS && level <= 3 && (s->pae || s->pse)))
            add(s, at, 1ull << shift, r.user, r.writable, r.executable);
        else
            survey_table(s, entry & (s->pae ? ADDRESS : 0xFFFFF000u), level - 1, at, r);
    }
}

static void survey(struct survey *s, struct machine *m)
{
    struct cpu_state c;
    const struct rights all = {true, true, true};

    cpu_get_state(machine_cpu(m), &c);
    if (!(c.cr0 & CR0_PG)) {
        add(s, 0, machine_low_ram(m), false, true, true);
        return;
    }
    s->pae = c.cr4 & CR4_PAE;
    s->pse = c.cr4 & CR4_PSE;
    s->sign = c.efer & EFER_LMA;
    s->sign_bit = c.cr4 & CR4_LA57 ? 56 : 47;
    if (s->sign)
        survey_table(s, c.cr3 & ADDRESS, c.cr4 & CR4_LA57 ? 5 : 4, 0, all);
    else if (s->pae) /* the four PDPTEs need not fill a page, but lie in one */
        for (unsigned i = 0; i < 4; i++) {
            if (c.pdpte[i] & PTE_P)
                survey_table(s, c.pdpte[i] & ADDRESS, 2, (u64)i << 30, all);
        }
    else
        survey_table(s, c.cr3 & 0xFFFFF000u, 2, 0, all);
}

static int by_base(const void *a, const void *b)
{
    const struct overlay_region *x = a, *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

/* Neighbours with no more than `gap` bytes between them become one. */
static unsigned join(struct overlay_region *r, unsigned n, u64 gap)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        struct overlay_region *last = kept ? &r[kept - 1] : NULL;

        if (!last || (r[i].base > last->last && r[i].base - last->last - 1 > gap)) {
            r[kept++] = r[i];
            continue;
        }
        if (r[i].last > last->last)
            last->last = r[i].last;
        last->user |= r[i].user;
        last->writable |= r[i].writable;
        last->executable |= r[i].executable;
        last->mapped |= r[i].mapped;
    }
    return kept;
}

unsigned overlay_map(const struct overlay *o, struct machine *m, struct overlay_region *to, unsigned most)
{
    struct survey s = {.phys = machine_phys(m)};
    unsigned n;

    s.region = calloc(REGIONS + OVERLAY_FAULTS, sizeof(*s.region));
    if (!s.region)
        return 0;
    survey(&s, m);
    n = s.regions;
    for (u64 i = 0; i < o->count && i < OVERLAY_FAULTS; i++) {
        u64 page = o->fault[i].cr2 & PAGE_MASK;

        s.region[n++] = (struct overlay_region){.base = page, .last = page + PAGE_SIZE - 1};
    }
    qsort(s.region, n, sizeof(*s.region), by_base);
    if (n > most)
        n = join(s.region, n, 0);
    for (u64 gap = PAGE_SIZE; n > most && gap < 1ull << 63; gap *= 2)
        n = join(s.region, n, gap);
    n = n > most ? most : n;
    for (unsigned i = 0; i < n; i++)
        to[i] = s.region[i];
    free(s.region);
    return n;
}
