/* SPDX-License-Identifier: MIT */
/*
 * The page walk, case by case, with tables written out by hand. The numbers in names and comments are those of FAULTS.
 * walk_oracle.c asks the same questions by the million; this file is to be read.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/paging.h"

#define SLOTS 32

/* A few words of physical memory; everything else reads as 0, not present. */
struct memory {
    struct {
        u64 pa, value;
    } slot[SLOTS];
    unsigned used, reads, width;
};

static void put(struct memory *m, u64 pa, u64 value)
{
    unsigned i = 0;

    while (i < m->used && m->slot[i].pa != pa)
        i++;
    ck_assert_uint_lt(i, SLOTS);
    m->slot[i].pa = pa;
    m->slot[i].value = value;
    if (i == m->used)
        m->used++;
}

static u64 get(void *ctx, u64 pa, unsigned width)
{
    struct memory *m = ctx;

    m->reads++;
    m->width = width;
    for (unsigned i = 0; i < m->used; i++)
        if (m->slot[i].pa == pa)
            return m->slot[i].value;
    return 0;
}

static const struct access user_read = {.kind = ACCESS_READ, .user = true};
static const struct access user_write = {.kind = ACCESS_WRITE, .user = true};
static const struct access user_fetch = {.kind = ACCESS_EXECUTE, .user = true};
static const struct access kernel_read = {.kind = ACCESS_READ};
static const struct access kernel_write = {.kind = ACCESS_WRITE};
static const struct access kernel_fetch = {.kind = ACCESS_EXECUTE};

static struct walk ask(const struct paging *p, struct memory *m, u64 la, struct access a)
{
    m->reads = 0;
    return walk(p, la, a, (struct walk_reader){get, m});
}

#define ck_refused(w, why, code, at_level, at_bit)                            \
    do {                                                                      \
        ck_assert_str_eq(fault_cause_name((w).cause), fault_cause_name(why)); \
        ck_assert_uint_eq((w).error, (code));                                 \
        ck_assert_uint_eq((w).level, (at_level));                             \
        ck_assert_uint_eq((w).bit, (at_bit));                                 \
    } while (0)

#define ck_allowed(w, to)                                      \
    do {                                                       \
        ck_assert_str_eq(fault_cause_name((w).cause), "none"); \
        ck_assert_uint_eq((w).pa, (to));                       \
        ck_assert_uint_eq((w).error, 0);                       \
        ck_assert_uint_eq((w).also, 0);                        \
    } while (0)

/* 4-level: la 0xFFFF800000201234 is PML4E 256, PDPTE 0, PDE 1, PTE 1, offset 0x234. */
#define LA 0xFFFF800000201234ull
#define PML4E (0x1000 + 256 * 8)
#define PDPTE 0x2000
#define PDE (0x3000 + 8)
#define PTE (0x4000 + 8)

static struct paging long_mode(void)
{
    return (struct paging){
        .mode = PAGING_4LEVEL,
        .cr3 = 0x1018,
        .maxphyaddr = 40,
        .wp = true,
        .page1gb = true,
        .nxe = true,
    };
}

static struct memory long_tables(void)
{
    struct memory m = {.used = 0};

    put(&m, PML4E, 0x2007);
    put(&m, PDPTE, 0x3007);
    put(&m, PDE, 0x4147); /* bits 8 and 6 are ignored in an entry that refers to a table */
    put(&m, PTE, 0xABCDE007);
    return m;
}

START_TEST(four_level_translates)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w = ask(&p, &m, LA, user_read);

    ck_allowed(w, 0xABCDE234);
    ck_assert_uint_eq(m.reads, 4);
    ck_assert_uint_eq(m.width, 8);
    ck_assert_uint_eq(w.steps, 4);
    ck_assert_uint_eq(w.level, 1);
    ck_assert_uint_eq(w.page_size, 4096);
    ck_assert_uint_eq(w.step[0].level, 4);
    ck_assert_uint_eq(w.step[0].at, PML4E);
    ck_assert_uint_eq(w.step[0].entry, 0x2007);
    ck_assert_uint_eq(w.step[3].level, 1);
    ck_assert_uint_eq(w.step[3].at, PTE);
    ck_assert(w.user && w.writable && !w.nx && !w.global && !w.dirty);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(w.set[i], 0x20);
}
END_TEST

START_TEST(five_level_translates)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w;

    p.mode = PAGING_5LEVEL;
    p.cr3 = 0x9000;
    put(&m, 0x9000 + 511 * 8, 0x1007);
    w = ask(&p, &m, LA, kernel_write);
    ck_allowed(w, 0xABCDE234);
    ck_assert_uint_eq(w.steps, 5);
    ck_assert_uint_eq(w.step[0].level, 5);
    ck_assert_uint_eq(w.set[0], 0x20);
    ck_assert_uint_eq(w.set[4], 0x60);
    ck_assert(w.dirty);
    put(&m, 0x9000 + 511 * 8, 0x1087); /* 28: PS is reserved in a PML5E */
    ck_refused(ask(&p, &m, LA, kernel_write), CAUSE_RESERVED_BIT, 0x0B, 5, 7);
}
END_TEST

START_TEST(large_pages_translate)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w;

    put(&m, PDE, 0xABC011E7); /* 2 MiB, global, PAT, A, D */
    w = ask(&p, &m, LA, user_write);
    ck_allowed(w, 0xABC01234);
    ck_assert_uint_eq(w.page_size, 2 << 20);
    ck_assert_uint_eq(w.level, 2);
    ck_assert(w.global && w.dirty);
    ck_assert_uint_eq(w.set[2], 0);
    put(&m, PDE, 0xABC01187 | BIT(20)); /* 28 */
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_RESERVED_BIT, 0x0F, 2, 20);

    put(&m, PDPTE, 0xC0000087);
    w = ask(&p, &m, LA, user_write);
    ck_allowed(w, 0xC0201234);
    ck_assert_uint_eq(w.page_size, 1 << 30);
    ck_assert_uint_eq(w.set[1], 0x60);
    put(&m, PDPTE, 0xC0000087 | BIT(29)); /* 28 */
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_RESERVED_BIT, 0x0F, 3, 29);
    put(&m, PDPTE, 0xC0000087);
    p.page1gb = false; /* 28 */
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_RESERVED_BIT, 0x0F, 3, 7);
}
END_TEST

START_TEST(not_present_says_only_that)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w;

    p.smep = true;
    put(&m, PTE, ~1ull); /* every reserved bit set, but not present */
    w = ask(&p, &m, LA, user_write);
    ck_refused(w, CAUSE_NOT_PRESENT, 0x06, 1, 0);
    ck_assert_uint_eq(w.also, 0);
    ck_assert_uint_eq(w.steps, 4);
    ck_refused(ask(&p, &m, LA, user_fetch), CAUSE_NOT_PRESENT, 0x14, 1, 0);
    put(&m, PML4E, 0x2000);
    w = ask(&p, &m, LA, kernel_read);
    ck_refused(w, CAUSE_NOT_PRESENT, 0x00, 4, 0);
    ck_assert_uint_eq(w.steps, 1);
    ck_assert_uint_eq(m.reads, 1);
}
END_TEST

START_TEST(f21_reserved_implies_present)
{
    struct paging p = long_mode();
    struct memory m = long_tables();

    put(&m, PTE, 0xABCDE007 | BIT(40));
    ck_refused(ask(&p, &m, LA, kernel_read), CAUSE_RESERVED_BIT, 0x09, 1, 40);
    ck_refused(ask(&p, &m, LA, kernel_write), CAUSE_RESERVED_BIT, 0x0B, 1, 40);
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_RESERVED_BIT, 0x0F, 1, 40);
    ck_refused(ask(&p, &m, LA, user_fetch), CAUSE_RESERVED_BIT, 0x1D, 1, 40);
    p.maxphyaddr = 41;
    ck_allowed(ask(&p, &m, LA, kernel_read), 0x100ABCDE234);
    put(&m, PML4E, 0x2007 | BIT(51)); /* the first bad entry ends the walk */
    ck_refused(ask(&p, &m, LA, kernel_read), CAUSE_RESERVED_BIT, 0x09, 4, 51);
}
END_TEST

START_TEST(f22_protection_keys)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w;

    p.pke = true;
    p.pkru = 1u << (2 * 5); /* AD of key 5 */
    put(&m, PTE, 0xABCDE007 | 5ull << 59);
    w = ask(&p, &m, LA, user_read);
    ck_refused(w, CAUSE_PROTECTION_KEY, 0x25, 1, 59);
    ck_assert_uint_eq(w.key, 5);
    ck_refused(ask(&p, &m, LA, kernel_read), CAUSE_PROTECTION_KEY, 0x21, 1, 59);
    ck_allowed(ask(&p, &m, LA, user_fetch), 0xABCDE234); /* data accesses only */

    put(&m, PTE, 0xABCDE005 | 5ull << 59); /* silicon says 27, not 7 */
    w = ask(&p, &m, LA, user_write);
    ck_refused(w, CAUSE_WRITE_PROTECTED, 0x27, 1, 1);
    ck_assert_uint_eq(w.also, BIT(CAUSE_PROTECTION_KEY));

    put(&m, PTE, 0xABCDE007 | 5ull << 59);
    put(&m, PDPTE, 0x3003); /* the leaf says user, the PDPTE supervisor: keys are for user pages */
    ck_allowed(ask(&p, &m, LA, kernel_read), 0xABCDE234);
    ck_refused(ask(&p, &m, LA, user_read), CAUSE_SUPERVISOR_PAGE, 0x05, 3, 2);
}
END_TEST

START_TEST(f22_write_disable_heeds_wp)
{
    struct paging p = long_mode();
    struct memory m = long_tables();

    p.pke = true;
    p.pkru = 2u << (2 * 15);
    put(&m, PTE, 0xABCDE007 | 15ull << 59);
    ck_allowed(ask(&p, &m, LA, user_read), 0xABCDE234);
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_PROTECTION_KEY, 0x27, 1, 59);
    ck_refused(ask(&p, &m, LA, kernel_write), CAUSE_PROTECTION_KEY, 0x23, 1, 59);
    p.wp = false;
    ck_allowed(ask(&p, &m, LA, kernel_write), 0xABCDE234);
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_PROTECTION_KEY, 0x27, 1, 59);
    p.pke = false;
    ck_allowed(ask(&p, &m, LA, user_write), 0xABCDE234);
}
END_TEST

START_TEST(f23_fetch_flag)
{
    struct paging p = long_mode();
    struct memory m = long_tables();

    put(&m, PTE, 0);
    ck_assert_uint_eq(ask(&p, &m, LA, kernel_fetch).error, 0x10);
    p.nxe = false;
    ck_assert_uint_eq(ask(&p, &m, LA, kernel_fetch).error, 0x00);
    p.smep = true;
    ck_assert_uint_eq(ask(&p, &m, LA, kernel_fetch).error, 0x10);
    ck_assert_uint_eq(ask(&p, &m, LA, kernel_read).error, 0x00);
}
END_TEST

START_TEST(f24_not_present_below_beats_rights_above)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w;

    put(&m, PML4E, 0x2001 | PTE_XD);
    put(&m, PTE, 0);
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_NOT_PRESENT, 0x06, 1, 0);
    put(&m, PTE, 0xABCDE007);
    w = ask(&p, &m, LA, user_write);
    ck_refused(w, CAUSE_SUPERVISOR_PAGE, 0x07, 4, 2);
    ck_assert_uint_eq(w.also, BIT(CAUSE_WRITE_PROTECTED));
    w = ask(&p, &m, LA, user_fetch);
    ck_refused(w, CAUSE_SUPERVISOR_PAGE, 0x15, 4, 2);
    ck_assert_uint_eq(w.also, BIT(CAUSE_NO_EXECUTE));
    ck_assert_uint_eq(w.pa, 0xABCDE234); /* a leaf was reached */
}
END_TEST

START_TEST(f25_implicit_accesses)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct access at_cpl3 = {.kind = ACCESS_READ, .user = true, .ac = true, .implicit = IMPLICIT_DESCRIPTOR};

    put(&m, PTE, 0);
    ck_refused(ask(&p, &m, LA, at_cpl3), CAUSE_NOT_PRESENT, 0x00, 1, 0);
    put(&m, PTE, 0xABCDE007);
    ck_allowed(ask(&p, &m, LA, at_cpl3), 0xABCDE234);
    p.smap = true;
    ck_refused(ask(&p, &m, LA, at_cpl3), CAUSE_SMAP, 0x01, 1, 2);
    ck_refused(ask(&p, &m, LA, kernel_write), CAUSE_SMAP, 0x03, 1, 2);
    ck_allowed(ask(&p, &m, LA, (struct access){.kind = ACCESS_WRITE, .ac = true}), 0xABCDE234);
    ck_allowed(ask(&p, &m, LA, kernel_fetch), 0xABCDE234);
    ck_allowed(ask(&p, &m, LA, user_write), 0xABCDE234);
}
END_TEST

START_TEST(f26_write_protect)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct access busy = {.kind = ACCESS_WRITE, .implicit = IMPLICIT_TSS};
    struct walk w;

    put(&m, PDE, 0x4005);
    w = ask(&p, &m, LA, user_write);
    ck_refused(w, CAUSE_WRITE_PROTECTED, 0x07, 2, 1);
    ck_assert(!w.dirty);
    for (unsigned i = 0; i < w.steps; i++)
        ck_assert_uint_eq(w.set[i], 0); /* 36: a refused write sets nothing */
    ck_refused(ask(&p, &m, LA, kernel_write), CAUSE_WRITE_PROTECTED, 0x03, 2, 1);
    ck_refused(ask(&p, &m, LA, busy), CAUSE_WRITE_PROTECTED, 0x03, 2, 1);
    p.wp = false;
    ck_refused(ask(&p, &m, LA, user_write), CAUSE_WRITE_PROTECTED, 0x07, 2, 1);
    w = ask(&p, &m, LA, busy);
    ck_allowed(w, 0xABCDE234);
    ck_assert_uint_eq(w.set[3], 0x60);
    ck_assert(!w.writable && w.dirty);
}
END_TEST

START_TEST(f27_execute_disable)
{
    struct paging p = long_mode();
    struct memory m = long_tables();

    put(&m, PDE, 0x4007 | PTE_XD);
    ck_refused(ask(&p, &m, LA, user_fetch), CAUSE_NO_EXECUTE, 0x15, 2, 63);
    ck_allowed(ask(&p, &m, LA, user_write), 0xABCDE234);
    p.nxe = false;
    ck_refused(ask(&p, &m, LA, user_read), CAUSE_RESERVED_BIT, 0x0D, 2, 63);
    ck_refused(ask(&p, &m, LA, user_fetch), CAUSE_RESERVED_BIT, 0x0D, 2, 63);
}
END_TEST

START_TEST(smep)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct walk w;

    p.smep = true;
    ck_refused(ask(&p, &m, LA, kernel_fetch), CAUSE_SMEP, 0x11, 1, 2);
    ck_allowed(ask(&p, &m, LA, user_fetch), 0xABCDE234);
    put(&m, PTE, 0xABCDE007 | PTE_XD);
    w = ask(&p, &m, LA, kernel_fetch);
    ck_refused(w, CAUSE_NO_EXECUTE, 0x11, 1, 63);
    ck_assert_uint_eq(w.also, BIT(CAUSE_SMEP));
    put(&m, PTE, 0xABCDE003);
    ck_allowed(ask(&p, &m, LA, kernel_fetch), 0xABCDE234);
}
END_TEST

/* 32-bit paging: la 0x00801234 is PDE 2, PTE 1. */
static struct paging legacy(void)
{
    return (struct paging){
        .mode = PAGING_32BIT,
        .cr3 = 0xFFFFFFFF00001FFF,
        .maxphyaddr = 36,
        .pse = true,
        .pse36 = true,
    };
}

START_TEST(two_level_translates)
{
    struct paging p = legacy();
    struct memory m = {.used = 0};
    struct walk w;

    put(&m, 0x1008, 0xFFFFF007);
    put(&m, 0xFFFFF004, 0xFFFFE107);
    w = ask(&p, &m, 0x00801234, user_write);
    ck_allowed(w, 0xFFFFE234);
    ck_assert_uint_eq(m.width, 4);
    ck_assert(w.global);
    ck_assert_uint_eq(w.set[0], 0x20);
    ck_assert_uint_eq(w.set[1], 0x60);
    ck_assert_uint_eq(ask(&p, &m, 0x00C01234, user_write).error, 6);
}
END_TEST

START_TEST(f29_pse36)
{
    struct paging p = legacy();
    struct memory m = {.used = 0};

    put(&m, 0x1008, 0x0041E087); /* bits 16:13 are address bits 35:32 */
    ck_allowed(ask(&p, &m, 0x00BFFFFF, user_read), 0xF007FFFFFull);
    put(&m, 0x1008, 0x00420087); /* 28: bit 17 is address bit 36 */
    ck_refused(ask(&p, &m, 0x00801234, user_read), CAUSE_RESERVED_BIT, 0x0D, 2, 17);
    p.maxphyaddr = 52;
    ck_allowed(ask(&p, &m, 0x00801234, user_read), 0x1000401234);
    put(&m, 0x1008, 0x005FE087);
    ck_allowed(ask(&p, &m, 0x00801234, user_read), 0xFF00401234);
    put(&m, 0x1008, 0x00600087); /* 28: bit 21 always */
    ck_refused(ask(&p, &m, 0x00801234, kernel_read), CAUSE_RESERVED_BIT, 0x09, 2, 21);
    put(&m, 0x1008, 0x00402087);
    p.pse36 = false;
    ck_refused(ask(&p, &m, 0x00801234, kernel_read), CAUSE_RESERVED_BIT, 0x09, 2, 13);
}
END_TEST

START_TEST(f32_4m_pages_have_rights)
{
    struct paging p = legacy();
    struct memory m = {.used = 0};

    put(&m, 0x1008, 0x00400081);
    ck_refused(ask(&p, &m, 0x00801234, user_read), CAUSE_SUPERVISOR_PAGE, 0x05, 2, 2);
    p.wp = true;
    ck_refused(ask(&p, &m, 0x00801234, kernel_write), CAUSE_WRITE_PROTECTED, 0x03, 2, 1);
    ck_allowed(ask(&p, &m, 0x00801234, kernel_read), 0x00401234);
    p.pse = false; /* then PS means nothing, and this is a page table at 4 MiB */
    put(&m, 0x00400004, 0x00005001);
    ck_allowed(ask(&p, &m, 0x00801234, kernel_read), 0x5234);
}
END_TEST

/* PAE: la 0xC0201234 is PDPTE 3, PDE 1, PTE 1. */
static struct paging pae(void)
{
    return (struct paging){
        .mode = PAGING_PAE,
        .cr3 = 0x1FE0,
        .pdpte = {0, 0, 0, 0xF00002001},
        .maxphyaddr = 36,
        .nxe = true,
    };
}

START_TEST(f31_pae_uses_its_registers)
{
    struct paging p = pae();
    struct memory m = {.used = 0};
    struct walk w;

    put(&m, 0xF00002008, 0xF00003007);
    put(&m, 0xF00003008, 0xF00004007); /* 33: not truncated */
    w = ask(&p, &m, 0xC0201234, user_write);
    ck_allowed(w, 0xF00004234);
    ck_assert_uint_eq(m.reads, 2);
    ck_assert_uint_eq(w.steps, 3);
    ck_assert_uint_eq(w.step[0].level, 3);
    ck_assert_uint_eq(w.step[0].at, 0x1FF8);
    ck_assert_uint_eq(w.step[0].entry, 0xF00002001);
    ck_assert_uint_eq(w.set[0], 0); /* a register has no accessed flag */
    ck_assert_uint_eq(w.set[1], 0x20);
    ck_assert_uint_eq(w.set[2], 0x60);
    ck_refused(ask(&p, &m, 0x80201234, user_write), CAUSE_NOT_PRESENT, 0x06, 3, 0);
    ck_assert_uint_eq(m.reads, 0);
}
END_TEST

START_TEST(pae_rights_and_reserved_bits)
{
    struct paging p = pae();
    struct memory m = {.used = 0};

    put(&m, 0xF00002008, 0x80000000004000E7); /* 30: 2 MiB without CR4.PSE; XD (27) */
    ck_allowed(ask(&p, &m, 0xC0201234, user_write), 0x401234);
    ck_refused(ask(&p, &m, 0xC0201234, user_fetch), CAUSE_NO_EXECUTE, 0x15, 2, 63);
    put(&m, 0xF00002008, 0x00400085);
    ck_refused(ask(&p, &m, 0xC0201234, user_write), CAUSE_WRITE_PROTECTED, 0x07, 2, 1);
    for (unsigned bit = 36; bit < 63; bit++) { /* 28 */
        put(&m, 0xF00002008, 0x00400087 | BIT(bit));
        ck_refused(ask(&p, &m, 0xC0201234, user_write), CAUSE_RESERVED_BIT, 0x0F, 2, bit);
    }
}
END_TEST

START_TEST(f31_pdpte_check)
{
    struct paging p = pae();

    ck_assert(walk_pdpte_valid(&p, 0xFFFFFF000 | 0xE19));
    ck_assert(walk_pdpte_valid(&p, ~1ull)); /* not present: anything goes */
    for (unsigned bit = 1; bit < 64; bit++) {
        bool reserved = bit <= 2 || (bit >= 5 && bit <= 8) || bit >= 36;

        ck_assert_int_eq(walk_pdpte_valid(&p, 1 | BIT(bit)), !reserved);
    }
}
END_TEST

START_TEST(unpaged)
{
    struct paging p = {.mode = PAGING_NONE, .cr3 = ~0ull, .maxphyaddr = 36, .wp = true, .smep = true, .smap = true};
    struct memory m = {.used = 0};
    struct walk w = ask(&p, &m, 0xFFFFFFF0, user_write);

    ck_allowed(w, 0xFFFFFFF0);
    ck_assert_uint_eq(m.reads, 0);
    ck_assert_uint_eq(w.steps, 0);
    ck_assert_uint_eq(w.level, 0);
    ck_assert_uint_eq(w.page_size, 4096);
    ck_assert(w.user && w.writable && w.dirty && !w.nx);
    ck_allowed(ask(&p, &m, 0xFFFFFFF0, kernel_fetch), 0xFFFFFFF0);
}
END_TEST

START_TEST(f34_canonical)
{
    struct paging p = {.mode = PAGING_4LEVEL};

    ck_assert(is_canonical(&p, 0x00007FFFFFFFFFFF));
    ck_assert(!is_canonical(&p, 0x0000800000000000));
    ck_assert(!is_canonical(&p, 0xFFFF7FFFFFFFFFFF));
    ck_assert(is_canonical(&p, 0xFFFF800000000000));
    p.mode = PAGING_5LEVEL;
    ck_assert(is_canonical(&p, 0x00FFFFFFFFFFFFFF));
    ck_assert(!is_canonical(&p, 0x0100000000000000));
    ck_assert(is_canonical(&p, 0xFF00000000000000));
    p.mode = PAGING_32BIT;
    ck_assert(is_canonical(&p, 0x80000000));
}
END_TEST

/* What is known of a page, asked again for another access without walking. */
START_TEST(rights_alone)
{
    struct paging p = long_mode();
    struct memory m = long_tables();
    struct access implicit = {.kind = ACCESS_READ, .user = true, .implicit = IMPLICIT_DESCRIPTOR};
    struct walk w;

    put(&m, PTE, 0xABCDE001);
    w = ask(&p, &m, LA, kernel_read);
    ck_assert_uint_eq(walk_rights_refused(&p, &w, kernel_read), 0);
    ck_assert_uint_eq(walk_rights_refused(&p, &w, implicit), 0); /* 25: the processor's own, whatever the CPL */
    ck_assert_uint_eq(walk_rights_refused(&p, &w, user_read), BIT(CAUSE_SUPERVISOR_PAGE));
    ck_assert_uint_eq(walk_rights_refused(&p, &w, user_write), BIT(CAUSE_SUPERVISOR_PAGE) | BIT(CAUSE_WRITE_PROTECTED));
}
END_TEST

START_TEST(shapes)
{
    static const struct {
        enum paging_mode mode;
        unsigned levels, width;
    } shape[] = {
        {PAGING_NONE, 0, 8}, {PAGING_32BIT, 2, 4}, {PAGING_PAE, 3, 8}, {PAGING_4LEVEL, 4, 8}, {PAGING_5LEVEL, 5, 8}};

    for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
        struct paging p = {.mode = shape[i].mode};

        ck_assert_uint_eq(walk_levels(&p), shape[i].levels);
        ck_assert_uint_eq(walk_entry_width(&p), shape[i].width);
    }
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(fault_cause_name(CAUSE_NOT_PRESENT), "not-present");
    ck_assert_str_eq(fault_cause_name(CAUSE_RESERVED_BIT), "reserved-bit");
    ck_assert_str_eq(fault_cause_name(CAUSE_SUPERVISOR_PAGE), "supervisor-page");
    ck_assert_str_eq(fault_cause_name(CAUSE_WRITE_PROTECTED), "write-protected");
    ck_assert_str_eq(fault_cause_name(CAUSE_NO_EXECUTE), "no-execute");
    ck_assert_str_eq(fault_cause_name(CAUSE_SMEP), "smep");
    ck_assert_str_eq(fault_cause_name(CAUSE_SMAP), "smap");
    ck_assert_str_eq(fault_cause_name(CAUSE_PROTECTION_KEY), "protection-key");
    ck_assert_str_eq(fault_cause_name(CAUSE_SHADOW_STACK), "shadow-stack");
    ck_assert_str_eq(fault_cause_name((enum fault_cause)99), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("walk");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_add_test(cases, four_level_translates);
    tcase_add_test(cases, five_level_translates);
    tcase_add_test(cases, large_pages_translate);
    tcase_add_test(cases, not_present_says_only_that);
    tcase_add_test(cases, f21_reserved_implies_present);
    tcase_add_test(cases, f22_protection_keys);
    tcase_add_test(cases, f22_write_disable_heeds_wp);
    tcase_add_test(cases, f23_fetch_flag);
    tcase_add_test(cases, f24_not_present_below_beats_rights_above);
    tcase_add_test(cases, f25_implicit_accesses);
    tcase_add_test(cases, f26_write_protect);
    tcase_add_test(cases, f27_execute_disable);
    tcase_add_test(cases, smep);
    tcase_add_test(cases, two_level_translates);
    tcase_add_test(cases, f29_pse36);
    tcase_add_test(cases, f32_4m_pages_have_rights);
    tcase_add_test(cases, f31_pae_uses_its_registers);
    tcase_add_test(cases, pae_rights_and_reserved_bits);
    tcase_add_test(cases, f31_pdpte_check);
    tcase_add_test(cases, unpaged);
    tcase_add_test(cases, f34_canonical);
    tcase_add_test(cases, rights_alone);
    tcase_add_test(cases, shapes);
    tcase_add_test(cases, names);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
