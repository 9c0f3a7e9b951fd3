/* SPDX-License-Identifier: MIT */
/*
 * What a page walk must come to, specified a second time and in another way than mmu/walk.c: the SDM's figures of entry
 * formats as strings, one letter a bit, and one predicate for each reason to refuse. It does not walk: it is handed the
 * chain of entries, says what each one is, where the chain ends, and what must come of it. Used by walk_oracle.c alone.
 */
#ifndef FAULTLINE_TESTS_UNIT_WALK_SPEC_H
#define FAULTLINE_TESTS_UNIT_WALK_SPEC_H

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mmu/paging.h"

/*
 * SDM, "Formats of CR3 and Paging-Structure Entries" of each mode, bit 63 first.
 *   A  address, reserved from MAXPHYADDR on       H  address bits 39:32 (PSE-36), reserved from M on
 *   R  reserved (must be 0)                       X  XD, reserved while EFER.NXE = 0
 *   K  protection key      G  global      D  dirty      a  accessed      S  page size      U  W  P  rights and present
 *   .  ignored by the walk (includes PAT, PWT, PCD)
 * The spaces stand between bytes.
 */
enum shape {
    S32_PTE,
    S32_PDE,
    S32_PAGE,
    PAE_PTE,
    PAE_PDE,
    PAE_PAGE,
    PAE_PDPTE,
    L_PTE,
    L_PDE,
    L_2M,
    L_PDPTE,
    L_1G,
    L_UPPER,
    SHAPES
};

static const char *const figure[SHAPES] = {
    [S32_PTE] = "........ ........ ........ ........ AAAAAAAA AAAAAAAA AAAA...G .Da..UWP",
    [S32_PDE] = "........ ........ ........ ........ AAAAAAAA AAAAAAAA AAAA.... ..a..UWP",
    [S32_PAGE] = "........ ........ ........ ........ AAAAAAAA AARHHHHH HHH....G SDa..UWP",
    [PAE_PTE] = "XRRRRRRR RRRRAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA...G .Da..UWP",
    [PAE_PDE] = "XRRRRRRR RRRRAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA.... ..a..UWP",
    [PAE_PAGE] = "XRRRRRRR RRRRAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAARRRRR RRR....G SDa..UWP",
    [PAE_PDPTE] = "RRRRRRRR RRRRAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA...R RRR..RRP",
    [L_PTE] = "XKKKK... ....AAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA...G .Da..UWP",
    [L_PDE] = "X....... ....AAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA.... ..a..UWP",
    [L_2M] = "XKKKK... ....AAAA AAAAAAAA AAAAAAAA AAAAAAAA AAARRRRR RRR....G SDa..UWP",
    [L_PDPTE] = "X....... ....AAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA.... R.a..UWP",
    [L_1G] = "XKKKK... ....AAAA AAAAAAAA AAAAAAAA AARRRRRR RRRRRRRR RRR....G SDa..UWP",
    [L_UPPER] = "X....... ....AAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAAAAAA AAAA.... R.a..UWP",
};

/* What the letters come to under given control state. */
struct masks {
    u64 reserved, address, high;
};

#define WIDTHS 21 /* MAXPHYADDR 32..52 */

struct spec {
    struct masks masks[SHAPES][WIDTHS][2][2]; /* [shape][maxphyaddr - 32][nxe][pse36] */
};

static struct masks figure_masks(const char *bits, unsigned width, bool nxe, bool pse36)
{
    struct masks m = {0};
    unsigned high_end = !pse36 ? 32 : width > 40 ? 40 : width;
    unsigned bit = 64;

    for (; *bits; bits++) {
        u64 one;

        if (*bits == ' ')
            continue;
        one = 1ull << --bit;
        switch (*bits) {
        case 'R': m.reserved |= one; break;
        case 'X': m.reserved |= nxe ? 0 : one; break;
        case 'A': *(bit < width ? &m.address : &m.reserved) |= one; break;
        case 'H': *(bit + 19 < high_end ? &m.high : &m.reserved) |= one; break;
        default: break;
        }
    }
    if (bit != 0)
        abort(); /* a figure has 64 letters */
    return m;
}

static struct spec *spec_create(void)
{
    struct spec *spec = calloc(1, sizeof(*spec));

    for (unsigned shape = 0; shape < SHAPES; shape++)
        for (unsigned width = 0; width < WIDTHS; width++)
            for (unsigned flags = 0; flags < 4; flags++)
                spec->masks[shape][width][flags & 1][flags >> 1] =
                    figure_masks(figure[shape], 32 + width, flags & 1, flags >> 1);
    return spec;
}

/* One question to both. */
struct question {
    struct paging p;
    struct access a;
    u64 la;
    unsigned count; /* entries in the chain, root first, down to level 1 */
    u64 chain[5];
};

static enum shape shape_of(const struct question *q, unsigned level, u64 entry)
{
    bool ps = entry >> 7 & 1;

    switch (q->p.mode) {
    case PAGING_32BIT: return level == 1 ? S32_PTE : ps && q->p.pse ? S32_PAGE : S32_PDE;
    case PAGING_PAE: return level == 3 ? PAE_PDPTE : level == 1 ? PAE_PTE : ps ? PAE_PAGE : PAE_PDE;
    default:
        if (level >= 4)
            return L_UPPER;
        if (level == 3)
            return ps && q->p.page1gb ? L_1G : L_PDPTE;
        return level == 1 ? L_PTE : ps ? L_2M : L_PDE;
    }
}

static bool shape_is_page(enum shape s)
{
    return s == S32_PTE || s == S32_PAGE || s == PAE_PTE || s == PAE_PAGE || s == L_PTE || s == L_2M || s == L_1G;
}

static u64 shape_size(enum shape s)
{
    switch (s) {
    case S32_PAGE: return 4ull << 20;
    case PAE_PAGE:
    case L_2M: return 2ull << 20;
    case L_1G: return 1ull << 30;
    default: return 4096;
    }
}

static const struct masks *masks_of(const struct spec *spec, const struct question *q, enum shape s)
{
    return &spec->masks[s][q->p.maxphyaddr - 32][q->p.nxe][q->p.pse36];
}

/* What the specification makes of the chain. */
struct facts {
    unsigned end;          /* index of the last entry that matters */
    bool absent, reserved; /* why it ends there, if not at a page */
    enum shape shape[5];
    u64 at[5];
    u64 next[5];                      /* address held by the entry */
    u64 bad;                          /* reserved bits set in the last entry */
    unsigned lack_w, lack_u, with_xd; /* bitmaps over entries with rights, root = bit 0 */
    bool user_page;
    unsigned key;
};

static u64 index_bits_of(const struct question *q, unsigned level)
{
    /* Where SDM "Linear-Address Translation with ..." splits the linear address. */
    static const u8 low_32[] = {0, 12, 22}, low_64[] = {0, 12, 21, 30, 39, 48};

    if (q->p.mode == PAGING_32BIT)
        return (q->la >> low_32[level]) % 1024;
    return (q->la >> low_64[level]) % (q->p.mode == PAGING_PAE && level == 3 ? 4 : 512);
}

static u64 root_of(const struct question *q)
{
    switch (q->p.mode) {
    case PAGING_32BIT: return q->p.cr3 & 0xFFFFF000;
    case PAGING_PAE: return q->p.cr3 & 0xFFFFFFE0;
    default: return q->p.cr3 & 0x000FFFFFFFFFF000;
    }
}

static void facts_find(const struct spec *spec, const struct question *q, struct facts *f)
{
    unsigned size = q->p.mode == PAGING_32BIT ? 4 : 8;

    memset(f, 0, sizeof(*f));
    for (unsigned i = 0; i < q->count; i++) {
        unsigned level = q->count - i;
        u64 entry = q->chain[i];
        const struct masks *m;

        f->end = i;
        f->shape[i] = shape_of(q, level, entry);
        m = masks_of(spec, q, f->shape[i]);
        f->at[i] = (i ? f->next[i - 1] : root_of(q)) + index_bits_of(q, level) * size;
        f->next[i] = (entry & m->address) + ((entry & m->high) << 19);
        f->bad = entry & m->reserved;
        f->absent = entry % 2 == 0;
        f->reserved = !f->absent && f->bad;
        if (f->shape[i] != PAE_PDPTE) {
            f->lack_w |= (entry & 2 ? 0u : 1u) << i;
            f->lack_u |= (entry & 4 ? 0u : 1u) << i;
            f->with_xd |= (entry >> 63 ? 1u : 0u) << i;
        }
        if (f->absent || f->reserved || shape_is_page(f->shape[i]))
            break;
    }
    f->user_page = f->lack_u == 0;
    f->key = strchr(figure[f->shape[f->end]], 'K') ? (q->chain[f->end] >> 59) & 0xF : 0;
}

/* SDM "Access Rights": one predicate for each way to be refused, asked only of complete translations. */
static bool supervisor_access(const struct question *q) { return q->a.implicit || !q->a.user; }

static bool no_supervisor_page(const struct question *q, const struct facts *f)
{
    return !supervisor_access(q) && !f->user_page;
}

static bool no_write(const struct question *q, const struct facts *f)
{
    if (q->a.kind != ACCESS_WRITE || f->lack_w == 0)
        return false;
    return !supervisor_access(q) || q->p.wp;
}

static bool no_execute(const struct question *q, const struct facts *f)
{
    return q->a.kind == ACCESS_EXECUTE && f->with_xd && q->p.nxe;
}

static bool no_smep(const struct question *q, const struct facts *f)
{
    return q->a.kind == ACCESS_EXECUTE && supervisor_access(q) && f->user_page && q->p.smep;
}

static bool no_smap(const struct question *q, const struct facts *f)
{
    bool lifted = q->a.ac && !q->a.implicit;

    return q->a.kind != ACCESS_EXECUTE && supervisor_access(q) && f->user_page && q->p.smap && !lifted;
}

static bool no_key(const struct question *q, const struct facts *f)
{
    bool on = f->user_page ? q->p.pke : q->p.pks;
    u32 rights = f->user_page ? q->p.pkru : q->p.pkrs; /* PKRU is about user-mode addresses, IA32_PKRS about the rest */
    u32 ad = rights & (1u << (2 * f->key)), wd = rights & (2u << (2 * f->key));

    if (!on || q->a.kind == ACCESS_EXECUTE)
        return false;
    if (ad)
        return true;
    return wd && q->a.kind == ACCESS_WRITE && !(supervisor_access(q) && !q->p.wp);
}

static bool (*const refusal[CAUSE_COUNT])(const struct question *, const struct facts *) = {
    [CAUSE_SUPERVISOR_PAGE] = no_supervisor_page,
    [CAUSE_WRITE_PROTECTED] = no_write,
    [CAUSE_NO_EXECUTE] = no_execute,
    [CAUSE_SMEP] = no_smep,
    [CAUSE_SMAP] = no_smap,
    [CAUSE_PROTECTION_KEY] = no_key,
};

/* Level and bit that decide, in the words of the trace format. */
static void expect_decider(const struct question *q, const struct facts *f, struct walk *w)
{
    unsigned at = f->end, leaf = f->end;

    switch (w->cause) {
    case CAUSE_NOT_PRESENT: w->bit = 0; break;
    case CAUSE_RESERVED_BIT: w->bit = (u8)(ffsll((long long)f->bad) - 1); break;
    case CAUSE_SUPERVISOR_PAGE:
        w->bit = 2;
        at = (unsigned)ffs((int)f->lack_u) - 1;
        break;
    case CAUSE_WRITE_PROTECTED:
        w->bit = 1;
        at = (unsigned)ffs((int)f->lack_w) - 1;
        break;
    case CAUSE_NO_EXECUTE:
        w->bit = 63;
        at = (unsigned)ffs((int)f->with_xd) - 1;
        break;
    case CAUSE_PROTECTION_KEY:
        w->bit = 59;
        at = leaf;
        break;
    default:
        w->bit = 2;
        at = leaf;
        break;
    }
    w->level = (u8)(q->count - at);
}

static void expect_verdict(const struct question *q, const struct facts *f, struct walk *w)
{
    u32 reasons = 0;

    if (f->absent || f->reserved) {
        reasons = f->absent ? BIT(CAUSE_NOT_PRESENT) : BIT(CAUSE_RESERVED_BIT);
    } else {
        for (unsigned c = 0; c < CAUSE_COUNT; c++)
            if (refusal[c] && refusal[c](q, f))
                reasons |= BIT(c);
    }
    if (!reasons) {
        w->level = (u8)(q->count - f->end);
        return;
    }
    for (unsigned c = CAUSE_COUNT; c-- > 0;)
        if (reasons & BIT(c))
            w->cause = (enum fault_cause)c;
    w->also = reasons - (u32)BIT(w->cause);
    expect_decider(q, f, w);
    /* SDM "Page-Fault Error Code", flag by flag. */
    w->error = (f->absent ? 0u : 0x01u) + (q->a.kind == ACCESS_WRITE ? 0x02u : 0u) +
               (supervisor_access(q) ? 0u : 0x04u) + (f->reserved ? 0x08u : 0u) +
               (q->a.kind == ACCESS_EXECUTE && (q->p.nxe || q->p.smep) ? 0x10u : 0u) +
               (reasons & BIT(CAUSE_PROTECTION_KEY) ? 0x20u : 0u);
}

static void expect(const struct question *q, const struct facts *f, struct walk *w)
{
    u64 leaf = q->chain[f->end];

    memset(w, 0, sizeof(*w));
    expect_verdict(q, f, w);
    w->steps = (u8)(f->end + 1);
    for (unsigned i = 0; i <= f->end; i++) {
        w->step[i].level = (u8)(q->count - i);
        w->step[i].at = f->at[i];
        w->step[i].entry = q->chain[i];
    }
    if (f->absent || f->reserved)
        return;
    w->page_size = shape_size(f->shape[f->end]);
    w->pa = f->next[f->end] + q->la % w->page_size;
    w->user = f->user_page;
    w->writable = f->lack_w == 0;
    w->nx = f->with_xd && q->p.nxe;
    w->global = leaf & 0x100;
    w->dirty = leaf & 0x40;
    w->key = (u8)f->key;
    if (w->cause != CAUSE_NONE)
        return;
    for (unsigned i = 0; i <= f->end; i++)
        if (f->shape[i] != PAE_PDPTE && !(q->chain[i] & 0x20))
            w->set[i] = 0x20;
    if (q->a.kind == ACCESS_WRITE && !(leaf & 0x40))
        w->set[f->end] += 0x40;
    w->dirty = w->dirty || q->a.kind == ACCESS_WRITE;
}

#endif
