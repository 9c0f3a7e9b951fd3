/* SPDX-License-Identifier: MIT */
/*
 * The page walk: SDM Vol. 3A, chapter "Paging", as one loop over the levels of any mode. What differs between the modes
 * is in the table of formats below and in three questions asked of each entry: which of its bits are reserved, does it
 * map a page, and what address does it hold. The walk reads entries through the caller's reader, writes nothing and
 * raises nothing.
 */
#include "mmu/paging.h"

/* SDM "Hierarchical Paging Structures: an Overview" and "Paging Modes and Control Bits". */
struct format {
    u8 levels;     /* of entries in memory; a PAE walk begins below its PDPTE registers */
    u8 width;      /* bytes of an entry */
    u8 index_bits; /* of the linear address, consumed per level */
};

static const struct format formats[] = {
    [PAGING_32BIT] = {.levels = 2, .width = 4, .index_bits = 10},
    [PAGING_PAE] = {.levels = 2, .width = 8, .index_bits = 9},
    [PAGING_4LEVEL] = {.levels = 4, .width = 8, .index_bits = 9},
    [PAGING_5LEVEL] = {.levels = 5, .width = 8, .index_bits = 9},
};

#define PTE_ADDRESS BITS(51, 12)
#define PTE_KEY_BIT 59 /* the lowest of 62:59 */

/* SDM "32-Bit Paging", "Use of PSE-36": M, where 4-MByte pages end. */
static unsigned pse36_width(const struct paging *p)
{
    if (!p->pse36)
        return 32;
    return p->maxphyaddr < 40 ? p->maxphyaddr : 40;
}

/* Does this entry, which is present, map a page? (SDM, the "Formats of ..." figures of each mode.) */
ALWAYS_INLINE bool entry_maps_page(const struct paging *p, enum paging_mode mode, unsigned level, u64 entry)
{
    if (level == 1)
        return true;
    if (likely(!(entry & PTE_PS)))
        return false;
    if (level == 2)
        return mode != PAGING_32BIT || p->pse;
    return level == 3 && p->page1gb;
}

/* SDM "Reserved bits" of each mode's entries: those reserved in all of them that are present. */
ALWAYS_INLINE u64 format_reserved(const struct paging *p, enum paging_mode mode)
{
    u64 reserved;

    if (mode == PAGING_32BIT)
        return 0;
    reserved = BITS(mode == PAGING_PAE ? 62 : 51, p->maxphyaddr);
    return p->nxe ? reserved : reserved | PTE_XD;
}

/* The further ones in an entry above the page table with PS = 1, whose index begins at bit `shift` of the address. */
static u64 large_reserved(const struct paging *p, unsigned shift, bool maps_page)
{
    if (!maps_page)
        return p->mode == PAGING_32BIT ? 0 : PTE_PS; /* without CR4.PSE, 32-bit paging ignores PS */
    if (p->mode == PAGING_32BIT)
        return BITS(21, pse36_width(p) - 19);
    return BITS(shift - 1, 13); /* below the page's address; bit 12 is PAT */
}

/* SDM "Linear-Address Translation with ...": the page's address from the entry that maps it. */
ALWAYS_INLINE u64 page_address(enum paging_mode mode, unsigned shift, u64 entry)
{
    u64 address = entry & PTE_ADDRESS & (~0ull << shift);

    if (mode == PAGING_32BIT && shift > 12)
        address |= (entry & BITS(20, 13)) << 19; /* PSE-36: bits 39:32 */
    return address;
}

/*
 * SDM "Determination of Access Rights" and "Protection Keys": every reason to refuse the access to the page found, as
 * BIT(cause).
 */
ALWAYS_INLINE u32 rights_refused(const struct paging *p, const struct walk *w, struct access a, bool user)
{
    u32 refused = 0;

    if (user && !w->user)
        refused |= BIT(CAUSE_SUPERVISOR_PAGE);
    if (a.kind == ACCESS_EXECUTE) {
        if (w->nx)
            refused |= BIT(CAUSE_NO_EXECUTE);
        if (!user && w->user && p->smep)
            refused |= BIT(CAUSE_SMEP);
        return refused;
    }
    if (a.kind == ACCESS_WRITE && !w->writable && (user || p->wp))
        refused |= BIT(CAUSE_WRITE_PROTECTED);
    if (!user && w->user && p->smap && (a.implicit != IMPLICIT_NONE || !a.ac))
        refused |= BIT(CAUSE_SMAP);
    if (w->user ? p->pke : p->pks) {
        u32 key_rights = (w->user ? p->pkru : p->pkrs) >> (2 * w->key); /* bit 0 AD, bit 1 WD */

        if ((key_rights & 1) || ((key_rights & 2) && a.kind == ACCESS_WRITE && (user || p->wp)))
            refused |= BIT(CAUSE_PROTECTION_KEY);
    }
    return refused;
}

/* SDM "Page-Fault Exceptions", figure "Page-Fault Error Code". */
static u32 error_code(const struct paging *p, struct access a, bool user, u32 refused)
{
    u32 error = 0;

    if (!(refused & BIT(CAUSE_NOT_PRESENT)))
        error |= PF_P;
    if (a.kind == ACCESS_WRITE)
        error |= PF_W;
    if (user)
        error |= PF_U;
    if (refused & BIT(CAUSE_RESERVED_BIT))
        error |= PF_RSVD;
    if (a.kind == ACCESS_EXECUTE && (p->nxe || p->smep))
        error |= PF_I;
    if (refused & BIT(CAUSE_PROTECTION_KEY))
        error |= PF_PK;
    return error;
}

/* The entry nearest the root in which `bit` has the value that takes the right away. PDPTE registers hold no rights. */
static unsigned deciding_level(const struct paging *p, const struct walk *w, unsigned bit, u64 value)
{
    unsigned i = p->mode == PAGING_PAE ? 1 : 0;

    while (i + 1u < w->steps && (w->step[i].entry >> bit & 1) != value)
        i++;
    return w->step[i].level;
}

/* Complete the verdict of a walk that was refused: by its last entry, or by rights combined from several. */
static NOINLINE void walk_refuse(struct walk *w, const struct paging *p, struct access a, bool user, u32 refused)
{
    w->cause = (enum fault_cause)__builtin_ctz(refused);
    w->also = refused & (refused - 1);
    w->error = error_code(p, a, user, refused);
    w->level = w->step[w->steps - 1].level;
    for (unsigned i = 0; i < w->steps; i++)
        w->set[i] = 0;
    switch (w->cause) {
    case CAUSE_SUPERVISOR_PAGE:
        w->bit = 2;
        w->level = (u8)deciding_level(p, w, 2, 0);
        break;
    case CAUSE_WRITE_PROTECTED:
        w->bit = 1;
        w->level = (u8)deciding_level(p, w, 1, 0);
        break;
    case CAUSE_NO_EXECUTE:
        w->bit = 63;
        w->level = (u8)deciding_level(p, w, 63, 1);
        break;
    case CAUSE_SMEP:
    case CAUSE_SMAP: w->bit = 2; break;
    case CAUSE_PROTECTION_KEY: w->bit = PTE_KEY_BIT; break;
    default: /* P, bit 0; or a reserved bit, which the walk has noted */ break;
    }
}

/* CR0.PG = 0 (SDM "Paging Modes and Control Bits"): the linear address is the physical one, and all is allowed. */
static void walk_unpaged(struct walk *w, u64 la)
{
    w->pa = la;
    w->user = w->writable = w->dirty = true;
}

ALWAYS_INLINE void walk_begin(struct walk *w)
{
    w->cause = CAUSE_NONE;
    w->also = w->error = 0;
    w->level = w->bit = w->steps = 0;
    w->pa = 0;
    w->page_size = PAGE_SIZE;
    w->user = w->writable = w->nx = w->global = w->dirty = false;
    w->key = 0;
    for (unsigned i = 0; i < WALK_MAX_STEPS; i++)
        w->set[i] = 0;
}

/* `set`: SDM "Accessed and Dirty Flags", what a walk that is allowed has still to set in this entry. */
ALWAYS_INLINE void walk_step(struct walk *w, unsigned level, u64 at, u64 entry, u64 set)
{
    unsigned i = w->steps++;

    w->step[i].level = (u8)level;
    w->step[i].at = at;
    w->step[i].entry = entry;
    w->set[i] = set & ~entry;
}

/* The leaf is found: SDM "Access Rights" makes the combined rights an AND (of R/W and U/S) and an OR (of XD). */
ALWAYS_INLINE void walk_leaf(struct walk *w, u64 leaf, u64 all, u64 any)
{
    w->user = all & PTE_U;
    w->writable = all & PTE_W;
    w->nx = any & PTE_XD;
    w->global = leaf & PTE_G;
    w->dirty = leaf & PTE_D;
    w->key = leaf >> PTE_KEY_BIT & 15; /* reserved, so 0, outside long mode */
}

/*
 * From CR3 to the leaf. Returns why it got no further, as BIT(cause), or 0. Inlined once for each mode, so that the row
 * of the table and the mode in the questions become constants: this is the path of every TLB miss.
 */
ALWAYS_INLINE u32 walk_tables(struct walk *w, const struct paging *p, enum paging_mode mode, u64 la,
                              struct walk_reader reader)
{
    const struct format *f = &formats[mode];
    const u64 reserved = format_reserved(p, mode);
    u64 table = p->cr3 & paging_root_bits[mode], all = ~0ull, any = 0;
    unsigned level = f->levels, shift = 12 + f->index_bits * (level - 1);

    if (mode == PAGING_PAE) { /* SDM "PDPTE Registers": from there, not from memory, and checked when loaded */
        unsigned i = la >> 30 & 3;

        walk_step(w, 3, table + 8 * i, p->pdpte[i], 0);
        if (!(p->pdpte[i] & PTE_P))
            return BIT(CAUSE_NOT_PRESENT);
        table = p->pdpte[i] & PTE_ADDRESS;
    }
    for (;; level--, shift -= f->index_bits) {
        u64 at = table + (la >> shift & (BIT(f->index_bits) - 1)) * f->width;
        u64 entry = reader.read(reader.ctx, at, f->width), bad = entry & reserved;
        bool leaf;

        walk_step(w, level, at, entry, PTE_A);
        if (unlikely(!(entry & PTE_P)))
            return BIT(CAUSE_NOT_PRESENT);
        leaf = entry_maps_page(p, mode, level, entry);
        if (unlikely(level > 1 && (entry & PTE_PS)))
            bad |= entry & large_reserved(p, shift, leaf);
        if (unlikely(bad)) {
            w->bit = (u8)__builtin_ctzll(bad);
            return BIT(CAUSE_RESERVED_BIT);
        }
        all &= entry;
        any |= entry;
        if (leaf) {
            w->level = (u8)level;
            w->page_size = BIT(shift);
            w->pa = page_address(mode, shift, entry) | (la & (BIT(shift) - 1));
            walk_leaf(w, entry, all, any);
            return 0;
        }
        table = entry & PTE_ADDRESS;
    }
}

void walk_into(struct walk *w, const struct paging *p, u64 la, struct access a, struct walk_reader reader)
{
    const bool user = a.user && a.implicit == IMPLICIT_NONE;
    u32 refused = 0;

    walk_begin(w);
    switch (p->mode) {
    case PAGING_NONE: walk_unpaged(w, la); return;
    case PAGING_32BIT: refused = walk_tables(w, p, PAGING_32BIT, la, reader); break;
    case PAGING_PAE: refused = walk_tables(w, p, PAGING_PAE, la, reader); break;
    case PAGING_4LEVEL: refused = walk_tables(w, p, PAGING_4LEVEL, la, reader); break;
    case PAGING_5LEVEL: refused = walk_tables(w, p, PAGING_5LEVEL, la, reader); break;
    }
    if (likely(!refused))
        refused = rights_refused(p, w, a, user);
    if (unlikely(refused)) {
        walk_refuse(w, p, a, user, refused);
    } else if (a.kind == ACCESS_WRITE) {
        w->set[w->steps - 1] |= PTE_D & ~w->step[w->steps - 1].entry;
        w->dirty = true;
    }
}

struct walk walk(const struct paging *p, u64 la, struct access a, struct walk_reader reader)
{
    struct walk w;

    walk_into(&w, p, la, a, reader);
    return w;
}

/* SDM "PDPTE Registers", "Format of a PAE Page-Directory-Pointer-Table Entry (PDPTE)": 2:1, 8:5 and 63:MAXPHYADDR. */
bool walk_pdpte_valid(const struct paging *p, u64 pdpte)
{
    return !(pdpte & PTE_P) || !(pdpte & (BITS(2, 1) | BITS(8, 5) | BITS(63, p->maxphyaddr)));
}

unsigned walk_levels(const struct paging *p)
{
    return p->mode == PAGING_PAE ? 3 : p->mode == PAGING_NONE ? 0 : formats[p->mode].levels;
}

unsigned walk_entry_width(const struct paging *p) { return p->mode == PAGING_32BIT ? 4 : 8; }

unsigned walk_table_entries(const struct paging *p, unsigned level)
{
    return p->mode == PAGING_PAE && level == 3 ? 4 : 1u << formats[p->mode].index_bits;
}

struct walk_entry walk_entry(const struct paging *p, unsigned level, u64 entry)
{
    unsigned shift = 12 + formats[p->mode].index_bits * (level - 1);
    struct walk_entry e = {.present = entry & PTE_P, .size = BIT(shift)};

    if (p->mode == PAGING_PAE && level == 3) { /* its reserved bits were checked when it was loaded */
        e.address = entry & PTE_ADDRESS;
        return e;
    }
    e.maps_page = entry_maps_page(p, p->mode, level, entry);
    e.reserved = entry & format_reserved(p, p->mode);
    if (level > 1 && (entry & PTE_PS))
        e.reserved |= entry & large_reserved(p, shift, e.maps_page);
    e.address = e.maps_page ? page_address(p->mode, shift, entry) : entry & PTE_ADDRESS;
    return e;
}

u32 walk_rights_refused(const struct paging *p, const struct walk *w, struct access a)
{
    return rights_refused(p, w, a, a.user && a.implicit == IMPLICIT_NONE);
}

const char *fault_cause_name(enum fault_cause cause)
{
    static const char *const name[CAUSE_COUNT] = {
        [CAUSE_NONE] = "none",
        [CAUSE_NOT_PRESENT] = "not-present",
        [CAUSE_RESERVED_BIT] = "reserved-bit",
        [CAUSE_SUPERVISOR_PAGE] = "supervisor-page",
        [CAUSE_WRITE_PROTECTED] = "write-protected",
        [CAUSE_NO_EXECUTE] = "no-execute",
        [CAUSE_SMEP] = "smep",
        [CAUSE_SMAP] = "smap",
        [CAUSE_PROTECTION_KEY] = "protection-key",
        [CAUSE_SHADOW_STACK] = "shadow-stack",
    };

    return (unsigned)cause < CAUSE_COUNT ? name[cause] : "unknown";
}
