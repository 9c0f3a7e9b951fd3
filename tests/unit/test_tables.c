/* SPDX-License-Identifier: MIT */
/* Who wrote which entry of the paging structures: small guests that write entries in every way there is. */
#include "mmu/tables.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vm.h"

enum { PAGE = 0x300000 };

static struct vm *vm;
static struct tables *tables;
static u64 pte; /* physical and linear address of the entry for PAGE */

static void setup(void)
{
    vm = vm_create(VM_LONG64, NULL);
    vm_reset(vm);
    pte = vm_pte_at(vm, PAGE);
    tables = tables_create(vm->phys);
    ck_assert_ptr_nonnull(tables);
    cpu_watch_tables(vm->cpu, tables);
}

static void teardown(void)
{
    cpu_watch_tables(vm->cpu, NULL);
    tables_destroy(tables);
    vm_destroy(vm);
}

static struct cpu_state run(const void *code, unsigned size, unsigned n, u64 rax, u64 rdi, u64 rcx)
{
    struct cpu_state s;

    vm->start.gpr[REG_RAX] = rax;
    vm->start.gpr[REG_RDI] = rdi;
    vm->start.gpr[REG_RCX] = rcx;
    vm_reset(vm);
    vm_code(vm, code, size);
    vm_run(vm, n);
    ck_assert(!vm->raised);
    cpu_get_state(vm->cpu, &s);
    return s;
}
#define RUN(bytes, n, rax, rdi, rcx) run(bytes, sizeof(bytes) - 1, n, rax, rdi, rcx)

/* The page of the entry becomes a table that is known: something is read through it. */
static void walk_it(void) { RUN("\x48\x8b\x04\x25\x00\x00\x30\x00", 1, 0, 0, 0); } /* mov rax, [PAGE] */

static struct table_change last(u64 at, u64 *count)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;

    ck_assert_int_eq(tables_history(tables, at, c, &n, count), PAST_KNOWN);
    ck_assert_uint_ge(n, 1);
    return c[0];
}

START_TEST(unknown_before_the_first_walk)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;

    ck_assert_int_eq(tables_history(tables, 0x280000, c, &n, NULL), PAST_UNWATCHED);
    RUN("\x48\x89\x07", 1, PAGE | 3, pte, 0); /* mov [rdi], rax: the walk for this comes before its store */
    ck_assert_uint_eq(last(pte, NULL).is, PAGE | 3);
    ck_assert_int_eq(tables_history(tables, pte + 8, c, &n, NULL), PAST_UNKNOWN);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_store)
{
    struct table_change c;
    u64 was, count, icount;

    walk_it();
    was = vm_pte(vm, PAGE);
    icount = cpu_icount(vm->cpu);
    RUN("\x90\x48\x89\x07", 2, 0x1234000 | 3, pte, 0);
    c = last(pte, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(c.was, was);
    ck_assert_uint_eq(c.is, 0x1234003);
    ck_assert_uint_eq(c.at, pte);
    ck_assert_uint_eq(c.write.la, pte);
    ck_assert_uint_eq(c.write.rip, vm->code + 1);
    ck_assert_uint_eq(c.write.icount, icount + 1);
    ck_assert_uint_eq(c.write.cpl, 0);
    ck_assert_int_eq(c.write.by, WRITER_INSTRUCTION);
    ck_assert_uint_eq(c.write.cr3, vm->start.cr3);
}
END_TEST

/* Ways to store; each must leave what memory holds, and its own address. */
static const struct {
    const char *what, *code;
    unsigned size;
    s64 offset;
    u64 rcx;
    unsigned n; /* instructions: an iteration is one */
} ways[] = {
    {"read-modify-write", "\x48\x31\x07", 3, 0, 0, 1},          /* xor [rdi], rax */
    {"byte", "\x88\x07", 2, 1, 0, 1},                           /* mov [rdi+1], al */
    {"locked", "\xf0\x48\x0f\xb1\x0f", 5, 0, 0x77, 1},          /* lock cmpxchg [rdi], rcx: rax is made to match */
    {"exchange", "\x48\x87\x07", 3, 0, 0, 1},                   /* xchg [rdi], rax */
    {"string", "\xf3\x48\xab", 3, 0, 1, 1},                     /* rep stosq */
    {"backwards", "\xfd\xf3\x48\xab", 4, 8, 2, 3},              /* std; rep stosq */
    {"string at once", "\xf3\x48\xab", 3, -16, 4, 4},           /* rep stosq, of a part of a page */
    {"crossing", "\x48\x89\x07", 3, -4, 0, 1},                  /* mov, over two entries */
    {"vector", "\x66\x48\x0f\x6e\xc0\x0f\x11\x07", 8, 0, 0, 2}, /* movq xmm0, rax; movups [rdi], xmm0 */
    {"x87", "\xdf\x3f", 2, 0, 0, 1},                            /* fistp qword [rdi], of an empty register */
    {"bit", "\x48\x0f\xba\x2f\x09", 5, 0, 0, 1},                /* bts qword [rdi], 9 */
};

START_TEST(every_way_to_store)
{
    struct table_change c;
    u64 before, count;

    walk_it();
    before = vm_read64(vm, pte);
    run(ways[_i].code, ways[_i].size, ways[_i].n, _i == 2 ? before : 0x5a5a5a5a5a5a5a5a, pte + (u64)ways[_i].offset,
        ways[_i].rcx);
    c = last(pte, &count);
    ck_assert_msg(c.was == before && c.is == vm_read64(vm, pte) && c.is != before, "%s", ways[_i].what);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_ge(c.write.rip, vm->code);
    ck_assert_uint_eq(c.write.la & ~7ull, pte);
}
END_TEST

START_TEST(what_changes_nothing_is_no_change)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;

    walk_it();
    RUN("\x48\x89\x07", 1, vm_read64(vm, pte), pte, 0);
    ck_assert_int_eq(tables_history(tables, pte, c, &n, NULL), PAST_UNKNOWN);
}
END_TEST

START_TEST(accessed_and_dirty_are_no_change)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;

    walk_it();
    vm_set_pte(vm, PAGE, PAGE | PTE_P | PTE_W | PTE_U);
    RUN("\x48\x89\x07", 1, 7, PAGE, 0);
    ck_assert_uint_eq(vm_pte(vm, PAGE), PAGE | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
    ck_assert_int_eq(tables_history(tables, pte, c, &n, NULL), PAST_KNOWN);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(c[0].write.by, WRITER_OUTSIDE); /* the test itself */
    ck_assert_uint_eq(c[0].is, PAGE | PTE_P | PTE_W | PTE_U);
}
END_TEST

START_TEST(newest_first)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;
    u64 count;

    walk_it();
    for (u64 i = 1; i <= 7; i++)
        RUN("\x48\x89\x07", 1, i << 12, pte, 0);
    ck_assert_int_eq(tables_history(tables, pte, c, &n, &count), PAST_KNOWN);
    ck_assert_uint_eq(n, TABLES_HISTORY);
    ck_assert_uint_eq(count, 7);
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_eq(c[i].is, (7 - i) << 12);
        ck_assert_uint_eq(c[i].was, (6 - i) << 12);
        ck_assert_ptr_nonnull(tables_change(tables, c[i].serial));
        ck_assert_uint_eq(tables_change(tables, c[i].serial)->is, c[i].is);
    }
    ck_assert_uint_eq(tables_serial(tables), c[0].serial);
}
END_TEST

START_TEST(from_outside)
{
    struct table_change c;
    u64 v = 0x4444000;

    walk_it();
    RUN("\x48\x89\x07", 1, 0x55000, pte, 0);
    phys_copy_in(vm->phys, pte, &v, 8); /* over the store that was not looked at yet */
    c = last(pte, NULL);
    ck_assert_int_eq(c.write.by, WRITER_OUTSIDE);
    ck_assert_uint_eq(c.is, v);
    ck_assert_uint_eq(c.write.la, TABLES_NO_ADDRESS);
}
END_TEST

START_TEST(pinned_from_the_beginning)
{
    struct table_change c[TABLES_HISTORY];
    unsigned n;
    u64 bitmap[2 * 64] = {0};

    tables_note_pages(tables, bitmap, 64 * 64);
    ck_assert(tables_pin(tables, 0x280000, 8));
    cpu_watch_tables(vm->cpu, tables);
    ck_assert_int_eq(tables_history(tables, 0x280008, c, &n, NULL), PAST_NEVER);
    RUN("\x48\x89\x07", 1, 5, 0x280008, 0);
    ck_assert_uint_eq(last(0x280008, NULL).is, 5);
    ck_assert_uint_eq(bitmap[0x280 / 64] >> (0x280 % 64) & 1, 1);
    ck_assert_uint_eq(bitmap[64 + 0x280 / 64], 0);
    ck_assert(tables_pin(tables, 0x2a0000, 4)); /* neighbours are not told of one another's writes */
    ck_assert_uint_eq(bitmap[64 + 0x2a0 / 64] >> (0x2a0 % 64) & 1, 1);
    ck_assert(tables_before(tables, 0x2a0004, 4, &(struct table_write){.icount = 9}));
    RUN("\x89\x07", 1, 5, 0x2a0004, 0); /* mov [rdi], eax */
    ck_assert_int_eq(tables_history(tables, 0x2a0000, c, &n, NULL), PAST_NEVER);
    ck_assert_uint_eq(last(0x2a0004, NULL).is, 5);
    for (unsigned i = 0; i < TABLES_IDLE; i++)
        tables_before(tables, 0x280000, 8, &(struct table_write){0});
    ck_assert(!tables_watched(tables, 0x280000));
}
END_TEST

/* A table is what entries lead to now. */
START_TEST(linked)
{
    u64 root = vm->start.cr3, entry, pde;
    struct walk w;

    walk_it();
    w = cpu_walk(vm->cpu, PAGE, (struct access){.kind = ACCESS_READ});
    pde = w.step[w.steps - 2].at;
    entry = w.step[w.steps - 2].entry;
    ck_assert(tables_linked(tables, pte, root));
    ck_assert(tables_linked(tables, root, root));
    ck_assert(!tables_linked(tables, root, root + PAGE_SIZE));
    ck_assert(tables_linked(tables, root, TABLES_ANY_ROOT));
    vm_write64(vm, pde, entry & ~(u64)PTE_P);
    ck_assert(!tables_linked(tables, pte, root));
    vm_write64(vm, pde, entry ^ 0x400000);
    ck_assert(!tables_linked(tables, pte, root));
    vm_write64(vm, pde, entry);
    ck_assert(tables_linked(tables, pte, root));
    tables_pin(tables, 0x280000, 8);
    ck_assert(!tables_linked(tables, 0x280000, root));
    ck_assert(!tables_linked(tables, 0x2b0000, root));
}
END_TEST

/* A page that is written and never walked is a table no longer: it gets its write tags back. */
START_TEST(idle_pages_are_dropped)
{
    u64 other = 0x290000; /* walked once as a table by hand */

    tables_used(tables, other, 8, 1);
    cpu_watch_tables(vm->cpu, tables);
    ck_assert(tables_watched(tables, other));
    RUN("\x48\x89\x07\xe2\xfb", 2 * TABLES_IDLE + 200, 5, other, TABLES_IDLE + 100); /* 1: mov [rdi], rax; loop 1b */
    ck_assert(!tables_watched(tables, other));
    ck_assert(tables_watched(tables, pte));
}
END_TEST

/* Through a state, into tables that knew something else. */
START_TEST(saved_and_loaded)
{
    struct state_memory memory = {.bytes = NULL};
    struct state out = {.stream = state_memory_writer(&memory)}, in = {.failed = false};
    struct tables *other = tables_create(vm->phys);
    struct table_change was[TABLES_HISTORY], is[TABLES_HISTORY];
    unsigned n, m;
    u64 count;

    walk_it();
    for (u64 i = 1; i <= 7; i++)
        RUN("\x48\x89\x07", 1, i << 12, pte, 0);
    tables_pin(tables, 0x280000, 8);
    tables_state(tables, &out);
    ck_assert(!out.failed);
    tables_used(other, 0x290000, 8, 1);
    in.stream = state_memory_reader(&memory);
    tables_state(other, &in);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(memory.at, memory.size);
    ck_assert(!tables_watched(other, 0x290000));
    ck_assert_int_eq(tables_history(other, 0x280008, is, &n, NULL), PAST_NEVER);
    ck_assert_int_eq(tables_history(tables, pte, was, &n, NULL), PAST_KNOWN);
    ck_assert_int_eq(tables_history(other, pte, is, &m, &count), PAST_KNOWN);
    ck_assert_uint_eq(n, m);
    ck_assert_uint_eq(count, 7);
    ck_assert_mem_eq(was, is, n * sizeof(was[0]));
    ck_assert_uint_eq(tables_serial(other), tables_serial(tables));
    ck_assert_uint_eq(tables_level(other, pte), tables_level(tables, pte));
    ck_assert(tables_linked(other, pte, vm->start.cr3));
    ck_assert_uint_eq(tables_change(other, is[0].serial)->is, is[0].is);
    tables_destroy(other);
    state_memory_free(&memory);
}
END_TEST

/* Any stores to the tables' pages, mixed with walks: what is known last is what memory holds, A and D aside. */
START_TEST(nothing_is_missed)
{
    u64 state = 1, table = 0x2a0000;
    u64 model[512];

    tables_used(tables, table, 8, 1);
    cpu_watch_tables(vm->cpu, tables);
    memset(model, 0, sizeof model);
    for (unsigned i = 0; i < 3000; i++) {
        struct table_change c[TABLES_HISTORY];
        unsigned n, at;

        state = state * 6364136223846793005ull + 1442695040888963407ull;
        at = state >> 33 & 0xfff;
        if (at > 0xff0)
            continue;
        run(ways[i % 8].code, ways[i % 8].size, ways[i % 8].n, state >> 20, table + (at < 16 ? 16 : at),
            ways[i % 8].rcx);
        tables_used(tables, table, 8, 1); /* not idle */
        for (unsigned e = at / 8 ? at / 8 - 1 : 0; e < 512 && e < at / 8 + 3; e++) {
            u64 now = vm_read64(vm, table + 8 * e);
            enum table_past past = tables_history(tables, table + 8 * e, c, &n, NULL);

            if (past == PAST_KNOWN ? c[0].is != now : now != 0)
                ck_abort_msg("entry %u after %s", e, ways[i % 8].what);
            if (past == PAST_KNOWN && now != model[e]) { /* several stores may have touched it */
                unsigned k = 0;

                while (k < n && c[k].was != model[e])
                    k++;
                if (k == n)
                    ck_abort_msg("entry %u: not the value before %s", e, ways[i % 8].what);
            }
            model[e] = now;
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tables");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, unknown_before_the_first_walk);
    tcase_add_test(cases, a_store);
    tcase_add_loop_test(cases, every_way_to_store, 0, (int)(sizeof ways / sizeof *ways));
    tcase_add_test(cases, what_changes_nothing_is_no_change);
    tcase_add_test(cases, accessed_and_dirty_are_no_change);
    tcase_add_test(cases, newest_first);
    tcase_add_test(cases, from_outside);
    tcase_add_test(cases, pinned_from_the_beginning);
    tcase_add_test(cases, linked);
    tcase_add_test(cases, idle_pages_are_dropped);
    tcase_add_test(cases, saved_and_loaded);
    tcase_add_test(cases, nothing_is_missed);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
