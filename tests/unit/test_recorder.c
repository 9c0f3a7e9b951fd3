/* SPDX-License-Identifier: MIT */
/* The fault recorder: what becomes of a fault, by what the tables and registers show when its context runs again; and
 * the order of records. The processor executes nothing here: its state is set, and the observer's
 * callbacks are made by hand. */
#include "frontend/recorder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vm.h"

enum { PAGE = 0x300000, OTHER_PAGE = 0x400000, OTHER_TABLES = 0xe00000, RIP = 0x201000, KERNEL_RIP = 0x202000 };
enum { USER_RSP = 0x220800, KERNEL_RSP = 0x7800 };
#define PTE_USER (PTE_P | PTE_W | PTE_U)
#define MOST 8192

static struct vm *vm;
static struct recorder *recorder;
static struct record *decided, *ordered;
static unsigned decided_count, ordered_count;

static void on_decided(void *ctx, const struct record *r)
{
    (void)ctx;
    ck_assert_uint_lt(decided_count, MOST);
    decided[decided_count++] = *r;
}

static void on_ordered(void *ctx, const struct record *r)
{
    (void)ctx;
    ck_assert_uint_lt(ordered_count, MOST);
    ordered[ordered_count++] = *r;
    ck_assert_uint_eq(r->seq, ordered_count);
}

static void setup(void)
{
    vm = vm_create(VM_LONG64, NULL);
    vm_reset(vm);
    recorder = recorder_create(&(struct recorder_events){.decided = on_decided, .ordered = on_ordered});
    ck_assert_ptr_nonnull(recorder);
    decided = calloc(MOST, sizeof(*decided));
    ordered = calloc(MOST, sizeof(*ordered));
    decided_count = ordered_count = 0;
}

static void teardown(void)
{
    recorder_destroy(recorder);
    vm_destroy(vm);
    free(decided);
    free(ordered);
}

/* The processor at a place: CPL, RIP, RSP, FS base. */
static void place(unsigned cpl, u64 rip, u64 rsp, u64 fs)
{
    struct cpu_state s, now;

    vm_set_cpl(vm, cpl);
    cpu_get_state(vm->cpu, &now);
    s = vm->start;
    s.cr3 = now.cr3;
    s.rip = rip;
    s.gpr[REG_RSP] = rsp;
    s.seg[SEG_FS].base = fs;
    cpu_set_state(vm->cpu, &s);
}

static void load_cr3(u64 cr3)
{
    struct cpu_state s;

    cpu_get_state(vm->cpu, &s);
    s.cr3 = cr3;
    cpu_set_state(vm->cpu, &s);
}

static u64 current_cr3(void)
{
    struct cpu_state s;

    cpu_get_state(vm->cpu, &s);
    return s.cr3;
}

static void fault_during(unsigned cpl, enum access_kind kind, u64 la, int during)
{
    struct access access = {.kind = kind,
                            .user = cpl == 3 && during < 0,
                            .implicit = during < 0 ? IMPLICIT_NONE : IMPLICIT_EXCEPTION_STACK};
    struct walk w = cpu_walk(vm->cpu, la, access);
    struct cpu_event ev = {.vector = 14, .has_error = true, .error = w.error, .cr2 = la, .kind = EVENT_FAULT};

    ck_assert_int_ne(w.cause, CAUSE_NONE);
    recorder_page_fault(recorder, vm->cpu, la, 8, &access, &w, during);
    if (during < 0)
        recorder_event(recorder, vm->cpu, &ev, during);
}

static void fault(unsigned cpl, enum access_kind kind, u64 la) { fault_during(cpl, kind, la, -1); }

static void user_fault(enum access_kind kind, u64 la)
{
    place(3, RIP, USER_RSP, 0);
    fault(3, kind, la);
}

static void resume(unsigned cpl, u64 rip, u64 rsp, u64 fs)
{
    place(cpl, rip, rsp, fs);
    recorder_resume(recorder, vm->cpu);
}

static const struct record *last(void)
{
    ck_assert_uint_gt(decided_count, 0);
    return &decided[decided_count - 1];
}

/* ---- Outcomes ---- */

static const struct {
    u64 before;
    enum access_kind kind;
    u64 after;
    enum outcome outcome;
    const char *why, *cure;
} retries[] = {
    {0, ACCESS_WRITE, OTHER_PAGE | PTE_USER, OUTCOME_MAPPED, "PTE of 0x300000 is not present", "P=1 in the PTE at "},
    {0, ACCESS_EXECUTE, PAGE | PTE_USER, OUTCOME_MAPPED, "PTE of 0x300000 is not present", "P=1 in the PTE at "},
    {PAGE | PTE_P | PTE_U, ACCESS_WRITE, OTHER_PAGE | PTE_USER, OUTCOME_COPIED,
     "PTE of 0x300000 has R/W=0 and the write was made at CPL 3", "R/W=1 in the PTE at "},
    {PAGE | PTE_P | PTE_U, ACCESS_WRITE, PAGE | PTE_USER, OUTCOME_MADE_WRITABLE,
     "PTE of 0x300000 has R/W=0 and the write was made at CPL 3", "R/W=1 in the PTE at "},
    {PAGE | PTE_P | PTE_W, ACCESS_READ, PAGE | PTE_USER, OUTCOME_PERMITTED,
     "PTE of 0x300000 has U/S=0 and the read was made at CPL 3", "U/S=1 in the PTE at "},
    {PAGE | PTE_USER | PTE_XD, ACCESS_EXECUTE, PAGE | PTE_USER, OUTCOME_PERMITTED,
     "PTE of 0x300000 has XD=1, and EFER.NXE=1", "XD=0 in the PTE at "},
    {PAGE | PTE_USER | BIT(51), ACCESS_READ, PAGE | PTE_USER, OUTCOME_PERMITTED,
     "PTE of 0x300000 has reserved bit 51 set (beyond the processor's physical address width)", "bit 51=0 in the PTE "},
};

static void enable_nx(void)
{
    struct cpu_state s;

    cpu_get_state(vm->cpu, &s);
    s.efer |= BIT(11);
    cpu_set_state(vm->cpu, &s);
    vm->start.efer |= BIT(11);
}

START_TEST(retried)
{
    char text[512];
    struct text t = TEXT_OVER(text), c;

    enable_nx();
    vm_set_pte(vm, PAGE, retries[_i].before);
    user_fault(retries[_i].kind, PAGE);
    ck_assert_uint_eq(decided_count, 0);
    vm_set_pte(vm, PAGE, retries[_i].after);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_str_eq(outcome_name(last()->outcome), outcome_name(retries[_i].outcome));
    ck_assert_uint_eq(last()->pte_before, retries[_i].before);
    ck_assert_uint_eq(last()->pte_after, retries[_i].after);
    ck_assert_uint_eq(ordered_count, 1);
    verdict_why(&t, last());
    text_end(&t);
    ck_assert_str_eq(text, retries[_i].why);
    c = TEXT_OVER(text);
    verdict_cure(&c, last());
    text_end(&c);
    ck_assert(!strncmp(text, retries[_i].cure, strlen(retries[_i].cure)));
}
END_TEST

START_TEST(nothing_changed)
{
    vm_set_pte(vm, PAGE, 0);
    user_fault(ACCESS_READ, PAGE);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_uint_eq(decided_count, 0);
    user_fault(ACCESS_READ, PAGE); /* the same again */
    ck_assert_int_eq(last()->outcome, OUTCOME_LOOP);
    resume(3, RIP, USER_RSP, 0);
    resume(3, RIP + 8, USER_RSP, 0); /* something else happened */
    ck_assert_int_eq(last()->outcome, OUTCOME_SPURIOUS);
    ck_assert_uint_eq(decided_count, 2);
}
END_TEST

START_TEST(interrupt_before_the_retry)
{
    struct cpu_event interrupt = {.vector = 32, .kind = EVENT_EXTERNAL};

    vm_set_pte(vm, PAGE, 0);
    user_fault(ACCESS_READ, PAGE);
    resume(3, RIP, USER_RSP, 0);
    recorder_event(recorder, vm->cpu, &interrupt, -1);
    ck_assert_uint_eq(decided_count, 0);
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_int_eq(last()->outcome, OUTCOME_MAPPED);
}
END_TEST

START_TEST(elsewhere)
{
    vm_set_pte(vm, PAGE, 0);
    place(0, KERNEL_RIP, KERNEL_RSP, 0);
    fault(0, ACCESS_READ, PAGE);
    resume(0, KERNEL_RIP + 0x500, KERNEL_RSP - 0x100, 0); /* something nested in the handler */
    ck_assert_uint_eq(decided_count, 0);
    resume(0, KERNEL_RIP + 0x40, KERNEL_RSP, 0);
    ck_assert_int_eq(last()->outcome, OUTCOME_FIXUP);
    user_fault(ACCESS_READ, PAGE);
    resume(3, RIP + 0x100, USER_RSP - 0x300, 0); /* a signal's frame */
    ck_assert_int_eq(last()->outcome, OUTCOME_DELIVERED);
}
END_TEST

/* Threads of one address space, told apart by their FS base; each gets its own fault back. */
START_TEST(threads)
{
    vm_set_pte(vm, PAGE, 0);
    vm_set_pte(vm, OTHER_PAGE, 0);
    place(3, RIP, USER_RSP, 0x1000);
    fault(3, ACCESS_READ, PAGE);
    resume(3, RIP + 4, USER_RSP - 0x400, 0x2000);
    ck_assert_uint_eq(decided_count, 0);
    place(3, RIP, USER_RSP - 0x400, 0x2000);
    fault(3, ACCESS_READ, OTHER_PAGE);
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP, USER_RSP, 0x1000);
    ck_assert_uint_eq(last()->seq, 1);
    ck_assert_int_eq(last()->outcome, OUTCOME_MAPPED);
    resume(3, RIP + 0x900, USER_RSP + 0x800000, 0x2000); /* a signal on a stack of its own */
    ck_assert_uint_eq(last()->seq, 2);
    ck_assert_int_eq(last()->outcome, OUTCOME_DELIVERED);
}
END_TEST

/* Another address space with the same contents; entry 0 of the tables is all that is used. */
static void make_other_space(void)
{
    u8 page[PAGE_SIZE];

    vm_read(vm, current_cr3() & PAGE_MASK, page, sizeof(page));
    vm_write(vm, OTHER_TABLES, page, sizeof(page));
}

START_TEST(switched)
{
    u64 cr3 = current_cr3();

    make_other_space();
    vm_set_pte(vm, PAGE, 0);
    user_fault(ACCESS_WRITE, PAGE);
    load_cr3(OTHER_TABLES);
    resume(3, RIP, USER_RSP, 0); /* the same registers, another program */
    ck_assert_uint_eq(decided_count, 0);
    load_cr3(cr3);
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_int_eq(last()->outcome, OUTCOME_SWITCHED);
    ck_assert_int_eq(last()->then, OUTCOME_MAPPED);
    ck_assert_int_eq(record_outcome(last()), OUTCOME_MAPPED);
}
END_TEST

/* A process that the kernel killed, and another that got its tables: its stack is near, but no frame of a signal is
 * there. */
START_TEST(killed)
{
    u64 cr3 = current_cr3(), frame[2] = {RIP, USER_RSP};

    make_other_space();
    vm_set_pte(vm, PAGE, 0);
    user_fault(ACCESS_WRITE, PAGE);
    load_cr3(OTHER_TABLES);
    resume(3, RIP, USER_RSP, 0); /* the parent learns of it */
    load_cr3(cr3);
    resume(3, RIP + 0x100, USER_RSP - 0x300, 0); /* fork returns */
    resume(3, RIP + 0x200, USER_RSP, 0);
    ck_assert_uint_eq(decided_count, 0);
    if (_i) { /* it was only stopped for a while, and handles the signal now */
        vm_write(vm, USER_RSP - 0x300 + 0x98, frame, sizeof(frame));
        resume(3, RIP + 0x100, USER_RSP - 0x300, 0);
        ck_assert_int_eq(last()->outcome, OUTCOME_SWITCHED);
        ck_assert_int_eq(last()->then, OUTCOME_DELIVERED);
        return;
    }
    user_fault(ACCESS_WRITE, PAGE); /* it comes to the same place */
    ck_assert_uint_eq(last()->seq, 1);
    ck_assert_int_eq(record_outcome(last()), OUTCOME_PENDING);
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_uint_eq(decided_count, 2);
    ck_assert_uint_eq(last()->seq, 2);
    ck_assert_int_eq(last()->outcome, OUTCOME_MAPPED);
}
END_TEST

/* The kernel executes an instruction in the program's place, after other programs ran. */
START_TEST(emulated)
{
    u64 cr3 = current_cr3();

    make_other_space();
    vm_set_pte(vm, PAGE, 0);
    user_fault(ACCESS_WRITE, PAGE);
    load_cr3(OTHER_TABLES);
    resume(3, RIP, USER_RSP, 0);
    load_cr3(cr3);
    resume(3, RIP + 7, USER_RSP, 0);
    ck_assert_int_eq(last()->then, OUTCOME_DELIVERED);
}
END_TEST

/* A kernel with page-table isolation changes CR3 at entry and exit, and PCIDs may move. That is no switch. */
START_TEST(isolation_is_no_switch)
{
    u64 user = current_cr3();

    make_other_space();
    vm_set_pte(vm, PAGE, 0);
    user_fault(ACCESS_WRITE, PAGE);
    place(0, KERNEL_RIP, KERNEL_RSP, 0);
    load_cr3(OTHER_TABLES);
    recorder_resume(recorder, vm->cpu);
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    load_cr3(user);
    recorder_resume(recorder, vm->cpu);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_int_eq(last()->outcome, OUTCOME_MAPPED);
    ck_assert_int_eq(last()->then, OUTCOME_NONE);
}
END_TEST

START_TEST(nested)
{
    vm_set_pte(vm, PAGE, 0);
    vm_set_pte(vm, OTHER_PAGE, 0);
    user_fault(ACCESS_READ, PAGE);
    place(0, KERNEL_RIP, KERNEL_RSP, 0);
    fault(0, ACCESS_READ, OTHER_PAGE);
    place(0, KERNEL_RIP + 0x100, KERNEL_RSP - 0x200, 0);
    fault(0, ACCESS_READ, OTHER_PAGE + 8);
    vm_set_pte(vm, OTHER_PAGE, OTHER_PAGE | PTE_USER);
    resume(0, KERNEL_RIP + 0x100, KERNEL_RSP - 0x200, 0);
    resume(0, KERNEL_RIP, KERNEL_RSP, 0);
    ck_assert_uint_eq(ordered_count, 0); /* they wait for the first */
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_uint_eq(ordered_count, 3);
    ck_assert_uint_eq(ordered[0].parent, RECORD_NONE);
    ck_assert_uint_eq(ordered[1].parent, 1);
    ck_assert_uint_eq(ordered[2].parent, 2);
    vm_set_pte(vm, OTHER_PAGE, 0);
    place(0, KERNEL_RIP, KERNEL_RSP, 0); /* a system call's, later */
    fault(0, ACCESS_READ, OTHER_PAGE);
    recorder_finish(recorder);
    ck_assert_uint_eq(last()->parent, RECORD_NONE);
    ck_assert_int_eq(last()->outcome, OUTCOME_PENDING);
}
END_TEST

/* The handling of a fault goes on in another recorder: it tells of the fault within, and of whose handling it was in,
 * but not of the one that was told before. */
START_TEST(saved_and_loaded)
{
    struct recorder *before = recorder;
    struct state_memory memory = {.bytes = NULL};
    struct state out = {.stream = state_memory_writer(&memory)}, in = {.failed = false};

    vm_set_pte(vm, PAGE, 0);
    vm_set_pte(vm, OTHER_PAGE, 0);
    user_fault(ACCESS_READ, PAGE);
    recorder_state(before, &out);
    ck_assert(!out.failed);
    recorder = recorder_create(&(struct recorder_events){.decided = on_decided, .ordered = on_ordered});
    in.stream = state_memory_reader(&memory);
    recorder_state(recorder, &in);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(memory.at, memory.size);
    recorder_destroy(before);
    place(0, KERNEL_RIP, KERNEL_RSP, 0);
    fault(0, ACCESS_READ, OTHER_PAGE);
    vm_set_pte(vm, OTHER_PAGE, OTHER_PAGE | PTE_USER);
    resume(0, KERNEL_RIP, KERNEL_RSP, 0);
    ck_assert_uint_eq(decided_count, 1);
    ck_assert_uint_eq(last()->seq, 2);
    ck_assert_uint_eq(last()->parent, 1);
    ck_assert_uint_eq(ordered_count, 0); /* it waits for the first */
    ordered_count = 1;                   /* which the other told */
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP, USER_RSP, 0);
    ck_assert_uint_eq(decided_count, 1);
    ck_assert_uint_eq(ordered_count, 2);
    state_memory_free(&memory);
}
END_TEST

/* Handlers that never return, but start afresh on the same stack: not nested. */
START_TEST(abandoned)
{
    vm_set_pte(vm, PAGE, 0);
    place(0, KERNEL_RIP, KERNEL_RSP, 0);
    fault(0, ACCESS_READ, PAGE);
    place(0, KERNEL_RIP + 0x20, KERNEL_RSP, 0);
    fault(0, ACCESS_READ, PAGE);
    recorder_finish(recorder);
    ck_assert_uint_eq(ordered[1].parent, RECORD_NONE);
}
END_TEST

START_TEST(double_and_triple)
{
    struct cpu_event pf = {.vector = 14, .has_error = true, .kind = EVENT_FAULT};
    struct cpu_event df = {.vector = 8, .has_error = true, .kind = EVENT_ABORT};
    struct cpu_event gp = {.vector = 13, .has_error = true, .kind = EVENT_FAULT};
    struct story story = {.links = 0};

    vm_set_pte(vm, PAGE, 0);
    vm_set_pte(vm, OTHER_PAGE, 0);
    for (int last_fails = 0; last_fails < 2; last_fails++) {
        user_fault(ACCESS_READ, PAGE);
        fault_during(3, ACCESS_WRITE, OTHER_PAGE, 14);
        recorder_delivery_failed(recorder, vm->cpu, &pf, &pf, "push");
        story_delivery_failed(&story, vm->cpu, &pf, &pf, "push");
        recorder_event(recorder, vm->cpu, &df, 14);
        if (!last_fails) {
            resume(0, KERNEL_RIP, KERNEL_RSP, 0);
            ck_assert_int_eq(ordered[0].outcome, OUTCOME_DOUBLE_FAULT);
            ck_assert_int_eq(ordered[1].outcome, OUTCOME_DOUBLE_FAULT);
            ck_assert_uint_eq(ordered[1].parent, 1);
            ck_assert_int_eq(ordered[1].during, 14);
        }
    }
    recorder_delivery_failed(recorder, vm->cpu, &df, &gp, "IDT entry");
    story_delivery_failed(&story, vm->cpu, &df, &gp, "IDT entry");
    recorder_shutdown(recorder, vm->cpu, &story);
    ck_assert_uint_eq(ordered_count, 6);
    ck_assert_int_eq(ordered[2].outcome, OUTCOME_TRIPLE_FAULT);
    ck_assert_int_eq(ordered[3].outcome, OUTCOME_TRIPLE_FAULT);
    ck_assert_uint_eq(ordered[4].vector, 8);
    ck_assert_str_eq(ordered[4].story, "IDT entry");
    ck_assert_uint_eq(ordered[5].vector, 13);
    ck_assert_int_eq(ordered[5].during, 8);
}
END_TEST

/* More wait than may: the oldest go as pending, and none is lost or out of order. */
START_TEST(too_many_wait)
{
    enum { MANY = RECORDER_WAITING + 1000 };

    vm_set_pte(vm, PAGE, 0);
    for (unsigned i = 0; i < MANY; i++) {
        place(3, RIP + i, USER_RSP + 0x100000 * (i % 7), 0x1000 + i);
        fault(3, ACCESS_READ, PAGE);
    }
    ck_assert_uint_eq(ordered_count, MANY - RECORDER_WAITING);
    vm_set_pte(vm, PAGE, PAGE | PTE_USER);
    resume(3, RIP + MANY - 1, USER_RSP + 0x100000 * ((MANY - 1) % 7), 0x1000 + MANY - 1);
    recorder_finish(recorder);
    ck_assert_uint_eq(ordered_count, MANY);
    for (unsigned i = 0; i < MANY - 1; i++)
        if (ordered[i].outcome != OUTCOME_PENDING)
            ck_assert_int_eq(ordered[i].outcome, OUTCOME_DELIVERED);
    ck_assert_int_eq(ordered[MANY - 1].outcome, OUTCOME_MAPPED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recorder");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, retried, 0, (int)(sizeof(retries) / sizeof(retries[0])));
    tcase_add_test(cases, nothing_changed);
    tcase_add_test(cases, interrupt_before_the_retry);
    tcase_add_test(cases, elsewhere);
    tcase_add_test(cases, threads);
    tcase_add_test(cases, switched);
    tcase_add_loop_test(cases, killed, 0, 2);
    tcase_add_test(cases, emulated);
    tcase_add_test(cases, isolation_is_no_switch);
    tcase_add_test(cases, nested);
    tcase_add_test(cases, saved_and_loaded);
    tcase_add_test(cases, abandoned);
    tcase_add_test(cases, double_and_triple);
    tcase_add_test(cases, too_many_wait);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
