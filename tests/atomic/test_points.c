/* SPDX-License-Identifier: MIT */
/* A debugger's break- and watchpoints and catches: where they stop, that they stop there whatever the slices and
 * however code was cut into traces, and that a run with them comes to the same end as one without. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/vm.h"

static struct vm *vm;

static void begin(enum vm_mode mode)
{
    vm = vm_create(mode, NULL);
    vm_reset(vm);
    cpu_observe(vm->cpu, NULL);
}

static void end(void)
{
    vm_destroy(vm);
    vm = NULL;
}

static struct cpu_state state(void)
{
    struct cpu_state s;

    cpu_get_state(vm->cpu, &s);
    return s;
}

static u64 linear_rip(void)
{
    struct cpu_state s = state();

    return cpu_mode(vm->cpu) == MODE_LONG64 ? s.rip : (u32)(s.rip + s.seg[SEG_CS].base);
}

static struct cpu_point point(int kind, u64 address, u64 size)
{
    return (struct cpu_point){.kind = kind, .address = address, .size = size};
}

static void add(struct cpu_point p) { ck_assert(cpu_point_add(vm->cpu, &p)); }
static void take(struct cpu_point p) { ck_assert(cpu_point_remove(vm->cpu, &p)); }

/* Run to a stop for the debugger, in slices of n instructions; at most to `limit`. */
static enum cpu_stop run(u64 limit, u64 slice)
{
    enum cpu_stop stop = CPU_STOP_DEADLINE;

    cpu_go_on(vm->cpu);
    while (stop == CPU_STOP_DEADLINE && cpu_icount(vm->cpu) < limit) {
        u64 to = cpu_icount(vm->cpu) + slice;

        stop = cpu_run(vm->cpu, to < limit ? to : limit);
    }
    return stop;
}

static void stops_at(u64 la, u64 count)
{
    enum cpu_stop stop = run(10000, 10000);

    ck_assert_msg(stop == CPU_STOP_BREAK, "%s: stop %d at %#llx", vm_mode_name(vm->mode), stop,
                  (unsigned long long)linear_rip());
    ck_assert_uint_eq(linear_rip(), la);
    ck_assert_uint_eq(cpu_icount(vm->cpu), count);
    ck_assert_int_eq(cpu_broke(vm->cpu)->kind, CPU_BREAK_POINT);
    ck_assert_uint_eq(cpu_broke(vm->cpu)->point.address, la);
}

/* INC/DEC have one encoding in all modes with ModRM. A loop of 3 rounds, then HLT:
 *   0 inc ax; 2 cmp ax,3 (83 f8 03); 5 jne 0; 7 inc cx; 9 hlt */
static const u8 loop_code[] = {0xff, 0xc0, 0x83, 0xf8, 0x03, 0x75, 0xf9, 0xff, 0xc1, 0xf4};

START_TEST(test_everywhere)
{
    static const unsigned offset[] = {0, 2, 5, 7, 9};
    static const u64 order[] = {0, 2, 5, 0, 2, 5, 0, 2, 5, 7, 9};
    struct cpu_state after;

    begin(_i);
    vm_code(vm, loop_code, sizeof(loop_code));
    for (unsigned i = 0; i < 5; i++)
        add(point(CPU_POINT_EXECUTE, vm->code + offset[i], 1));
    if (_i == VM_V86) /* HLT is privileged there */
        take(point(CPU_POINT_EXECUTE, vm->code + 9, 1));
    for (unsigned i = 0; i < (_i == VM_V86 ? 10u : 11u); i++)
        stops_at(vm->code + order[i], i);
    after = state();
    ck_assert_uint_eq(after.gpr[REG_RAX] & 0xffff, 3);
    end();
}
END_TEST

/* One in the midst of a loop whose trace was built before, and removed again. */
START_TEST(test_added_later)
{
    begin(_i);
    vm_code(vm, (const u8[]){0xff, 0xc0, 0xff, 0xc1, 0xff, 0xc2, 0xeb, 0xf8}, 8);
    ck_assert_int_eq(run(400, 400), CPU_STOP_DEADLINE);
    add(point(CPU_POINT_EXECUTE, vm->code + 4, 1));
    stops_at(vm->code + 4, 402);
    stops_at(vm->code + 4, 406);
    take(point(CPU_POINT_EXECUTE, vm->code + 4, 1));
    ck_assert_int_eq(run(800, 800), CPU_STOP_DEADLINE);
    cpu_debug_detach(vm->cpu);
    ck_assert_int_eq(run(1200, 1200), CPU_STOP_DEADLINE);
    end();
}
END_TEST

/* Same low 12 bits, another page; and an address of the same physical page seen elsewhere. */
START_TEST(test_exact)
{
    u64 alias = 0x400000;

    begin(VM_LONG64);
    vm_code(vm, loop_code, sizeof(loop_code));
    add(point(CPU_POINT_EXECUTE, vm->code + 0x1000 + 2, 1));
    vm_set_pte(vm, alias, vm->code | PTE_P | PTE_W | PTE_U);
    add(point(CPU_POINT_EXECUTE, alias + 5, 1));
    ck_assert_int_eq(run(20, 20), CPU_STOP_HALTED);
    vm_reset(vm);
    cpu_go_on(vm->cpu);
    vm->start.rip = alias;
    vm_reset(vm);
    ck_assert_int_eq(run(100, 100), CPU_STOP_BREAK);
    ck_assert_uint_eq(linear_rip(), alias + 5);
    take(point(CPU_POINT_EXECUTE, alias + 5, 1));
    add((struct cpu_point){.kind = CPU_POINT_EXECUTE, .physical = true, .address = vm->code + 7, .size = 1});
    for (int step = 0; step < 2; step++) {
        vm_reset(vm);
        cpu_tune(vm->cpu, (struct cpu_tuning){.all_step = step});
        ck_assert_int_eq(run(1000, 1000), CPU_STOP_BREAK);
        ck_assert_uint_eq(linear_rip(), alias + 7);
    }
    end();
}
END_TEST

/* REP STOSB of 40 bytes: a breakpoint there is met once, however the repetition is cut. */
START_TEST(test_repeated)
{
    static const u64 slices[] = {1, 2, 7, 30, 1000};

    for (unsigned i = 0; i < 5; i++) {
        begin(_i);
        vm_code(vm, (const u8[]){0xf3, 0xaa, 0x90, 0xff, 0xc0}, 5);
        vm->start.gpr[REG_RCX] = 40;
        vm->start.gpr[REG_RDI] = 0x100 + (vm->data >= VM_DATA32 ? vm->data : 0);
        vm_reset(vm);
        add(point(CPU_POINT_EXECUTE, vm->code, 1));
        add(point(CPU_POINT_EXECUTE, vm->code + 2, 1));
        stops_at(vm->code, 0);
        ck_assert_int_eq(run(1000, slices[i]), CPU_STOP_BREAK);
        ck_assert_uint_eq(linear_rip(), vm->code + 2);
        ck_assert_uint_eq(cpu_icount(vm->cpu), 40);
        end();
    }
}
END_TEST

/* An instruction across a page; and in a page not mapped yet the #PF comes first, by traces as by steps. */
START_TEST(test_pages)
{
    u64 page;

    begin(VM_LONG64);
    page = vm->code + 0x1000;
    vm_write(vm, page - 3, (const u8[]){0x90, 0xff, 0xc0, 0x90}, 4);
    vm_write(vm, page - 1, (const u8[]){0xff, 0xc0, 0x90}, 3);
    vm->start.rip = page - 2;
    vm_write(vm, page - 2, (const u8[]){0x90}, 1);
    add(point(CPU_POINT_EXECUTE, page - 1, 1));
    vm_reset(vm);
    stops_at(page - 1, 1);
    ck_assert_int_eq(run(3, 1000), CPU_STOP_DEADLINE);
    ck_assert_uint_eq(linear_rip(), page + 2);
    for (int step = 0; step < 2; step++) {
        u64 entry = vm_pte(vm, page), count;

        cpu_tune(vm->cpu, (struct cpu_tuning){.all_step = step});
        vm->start.rip = page;
        vm_reset(vm);
        vm_set_pte(vm, page, 0);
        if (!step)
            add(point(CPU_POINT_EXECUTE, page, 1));
        count = cpu_icount(vm->cpu);
        ck_assert_int_eq(run(count + 100, 1000), CPU_STOP_HALTED); /* the handler of #PF */
        ck_assert_uint_eq(linear_rip(), VM_HANDLERS + 14 + 1);
        vm_set_pte(vm, page, entry);
        vm_reset(vm);
        ck_assert_int_eq(run(count + 200, 1000), CPU_STOP_BREAK);
        ck_assert_uint_eq(linear_rip(), page);
    }
    end();
}
END_TEST

/* ---- Watchpoints ---- */

/* What each instruction of a 32- or 64-bit program does to 8 bytes at RBX + 16 of the data. */
static const struct {
    const char *name;
    u8 code[8];
    unsigned length;
    unsigned hit; /* CPU_POINT_READ, _WRITE */
} accesses[] = {
    {"mov [rbx+16], eax", {0x89, 0x43, 0x10}, 3, CPU_POINT_WRITE},
    {"mov [rbx+13], eax", {0x89, 0x43, 0x0d}, 3, CPU_POINT_WRITE},
    {"mov [rbx+12], eax", {0x89, 0x43, 0x0c}, 3, 0},
    {"mov [rbx+23], al", {0x88, 0x43, 0x17}, 3, CPU_POINT_WRITE},
    {"mov [rbx+24], al", {0x88, 0x43, 0x18}, 3, 0},
    {"mov eax, [rbx+16]", {0x8b, 0x43, 0x10}, 3, CPU_POINT_READ},
    {"mov eax, [rbx+24]", {0x8b, 0x43, 0x18}, 3, 0},
    {"inc dword [rbx+16]", {0xff, 0x43, 0x10}, 3, CPU_POINT_ACCESS},
    {"cmp [rbx+16], eax", {0x39, 0x43, 0x10}, 3, CPU_POINT_READ},
    {"push [rbx+16]", {0xff, 0x73, 0x10}, 3, CPU_POINT_READ},
    {"movups [rbx+1], xmm0", {0x0f, 0x11, 0x43, 0x01}, 4, CPU_POINT_WRITE},
    {"movups xmm0, [rbx+23]", {0x0f, 0x10, 0x43, 0x17}, 4, CPU_POINT_READ},
    {"fld qword [rbx+16]", {0xdd, 0x43, 0x10}, 3, CPU_POINT_READ},
    {"fstp st; fxsave", {0x0f, 0xae, 0x03}, 3, CPU_POINT_WRITE},
    {"rep movsb", {0xf3, 0xa4}, 2, CPU_POINT_WRITE},
    {"bt [rbx+16], eax", {0x0f, 0xa3, 0x43, 0x10}, 4, CPU_POINT_READ},
    {"lea eax, [rbx+16]", {0x8d, 0x43, 0x10}, 3, 0},
    {"nop [rbx+16]", {0x0f, 0x1f, 0x43, 0x10}, 4, 0},
};

static void try_access(unsigned i, unsigned kind, bool physical, unsigned rounds)
{
    u8 code[64];
    unsigned n = 0;
    bool hit = kind & accesses[i].hit;
    struct cpu_point p = {.kind = kind, .physical = physical, .address = vm->data + 16, .size = 8};

    /* the same instruction `rounds` times, so that the page was in the TLB before */
    for (unsigned r = 0; r < rounds; r++, n += accesses[i].length)
        memcpy(code + n, accesses[i].code, accesses[i].length);
    code[n++] = 0xf4;
    vm_code(vm, code, n);
    vm->start.gpr[REG_RBX] = vm->data;
    vm->start.gpr[REG_RAX] = 0;
    vm->start.gpr[REG_RCX] = 40;
    vm->start.gpr[REG_RSI] = vm->data + 0x1000;
    vm->start.gpr[REG_RDI] = vm->data + 8;
    vm->start.cr4 |= BIT(9);
    vm_reset(vm);
    cpu_set_float_state(vm->cpu, &(struct cpu_float_state){.control = 0x37f, .tag = 0xffff, .mxcsr = 0x1f80});
    add(p);
    u64 from = cpu_icount(vm->cpu);
    enum cpu_stop stop = run(from + 1000, 1000);
    ck_assert_msg(stop == (hit ? CPU_STOP_BREAK : CPU_STOP_HALTED), "%s, watch %u, physical %d: stop %d",
                  accesses[i].name, kind, physical, stop);
    if (hit) {
        const struct cpu_break *b = cpu_broke(vm->cpu);

        ck_assert_int_eq(b->kind, CPU_BREAK_ACCESS);
        ck_assert(b->point.kind == kind && b->point.physical == physical);
        ck_assert_uint_ge(b->address, vm->data + 16);
        ck_assert_uint_lt(b->address, vm->data + 24);
        ck_assert(b->write == !!(accesses[i].hit & CPU_POINT_WRITE) && !b->device);
        if (accesses[i].code[0] == 0xf3) /* stopped after the 9th byte */
            ck_assert(linear_rip() == vm->code && state().gpr[REG_RCX] == 31 && cpu_icount(vm->cpu) == from + 9);
        else
            ck_assert(linear_rip() == vm->code + accesses[i].length && cpu_icount(vm->cpu) == from + 1);
    }
    take(p);
}

START_TEST(test_accesses)
{
    static const enum vm_mode modes[] = {VM_LONG64, VM_PROT32_FLAT, VM_PAE};

    for (unsigned m = 0; m < 3; m++) {
        begin(modes[m]);
        for (unsigned kind = CPU_POINT_READ; kind <= CPU_POINT_ACCESS; kind += 2)
            for (int physical = 0; physical < 2; physical++)
                try_access(_i, kind, physical, 1 + kind / 2);
        end();
    }
}
END_TEST

/* Both halves of an access across pages; the stack by CALL and by an exception's frame. */
START_TEST(test_places)
{
    u64 page;

    begin(VM_LONG64);
    page = vm->data + 0x1000;
    vm_code(vm, (const u8[]){0x48, 0x89, 0x03, 0xe8, 0, 0, 0, 0, 0x0f, 0x0b}, 10); /* mov [rbx], rax; call; ud2 */
    vm->start.gpr[REG_RBX] = page - 4;
    vm_reset(vm);
    for (int half = 0; half < 2; half++) {
        struct cpu_point p = point(CPU_POINT_WRITE, half ? page + 3 : page - 4, 1);

        add(p);
        vm_reset(vm);
        ck_assert_int_eq(run(10000, 1000), CPU_STOP_BREAK);
        ck_assert_uint_eq(linear_rip(), vm->code + 3);
        ck_assert_uint_eq(cpu_broke(vm->cpu)->address, p.address);
        take(p);
    }
    vm_reset(vm);
    add(point(CPU_POINT_WRITE, vm->stack - 8, 8));
    ck_assert_int_eq(run(10000, 1000), CPU_STOP_BREAK);
    ck_assert_uint_eq(linear_rip(), vm->code + 8);
    take(point(CPU_POINT_WRITE, vm->stack - 8, 8));
    add(point(CPU_POINT_WRITE, vm->stack - 24, 1)); /* RFLAGS, or SS, of #UD's frame */
    ck_assert_int_eq(run(10000, 1000), CPU_STOP_BREAK);
    ck_assert_uint_eq(linear_rip(), VM_HANDLERS + 6);
    end();
}
END_TEST

/* The processor's D bit, a device's write, the debugger's own. */
START_TEST(test_physical)
{
    u64 entry_at, entry;
    struct cpu_point p;

    begin(VM_LONG64);
    vm_code(vm, (const u8[]){0x48, 0x89, 0x03, 0xf4}, 4);
    vm->start.gpr[REG_RBX] = vm->data;
    entry_at = vm_pte_at(vm, vm->data);
    entry = vm_pte(vm, vm->data) & ~(PTE_A | PTE_D);
    vm_set_pte(vm, vm->data, entry);
    vm_reset(vm);
    p = (struct cpu_point){.kind = CPU_POINT_WRITE, .physical = true, .address = entry_at, .size = 8};
    add(p);
    ck_assert_int_eq(run(100, 1000), CPU_STOP_BREAK);
    ck_assert_uint_eq(linear_rip(), vm->code + 3);
    ck_assert_uint_eq(cpu_broke(vm->cpu)->address, entry_at);
    ck_assert_uint_eq(vm_read64(vm, entry_at), entry | PTE_A | PTE_D);
    ck_assert_uint_eq(cpu_poke_physical(vm->cpu, entry_at, "x", 1), 1);
    ck_assert_int_eq(run(100, 1000), CPU_STOP_HALTED);
    ck_assert(phys_copy_in(vm->phys, entry_at, "yz", 2));
    ck_assert_int_eq(run(100, 1000), CPU_STOP_HALTED); /* it was before the run: cpu_go_on() takes it as seen */
    ck_assert(phys_copy_in(vm->phys, entry_at + 2, "yz", 2));
    ck_assert_int_eq(cpu_run(vm->cpu, 100), CPU_STOP_BREAK);
    ck_assert(cpu_broke(vm->cpu)->device && cpu_broke(vm->cpu)->address == entry_at + 2);
    take(p);
    ck_assert(!cpu_point_remove(vm->cpu, &p));
    end();
}
END_TEST

/* What an instruction accessed before it faulted is no hit: it will be when it completes. */
START_TEST(test_incomplete)
{
    begin(VM_LONG64);
    vm_code(vm, (const u8[]){0xff, 0x33, 0xf4}, 3); /* push [rbx] */
    vm->start.gpr[REG_RBX] = vm->data;
    vm->start.gpr[REG_RSP] = 0x8000000; /* beyond RAM and tables */
    vm_reset(vm);
    add(point(CPU_POINT_READ, vm->data, 8));
    ck_assert_int_ne(run(100, 1000), CPU_STOP_BREAK);
    end();
}
END_TEST

/* ---- Catches ---- */

static unsigned asked;
static u8 wanted;

static bool catch_vector(void *ctx, struct cpu *cpu, const struct cpu_event *e, int during)
{
    (void)ctx, (void)cpu, (void)during;
    asked++;
    return e->vector == wanted;
}

START_TEST(test_catch)
{
    begin(VM_LONG64);
    vm_code(vm, (const u8[]){0x90, 0x48, 0x8b, 0x03, 0xf4}, 5);
    vm->start.gpr[REG_RBX] = 0x9000000;
    vm_reset(vm);
    wanted = 14;
    asked = 0;
    ck_assert(cpu_catch(vm->cpu, catch_vector, NULL));
    ck_assert_int_eq(run(100, 1000), CPU_STOP_BREAK);
    ck_assert_int_eq(cpu_broke(vm->cpu)->kind, CPU_BREAK_EVENT);
    ck_assert(!cpu_broke(vm->cpu)->delivered && cpu_broke(vm->cpu)->event.cr2 == 0x9000000);
    ck_assert(linear_rip() == vm->code + 1 && cpu_icount(vm->cpu) == 1 && asked == 1);
    ck_assert_int_eq(run(100, 1000), CPU_STOP_HALTED); /* delivered now */
    ck_assert_uint_eq(linear_rip(), VM_HANDLERS + 14 + 1);
    wanted = 13;
    vm_reset(vm);
    ck_assert_int_eq(run(200, 1000), CPU_STOP_HALTED); /* not this one */
    wanted = 14;
    vm_reset(vm);
    ck_assert_int_eq(run(300, 1000), CPU_STOP_BREAK);
    struct cpu_state s = state();
    s.rip += 3; /* the debugger goes around it */
    cpu_set_registers(vm->cpu, &s);
    ck_assert_int_eq(run(300, 1000), CPU_STOP_HALTED);
    ck_assert_uint_eq(linear_rip(), vm->code + 5);
    vm_code(vm, (const u8[]){0xcd, 0x21, 0xf4}, 3); /* INT 21h is caught at its handler */
    vm_reset(vm);
    wanted = 0x21;
    ck_assert_int_eq(run(400, 1000), CPU_STOP_BREAK);
    ck_assert(cpu_broke(vm->cpu)->delivered && linear_rip() == VM_HANDLERS + 0x21);
    end();
}
END_TEST

START_TEST(test_handlers)
{
    begin(VM_LONG64);
    vm_code(vm, (const u8[]){0x0f, 0x0b}, 2);
    vm_reset(vm);
    ck_assert(cpu_stop_at_handlers(vm->cpu, true));
    cpu_go_on(vm->cpu);
    ck_assert_int_eq(cpu_run(vm->cpu, 1), CPU_STOP_BREAK);
    ck_assert_int_eq(cpu_broke(vm->cpu)->kind, CPU_BREAK_HANDLER);
    ck_assert(linear_rip() == VM_HANDLERS + 6 && cpu_icount(vm->cpu) == 0);
    end();
}
END_TEST

/* ---- What a debugger writes ---- */

START_TEST(test_poke)
{
    begin(_i);
    vm_code(vm, (const u8[]){0xff, 0xc0, 0xeb, 0xfc}, 4); /* inc eax; jmp back */
    vm_reset(vm);
    ck_assert_int_eq(run(300, 300), CPU_STOP_DEADLINE);
    ck_assert_uint_eq(cpu_poke(vm->cpu, vm->code, "\xff\xc1", 2), 2); /* inc ecx: decoded anew */
    u64 eax = state().gpr[REG_RAX], ecx = state().gpr[REG_RCX];
    ck_assert_int_eq(run(400, 400), CPU_STOP_DEADLINE);
    ck_assert_uint_eq(state().gpr[REG_RAX], eax);
    ck_assert_uint_eq(state().gpr[REG_RCX], ecx + 50);
    if (vm_paged(vm) && _i != VM_V86) {
        u8 bytes[64] = {0};

        vm_set_pte(vm, vm->data, vm_pte(vm, vm->data) & ~PTE_W);
        ck_assert_uint_eq(cpu_poke(vm->cpu, vm->data + 0xff0, bytes, 64), 64); /* rights are no obstacle */
        vm_set_pte(vm, vm->data + 0x1000, 0);
        ck_assert_uint_eq(cpu_poke(vm->cpu, vm->data + 0xff0, bytes, 64), 16);
        ck_assert_uint_eq(vm_pte(vm, vm->data + 0x2000) & PTE_D, 0);
    }
    ck_assert_uint_eq(cpu_poke_physical(vm->cpu, VM_RAM - 4, "12345678", 8), 4);
    end();
}
END_TEST

START_TEST(test_registers)
{
    struct cpu_float_state f, g;
    struct cpu_state s;

    begin(VM_LONG64);
    vm_code(vm, (const u8[]){0xf4, 0x90}, 2);
    vm_reset(vm);
    cpu_get_float_state(vm->cpu, &f);
    for (int i = 0; i < 8; i++) {
        f.st[i].mantissa = 0x8000000000000000 + (u64)i;
        f.st[i].exponent = (u16)(0x3fff + i);
    }
    f.status = 3 << 11;
    f.tag = 0;
    f.xmm[15][3] = 7;
    f.mxcsr = 0xffff1f80;
    cpu_set_float_state(vm->cpu, &f);
    cpu_get_float_state(vm->cpu, &g);
    f.mxcsr = 0x1f80;
    for (int i = 0; i < 8; i++)
        ck_assert(f.st[i].mantissa == g.st[i].mantissa && f.st[i].exponent == g.st[i].exponent);
    ck_assert(!memcmp(f.xmm, g.xmm, sizeof(f.xmm)));
    ck_assert(f.status == g.status && f.tag == g.tag && f.mxcsr == g.mxcsr);
    ck_assert_int_eq(run(100, 100), CPU_STOP_HALTED);
    s = state();
    s.gpr[REG_RAX] = 5;
    cpu_set_registers(vm->cpu, &s);
    ck_assert(cpu_halted(vm->cpu)); /* still */
    s.rip++;
    cpu_set_registers(vm->cpu, &s);
    ck_assert(!cpu_halted(vm->cpu));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("points");
    TCase *tc = tcase_create("points");

    tcase_add_loop_test(tc, test_everywhere, 0, VM_MODES);
    tcase_add_loop_test(tc, test_added_later, 0, VM_MODES);
    tcase_add_test(tc, test_exact);
    tcase_add_loop_test(tc, test_repeated, 0, VM_MODES);
    tcase_add_test(tc, test_pages);
    tcase_add_loop_test(tc, test_accesses, 0, (int)(sizeof(accesses) / sizeof(accesses[0])));
    tcase_add_test(tc, test_places);
    tcase_add_test(tc, test_physical);
    tcase_add_test(tc, test_incomplete);
    tcase_add_test(tc, test_catch);
    tcase_add_test(tc, test_handlers);
    tcase_add_loop_test(tc, test_poke, 0, VM_MODES);
    tcase_add_test(tc, test_registers);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
