/* SPDX-License-Identifier: MIT */
/* Who wrote which entry, without a processor: pages that come, go and change their kind; room that runs out; what is
 * told to whom; states cut off, damaged and made up. */
#include "mmu/tables.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { A = 0x10000, B = 0x20000, C = 0x30000, ROOM = 4096 }; /* histories grow by so many */

static struct phys *phys;
static struct tables *tables;
static const struct table_write outside = {.la = TABLES_NO_ADDRESS, .by = WRITER_OUTSIDE};

static void setup(void)
{
    phys = phys_create(66 << 20);
    tables = tables_create(phys);
    ck_assert(phys && tables);
}

static void teardown(void)
{
    tables_destroy(tables);
    phys_destroy(phys);
}

/* A store that is told of before it happens, as a processor does. */
static bool store(u64 pa, u64 value, unsigned width, u64 icount)
{
    bool watched = tables_before(tables, pa, width, &(struct table_write){.la = pa, .icount = icount});

    phys_write(phys, pa, value, width);
    return watched;
}

static unsigned changes_of(u64 at, struct table_change *c, u64 *count)
{
    unsigned n;

    ck_assert_int_eq(tables_history(tables, at, c, &n, count), PAST_KNOWN);
    return n;
}

static enum table_past past_of(struct tables *t, u64 at)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;

    return tables_history(t, at, c, &n, NULL);
}

/* ---- Pages ---- */

START_TEST(only_ram_is_watched)
{
    static const u8 image[PAGE_SIZE] = {1};

    tables_destroy(NULL);
    ck_assert(phys_add_rom(phys, A, image, sizeof(image)));
    ck_assert(phys_add_hole(phys, B, PAGE_SIZE));
    for (unsigned i = 0; i < 3; i++) {
        static const u64 pa[] = {A, B, 0xF0000000};

        ck_assert(!tables_used(tables, pa[i], 8, 1));
        ck_assert(!tables_pin(tables, pa[i], 8));
        ck_assert(!tables_watched(tables, pa[i]));
        ck_assert_uint_eq(tables_level(tables, pa[i]), 0);
        ck_assert(!tables_after(tables, pa[i], 8, &outside));
        ck_assert(!tables_before(tables, pa[i], 8, &outside));
    }
    ck_assert(tables_used(tables, C, 8, 3));
    ck_assert(!tables_used(tables, C + 8, 8, 3));
    ck_assert_uint_eq(tables_level(tables, C + 0x123), 3);
}
END_TEST

/* Page numbers that share a place in the hash table. */
START_TEST(pages_of_one_bucket)
{
    static const u64 pa[] = {0, 0x4001000, 0x1000, 0x4000000};

    for (unsigned i = 0; i < 4; i++)
        ck_assert(tables_used(tables, pa[i], 8, i + 1));
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(tables_level(tables, pa[i]), i + 1);
    for (unsigned n = 0; n < TABLES_IDLE; n++) /* the one that came first is the last of its bucket */
        ck_assert_int_eq(tables_after(tables, pa[0], 8, &outside), n + 1 < TABLES_IDLE);
    ck_assert(!tables_watched(tables, pa[0]));
    ck_assert_uint_eq(tables_level(tables, pa[1]), 2);
    tables_forget(tables);
    for (unsigned i = 0; i < 4; i++)
        ck_assert(!tables_watched(tables, pa[i]));
}
END_TEST

/* Something else is laid over a table: what is there is not its entries, and no change of them. */
START_TEST(a_table_under_a_hole)
{
    tables_used(tables, A + 8, 8, 4);
    phys_write(phys, A + 8, B | 1, 8);
    ck_assert(tables_after(tables, A + 8, 8, &outside));
    tables_used(tables, B, 8, 3);
    ck_assert(tables_linked(tables, B, TABLES_ANY_ROOT));
    ck_assert(phys_add_hole(phys, A, PAGE_SIZE));
    ck_assert(!tables_linked(tables, B, TABLES_ANY_ROOT));
    ck_assert(tables_after(tables, A, PAGE_SIZE, &outside));
    tables_accessed(tables, A + 8, 8);
    ck_assert_uint_eq(tables_serial(tables), 1);
    ck_assert(phys_remove_hole(phys, A));
    ck_assert(tables_linked(tables, B, TABLES_ANY_ROOT));
    ck_assert(tables_after(tables, A, PAGE_SIZE, &outside));
    ck_assert_uint_eq(tables_serial(tables), 1); /* the copy is as the entries are */
    tables_accessed(tables, C, 8);               /* no table: nothing to be done */
    ck_assert(!tables_watched(tables, C));
}
END_TEST

/* The entry that a walk read last leads to the page, or the page is a root. */
START_TEST(parents)
{
    phys_write(phys, A, B | 1, 8);
    phys_write(phys, B, A | 1, 8);
    tables_used(tables, A, 8, 4);
    tables_used(tables, C, 8, 3); /* no entry of A leads there */
    ck_assert(tables_linked(tables, C, C));
    ck_assert(!tables_linked(tables, C, A));
    tables_used(tables, A, 8, 4);
    tables_used(tables, B, 8, 3);
    ck_assert(tables_linked(tables, B, A));
    tables_used(tables, A, 8, 2); /* two tables that lead to one another: no root, and no endless search for one */
    ck_assert(!tables_linked(tables, A, TABLES_ANY_ROOT));
    ck_assert(!tables_linked(tables, B, TABLES_ANY_ROOT));
    tables_used(tables, A, 8, 4);
    ck_assert(tables_linked(tables, B, TABLES_ANY_ROOT));
    for (unsigned n = 0; n < TABLES_IDLE; n++)
        tables_after(tables, A, 8, &outside);
    ck_assert(!tables_watched(tables, A)); /* then nothing is known to lead to B */
    ck_assert(!tables_linked(tables, B, TABLES_ANY_ROOT));
}
END_TEST

/* Entries of another width are other entries: what was known of them goes, but not that nobody wrote them before. */
START_TEST(another_width)
{
    tables_used(tables, A, 8, 1);
    store(A + 8, 0x1001, 8, 1);
    ck_assert_int_eq(past_of(tables, A + 8), PAST_KNOWN);
    tables_used(tables, A, 4, 1);
    ck_assert_int_eq(past_of(tables, A + 8), PAST_UNKNOWN);
    store(A + 12, 0x2001, 4, 2);
    ck_assert_int_eq(past_of(tables, A + 12), PAST_KNOWN);
    ck_assert_int_eq(past_of(tables, A + 8), PAST_UNKNOWN);
    ck_assert(tables_pin(tables, B, 8));
    ck_assert(!tables_pin(tables, B, 8));
    ck_assert(!tables_pin(tables, A, 4)); /* was watched already */
    store(B + 8, 0x3001, 8, 3);
    tables_used(tables, B, 4, 1);
    ck_assert_int_eq(past_of(tables, B + 8), PAST_KNOWN);
    ck_assert_int_eq(past_of(tables, B + 12), PAST_NEVER);
}
END_TEST

START_TEST(bitmaps)
{
    u64 bitmap[2 * 2] = {0}; /* 128 pages */

    tables_note_pages(tables, bitmap, 128);
    tables_used(tables, A, 8, 1);
    tables_used(tables, B, 4, 1);
    tables_used(tables, 128 << 12, 4, 1); /* beyond */
    ck_assert_uint_eq(bitmap[0], BIT(A >> 12) | BIT(B >> 12));
    ck_assert_uint_eq(bitmap[1], 0);
    ck_assert_uint_eq(bitmap[2], BIT(B >> 12));
    tables_forget(tables); /* what it was first counts */
    tables_used(tables, A, 4, 1);
    tables_used(tables, B, 8, 1);
    ck_assert_uint_eq(bitmap[2], BIT(B >> 12));
    ck_assert_uint_eq(bitmap[3], 0);
}
END_TEST

/* ---- Changes ---- */

struct heard {
    struct table_change last;
    unsigned count;
};

static void hear(void *ctx, const struct table_change *c)
{
    struct heard *h = ctx;

    h->last = *c;
    h->count++;
}

/* One store over two entries is two changes, each with its own address; without one there is none to count from. */
START_TEST(over_two_entries)
{
    static const u64 both[2] = {0x1001, 0x2001};
    struct heard heard = {.count = 0};
    struct table_change c[TABLES_HISTORY];

    tables_used(tables, A, 8, 1);
    tables_on_change(tables, hear, &heard);
    phys_copy_in(phys, A + 8, both, 16);
    ck_assert(tables_after(tables, A + 8, 16, &(struct table_write){.la = 0x7008}));
    ck_assert_uint_eq(heard.count, 2);
    ck_assert_uint_eq(heard.last.at, A + 16);
    ck_assert_uint_eq(heard.last.is, 0x2001);
    ck_assert_uint_eq(heard.last.write.la, 0x7010);
    ck_assert_uint_eq(changes_of(A + 8, c, NULL), 1);
    ck_assert_uint_eq(c[0].write.la, 0x7008);
    phys_fill(phys, A + 8, 0, 16);
    ck_assert(tables_after(tables, A + 8, 16, &outside));
    ck_assert_uint_eq(heard.count, 4);
    ck_assert_uint_eq(heard.last.write.la, TABLES_NO_ADDRESS);
    tables_on_change(tables, NULL, NULL);
    store(A, 1, 8, 1);
    tables_settle(tables);
    ck_assert_uint_eq(heard.count, 4);
    ck_assert_ptr_null(tables_change(tables, 0));
    ck_assert_ptr_null(tables_change(tables, 6));
    ck_assert_ptr_nonnull(tables_change(tables, 5));
    for (unsigned i = 0; i < TABLES_RECENT; i++) {
        tables_used(tables, A, 8, 1);
        store(A + 24, i + 1, 8, 2);
    }
    tables_settle(tables);
    ck_assert_ptr_null(tables_change(tables, 5)); /* it was remembered for so long */
    ck_assert_ptr_nonnull(tables_change(tables, 6));
}
END_TEST

/* What was announced and is overwritten from outside is the outsider's; beside it on the same page, each has its own.
 */
START_TEST(announced_and_overwritten)
{
    struct table_change c[TABLES_HISTORY];

    tables_used(tables, A, 8, 1);
    tables_used(tables, B, 8, 1);
    store(A, 1, 8, 1);
    phys_write(phys, A, 2, 8);
    tables_after(tables, A, 8, &outside);
    ck_assert_uint_eq(changes_of(A, c, NULL), 1);
    ck_assert_int_eq(c[0].write.by, WRITER_OUTSIDE);
    for (int i = 0; i < 3; i++) { /* behind it, before it, on another page */
        static const u64 at[] = {A + 0x108, A + 0xf8, B};

        store(A + 0x100, 0x10 + i, 8, 7);
        phys_write(phys, at[i], 3, 8);
        tables_after(tables, at[i], 8, &outside);
        changes_of(A + 0x100, c, NULL);
        ck_assert_uint_eq(c[0].is, 0x10 + i);
        ck_assert_uint_eq(c[0].write.icount, 7);
        changes_of(at[i], c, NULL);
        ck_assert_int_eq(c[0].write.by, WRITER_OUTSIDE);
    }
}
END_TEST

/* ---- Room ---- */

START_TEST(no_room_for_pages)
{
    tables_limit(tables, 2, ROOM);
    ck_assert(tables_used(tables, A, 8, 1));
    ck_assert(tables_pin(tables, B, 8));
    ck_assert(!tables_used(tables, C, 8, 1));
    ck_assert(!tables_pin(tables, C, 8));
    ck_assert_int_eq(past_of(tables, C), PAST_UNWATCHED);
    ck_assert(!tables_before(tables, C, 8, &outside));
    for (unsigned n = 0; n < TABLES_IDLE; n++)
        tables_after(tables, A, 8, &outside);
    ck_assert(tables_used(tables, C, 8, 1)); /* in the place of the one that fell idle */
}
END_TEST

/* Histories take what room there is. Then a change is told, but remembered only in place of that entry's last; and of
 * a page that lost one nobody says any more that an entry was never written. */
START_TEST(no_room_for_changes)
{
    struct heard heard = {.count = 0};
    struct table_change c[TABLES_HISTORY];
    u64 count;

    tables_limit(tables, TABLES_MOST, 2 * ROOM);
    for (u64 pa = 0; pa < 17 * PAGE_SIZE; pa += PAGE_SIZE) /* 16 * 512 entries, one change each, and one page more */
        ck_assert(tables_pin(tables, A + pa, 8));
    for (u64 i = 0; i < 16 * 512; i++)
        store(A + 8 * i, 1, 8, i);
    tables_on_change(tables, hear, &heard);
    ck_assert_int_eq(past_of(tables, A + 8 * 8191), PAST_KNOWN);
    store(A, 2, 8, 10000);
    ck_assert_uint_eq(changes_of(A, c, &count), 1);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(c[0].was, 1);
    ck_assert_uint_eq(c[0].is, 2);
    ck_assert_int_eq(past_of(tables, A + 8 * 8192), PAST_NEVER);
    store(A + 8 * 8193, 5, 8, 10001);
    ck_assert_int_eq(past_of(tables, A + 8 * 8193), PAST_UNKNOWN);
    ck_assert_uint_eq(heard.last.is, 5);
    ck_assert_uint_eq(tables_change(tables, tables_serial(tables))->at, A + 8 * 8193);
    ck_assert_int_eq(past_of(tables, A + 8 * 8192), PAST_UNKNOWN);
    tables_forget(tables); /* all the room is there again */
    tables_pin(tables, B, 8);
    for (u64 i = 0; i < 512; i++)
        for (u64 n = 1; n <= 4; n++)
            store(B + 8 * i, 0x100 + n, 8, n);
    for (u64 i = 0; i < 512; i++) {
        ck_assert_uint_eq(changes_of(B + 8 * i, c, &count), 4);
        ck_assert_uint_eq(c[0].is, 0x104);
    }
}
END_TEST

/* ---- States ---- */

static void save_all(struct state_memory *to)
{
    struct state out = {.stream = state_memory_writer(to)};

    tables_used(tables, A, 8, 2);
    tables_used(tables, B, 4, 1);
    tables_pin(tables, C, 8);
    for (u64 i = 0; i < 6; i++)
        store(B + 4, 0x1000 * i + 3, 4, i);
    store(A + 4088, 7, 8, 100);
    tables_state(tables, &out);
    ck_assert_msg(!out.failed, "%s", out.why);
}

static struct state load(struct tables *t, struct state_memory *from)
{
    struct state in = {.stream = state_memory_reader(from)};

    tables_state(t, &in);
    return in;
}

/* The widths of what a state brings are noted too, though they come after the page. */
START_TEST(a_state_is_noted)
{
    struct state_memory memory = {.bytes = NULL};
    u64 bitmap[2] = {0};
    struct state in;

    save_all(&memory);
    tables_forget(tables);
    tables_note_pages(tables, bitmap, 64);
    in = load(tables, &memory);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(bitmap[0], BIT(A >> 12) | BIT(B >> 12) | BIT(C >> 12));
    ck_assert_uint_eq(bitmap[1], BIT(B >> 12));
    ck_assert_int_eq(past_of(tables, C), PAST_NEVER);
    state_memory_free(&memory);
}
END_TEST

/* Cut off anywhere it is refused; and it is what it was when it comes whole after that. */
START_TEST(a_state_cut_off)
{
    struct state_memory memory = {.bytes = NULL};
    struct table_change was[TABLES_HISTORY], is[TABLES_HISTORY];
    struct tables *other = tables_create(phys);
    unsigned n, m;
    u64 count;
    size_t whole;

    save_all(&memory);
    whole = memory.size;
    for (memory.size = 0; memory.size < whole; memory.size += memory.size + 1000 < whole ? 997 : 1) {
        struct state in = load(other, &memory);

        ck_assert(in.failed);
        ck_assert_str_eq(in.why, memory.size < 4 + 32 ? "tables: the state ends too early" : in.why);
    }
    ck_assert(!load(other, &memory).failed);
    ck_assert_uint_eq(memory.at, memory.size);
    ck_assert_int_eq(tables_history(tables, B + 4, was, &n, NULL), PAST_KNOWN);
    ck_assert_int_eq(tables_history(other, B + 4, is, &m, &count), PAST_KNOWN);
    ck_assert_uint_eq(count, 6);
    ck_assert_uint_eq(n, m);
    ck_assert_mem_eq(was, is, n * sizeof(was[0]));
    tables_destroy(other);
    state_memory_free(&memory);
}
END_TEST

/* Histories that there is no room for do not make false claims. */
START_TEST(a_state_without_room)
{
    struct state_memory memory = {.bytes = NULL};
    struct state out = {.stream = state_memory_writer(&memory)};
    struct tables *other = tables_create(phys);

    tables_pin(tables, A, 8);
    store(A, 1, 8, 0);
    tables_state(tables, &out);
    tables_limit(other, 1, 0);
    ck_assert(!load(other, &memory).failed);
    ck_assert_int_eq(past_of(tables, A + 8), PAST_NEVER);
    ck_assert_int_eq(past_of(other, A), PAST_UNKNOWN);
    ck_assert_int_eq(past_of(other, A + 8), PAST_UNKNOWN);
    tables_destroy(other);
    state_memory_free(&memory);
}
END_TEST

/* What a state may say of a page, as page_state() reads it, and what becomes of it. */
static const struct {
    const char *why; /* NULL: it is taken */
    u64 pa[2], width, level, pinned, idle, entry, history;
} forged[] = {
    {NULL, {A, B}, 8, 5, 1, TABLES_IDLE - 1, 1024, 0},
    {"tables.page: 0x10008 is no page of RAM, or comes twice", {A + 8, B}, 8, 1, 0, 0, 1024, 0},
    {"tables.page: 0x10000 is no page of RAM, or comes twice", {A, A}, 8, 1, 0, 0, 1024, 0},
    {"tables.page: 0xf0000000 is no page of RAM, or comes twice", {A, 0xF0000000}, 8, 1, 0, 0, 1024, 0},
    {"tables.width: 6 is neither 4 nor 8", {A, B}, 6, 1, 0, 0, 1024, 0},
    {"tables.width: 16 is not between 0 and 8", {A, B}, 16, 1, 0, 0, 1024, 0},
    {"tables.level: 6 is not between 0 and 5", {A, B}, 8, 6, 0, 0, 1024, 0},
    {"tables.pinned: 2 is not between 0 and 1", {A, B}, 8, 1, 2, 0, 1024, 0},
    {"tables.idle: 16384 is not between 0 and 16383", {A, B}, 8, 1, 0, TABLES_IDLE, 1024, 0},
    {"tables.entry: 1025 is not between 0 and 1024", {A, B}, 8, 1, 0, 0, 1025, 0},
    {"tables.history: 5 is not between 0 and 4", {A, B}, 8, 1, 0, 0, 0, 5},
    {"tables.history: 2 changes of 0", {A, B}, 8, 1, 0, 0, 0, 2},
};

START_TEST(forged_states)
{
    static const u64 end = PAGE_SIZE / 4;
    struct state_memory memory = {.bytes = NULL};
    struct state_stream to = state_memory_writer(&memory);
    struct state out = {.stream = to}, in;
    u64 count = 2, rest[] = {forged[_i].history, 0};

    tables_state(tables, &out); /* of no pages: their number, 0, comes last */
    ck_assert(!out.failed);
    memory.size -= 8;
    to.write(to.ctx, &count, 8);
    for (unsigned i = 0; i < 2; i++) {
        u64 page[] = {forged[_i].pa[i], forged[_i].width, forged[_i].level, forged[_i].pinned, forged[_i].idle, ~1ull,
                      forged[_i].entry};

        to.write(to.ctx, page, sizeof(page));
        if (forged[_i].entry < end)
            to.write(to.ctx, rest, sizeof(rest)), to.write(to.ctx, &end, sizeof(end));
    }
    in = load(tables, &memory);
    if (forged[_i].why) {
        ck_assert(in.failed);
        ck_assert_str_eq(in.why, forged[_i].why);
    } else {
        ck_assert_msg(!in.failed, "%s", in.why);
        ck_assert_uint_eq(tables_level(tables, B), 5);
        ck_assert(!tables_after(tables, A, 8, &outside)); /* it was that idle */
        ck_assert(tables_linked(tables, B, B));
    }
    state_memory_free(&memory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tables_pages");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, only_ram_is_watched);
    tcase_add_test(cases, pages_of_one_bucket);
    tcase_add_test(cases, a_table_under_a_hole);
    tcase_add_test(cases, parents);
    tcase_add_test(cases, another_width);
    tcase_add_test(cases, bitmaps);
    tcase_add_test(cases, over_two_entries);
    tcase_add_test(cases, announced_and_overwritten);
    tcase_add_test(cases, no_room_for_pages);
    tcase_add_test(cases, no_room_for_changes);
    tcase_add_test(cases, a_state_is_noted);
    tcase_add_test(cases, a_state_cut_off);
    tcase_add_test(cases, a_state_without_room);
    tcase_add_loop_test(cases, forged_states, 0, (int)(sizeof(forged) / sizeof(forged[0])));
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
