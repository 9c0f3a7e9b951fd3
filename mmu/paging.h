/* SPDX-License-Identifier: MIT */
/*
 * The value types of a page walk (SDM Vol. 3A, "Paging"): what is asked, under which control
 * state, and what was found. The walk itself is walk.c; it reads tables through a reader, writes
 * nothing and raises nothing.
 */
#ifndef FAULTLINE_MMU_PAGING_H
#define FAULTLINE_MMU_PAGING_H

#include "mmu/base.h"

enum paging_mode {
    PAGING_NONE,   /* CR0.PG = 0: linear addresses are physical */
    PAGING_32BIT,  /* CR0.PG = 1, CR4.PAE = 0 */
    PAGING_PAE,    /* CR4.PAE = 1, EFER.LMA = 0 */
    PAGING_4LEVEL, /* EFER.LMA = 1, CR4.LA57 = 0 */
    PAGING_5LEVEL, /* EFER.LMA = 1, CR4.LA57 = 1 */
};

/* The digest of control state a walk depends on. The CPU keeps one and refreshes it when a control register changes. */
struct paging {
    enum paging_mode mode;
    u64 cr3;       /* as written; the walk takes the address bits its mode uses */
    u64 pdpte[4];  /* PAE: the PDPTE registers, loaded at MOV CR3 */
    u8 maxphyaddr; /* 32..52 */
    bool wp;       /* CR0.WP */
    bool pse;      /* CR4.PSE (32-bit paging only; PAE ignores it) */
    bool pse36;    /* CPUID.PSE-36: 4 MiB pages may have physical bits 39:32 */
    bool page1gb;  /* CPUID.Page1GB: PS allowed in a PDPTE */
    bool nxe;      /* EFER.NXE (and PAE or long mode) */
    bool smep;     /* CR4.SMEP */
    bool smap;     /* CR4.SMAP */
    bool pke;      /* CR4.PKE, with EFER.LMA */
    bool pks;      /* CR4.PKS, with EFER.LMA */
    u32 pkru;      /* protection-key rights, user pages */
    u32 pkrs;      /* IA32_PKRS: the same, supervisor pages */
};

/* SDM "Use of CR3 ...", one table for each mode: the physical address of the uppermost table. */
static const u64 paging_root_bits[] = {
    [PAGING_NONE] = 0,
    [PAGING_32BIT] = BITS(31, 12),
    [PAGING_PAE] = BITS(31, 5),
    [PAGING_4LEVEL] = BITS(51, 12),
    [PAGING_5LEVEL] = BITS(51, 12),
};
static inline u64 walk_root(const struct paging *p) { return p->cr3 & paging_root_bits[p->mode]; }

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_EXECUTE };

/* Why the processor itself touches memory; such accesses are supervisor accesses at any CPL and ignore EFLAGS.AC. */
enum implicit {
    IMPLICIT_NONE,
    IMPLICIT_DESCRIPTOR, /* GDT or LDT */
    IMPLICIT_IDT,
    IMPLICIT_TSS,
    IMPLICIT_EXCEPTION_STACK, /* pushes of an inner-privilege stack during delivery */
    IMPLICIT_PDPTE,
    IMPLICIT_BITMAP, /* I/O permission or interrupt redirection bitmap */
};

struct access {
    enum access_kind kind;
    bool user; /* made at CPL 3 and not implicit */
    bool ac;   /* EFLAGS.AC at an explicit supervisor access */
    enum implicit implicit;
};

/* #PF error code (SDM "Page-Fault Exceptions"). */
enum {
    PF_P = 1 << 0,
    PF_W = 1 << 1,
    PF_U = 1 << 2,
    PF_RSVD = 1 << 3,
    PF_I = 1 << 4,
    PF_PK = 1 << 5,
    PF_SS = 1 << 6,
};

/*
 * Why an access is refused. In the order of the trace format: the first that holds is the cause, the rest are `also`.
 * Rights exist only once a leaf is reached: the first two stand alone.
 */
enum fault_cause {
    CAUSE_NONE,
    CAUSE_NOT_PRESENT,
    CAUSE_RESERVED_BIT,
    CAUSE_SUPERVISOR_PAGE,
    CAUSE_WRITE_PROTECTED,
    CAUSE_NO_EXECUTE,
    CAUSE_SMEP,
    CAUSE_SMAP,
    CAUSE_PROTECTION_KEY,
    CAUSE_SHADOW_STACK,
    CAUSE_COUNT,
};

/* Paging-structure entry bits. */
#define PTE_P BIT(0)
#define PTE_W BIT(1)
#define PTE_U BIT(2)
#define PTE_PWT BIT(3)
#define PTE_PCD BIT(4)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_PS BIT(7)
#define PTE_G BIT(8)
#define PTE_XD BIT(63)

#define WALK_MAX_STEPS 5

struct walk_step {
    u8 level;  /* 5 PML5E, 4 PML4E, 3 PDPTE, 2 PDE, 1 PTE */
    u64 at;    /* physical address of the entry; for a PAE PDPTE register: where CR3 says it was loaded from */
    u64 entry; /* its value */
};

/* In walk.also: it was refused by entries that a processor holds from before. As memory is by now, it is allowed. */
#define WALK_CACHED BIT(CAUSE_NONE)

/* The verdict. */
struct walk {
    enum fault_cause cause; /* CAUSE_NONE: allowed */
    u32 also;               /* BIT(cause) of the further reasons that hold; or WALK_CACHED */
    u32 error;              /* #PF error code when refused */
    u8 level;               /* the deciding level when refused, else the level of the leaf; 0 with PAGING_NONE */
    /*
     * The deciding bit of that entry: 0 P, 1 W, 2 U, 63 XD, the lowest reserved bit set, or 59, the key's lowest.
     * A right is decided by the entry nearest the root that lacks it; SMEP, SMAP and the key by the leaf.
     */
    u8 bit;
    u8 steps; /* entries visited, root first; step[] beyond them is unspecified */
    struct walk_step step[WALK_MAX_STEPS];
    /* When allowed, or refused for rights only (a leaf was reached): */
    u64 pa;        /* physical address of the byte asked for */
    u64 page_size; /* 4 KiB, 2 MiB, 4 MiB, 1 GiB; 4 KiB with PAGING_NONE */
    bool user;     /* combined U/S */
    bool writable; /* combined R/W */
    bool nx;       /* combined XD (false unless nxe) */
    bool global;   /* leaf G */
    u8 key;        /* protection key of the leaf */
    /* When allowed: the updates still to be made, by bits to OR into step[i].entry (A, and D in a written leaf). */
    u64 set[WALK_MAX_STEPS];
    bool dirty; /* the leaf's D is, or will be, set; true with PAGING_NONE */
};

/* Reads a paging-structure entry: width 4 or 8, naturally aligned. Must be total: every address has a value. */
struct walk_reader {
    u64 (*read)(void *ctx, u64 pa, unsigned width);
    void *ctx;
};

/* Walk for linear address `la` (canonical; below 4 GiB outside long mode). */
struct walk walk(const struct paging *p, u64 la, struct access a, struct walk_reader reader);
/* The same into a verdict of the caller's; its old contents do not matter. Spares a TLB miss a copy of 230 bytes. */
void walk_into(struct walk *w, const struct paging *p, u64 la, struct access a, struct walk_reader reader);

/*
 * One entry by itself, for whoever looks at tables without walking: does it map a page or lead to a table, where, and
 * which reserved bits are set. `level` as in struct walk_step; PDPTE registers (level 3 of PAE paging) included. All
 * but `present` is unspecified in an entry that is not present.
 */
struct walk_entry {
    bool present, maps_page;
    u64 reserved; /* those that are set: an access through it is refused */
    u64 address;  /* physical, of the page or table */
    u64 size;     /* bytes of linear addresses that one such entry covers */
};
struct walk_entry walk_entry(const struct paging *p, unsigned level, u64 entry);
/* The uppermost level of this mode (0 with PAGING_NONE), the bytes of an entry, and how many entries make a table
 * there. */
unsigned walk_levels(const struct paging *p);
unsigned walk_entry_width(const struct paging *p);
unsigned walk_table_entries(const struct paging *p, unsigned level);

/* Why an access to a page found before, of which `w` has the combined rights and the key, is refused now: BIT(cause) of
 * each reason, 0 if it is allowed. */
u32 walk_rights_refused(const struct paging *p, const struct walk *w, struct access a);

/* True if a MOV to CR3 (or CR0/CR4 in PAE mode) may load this PDPTE: reserved bits clear, or not present. */
bool walk_pdpte_valid(const struct paging *p, u64 pdpte);

/* "not-present", "reserved-bit" ...: the names of the trace format. */
const char *fault_cause_name(enum fault_cause cause);

/* True if `la` is canonical in this mode (always, outside long mode). */
static inline bool is_canonical(const struct paging *p, u64 la)
{
    unsigned spare = p->mode == PAGING_5LEVEL ? 7 : 16;
    if (p->mode < PAGING_4LEVEL)
        return true;
    return (u64)((s64)(la << spare) >> spare) == la;
}

#endif
