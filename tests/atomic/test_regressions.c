/* SPDX-License-Identifier: MIT */
/* Small guests, each of which once went wrong: found by the random programs of this directory or by public suites. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/access.h"
#include "cpu/state.h"
#include "mmu/phys.h"
#include "tests/support/vm.h"

static unsigned passed, failed;

static void expect(const char *what, u64 got, u64 wanted)
{
    if (got == wanted) {
        passed++;
        return;
    }
    failed++;
    printf("not ok: %s: %" PRIx64 ", not %" PRIx64 "\n", what, got, wanted);
}

static struct cpu_state state(struct vm *vm)
{
    struct cpu_state s;
    cpu_get_state(vm->cpu, &s);
    return s;
}

/* FrameTemp is the whole of ESP: a 32-bit ENTER on a 16-bit stack keeps its upper half in EBP. (test386, POST 1A) */
static void enter_32_on_16_bit_stack(void)
{
    static const u8 code[] = {0xc8, 0x08, 0x00, 0x04}; /* ENTER 8, 4 */
    struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
    vm->start.seg[SEG_SS] =
        (struct cpu_segment){VM_SEL_DATA16, ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED, 0xffff, VM_DATA16};
    vm->start.gpr[REG_RSP] = 0x12347000, vm->start.gpr[REG_RBP] = 0x56786000;
    vm_code(vm, code, sizeof(code));
    vm_reset(vm);
    vm_run(vm, 1);
    expect("ENTER: raised", vm->raised, false);
    expect("ENTER: EBP", state(vm).gpr[REG_RBP], 0x12346ffc);
    expect("ENTER: ESP", state(vm).gpr[REG_RSP], 0x12346fe4);
    expect("ENTER: saved EBP", vm_read32(vm, VM_DATA16 + 0x6ffc), 0x56786000);
    expect("ENTER: the frame pointer pushed", vm_read32(vm, VM_DATA16 + 0x6fec), 0x12346ffc);
    vm_destroy(vm);
}

/* "Masking Exceptions and Interrupts When Switching Stacks": the breakpoint after MOV SS is lost, that after the next
 * is not. (kvm-unit-tests emulator) */
static void code_breakpoint_after_mov_ss(void)
{
    static const u8 code[] = {0x8e, 0xd0, 0x90, 0x90}; /* MOV SS, AX; NOP; NOP */
    for (unsigned at = 2; at < 4; at++) {
        struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
        vm->start.gpr[REG_RAX] = VM_SEL_DATA;
        vm->start.dr[0] = vm->code + at;
        vm->start.dr[7] = 0x402;
        vm_code(vm, code, sizeof(code));
        vm_reset(vm);
        vm_run(vm, 4);
        expect("breakpoint after MOV SS: raised", vm->raised, at == 3);
        vm_destroy(vm);
    }
}

/* The flags before a register DIV are seen by its #DE: they are not dead. (random programs) */
static void divide_error_shows_flags(void)
{
    static const u8 code[] = {0x01, 0xd8, 0xf7, 0xf6,
                              0x01, 0xd8, 0xeb, 0xf8}; /* ADD EAX, EBX; DIV ESI; ADD EAX, EBX; JMP back */
    struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
    vm->start.gpr[REG_RAX] = 0xffffffff, vm->start.gpr[REG_RBX] = 1, vm->start.gpr[REG_RSI] = 0;
    vm_code(vm, code, sizeof(code));
    vm_reset(vm);
    vm_run(vm, 1000);
    expect("DIV by 0: vector", vm->raised ? vm->event.vector : 99, 0);
    expect("DIV by 0: flags of the ADD", vm->at_event.rflags & FLAGS_ARITH, FLAG_CF | FLAG_ZF | FLAG_AF | FLAG_PF);
    vm_destroy(vm);
}

/* A REP prefix is ignored on LOOPcc, as on Intel's; AMD's take its condition. (fuzzing against an AMD host) */
static void rep_prefix_on_loop(void)
{
    for (unsigned i = 0; i < 8; i++) {
        u8 code[] = {i & 4 ? 0xf3 : 0xf2, i & 2 ? 0xe1 : 0xe0, 0x10}; /* REPNE or REPE; LOOPNE or LOOPE */
        bool zf = i & 1, loope = i & 2;
        struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
        vm->start.gpr[REG_RCX] = 2;
        vm->start.rflags = FLAG_FIXED | (zf ? FLAG_ZF : 0);
        vm_code(vm, code, sizeof(code));
        vm_reset(vm);
        vm_run(vm, 1);
        expect("REP LOOPcc: ECX", state(vm).gpr[REG_RCX], 1);
        expect("REP LOOPcc: EIP", state(vm).rip - vm->start.rip, zf == loope ? 0x13 : 3);
        vm_destroy(vm);
    }
}

/* A repetition of CMPS or SCAS writes the flags when it ends; a fault or a stop between iterations shows those from
 * before. (restart test) */
static void rep_compare_flags_between_iterations(void)
{
    static const u8 code[] = {0xf3, 0xa6, 0x90}; /* REPE CMPSB; NOP */
    struct vm *vm = vm_create(VM_PROT32_PAGED, NULL);
    vm->start.gpr[REG_RSI] = vm->data, vm->start.gpr[REG_RDI] = vm->data + PAGE_SIZE - 5, vm->start.gpr[REG_RCX] = 100;
    vm->start.rflags = FLAG_FIXED | FLAG_CF | FLAG_SF;
    phys_fill(vm->phys, vm->data, 0x55, VM_DATA_SIZE);
    vm_code(vm, code, sizeof(code));
    vm_set_pte(vm, vm->data + PAGE_SIZE, 0);
    for (unsigned pieces = 0; pieces < 2; pieces++) {
        vm_reset(vm);
        if (pieces) {
            vm_run(vm, 3);
            expect("REPE CMPS stopped: flags", state(vm).rflags & FLAGS_ARITH, FLAG_CF | FLAG_SF);
            expect("REPE CMPS stopped: ECX", state(vm).gpr[REG_RCX], 97);
        }
        vm_run(vm, 1000);
        expect("REPE CMPS faulted: vector", vm->raised ? vm->event.vector : 99, 14);
        expect("REPE CMPS faulted: ECX", vm->at_event.gpr[REG_RCX], 95);
        expect("REPE CMPS faulted: flags", vm->at_event.rflags & FLAGS_ARITH, FLAG_CF | FLAG_SF);
    }
    vm_destroy(vm);
}

/* Iterations count against the deadline: what follows them in the trace does not run past it. (random programs with a
 * timer) */
static void repetition_then_deadline(void)
{
    u8 code[100] = {0xf3, 0xaa}; /* REP STOSB; NOP.. */
    for (unsigned i = 2; i < sizeof(code); i++)
        code[i] = 0x90;
    for (u64 n = 140; n < 200; n += 7) {
        struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
        vm->start.gpr[REG_RDI] = vm->data, vm->start.gpr[REG_RCX] = 140;
        vm_code(vm, code, sizeof(code));
        vm_reset(vm);
        u64 before = cpu_icount(vm->cpu);
        vm_run(vm, n);
        expect("REP STOS and NOPs: instructions", cpu_icount(vm->cpu) - before, n);
        expect("REP STOS and NOPs: EIP", state(vm).rip - vm->code, 2 + n - 140);
        vm_destroy(vm);
    }
}

/* REP INS and OUTS stop at the deadline too, in the middle if need be. (fuzz_execute) */
static void port_repetition_then_deadline(void)
{
    static const u8 codes[2][2] = {{0xf3, 0x6c}, {0xf3, 0x6e}}; /* REP INSB; REP OUTSB */
    for (unsigned i = 0; i < 2; i++)
        for (u64 n = 1; n < 200; n += 33) {
            struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
            vm->start.gpr[REG_RDI] = vm->start.gpr[REG_RSI] = vm->data, vm->start.gpr[REG_RCX] = 1000;
            vm_code(vm, codes[i], sizeof(codes[i]));
            vm_reset(vm);
            u64 before = cpu_icount(vm->cpu);
            vm_run(vm, n);
            expect("REP INS, OUTS: instructions", cpu_icount(vm->cpu) - before, n);
            expect("REP INS, OUTS: ECX", state(vm).gpr[REG_RCX], 1000 - n);
            vm_destroy(vm);
        }
}

/* The rows no other test executes: RDPMC has no counter to read; MWAIT waits if MONITOR armed it. (make coverage) */
static void rows_left_over(void)
{
    static const u8 code[] = {0x0f, 0x01, 0xc8, 0x0f, 0x01, 0xc9,
                              0x0f, 0x01, 0xc9, 0x0f, 0x33}; /* MONITOR; MWAIT; .. */
    struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
    vm->start.gpr[REG_RAX] = vm->data;
    vm->start.rflags |= FLAG_IF;
    vm_code(vm, code, sizeof(code));
    vm_reset(vm);
    expect("MWAIT: stop", vm_run(vm, 10), CPU_STOP_HALTED);
    expect("MWAIT: EIP", state(vm).rip, vm->code + 6);
    vm->start.rip += 6;
    vm_reset(vm);
    vm_run(vm, 1);
    expect("MWAIT without MONITOR: EIP", state(vm).rip, vm->code + 9);
    vm_run(vm, 1);
    expect("RDPMC: vector", vm->raised ? vm->event.vector : 99, 13);
    vm_destroy(vm);
}

static unsigned device_reads;

static u64 count_read(void *device, u64 offset, unsigned width)
{
    (void)device, (void)offset, (void)width;
    device_reads++;
    return 0x11;
}

static void ignore_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)device, (void)offset, (void)value, (void)width;
}

/* A device's answer cannot be put back: the destination is resolved before the source is read. (reading the code) */
static void device_is_not_read_before_a_fault(void)
{
    static const u8 codes[2][4] = {{0xff, 0x36}, {0xa5}}; /* PUSH [ESI]; MOVSD */
    static const struct region_ops ops = {count_read, ignore_write, 1, 4, "test"};
    for (unsigned i = 0; i < 2; i++) {
        struct vm *vm = vm_create(VM_PROT32_PAGED, NULL);
        bus_attach(phys_mmio(vm->phys), 0xe0000000, PAGE_SIZE, &ops, NULL);
        vm_set_pte(vm, vm->data, 0xe0000000 | 7);
        u64 pte = vm_pte(vm, vm->stack - 4);
        vm_set_pte(vm, vm->stack - 4, 0);
        vm->start.gpr[REG_RSI] = vm->data, vm->start.gpr[REG_RDI] = vm->stack - 4;
        vm_code(vm, codes[i], sizeof(codes[i]));
        vm_reset(vm);
        device_reads = 0;
        vm_run(vm, 1);
        expect("device operand: reads at the fault", device_reads, 0);
        vm_set_pte(vm, vm->stack - 4, pte);
        vm_reset(vm);
        device_reads = 0;
        vm_run(vm, 1);
        expect("device operand: reads after repair", device_reads, 1);
        expect("device operand: what was stored", vm_read32(vm, vm->stack - 4), 0x11);
        vm_destroy(vm);
    }
}

/*
 * A push across the top of the address space, with page 0 in the TLB: the last page and page 0 once shared a slot, and
 * the tag is compared with the page of the last byte. (fuzzing of execution)
 */
static void access_across_the_top(void)
{
    struct vm *vm = vm_create(VM_LONG64, NULL);

    vm->start.gpr[REG_RSP] = 4;
    vm->start.gpr[REG_RAX] = 0;
    vm_code(vm, (const u8[]){0x88, 0x00, 0x50}, 3); /* MOV [RAX], AL; PUSH RAX */
    vm_reset(vm);
    vm_run(vm, 2);
    expect("push across the top: vector", vm->raised ? vm->event.vector : 99, 14);
    expect("push across the top: CR2", vm->event.cr2, ~3ull);
    vm_destroy(vm);
    for (unsigned bit = 12; bit < 64; bit++) { /* such pages may be neighbours anywhere */
        struct vm *any = vm_create(VM_LONG64, NULL);
        const u64 page = bit < 63 ? 1ull << bit : 0;

        expect("neighbours have slots of their own", tlb_slot(any->cpu, page) != tlb_slot(any->cpu, page - 1), 1);
        vm_destroy(any);
    }
}

static u64 traces_built(struct vm *vm)
{
    struct cpu_stats s;

    cpu_get_stats(vm->cpu, &s);
    return s.traces_built;
}

/* Data right behind code, and a write that changes no byte of code, leave what was decoded alone. (GRUB's calls of the
 * BIOS decoded everything anew, thirty traces a call) */
static void writes_that_change_no_code(void)
{
    static const u8 beside[] = {0xfe, 0x07, 0x49, 0x75,
                                0xfb, 0xf4, 0x00}; /* L: INC BYTE [EDI]; DEC ECX; JNZ L; HLT; 0 */
    static const u8 same[] = {0xc6, 0x07, 0x55, 0xb0, 0x55,
                              0x49, 0x75, 0xf8, 0xf4}; /* L: MOV BYTE [EDI], 55h; MOV AL, 55h; DEC ECX; JNZ L; HLT */
    const struct {
        const u8 *code;
        unsigned size, at;
        u8 left;
    } cases[2] = {{beside, sizeof(beside), 6, 500 & 0xff}, {same, sizeof(same), 4, 0x55}};

    for (unsigned i = 0; i < 2; i++) {
        struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);

        vm->start.gpr[REG_RCX] = 500, vm->start.gpr[REG_RDI] = vm->code + cases[i].at;
        vm_code(vm, cases[i].code, cases[i].size);
        vm_reset(vm);
        expect("writes beside code: stop", vm_run(vm, 10000), CPU_STOP_HALTED);
        expect("writes beside code: ECX", state(vm).gpr[REG_RCX], 0);
        expect("writes beside code: what is there", vm_read32(vm, vm->code + cases[i].at) & 0xff, cases[i].left);
        expect("writes beside code: traces", traces_built(vm) < 10, true);
        vm_destroy(vm);
    }
}

/* One bit of an operand, changed again and again, is seen each time. */
static void each_change_of_an_operand(void)
{
    /* L: XOR BYTE [EDI], 1; MOV AL, 0; ADD EDX, EAX; DEC ECX; JNZ L; HLT; the MOV's 0 is changed */
    static const u8 code[] = {0x80, 0x37, 0x01, 0xb0, 0x00, 0x01, 0xc2, 0x49, 0x75, 0xf6, 0xf4};
    struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);

    vm->start.gpr[REG_RAX] = vm->start.gpr[REG_RDX] = 0;
    vm->start.gpr[REG_RCX] = 1000, vm->start.gpr[REG_RDI] = vm->code + 4;
    vm_code(vm, code, sizeof(code));
    vm_reset(vm);
    expect("changed operand: stop", vm_run(vm, 100000), CPU_STOP_HALTED);
    expect("changed operand: sum", state(vm).gpr[REG_RDX], 500);
    vm_destroy(vm);
}

/* A block copied over code that has run, in another page and in its own; and a REP that goes over itself, goes on. */
static void repetition_over_code(void)
{
    /* CALL EBX; MOV ECX, 6; REP MOVSB; CALL EBX; MOV EDI, EBP; MOV CL, 14; MOV AL, 90h; REP STOSB; INC ESI.. */
    u8 code[32] = {0xff, 0xd3, 0xb9, 0x06, 0x00, 0x00, 0x00, 0xf3, 0xa4, 0xff,
                   0xd3, 0x89, 0xef, 0xb1, 0x0e, 0xb0, 0x90, 0xf3, 0xaa};
    static const u8 callee[] = {0x83, 0xc2, 0x01, 0xc3, 0x90, 0x90}; /* ADD EDX, 1; RET */
    static const u8 another[] = {0x90, 0x83, 0xc2, 0x10, 0xc3, 0x90};

    memset(code + 19, 0x46, sizeof(code) - 19);
    code[31] = 0xf4; /* HLT */
    for (unsigned i = 0; i < 4; i++) {
        struct vm *vm = vm_create(VM_PROT32_FLAT, NULL);
        u64 at = (i & 1 ? vm->code : vm->code + PAGE_SIZE) + 0x200;

        cpu_tune(vm->cpu, (struct cpu_tuning){.all_step = i & 2});
        phys_copy_in(vm->phys, at, callee, sizeof(callee));
        phys_copy_in(vm->phys, vm->data, another, sizeof(another));
        vm->start.gpr[REG_RBX] = vm->start.gpr[REG_RDI] = at, vm->start.gpr[REG_RSI] = vm->data;
        vm->start.gpr[REG_RDX] = 3;
        vm->start.gpr[REG_RBP] = vm->code + 17; /* the REP STOSB */
        vm_code(vm, code, sizeof(code));
        vm_reset(vm);
        expect("REP over code: stop", vm_run(vm, 1000), CPU_STOP_HALTED);
        expect("REP over code: EDX", state(vm).gpr[REG_RDX], 0x14);
        expect("REP over itself: ECX", state(vm).gpr[REG_RCX], 0);
        expect("REP over itself: ESI", state(vm).gpr[REG_RSI], vm->data + 6);
        vm_destroy(vm);
    }
}

int main(void)
{
    enter_32_on_16_bit_stack();
    code_breakpoint_after_mov_ss();
    divide_error_shows_flags();
    rep_compare_flags_between_iterations();
    rep_prefix_on_loop();
    repetition_then_deadline();
    port_repetition_then_deadline();
    rows_left_over();
    device_is_not_read_before_a_fault();
    access_across_the_top();
    writes_that_change_no_code();
    each_change_of_an_operand();
    repetition_over_code();
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
