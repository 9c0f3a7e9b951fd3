/* SPDX-License-Identifier: MIT */
/* The list of what an address space maps, against the walk: with tables of random entries, in every mode, any address
 * is in a range exactly if the walk finds a page there, with the same frame and rights. And the list as text, and its
 * difference. */
#include "mmu/ranges.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/ptdump.h"
#include "tests/support/vm.h"

#define TABLES 6 /* pages of tables, at 0x1000 * (1..TABLES) */
static u64 memory[TABLES + 1][512];

static u64 get(void *ctx, u64 pa, unsigned width)
{
    (void)ctx;
    if (pa >> 12 > TABLES)
        return 0;
    return width == 8 ? memory[pa >> 12][pa / 8 % 512] : ((u32 *)memory[pa >> 12])[pa / 4 % 1024];
}
static const struct walk_reader reader = {get, NULL};

static u64 random64(u64 *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    u64 z = (*state ^ *state >> 30) * 0xbf58476d1ce4e5b9ull;
    return z ^ z >> 27;
}

static u64 bits_at_random(u64 *state, u64 mask) { return random64(state) & random64(state) & mask; }

/* Mostly tables; pages, reserved bits and holes now and then. */
static u64 random_entry(u64 *state, bool wide)
{
    u64 r = random64(state), e = (1 + r % TABLES) << 12;

    if (r >> 8 & 3)
        e |= PTE_P;
    e |= random64(state) & (PTE_W | PTE_U | PTE_G);
    if ((r >> 10 & 7) == 0)
        e |= PTE_PS;
    if (wide && (r >> 20 & 3) == 0)
        e |= bits_at_random(state, bits_at_random(state, PTE_XD | BITS(62, 59) | BITS(51, 21) | PTE_PS));
    return e;
}

static void random_tables(u64 seed, const struct paging *p)
{
    u64 state = seed;

    memset(memory, 0, sizeof memory);
    for (unsigned t = 1; t <= TABLES; t++)
        for (unsigned i = 0; i < 512; i++)
            if (p->mode == PAGING_32BIT)
                memory[t][i] = (u32)random_entry(&state, false) | random_entry(&state, false) << 32;
            else if (i < 4 || i > 509 || random64(&state) % 64 == 0)
                memory[t][i] = random_entry(&state, true);
}

struct list {
    struct range r[1 << 16];
    unsigned n;
};

static bool collect(void *ctx, const struct range *r)
{
    struct list *l = ctx;

    if (r->first > r->last || (l->n && r->first <= l->r[l->n - 1].last))
        ck_abort_msg("range %u is out of order", l->n);
    l->r[l->n++] = *r;
    return l->n < sizeof l->r / sizeof *l->r;
}

static const struct range *range_of(const struct list *l, u64 la)
{
    unsigned low = 0, high = l->n;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (l->r[mid].last < la)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->n && l->r[low].first <= la ? &l->r[low] : NULL;
}

/* No assertion for each: they cost more than all the rest. */
static void compare(const struct paging *p, const struct list *l, u64 la, bool by_frame)
{
    struct walk w = walk(p, la, (struct access){.kind = ACCESS_READ}, reader);
    const struct range *r = range_of(l, la);
    bool same;

    if (w.cause == CAUSE_NOT_PRESENT)
        same = !r;
    else if (w.cause == CAUSE_RESERVED_BIT)
        same = r && r->bad;
    else
        same = r && !r->bad && r->user == w.user && r->writable == w.writable && r->nx == (p->nxe && w.nx) &&
               r->global == w.global && r->key == w.key && r->page_size == w.page_size &&
               (!by_frame || r->pa + (la - r->first) == w.pa);
    if (!same)
        ck_abort_msg("the list and the walk differ at %#llx", (unsigned long long)la);
}

static const struct paging modes[] = {
    {.mode = PAGING_32BIT, .cr3 = 0x1000, .maxphyaddr = 36, .pse = true, .pse36 = true},
    {.mode = PAGING_32BIT, .cr3 = 0x1000, .maxphyaddr = 36},
    {.mode = PAGING_PAE, .cr3 = 0x1000, .maxphyaddr = 36, .nxe = true},
    {.mode = PAGING_PAE, .cr3 = 0x1000, .maxphyaddr = 40},
    {.mode = PAGING_4LEVEL, .cr3 = 0x1000, .maxphyaddr = 40, .nxe = true, .page1gb = true},
    {.mode = PAGING_4LEVEL, .cr3 = 0x1000, .maxphyaddr = 52},
    {.mode = PAGING_5LEVEL, .cr3 = 0x1000, .maxphyaddr = 46, .nxe = true},
};

START_TEST(agrees_with_the_walk)
{
    static struct list l;
    struct paging p = modes[_i / 2];
    bool by_frame = _i % 2;

    for (u64 seed = 1; seed <= 8; seed++) {
        u64 state = ~seed, last = 0;
        enum ranges_end end;
        struct ranges_query query = {.last = ~0ull, .by_frame = by_frame, .budget = 1 << 18};

        random_tables(seed * 977 + (u64)_i / 2, &p);
        for (unsigned i = 0; i < 4; i++)
            p.pdpte[i] = memory[1][i] & ~(BITS(2, 1) | BITS(8, 5) | BITS(63, p.maxphyaddr));
        l.n = 0;
        end = ranges_each(&p, reader, &query, collect, &l);
        ck_assert(l.n > 0);
        if (p.mode == PAGING_PAE || p.mode == PAGING_32BIT)
            ck_assert_int_ne(end, RANGES_OUT_OF_BUDGET);
        last = end == RANGES_ALL ? ~0ull : l.r[l.n - 1].first; /* the last one may have been cut off */
        for (unsigned i = 0; i < l.n; i++) {
            compare(&p, &l, l.r[i].first, by_frame);
            if (l.r[i].last < last)
                compare(&p, &l, l.r[i].last, by_frame);
            if (l.r[i].last < last && l.r[i].last != 0xffffffff && is_canonical(&p, l.r[i].last + 1))
                compare(&p, &l, l.r[i].last + 1, by_frame);
            if (i && !by_frame && l.r[i].first == l.r[i - 1].last + 1 && range_same_rights(&l.r[i], &l.r[i - 1]))
                ck_abort_msg("ranges %u and %u are one", i - 1, i);
        }
        for (unsigned i = 0; i < 20000; i++) {
            u64 la = random64(&state);

            la = p.mode < PAGING_4LEVEL ? (u32)la : (u64)((s64)(la << 16) >> 16);
            if (i % 2)
                la &= BITS(63, 47) | BITS(31, 30) | BITS(22, 21) | BITS(13, 0);
            if (la < last)
                compare(&p, &l, la, by_frame);
        }
    }
}
END_TEST

/* A part of the list is what the whole list has there. */
START_TEST(window)
{
    static struct list all, some;
    const struct paging *p = &modes[0];
    struct ranges_query query = {.last = ~0ull};

    random_tables(5, p);
    all.n = some.n = 0;
    ranges_each(p, reader, &query, collect, &all);
    query.first = 0x00800000, query.last = 0x00c00fff;
    ck_assert_int_eq(ranges_each(p, reader, &query, collect, &some), RANGES_ALL);
    ck_assert(some.n > 0);
    ck_assert(some.r[0].last >= query.first && some.r[some.n - 1].first <= query.last);
    for (u64 la = query.first; la <= query.last; la += PAGE_SIZE) {
        const struct range *a = range_of(&all, la), *b = range_of(&some, la);

        if (!a != !b || (a && !range_same_rights(a, b)))
            ck_abort_msg("the window differs at %#llx", (unsigned long long)la);
    }
}
END_TEST

/* A table full of entries that lead to itself has 2^36 leaves: the budget ends that, and says so. */
START_TEST(tables_that_lead_to_themselves)
{
    static struct list l;
    struct paging p = modes[4];
    struct ranges_query query = {.last = ~0ull, .budget = 1 << 20};

    memset(memory, 0, sizeof memory);
    for (unsigned i = 0; i < 512; i++)
        memory[1][i] = 0x1003;
    l.n = 0;
    ck_assert_int_eq(ranges_each(&p, reader, &query, collect, &l), RANGES_OUT_OF_BUDGET);
    ck_assert_uint_eq(l.n, 1);
    ck_assert_uint_gt(l.r[0].last, 1ull << 31);
}
END_TEST

static bool stop(void *ctx, const struct range *r)
{
    (void)r;
    return ++*(unsigned *)ctx < 2;
}

START_TEST(the_caller_may_stop)
{
    unsigned n = 0;
    struct ranges_query query = {.last = ~0ull, .by_frame = true};

    random_tables(3, &modes[0]);
    ck_assert_int_eq(ranges_each(&modes[0], reader, &query, stop, &n), RANGES_STOPPED);
    ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(without_paging)
{
    static struct list l;
    struct paging p = {.mode = PAGING_NONE};
    struct ranges_query query = {.last = ~0ull};

    l.n = 0;
    ck_assert_int_eq(ranges_each(&p, reader, &query, collect, &l), RANGES_ALL);
    ck_assert_uint_eq(l.n, 1);
    ck_assert(l.r[0].first == 0 && l.r[0].last == 0xffffffff && l.r[0].writable && l.r[0].user && !l.r[0].nx);
}
END_TEST

/* ---- Text ---- */

static void ck_line(const struct range *r, const char *expected)
{
    char line[160];
    struct text t = TEXT_OVER(line);

    ptdump_range(&t, r, true);
    text_end(&t);
    ck_assert_str_eq(line, expected);
}

START_TEST(lines)
{
    struct range r = {.first = 0x400000, .last = 0x452fff, .page_size = 4096, .pa = 0x1f33000, .user = true};

    ck_line(&r, "0000000000400000-0000000000452fff   332K  4K  ur-x- -> 0x1f33000");
    r = (struct range){.first = 0xffff888000000000,
                       .last = 0xffff88803fffffff,
                       .page_size = 1 << 30,
                       .writable = true,
                       .nx = true,
                       .global = true,
                       .key = 7};
    ck_line(&r, "ffff888000000000-ffff88803fffffff     1G  1G  -rw-g key 7 -> 0x0");
    r = (struct range){.last = 0x1fffff, .page_size = 2 << 20, .bad = true, .at = 0x3008, .entry = 0x8000000000002087};
    ck_line(&r,
            "0000000000000000-00000000001fffff     2M  2M  reserved bits in the entry at 0x3008: 0x8000000000002087");
}
END_TEST

static void put_line(FILE *to, char mark, const struct range *r)
{
    char line[160];
    struct text t = TEXT_OVER(line);

    ptdump_range(&t, r, true);
    text_end(&t);
    fprintf(to, "%c %s\n", mark, line);
}

static void put_change(void *ctx, const struct ptdiff_change *c)
{
    if (c->before)
        put_line(ctx, c->after ? '<' : '-', c->before);
    if (c->after)
        put_line(ctx, c->before ? '>' : '+', c->after);
}

/* A page unmapped, one made read-only, one moved, one mapped: the difference names each, and nothing else. */
START_TEST(difference)
{
    static const char expected[] = "- 0000000000300000-0000000000300fff     4K  4K  urwx- -> 0x300000\n"
                                   "< 0000000000301000-0000000000301fff     4K  4K  urwx- -> 0x301000\n"
                                   "> 0000000000301000-0000000000301fff     4K  4K  ur-x- -> 0x301000\n"
                                   "< 0000000000302000-0000000000303fff     8K  4K  urwx- -> 0x302000\n"
                                   "> 0000000000302000-0000000000303fff     8K  4K  urwx- -> 0x400000\n"
                                   "+ 0000000000500000-0000000000500fff     4K  4K  urwx- -> 0x1000\n";
    struct vm *vm = vm_create(VM_LONG64, NULL);
    struct ptdump before, after;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    vm_reset(vm);
    vm_set_pte(vm, 0x500000, 0);
    ptdump_take(&before, vm->cpu, 0, ~0ull);
    ck_assert(before.complete);
    ck_assert_uint_eq(before.count, 2);
    vm_set_pte(vm, 0x300000, 0);
    vm_set_pte(vm, 0x301000, 0x301000 | PTE_P | PTE_U);
    vm_set_pte(vm, 0x302000, 0x400000 | PTE_P | PTE_U | PTE_W);
    vm_set_pte(vm, 0x303000, 0x401000 | PTE_P | PTE_U | PTE_W);
    vm_set_pte(vm, 0x500000, 0x1000 | PTE_P | PTE_U | PTE_W);
    ptdump_take(&after, vm->cpu, 0, ~0ull);
    ptdiff_each(&before, &after, put_change, f);
    fclose(f);
    ck_assert_str_eq(text, expected);
    free(text);
    f = open_memstream(&text, &size);
    ptdiff_each(&after, &after, put_change, f);
    fclose(f);
    ck_assert_str_eq(text, "");
    free(text);
    ptdump_free(&before);
    ptdump_free(&after);
    vm_destroy(vm);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ranges");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, agrees_with_the_walk, 0, 2 * (int)(sizeof modes / sizeof *modes));
    tcase_add_test(cases, window);
    tcase_add_test(cases, tables_that_lead_to_themselves);
    tcase_add_test(cases, the_caller_may_stop);
    tcase_add_test(cases, without_paging);
    tcase_add_test(cases, lines);
    tcase_add_test(cases, difference);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
