/* SPDX-License-Identifier: MIT */
/*
 * The page walk against the specification in walk_spec.h, over millions of combinations. The enumerator draws numbers
 * through mixed-radix digits, one digit per dimension, so every combination has a number, and a mismatch prints it.
 *
 * Covers FAULTS 21-32 as far as they concern the walk, and 36. WALK_ORACLE_THIN=N in the environment asks one in N of
 * the combinations (for sanitizer builds).
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/paging.h"
#include "tests/unit/walk_spec.h"

/* The reader: gives out the chain in order, and notes any read but the one that is due. */
struct tables {
    const struct question *q;
    const struct facts *f;
    unsigned next;
    bool astray;
};

static u64 tables_read(void *ctx, u64 pa, unsigned width)
{
    struct tables *t = ctx;
    unsigned i = t->next++;

    if (i > t->f->end || pa != t->f->at[i] || width != (t->q->p.mode == PAGING_32BIT ? 4u : 8u)) {
        t->astray = true;
        return 0;
    }
    return t->q->chain[i];
}

static bool same(const struct walk *x, const struct walk *y)
{
    if (x->cause != y->cause || x->also != y->also || x->error != y->error || x->level != y->level ||
        x->bit != y->bit || x->steps != y->steps)
        return false;
    for (unsigned i = 0; i < x->steps; i++)
        if (x->step[i].level != y->step[i].level || x->step[i].at != y->step[i].at ||
            x->step[i].entry != y->step[i].entry || x->set[i] != y->set[i])
            return false;
    if (x->cause == CAUSE_NOT_PRESENT || x->cause == CAUSE_RESERVED_BIT)
        return true;
    return x->pa == y->pa && x->page_size == y->page_size && x->user == y->user && x->writable == y->writable &&
           x->nx == y->nx && x->global == y->global && x->key == y->key && x->dirty == y->dirty;
}

static void show(const char *who, const struct walk *w)
{
    printf("  %s: %s also %x error %02x level %u bit %u steps %u pa %" PRIx64 " size %" PRIx64 " %s%s%s%s%s key %u set",
           who, fault_cause_name(w->cause), w->also, w->error, w->level, w->bit, w->steps, w->pa, w->page_size,
           w->user ? "U" : "-", w->writable ? "W" : "-", w->nx ? "X" : "-", w->global ? "G" : "-", w->dirty ? "D" : "-",
           w->key);
    for (unsigned i = 0; i < w->steps; i++)
        printf(" %" PRIx64, w->set[i]);
    printf("\n");
}

/* A good entry: bits it has, and bits that may be anything. */
struct plain {
    u64 fixed, free;
};

struct plains {
    bool known;
    struct plain level[6];
};

struct tally {
    struct spec *spec;
    struct plains plains[WIDTHS][2][2][2][4]; /* [maxphyaddr - 32][pse36][pse][page1gb][level of the leaf] */
    u64 asked, wrong, allowed, refused[CAUSE_COUNT];
};

static void ask(struct tally *t, const struct question *q, const char *suite, u64 number)
{
    struct facts f;
    struct tables tables = {.q = q, .f = &f};
    struct walk want, got;

    facts_find(t->spec, q, &f);
    tables.next = q->p.mode == PAGING_PAE ? 1 : 0; /* the first comes from a register */
    expect(q, &f, &want);
    got = walk(&q->p, q->la, q->a, (struct walk_reader){tables_read, &tables});
    t->asked++;
    if (want.cause == CAUSE_NONE)
        t->allowed++;
    t->refused[want.cause]++;
    if (same(&want, &got) && !tables.astray && tables.next == f.end + 1)
        return;
    if (t->wrong++ >= 3)
        return;
    printf("MISMATCH %s #%" PRIu64 ": mode %d la %" PRIx64 " width %u wp %d pse %d/%d 1g %d nxe %d smep %d smap %d "
           "pke %d pkru %x pks %d pkrs %x; kind %d user %d ac %d implicit %d%s\n  chain",
           suite, number, q->p.mode, q->la, q->p.maxphyaddr, q->p.wp, q->p.pse, q->p.pse36, q->p.page1gb, q->p.nxe,
           q->p.smep, q->p.smap, q->p.pke, q->p.pkru, q->p.pks, q->p.pkrs, q->a.kind, q->a.user, q->a.ac, q->a.implicit,
           tables.astray ? "; read the wrong place" : "");
    for (unsigned i = 0; i < q->count; i++)
        printf(" %016" PRIx64, q->chain[i]);
    printf("\n");
    show("want", &want);
    show("got ", &got);
}

/* The next digit of a combination's number. */
static unsigned digit(u64 *n, unsigned base)
{
    unsigned d = (unsigned)(*n % base);

    *n /= base;
    return d;
}

/* Bits that do not matter, or should not: a fixed scramble of the number (splitmix64). */
static u64 scramble(u64 x)
{
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

static unsigned chain_length(enum paging_mode mode)
{
    switch (mode) {
    case PAGING_32BIT: return 2;
    case PAGING_PAE: return 3;
    case PAGING_4LEVEL: return 4;
    default: return 5;
    }
}

static void question_address(struct question *q, u64 r)
{
    q->la = q->p.mode < PAGING_4LEVEL ? (u32)r : r;
    if (q->p.mode == PAGING_4LEVEL)
        q->la = (u64)((s64)(r << 16) >> 16);
    if (q->p.mode == PAGING_5LEVEL)
        q->la = (u64)((s64)(r << 7) >> 7);
    q->p.cr3 = scramble(r ^ 1);
    if (q->p.mode >= PAGING_4LEVEL)
        q->p.cr3 &= (1ull << q->p.maxphyaddr) - 1; /* MOV to CR3 refuses more */
}

/*
 * An entry with an arbitrary address and arbitrary ignored bits, all rights, present, accessed and dirty as `r` has it.
 * It maps a page if `page`. XD and the key are clear.
 */
static u64 entry_plain(const struct tally *t, const struct question *q, unsigned level, bool page, u64 r)
{
    enum shape shape = shape_of(q, level, page ? 0x80 : 0);
    const struct masks *m = masks_of(t->spec, q, shape);
    const char *bits = figure[shape];
    u64 entry = r & (m->address | m->high);

    for (unsigned bit = 64; *bits; bits++) {
        if (*bits == ' ')
            continue;
        bit--;
        if (strchr(".GDa", *bits))
            entry |= r & (1ull << bit);
        if (strchr("UWP", *bits))
            entry |= 1ull << bit;
    }
    entry = page && level > 1 ? entry | 0x80 : level > 1 ? entry & ~0x80ull : entry;
    return q->p.mode == PAGING_32BIT ? (u32)entry : entry;
}

/* Two digits: the kind of access, and the first `whos` ways to make it. */
static void question_access(struct question *q, u64 *n, unsigned whos)
{
    unsigned kind = digit(n, 3), who = digit(n, whos);

    q->a = (struct access){.kind = (enum access_kind)kind};
    q->a.user = who == 0 || who == 4; /* 4: CPL 3, but implicit */
    q->a.ac = who == 2 || who == 3;
    q->a.implicit = who >= 3 ? IMPLICIT_DESCRIPTOR : IMPLICIT_NONE;
}

/* What every level of the chain is like when nothing is wrong and `leaf` maps the page. One tally is of one mode. */
static const struct plain *plains(struct tally *t, const struct question *q, unsigned leaf)
{
    struct plains *p = &t->plains[q->p.maxphyaddr - 32][q->p.pse36][q->p.pse][q->p.page1gb][leaf];

    for (unsigned level = 1; level <= q->count && !p->known; level++) {
        p->level[level].fixed = entry_plain(t, q, level, level == leaf, 0);
        p->level[level].free = entry_plain(t, q, level, level == leaf, ~0ull) & ~p->level[level].fixed;
    }
    p->known = true;
    return p->level;
}

/* The whole chain, good. */
static void question_chain(struct tally *t, struct question *q, unsigned leaf, u64 r)
{
    const struct plain *plain = plains(t, q, leaf);

    for (unsigned i = 0; i < q->count; i++) {
        r = scramble(r);
        q->chain[i] = plain[q->count - i].fixed | (r & plain[q->count - i].free);
    }
}

/* The PDPTE register the address selects is the first of the chain; the others must not matter. */
static void question_registers(struct question *q)
{
    for (unsigned i = 0; q->p.mode == PAGING_PAE && i < 4; i++)
        q->p.pdpte[i] = i == q->la >> 30 ? q->chain[0] : ~q->chain[0];
}

/*
 * The keys' control state. 0: off, with a register that forbids; 1 to 4: on, the key's two bits; 5: on, only other keys
 * forbidden. What is about the other kind of page (user or supervisor) is made to say the contrary.
 */
static void question_keys(struct question *q, unsigned leaf, unsigned key, unsigned state)
{
    u32 rights = state == 0 ? ~0u : state == 5 ? ~(3u << (2 * key)) : (state - 1) << (2 * key);
    bool user = true;

    for (unsigned i = 0; i + leaf <= q->count; i++)
        user = user && q->chain[i] & PTE_U;
    q->p.pke = user == (state > 0);
    q->p.pks = user != (state > 0);
    q->p.pkru = user ? rights : ~rights;
    q->p.pkrs = user ? ~rights : rights;
}

/* Suite 1: every entry present and well-formed; all rights at all levels, under all controls. */
static void suite_rights(struct tally *t, enum paging_mode mode, unsigned leaf, u64 stride)
{
    struct question q = {.p = {.mode = mode, .maxphyaddr = 46, .pse = true, .pse36 = true, .page1gb = true}};
    bool narrow = mode == PAGING_32BIT, keys = mode >= PAGING_4LEVEL;
    unsigned first = mode == PAGING_PAE ? 1 : 0, rights = narrow ? 4 : 8;
    u64 total = 3ull * 5 * 16 * (keys ? 6 : 1);

    q.count = chain_length(mode);
    for (unsigned i = first; i + leaf <= q.count; i++)
        total *= rights;
    for (u64 n = 0; n < total; n += stride) {
        u64 left = n, r = scramble(n);
        unsigned controls, pkey;

        question_access(&q, &left, 5);
        controls = digit(&left, 16);
        q.p.wp = controls & 1;
        q.p.smep = controls & 2;
        q.p.smap = controls & 4;
        q.p.nxe = !narrow && controls & 8;
        pkey = keys ? digit(&left, 6) : 0;
        question_address(&q, r);
        question_chain(t, &q, leaf, r);
        for (unsigned i = first; i + leaf <= q.count; i++) {
            unsigned d = digit(&left, rights);

            q.chain[i] &= ~(u64)((d & 3) << 1);
            q.chain[i] |= d & 4 ? PTE_XD : 0;
        }
        if (keys) {
            unsigned key = r >> 20 & 15;

            q.chain[q.count - leaf] |= (u64)key << 59;
            question_keys(&q, leaf, key, pkey);
        }
        question_registers(&q);
        ask(t, &q, "rights", n);
    }
}

/* Suite 2: each level is one of these, under all access kinds: which of several troubles decides. */
static u64 troubled(const struct question *q, unsigned trouble, u64 entry, u64 r)
{
    switch (trouble) {
    case 0: return entry;
    case 1: return entry & ~PTE_P;
    case 2: return (entry | r) & ~PTE_P; /* not present: no other bit matters */
    case 3: return entry | PTE_XD;
    case 4: return q->p.maxphyaddr < 52 ? entry | BIT(q->p.maxphyaddr) : entry | BIT(51);
    case 5: return entry ^ PTE_PS;
    case 6: return entry | PTE_PS | BIT(13 + r % 8);
    case 7: return (entry | PTE_PS) & ~BITS(29, 13);
    case 8: return entry & ~PTE_U;
    case 9: return entry & ~PTE_W;
    case 10: return entry | PTE_XD | BIT(52 + r % 11);
    default: return entry ^ BIT(r % 63 + 1);
    }
}

#define TROUBLES 12

static void suite_troubles(struct tally *t, enum paging_mode mode, u64 stride)
{
    static const u8 width[] = {32, 36, 39, 40, 46, 52};
    struct question q = {.p = {.mode = mode, .pkru = 0x9, .pkrs = 0x60, .smap = true}};
    u64 total = 6ull * 3 * 5 * 64;

    q.count = chain_length(mode);
    for (unsigned i = 0; i < q.count; i++)
        total *= TROUBLES;
    for (u64 n = 0; n < total; n += stride) {
        u64 left = n, r = scramble(n);
        unsigned controls;

        q.p.maxphyaddr = width[digit(&left, 6)];
        question_access(&q, &left, 5);
        controls = digit(&left, 64);
        q.p.nxe = mode != PAGING_32BIT && controls & 1;
        q.p.pse = controls & 2;
        q.p.pse36 = controls & 4;
        q.p.page1gb = controls & 8;
        q.p.smep = controls & 16;
        q.p.wp = controls & 32;
        q.p.pke = mode >= PAGING_4LEVEL && r >> 63;
        q.p.pks = mode >= PAGING_4LEVEL && r >> 62 & 1;
        question_address(&q, r);
        question_chain(t, &q, 1, r);
        for (unsigned i = 0; i < q.count; i++) {
            r = scramble(r);
            q.chain[i] = troubled(&q, digit(&left, TROUBLES), q.chain[i], r);
            if (mode == PAGING_32BIT)
                q.chain[i] = (u32)q.chain[i];
        }
        if (mode == PAGING_PAE && (q.chain[0] & 1)) /* a MOV to CR3 lets no reserved bit into a register */
            q.chain[0] &= ~masks_of(t->spec, &q, PAE_PDPTE)->reserved;
        question_registers(&q);
        ask(t, &q, "troubles", n);
    }
}

/* Suite 3: one bit of one entry differs from a good one: every bit, level, MAXPHYADDR and page size. */
static void suite_bits(struct tally *t, enum paging_mode mode, unsigned leaf, u64 stride)
{
    struct question q = {.p = {.mode = mode, .page1gb = true, .pse = true}};
    unsigned bits = mode == PAGING_32BIT ? 32 : 64;
    u64 total;

    q.count = chain_length(mode);
    total = (u64)q.count * bits * 3 * WIDTHS * 3 * 2 * 32;
    for (u64 n = 0; n < total; n += stride) {
        u64 left = n, r = scramble(n);
        unsigned level, bit, state, controls;

        level = digit(&left, q.count);
        bit = digit(&left, bits);
        state = digit(&left, 3); /* of A and D: as scrambled, all set, all clear */
        q.p.maxphyaddr = (u8)(32 + digit(&left, WIDTHS));
        question_access(&q, &left, 2);
        controls = digit(&left, 32);
        q.p.nxe = mode != PAGING_32BIT && controls & 1;
        q.p.pse36 = controls & 2;
        q.p.wp = controls & 4;
        q.p.smep = controls & 8;
        /* Without the feature its large pages are reserved (1 GiB) or tables (4 MiB); PAE needs no CR4.PSE. */
        q.p.page1gb = q.p.pse = controls & 16 || (leaf > 1 && mode == PAGING_32BIT);
        question_address(&q, r);
        question_chain(t, &q, leaf, r);
        for (unsigned i = mode == PAGING_PAE ? 1 : 0; i < q.count && state > 0; i++)
            q.chain[i] = state == 1 ? q.chain[i] | 0x60 : q.chain[i] & ~0x60ull;
        q.chain[level] ^= BIT(bit);
        if (mode == PAGING_PAE) {
            bool valid = !(q.chain[0] & 1) || !(q.chain[0] & masks_of(t->spec, &q, PAE_PDPTE)->reserved);

            t->wrong += walk_pdpte_valid(&q.p, q.chain[0]) != valid;
            if (!valid)
                q.chain[0] ^= BIT(bit);
        }
        question_registers(&q);
        ask(t, &q, "bits", n);
    }
}

static u64 thinned(u64 stride)
{
    const char *thin = getenv("WALK_ORACLE_THIN");
    u64 n = thin ? strtoull(thin, NULL, 10) : 1;

    for (stride *= n ? n : 1; n > 1 && !(stride % 2 && stride % 3 && stride % 5 && stride % 7);)
        stride++;
    return stride;
}

static struct tally *tally_begin(void)
{
    struct tally *t = calloc(1, sizeof(*t));

    ck_assert_ptr_nonnull(t);
    t->spec = spec_create();
    ck_assert_ptr_nonnull(t->spec);
    return t;
}

static void tally_end(struct tally *t, const char *suite)
{
    u64 wrong = t->wrong, asked = t->asked;

    printf("walk oracle, %s: %" PRIu64 " combinations, %" PRIu64 " allowed", suite, asked, t->allowed);
    for (unsigned c = 1; c < CAUSE_COUNT; c++)
        if (t->refused[c])
            printf(", %" PRIu64 " %s", t->refused[c], fault_cause_name((enum fault_cause)c));
    printf("\n");
    fflush(stdout);
    free(t->spec);
    free(t);
    ck_assert_msg(wrong == 0, "%" PRIu64 " of %" PRIu64 " combinations differ", wrong, asked);
}

/* Strides divide no digit's base (all products of 2, 3, 5 and 7), so every value of every digit is met. */
static void oracle(enum paging_mode mode, const char *name, u64 rights_stride, u64 troubles_stride, u64 bits_stride)
{
    struct tally *t = tally_begin();

    for (unsigned leaf = 1; leaf <= (mode >= PAGING_4LEVEL ? 3 : 2); leaf++) {
        suite_rights(t, mode, leaf, thinned(leaf == 1 ? rights_stride : 1));
        suite_bits(t, mode, leaf, thinned(bits_stride));
    }
    suite_troubles(t, mode, thinned(troubles_stride));
    tally_end(t, name);
}

START_TEST(oracle_32bit) { oracle(PAGING_32BIT, "32-bit", 1, 1, 1); }
END_TEST

START_TEST(oracle_pae) { oracle(PAGING_PAE, "PAE", 1, 7, 1); }
END_TEST

START_TEST(oracle_4level) { oracle(PAGING_4LEVEL, "4-level", 1, 29, 1); }
END_TEST

START_TEST(oracle_5level) { oracle(PAGING_5LEVEL, "5-level", 13, 367, 1); }
END_TEST

int main(void)
{
    Suite *suite = suite_create("walk_oracle");
    TCase *modes = tcase_create("modes");
    SRunner *runner;
    int failed;

    tcase_set_timeout(modes, 600);
    tcase_add_test(modes, oracle_32bit);
    tcase_add_test(modes, oracle_pae);
    tcase_add_test(modes, oracle_4level);
    tcase_add_test(modes, oracle_5level);
    suite_add_tcase(suite, modes);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
