/* SPDX-License-Identifier: MIT */
/* The stream of a saved state: cut off at every byte, by a full disk at every byte, and with contents made up. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/state.h"

enum { PAGES = 600, RAM = PAGES * PAGE_SIZE };

struct inner {
    u8 byte;
    s16 degrees;
};

/* One of everything. */
struct whole {
    u64 any;
    s8 small;
    bool flag[2];
    struct inner inner[3];
    u32 special;
    u32 cache;
    u64 number;
    u8 raw[5], *block;
    size_t size;
    char text[8];
    u8 *memory;
};

static void special_state(struct state *s, void *at) { state_bytes(s, "special", at, 4); }

static const struct state_field inner_fields[] = {STATE_ANY(inner, byte), STATE_RANGE(inner, degrees, -40, 40)};
static const struct state_table inner_table = STATE_TABLE(inner, inner_fields);
static const struct state_field fields[] = {
    STATE_ANY(whole, any),
    STATE_RANGE(whole, small, -1, 1),
    STATE_BOOL(whole, flag),
    STATE_STRUCT(whole, inner, &inner_table),
    STATE_CUSTOM(whole, special, special_state),
    STATE_CACHE(whole, cache),
    STATE_WIRED(whole, memory),
};
static const struct state_table table = STATE_TABLE(whole, fields);
/* The same in another version. */
static const struct state_table shorter = {"whole", sizeof(struct whole), 4, fields};

static void whole_state(struct whole *w, struct state *s, u64 memory)
{
    state_section(s, "whole");
    state_struct(s, &table, w);
    state_number(s, "number", &w->number, 1000);
    state_bytes(s, "raw", w->raw, sizeof(w->raw));
    state_block(s, "block", &w->block, &w->size, 64);
    state_text(s, "text", w->text, sizeof(w->text));
    state_pages(s, "memory", w->memory, memory, NULL, NULL);
}

static struct whole make(void)
{
    struct whole w = {
        .any = ~0ull,
        .small = -1,
        .flag = {true},
        .inner = {{1, -40}, {2, 40}, {3, 0}},
        .special = 77,
        .cache = 5,
        .number = 1000,
        .raw = {1, 2, 3, 4, 5},
        .block = malloc(9),
        .size = 9,
        .text = "a text",
        .memory = calloc(1, RAM),
    };

    memcpy(w.block, "nine char", 9);
    return w;
}

static void give_up(struct whole *w)
{
    free(w->block);
    free(w->memory);
}

static struct state_memory saved(struct whole *w, u64 memory)
{
    struct state_memory bytes = {.bytes = NULL};
    struct state out = {.stream = state_memory_writer(&bytes)};

    whole_state(w, &out, memory);
    ck_assert_msg(!out.failed, "%s", out.why);
    return bytes;
}

START_TEST(there_and_back)
{
    struct whole a = make(), b = {.cache = 6, .memory = calloc(1, RAM)};
    struct state_memory bytes;
    struct state in = {.failed = false};

    a.memory[PAGE_SIZE + 1] = 8;
    b.memory[0] = 9;
    bytes = saved(&a, 2 * PAGE_SIZE);
    in.stream = state_memory_reader(&bytes);
    whole_state(&b, &in, 2 * PAGE_SIZE);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(bytes.at, bytes.size);
    ck_assert(b.any == a.any && b.small == -1 && b.flag[0] && !b.flag[1] && b.special == 77 && b.cache == 6);
    ck_assert_mem_eq(a.inner, b.inner, sizeof(a.inner));
    ck_assert_mem_eq(a.raw, b.raw, sizeof(a.raw));
    ck_assert_uint_eq(b.number, 1000);
    ck_assert_uint_eq(b.size, 9);
    ck_assert_mem_eq(b.block, "nine char", 9);
    ck_assert_str_eq(b.text, "a text");
    ck_assert_mem_eq(a.memory, b.memory, 2 * PAGE_SIZE);
    give_up(&a), give_up(&b);
    state_memory_free(&bytes);
}
END_TEST

/* What is missing is said once, nothing is read after it, and nothing leaks. */
START_TEST(cut_off_anywhere)
{
    struct whole a = make();
    struct state_memory bytes;
    size_t size;

    a.memory[PAGE_SIZE] = 8;
    bytes = saved(&a, 2 * PAGE_SIZE);
    size = bytes.size;
    for (bytes.size = 0; bytes.size < size; bytes.size++) {
        struct whole b = {.memory = calloc(1, 2 * PAGE_SIZE)};
        struct state in = {.stream = state_memory_reader(&bytes)};
        size_t at;

        whole_state(&b, &in, 2 * PAGE_SIZE);
        ck_assert(in.failed);
        ck_assert_str_eq(in.why, "whole: the state ends too early");
        ck_assert(!b.block || b.size == 9);
        at = bytes.at;
        state_section(&in, "more");
        ck_assert_uint_eq(bytes.at, at);
        give_up(&b);
    }
    give_up(&a);
    state_memory_free(&bytes);
}
END_TEST

/* A disk with room for so many bytes. */
struct disk {
    size_t room, written;
    unsigned refused;
};

static bool disk_write(void *ctx, const void *bytes, size_t size)
{
    struct disk *d = ctx;

    (void)bytes;
    if (size > d->room - d->written) {
        d->refused++;
        return false;
    }
    d->written += size;
    return true;
}

START_TEST(no_room_anywhere)
{
    struct whole a = make();
    struct state_memory bytes;

    a.memory[0] = a.memory[2 * PAGE_SIZE] = 8;
    bytes = saved(&a, 3 * PAGE_SIZE);
    for (size_t room = 0; room <= bytes.size; room++) {
        struct disk d = {.room = room};
        struct state out = {.stream = {.write = disk_write, .ctx = &d}};

        whole_state(&a, &out, 3 * PAGE_SIZE);
        ck_assert_int_eq(out.failed, room < bytes.size);
        ck_assert_uint_eq(d.refused, room < bytes.size); /* asked once, and then no more */
        ck_assert_str_eq(out.why, room < bytes.size ? "whole: cannot be written" : "");
        ck_assert_uint_eq(a.size, 9); /* saving changes nothing */
        ck_assert_mem_eq(a.block, "nine char", 9);
    }
    give_up(&a);
    state_memory_free(&bytes);
}
END_TEST

/* ---- Made up ---- */

static struct state_memory made(const void *what, size_t size)
{
    struct state_memory bytes = {.bytes = malloc(size ? size : 1), .size = size, .room = size};

    memcpy(bytes.bytes, what, size);
    return bytes;
}

#define ck_fails(s, text)                \
    do {                                 \
        ck_assert((s).failed);           \
        ck_assert_str_eq((s).why, text); \
    } while (0)

START_TEST(sections_and_versions)
{
    struct whole a = make(), b = {.memory = NULL};
    struct state_memory bytes = saved(&a, 0);
    struct state in = {.stream = state_memory_reader(&bytes)};

    state_section(&in, "other");
    ck_fails(in, "other: is not where it should be");
    in = (struct state){.stream = state_memory_reader(&bytes)};
    state_section(&in, "whole");
    state_struct(&in, &shorter, &b);
    ck_fails(in, "whole: was saved by another version of faultline");
    ck_assert_uint_eq(b.any, 0);
    bytes.bytes[0] ^= 1; /* no section begins here */
    in = (struct state){.stream = state_memory_reader(&bytes)};
    state_section(&in, "whole");
    ck_fails(in, "whole: is not where it should be");
    give_up(&a);
    state_memory_free(&bytes);
}
END_TEST

/* A value that no load would take is refused when it is saved already. */
START_TEST(values_beyond_their_range)
{
    u64 number = 1001;
    struct state_memory bytes = made(&number, 8), to = {.bytes = NULL};
    struct state in = {.section = "here", .stream = state_memory_reader(&bytes)},
                 out = {.section = "here", .stream = state_memory_writer(&to)};
    char full[4] = {'f', 'u', 'l', 'l'};

    number = 3;
    state_number(&in, "number", &number, 1000);
    ck_fails(in, "here.number: 1001 is not between 0 and 1000");
    ck_assert_uint_eq(number, 3);
    number = 1001;
    state_number(&out, "number", &number, 1000);
    ck_fails(out, "here.number: 1001 is not between 0 and 1000");
    out = (struct state){.section = "here", .stream = state_memory_writer(&to)};
    state_text(&out, "text", full, sizeof(full));
    ck_fails(out, "here.text: 4 is not between 0 and 3");
    state_memory_free(&bytes);
    state_memory_free(&to);
}
END_TEST

/* Of several failures the first is the one that is told. */
START_TEST(the_first_failure)
{
    struct state s = {.failed = false};

    ck_assert(!state_fail(&s, "first %d", 1));
    ck_assert(!state_fail(&s, "second"));
    ck_fails(s, "first 1");
}
END_TEST

START_TEST(blocks)
{
    u64 size = 65;
    u8 *block = NULL;
    size_t n = 0;
    struct state_memory bytes = made(&size, 8);
    struct state in = {.section = "here", .stream = state_memory_reader(&bytes)};

    state_block(&in, "block", &block, &n, 64);
    ck_fails(in, "here.block: 65 is not between 0 and 64");
    memset(bytes.bytes, 0, 8);
    in = (struct state){.stream = state_memory_reader(&bytes)};
    n = 7;
    state_block(&in, "block", &block, &n, 64);
    ck_assert(!in.failed && !block && n == 0);
#ifndef __SANITIZE_ADDRESS__ /* which takes such a request for a mistake of the program's */
    size = 1ull << 62;
    memcpy(bytes.bytes, &size, 8);
    in = (struct state){.stream = state_memory_reader(&bytes)};
    state_block(&in, "block", &block, &n, SIZE_MAX);
    ck_fails(in, "out of memory");
    ck_assert(!block && n == 0);
#endif
    state_memory_free(&bytes);
}
END_TEST

START_TEST(texts)
{
    static const struct {
        u64 size;
        char text[4];
    } inner_nul = {3, "a\0b"}, fine = {3, "abc"};
    struct state_memory bytes = made(&inner_nul, 11);
    struct state in = {.section = "here", .stream = state_memory_reader(&bytes)};
    char text[4] = "";

    state_text(&in, "text", text, sizeof(text));
    ck_fails(in, "here.text: is not a text");
    memcpy(bytes.bytes, &fine, 11);
    in = (struct state){.section = "here", .stream = state_memory_reader(&bytes)};
    state_text(&in, "text", text, sizeof(text));
    ck_assert(!in.failed);
    ck_assert_str_eq(text, "abc");
    in = (struct state){.section = "here", .stream = state_memory_reader(&bytes)};
    state_text(&in, "text", text, 3); /* its end would not fit */
    ck_fails(in, "here.text: 3 is not between 0 and 2");
    state_memory_free(&bytes);
}
END_TEST

struct told {
    u64 offset[8];
    unsigned count;
};

static void tell(void *ctx, u64 offset)
{
    struct told *t = ctx;

    if (t->count < 8)
        t->offset[t->count] = offset;
    t->count++;
}

/* Runs of pages out of order, or beyond the end: nothing is written where there is no memory. */
START_TEST(pages_that_are_not_there)
{
    static const struct {
        u32 run[2][2];
        const char *why;
    } bad[] = {
        {{{9, 0}}, "here.memory: pages 9 on are beyond its 8"},
        {{{7, 2}}, "here.memory: pages 7 on are beyond its 8"},
        {{{0, 0xFFFFFFFF}}, "here.memory: pages 0 on are beyond its 8"},
        {{{0xFFFFFFFE, 4}}, "here.memory: pages 4294967294 on are beyond its 8"},
        {{{4, 0}, {3, 1}}, "here.memory: pages 3 on are beyond its 8"},
        {{{8, 0}, {0xFFFFFFFF, 0}}, NULL},
    };
    static u8 memory[8 * PAGE_SIZE];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct state_memory bytes = made(bad[i].run, sizeof(bad[i].run));
        struct state in = {.section = "here", .stream = state_memory_reader(&bytes)};
        struct told told = {.count = 0};

        memset(memory, 0, sizeof(memory));
        memory[5 * PAGE_SIZE] = 1;
        state_pages(&in, "memory", memory, sizeof(memory), tell, &told);
        ck_assert_int_eq(in.failed, bad[i].why != NULL);
        ck_assert_str_eq(in.why, bad[i].why ? bad[i].why : "");
        ck_assert_uint_eq(memory[5 * PAGE_SIZE], bad[i].why ? 1 : 0);
        state_memory_free(&bytes);
    }
}
END_TEST

/* Only pages that change are told of and written to; long runs and gaps of every kind come back. */
START_TEST(pages_there_and_back)
{
    static const u64 changed[] = {299, 300, 301, 592, 599};
    u8 *a = calloc(1, RAM), *b = calloc(1, RAM);
    struct state_memory bytes = {.bytes = NULL};
    struct state out = {.stream = state_memory_writer(&bytes)}, in = {.failed = false};
    struct told told = {.count = 0};

    for (unsigned i = 0; i < PAGES; i++) /* 300 in a row, every third of the next, and up to the very end */
        if (i < 300 || (i < 590 && i % 3 == 0) || i >= 595)
            a[i * PAGE_SIZE + i % PAGE_SIZE] = 1;
    memcpy(b, a, RAM);
    memset(b + 299 * PAGE_SIZE, 7, 3 * PAGE_SIZE); /* 300 is kept, 301 is zero */
    b[592 * PAGE_SIZE] = 1;
    b[599 * PAGE_SIZE] = 1;
    state_pages(&out, "memory", a, RAM, tell, &told);
    ck_assert(!out.failed && !told.count);
    in.stream = state_memory_reader(&bytes);
    state_pages(&in, "memory", b, RAM, tell, &told);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(bytes.at, bytes.size);
    ck_assert(!memcmp(a, b, RAM));
    ck_assert_uint_eq(told.count, 5);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(told.offset[i], changed[i] * PAGE_SIZE);
    free(a), free(b);
    state_memory_free(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state_stream");
    TCase *cases = tcase_create("cases");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, there_and_back);
    tcase_add_test(cases, cut_off_anywhere);
    tcase_add_test(cases, no_room_anywhere);
    tcase_add_test(cases, sections_and_versions);
    tcase_add_test(cases, values_beyond_their_range);
    tcase_add_test(cases, the_first_failure);
    tcase_add_test(cases, blocks);
    tcase_add_test(cases, texts);
    tcase_add_test(cases, pages_that_are_not_there);
    tcase_add_test(cases, pages_there_and_back);
    suite_add_tcase(suite, cases);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
