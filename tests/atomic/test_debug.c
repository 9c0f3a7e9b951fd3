/* SPDX-License-Identifier: MIT */
/* Debug exceptions, one small guest a rule: SDM Vol. 3B, "Debug Registers" and "Debug Exceptions". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/msr.h"
#include "cpu/state.h"
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

#define DR6_INIT 0xffff0ff0ull
#define BS 0x4000u
#define BD 0x2000u
#define BT 0x8000u
/* DR7: breakpoint n enabled locally, its condition (0 execute, 1 write, 2 I/O, 3 access) and length in bytes. */
#define ON(n, condition, length)                                         \
    (0x400ull | 1ull << (2 * (n)) | (u64)(condition) << (16 + 4 * (n)) | \
     (u64)((length) == 8 ? 2 : (length)-1) << (18 + 4 * (n)))

static struct vm *make(enum vm_mode mode, const void *code, unsigned size)
{
    struct vm *vm = vm_create(mode, NULL);

    vm_code(vm, code, size);
    return vm;
}
#define MAKE(mode, ...) make(mode, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void run(struct vm *vm, u64 n)
{
    vm_reset(vm);
    vm_run(vm, n);
}

/* The first event is #DB at this offset of the code, with these bits in DR6. */
static void expect_db(const char *what, struct vm *vm, u64 offset, u64 bits)
{
    char name[100];

    snprintf(name, sizeof(name), "%s: vector", what);
    expect(name, vm->raised ? vm->event.vector : 99, 1);
    snprintf(name, sizeof(name), "%s: RIP", what);
    expect(name, (vm->event.kind == EVENT_ICEBP ? vm->event.next_rip : vm->at_event.rip) - vm->start.rip, offset);
    snprintf(name, sizeof(name), "%s: DR6", what);
    expect(name, vm->at_event.dr[6] ^ DR6_INIT, bits);
}

static void data_case(const char *what, struct vm *vm, u64 at, unsigned condition, unsigned length, u64 offset)
{
    vm->start.dr[1] = at;
    vm->start.dr[7] = ON(1, condition, length);
    run(vm, 1);
    if (offset)
        expect_db(what, vm, offset, 2);
    else
        expect(what, vm->raised, false);
}

/* "Data Memory and I/O Breakpoint Exception Conditions": any byte of the access in any byte of the breakpoint. */
static void data_breakpoints(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x89, 0x06); /* MOV [RSI], EAX */

    vm->start.gpr[REG_RSI] = vm->data + 0x100;
    for (unsigned length = 1; length <= 8; length *= 2)
        for (u64 at = vm->data + 0xf8; at < vm->data + 0x110; at += length) {
            bool meets = at < vm->data + 0x104 && vm->data + 0x100 < at + length;
            data_case("store", vm, at, 1, length, meets ? 2 : 0);
            data_case("store, access", vm, at, 3, length, meets ? 2 : 0);
        }
    data_case("an unaligned address ignores its low bits", vm, vm->data + 0x107, 1, 8, 2);
    vm->start.gpr[REG_RSI] = vm->data + PAGE_SIZE - 2;
    data_case("split store, second page", vm, vm->data + PAGE_SIZE, 1, 1, 2);
    vm_code(vm, (const u8[]){0x8b, 0x06}, 2); /* MOV EAX, [RSI] */
    data_case("split load, second page", vm, vm->data + PAGE_SIZE + 1, 3, 1, 2);
    data_case("load, write breakpoint", vm, vm->data + PAGE_SIZE, 1, 1, 0);
    vm_destroy(vm);
}

static void block_breakpoints(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x0f, 0xae, 0x06); /* FXSAVE [RSI] */

    vm->start.gpr[REG_RSI] = vm->data;
    data_case("FXSAVE", vm, vm->data + 0xa0, 1, 8, 3);
    vm_code(vm, (const u8[]){0x0f, 0xae, 0x0e}, 3);
    data_case("FXRSTOR", vm, vm->data + 0xa0, 3, 8, 3);
    data_case("FXRSTOR, write", vm, vm->data + 0xa0, 1, 8, 0);
    vm_code(vm, (const u8[]){0x0f, 0x01, 0x06}, 3); /* SGDT [RSI] */
    data_case("SGDT", vm, vm->data + 8, 1, 2, 3);
    data_case("SGDT, behind it", vm, vm->data + 10, 1, 2, 0);
    vm_destroy(vm);
}

/* What delivery and far calls push is data too. */
static void frame_breakpoints(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0xcd, 0x40); /* INT 40H */

    vm->keep_going = true;
    vm->start.dr[0] = (vm->stack & ~15ull) - 8;
    vm->start.dr[7] = ON(0, 1, 8);
    run(vm, 4);
    expect("INT's frame: events", vm->events, 2);
    expect("INT's frame: last", vm->last.vector, 1);
    vm_destroy(vm);
}

/* A trap follows each iteration that meets it, RIP still at the instruction until the last; RF is then saved as 1. */
static void repetitions(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0xf3, 0xaa, 0x90); /* REP STOSB */
    struct cpu_state s;

    vm->start.gpr[REG_RDI] = vm->data;
    vm->start.gpr[REG_RCX] = 10;
    vm->start.dr[0] = vm->data + 4;
    vm->start.dr[7] = ON(0, 1, 1);
    run(vm, 20);
    expect_db("REP STOS", vm, 0, 1);
    expect("REP STOS: RCX", vm->at_event.gpr[REG_RCX], 5);
    expect("REP STOS: RF", vm->at_event.rflags & FLAG_RF, FLAG_RF);
    vm->start.dr[0] = vm->data + 9;
    run(vm, 20);
    expect_db("REP STOS, last", vm, 2, 1);
    expect("REP STOS, last: RF", vm->at_event.rflags & FLAG_RF, 0);
    vm->start.dr[0] = vm->code; /* an instruction breakpoint strikes once */
    vm->start.dr[7] = ON(0, 0, 1);
    vm->start.rflags |= FLAG_RF;
    run(vm, 5);
    cpu_get_state(vm->cpu, &s);
    expect("REP STOS with RF: quiet", vm->raised, false);
    expect("REP STOS with RF: RCX", s.gpr[REG_RCX], 5);
    vm_destroy(vm);
}

static void io_breakpoints(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0xe7, 0x42); /* OUT 42H, EAX */

    vm->start.cr4 |= CR4_DE;
    vm->start.dr[2] = 0x44;
    vm->start.dr[7] = ON(2, 2, 2);
    run(vm, 1);
    expect_db("OUT", vm, 2, 4);
    vm->start.dr[2] = 0x46;
    run(vm, 1);
    expect("OUT beside it", vm->raised, false);
    vm->start.dr[2] = 0x44;
    vm->start.cr4 &= ~CR4_DE;
    run(vm, 1);
    expect("OUT without DE", vm->raised, false);
    vm->start.cr4 |= CR4_DE;
    vm_code(vm, (const u8[]){0xf3, 0x6c}, 2); /* REP INSB */
    vm->start.gpr[REG_RDX] = 0x45, vm->start.gpr[REG_RDI] = vm->data, vm->start.gpr[REG_RCX] = 3;
    run(vm, 5);
    expect_db("REP INS", vm, 0, 4);
    expect("REP INS: RCX", vm->at_event.gpr[REG_RCX], 2);
    vm_destroy(vm);
}

static void registers(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x0f, 0x23, 0xf8); /* MOV DR7, RAX */
    struct cpu_state s;

    vm->start.gpr[REG_RAX] = 0xffffffff & ~0x20ffull; /* nothing enabled, no GD */
    run(vm, 1);
    cpu_get_state(vm->cpu, &s);
    expect("DR7: fixed bits", s.dr[7], 0xffff0700);
    vm->start.gpr[REG_RAX] = 1ull << 32;
    run(vm, 1);
    expect("DR7: upper half", vm->raised ? vm->event.vector : 99, 13);
    vm_code(vm, (const u8[]){0x0f, 0x23, 0xf0}, 3); /* MOV DR6, RAX */
    run(vm, 1);
    expect("DR6: upper half", vm->raised ? vm->event.vector : 99, 13);
    vm->start.gpr[REG_RAX] = 0;
    vm_code(vm, (const u8[]){0x0f, 0x23, 0xf0, 0x0f, 0x21, 0xf3}, 6); /* MOV DR6, RAX; MOV RBX, DR6 */
    run(vm, 2);
    cpu_get_state(vm->cpu, &s);
    expect("DR6: fixed bits", s.gpr[REG_RBX], 0xffff0ff0);
    vm_code(vm, (const u8[]){0x0f, 0x21, 0xe3}, 3); /* MOV RBX, DR4 */
    run(vm, 1);
    cpu_get_state(vm->cpu, &s);
    expect("DR4 is DR6", s.gpr[REG_RBX], 0xffff0ff0);
    vm->start.cr4 |= CR4_DE;
    run(vm, 1);
    expect("DR4 with DE", vm->raised ? vm->event.vector : 99, 6);
    vm_destroy(vm);
}

/* General detect: a fault at any debug register access, GD cleared for the handler. */
static void general_detect(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x90, 0x0f, 0x21, 0xc3); /* NOP; MOV RBX, DR0 */
    struct cpu_state s;

    vm->start.dr[7] = 0x2400;
    run(vm, 3);
    expect_db("general detect", vm, 1, BD);
    cpu_get_state(vm->cpu, &s);
    expect("general detect: DR7", s.dr[7], 0x400);
    expect("general detect: saved RF", vm_read64(vm, s.gpr[REG_RSP] + 16) & FLAG_RF, FLAG_RF);
    vm_destroy(vm);
}

/* Faults save RF = 1, instruction breakpoints do not; RF lets one instruction pass. */
static void resume_flag(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x90, 0x0f, 0x0b, 0x90); /* NOP; UD2 */
    struct cpu_state s;

    run(vm, 3);
    cpu_get_state(vm->cpu, &s);
    expect("UD2: saved RF", vm_read64(vm, s.gpr[REG_RSP] + 16) & FLAG_RF, FLAG_RF);
    vm->start.dr[0] = vm->code + 1;
    vm->start.dr[3] = vm->code;
    vm->start.dr[7] = ON(0, 0, 1) | ON(3, 0, 1);
    vm->start.rflags |= FLAG_RF; /* spares the NOP, not what follows it */
    run(vm, 3);
    expect_db("code breakpoint", vm, 1, 1);
    cpu_get_state(vm->cpu, &s);
    expect("code breakpoint: saved RF", vm_read64(vm, s.gpr[REG_RSP] + 16) & FLAG_RF, 0);
    vm_destroy(vm);
}

/* B0..B3 show this exception, BS and its kin stay until software clears them. */
static void dr6_accumulates(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x89, 0x06); /* MOV [RSI], EAX */

    vm->start.gpr[REG_RSI] = vm->data;
    vm->start.dr[1] = vm->data;
    vm->start.dr[6] = DR6_INIT | BD | 0xc;
    vm->start.dr[7] = ON(1, 1, 4);
    vm->start.rflags |= FLAG_TF;
    run(vm, 1);
    expect_db("breakpoint and single step", vm, 2, 2 | BS | BD);
    vm_destroy(vm);
}

/* "Masking Exceptions and Interrupts When Switching Stacks". */
static void mov_ss(void)
{
    /* MOV SS, [RSI]; INT3 */
    struct vm *vm = MAKE(VM_LONG64, 0x8e, 0x16, 0xcc, 0x90);

    vm->keep_going = true;
    vm->start.gpr[REG_RSI] = vm->data;
    vm_write32(vm, vm->data, VM_SEL_DATA);
    vm->start.dr[0] = vm->data;
    vm->start.dr[7] = ON(0, 3, 2);
    run(vm, 3);
    expect("MOV SS, INT3: first", vm->event.vector, 3);
    expect("MOV SS, INT3: then", vm->last.vector, 1);
    vm_code(vm, (const u8[]){0x8e, 0x16, 0xf1, 0x90}, 4); /* INT1 */
    run(vm, 3);
    expect_db("MOV SS, INT1", vm, 3, 1);
    expect("MOV SS, INT1: events", vm->events, 1);
    vm_code(vm, (const u8[]){0x8e, 0x16, 0x90, 0x90}, 4); /* NOP */
    run(vm, 2);
    expect_db("MOV SS, NOP", vm, 3, 1);
    vm_code(vm, (const u8[]){0x8e, 0x16, 0x0f, 0x0b}, 4); /* UD2: the fault's, not the held trap's */
    run(vm, 3);
    expect("MOV SS, UD2", vm->event.vector, 6);
    expect("MOV SS, UD2: events", vm->events, 1);
    vm->start.rflags |= FLAG_TF;
    vm->start.dr[7] = 0x400;
    vm_code(vm, (const u8[]){0x8e, 0x16, 0x90, 0x90}, 4);
    run(vm, 2);
    expect_db("MOV SS with TF", vm, 3, BS);
    vm_destroy(vm);
}

/* A code breakpoint behind MOV SS: lost on Intel processors; AMD's deliver it (kvm-unit-tests emulator asks for both).
 */
static void mov_ss_code_breakpoint(void)
{
    static const char *const models[] = {"max", "max,vendor=AuthenticAMD"};

    for (unsigned i = 0; i < 2; i++) {
        struct vm *vm = vm_create(VM_LONG64, models[i]);

        vm_code(vm, (const u8[]){0x8e, 0x16, 0x90, 0x90}, 4); /* MOV SS, [RSI]; NOP */
        vm->start.gpr[REG_RSI] = vm->data;
        vm_write32(vm, vm->data, VM_SEL_DATA);
        vm->start.dr[0] = vm->code + 2;
        vm->start.dr[7] = ON(0, 0, 1);
        run(vm, 2);
        expect(models[i], vm->raised, i == 1);
        if (i == 1)
            expect_db("MOV SS, code breakpoint, AMD", vm, 2, 1);
        vm_destroy(vm);
    }
}

static void single_step(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0xfb, 0x90); /* STI: its shadow holds interrupts, not traps */

    vm->start.rflags |= FLAG_TF;
    run(vm, 2);
    expect_db("STI with TF", vm, 1, BS);
    vm_code(vm, (const u8[]){0xf4, 0x90}, 2);
    run(vm, 2);
    expect_db("HLT with TF", vm, 1, BS);
    vm_code(vm, (const u8[]){0xf1}, 1); /* INT1 says nothing in DR6 */
    run(vm, 1);
    expect_db("INT1 with TF", vm, 1, 0);
    vm_code(vm, (const u8[]){0xcd, 0x30}, 2);
    vm->keep_going = true;
    run(vm, 2);
    expect("INT n with TF: events", vm->events, 1);
    vm_destroy(vm);
}

/* "Single-Stepping on Branches": a trap behind transfers that were made, and BTF is gone then. */
static void branch_step(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x90, 0x74, 0x02, 0x75, 0x01, 0xcc, 0x90); /* NOP; JZ; JNZ +1; INT3; NOP */
    u64 value;

    vm->start.rflags |= FLAG_TF;
    vm_reset(vm);
    expect("BTF: written", msr_write(vm->cpu, 0x1d9, 2), true);
    vm_run(vm, 5);
    expect_db("JNZ with BTF", vm, 6, BS);
    expect("BTF: read", msr_read(vm->cpu, 0x1d9, &value), true);
    expect("BTF: cleared by #DB", value, 0);
    vm_code(vm, (const u8[]){0xf3, 0xaa, 0xeb, 0x00, 0x90}, 5); /* a repetition is none; JMP to what follows is one */
    vm->start.gpr[REG_RCX] = 3, vm->start.gpr[REG_RDI] = vm->data;
    vm_reset(vm);
    msr_write(vm->cpu, 0x1d9, 2);
    vm_run(vm, 6);
    expect_db("JMP +0 with BTF", vm, 4, BS);
    vm_destroy(vm);
}

/* TF as it is behind SYSCALL and SYSRET decides. */
static void syscall_step(void)
{
    struct vm *vm = MAKE(VM_LONG64, 0x0f, 0x05, 0x90, 0x90);

    vm->start.rflags |= FLAG_TF;
    vm_reset(vm);
    msr_write(vm->cpu, 0xc0000081, (u64)VM_SEL_CODE64 << 32);
    msr_write(vm->cpu, 0xc0000082, vm->code + 2);
    msr_write(vm->cpu, 0xc0000084, FLAG_TF);
    vm_run(vm, 3);
    expect("SYSCALL that masks TF", vm->raised, false);
    vm_code(vm, (const u8[]){0x48, 0x0f, 0x07, 0x90}, 4);
    vm->start.rflags &= ~FLAG_TF;
    vm->start.gpr[REG_RCX] = vm->code + 3, vm->start.gpr[11] = FLAG_TF | FLAG_FIXED;
    vm_reset(vm);
    msr_write(vm->cpu, 0xc0000081, (u64)(VM_SEL_USER_DATA - 8) << 48);
    vm_run(vm, 2);
    expect_db("SYSRET to TF", vm, 3, BS);
    vm_destroy(vm);
}

/* The T bit of a TSS: a trap before the new task's first instruction. */
static void task_trap(void)
{
    struct vm *vm = MAKE(VM_PROT32_FLAT, 0xea, 0, 0, 0, 0, VM_SEL_SPARE, 0, 0x90, 0x90); /* JMP task */
    const u64 tss = VM_LDT;

    vm_set_descriptor(vm, VM_SEL_SPARE, tss, 0x67, ATTR_P | 9);
    vm_write32(vm, tss + 0x20, (u32)vm->code + 7);
    vm_write32(vm, tss + 0x24, FLAG_FIXED);
    vm_write32(vm, tss + 0x38, (u32)vm->stack);
    vm_write32(vm, tss + 0x4c, VM_SEL_CODE32);
    vm_write32(vm, tss + 0x50, VM_SEL_DATA);
    vm_write32(vm, tss + 0x64, 1);
    vm->start.dr[0] = 1;
    vm->start.dr[7] = 0x400 | 0x101 | 0x2; /* L0, G0, LE: the local ones go */
    run(vm, 2);
    expect_db("task switch", vm, 7, BT);
    expect("task switch: DR7", vm->at_event.dr[7], 0x402);
    vm_destroy(vm);
}

/*
 * An x87 instruction that freezes the processor (CR0.NE = 0) has not been done: RF stays as it was, so that its
 * breakpoint is reported before it freezes and not after, and there is no single-step trap.
 */
static void frozen(void)
{
    struct vm *vm = MAKE(VM_PROT32_FLAT, 0x9b, 0x90); /* FWAIT; NOP */
    struct cpu_state s;

    vm->start.cr0 &= ~CR0_NE;
    vm->start.dr[0] = vm->code;
    vm->start.dr[7] = 0x402;
    for (unsigned rf = 0; rf < 2; rf++) {
        vm->start.rflags = 2 | FLAG_TF | (rf ? FLAG_RF : 0);
        vm_reset(vm);
        vm->cpu->x87.control = 0x37b;
        vm->cpu->x87.status = 0x8084; /* ZE, ES, B */
        enum cpu_stop stop = vm_run(vm, 10);
        if (!rf) {
            expect_db("frozen: breakpoint", vm, 0, 1);
            continue;
        }
        expect("frozen: stop", stop, CPU_STOP_HALTED);
        expect("frozen: raised", vm->raised, false);
        cpu_get_state(vm->cpu, &s);
        expect("frozen: RIP", s.rip, vm->start.rip);
        expect("frozen: RF, TF", s.rflags & (FLAG_RF | FLAG_TF), FLAG_RF | FLAG_TF);
        expect("frozen: DR6", s.dr[6], DR6_INIT);
        cpu_set_ignne(vm->cpu, true);
        vm_run(vm, 10);
        expect_db("IGNNE#: single step", vm, 1, BS);
        cpu_set_ignne(vm->cpu, false);
    }
    vm_destroy(vm);
}

int main(void)
{
    frozen();
    data_breakpoints();
    block_breakpoints();
    frame_breakpoints();
    repetitions();
    io_breakpoints();
    registers();
    general_detect();
    resume_flag();
    dr6_accumulates();
    mov_ss();
    mov_ss_code_breakpoint();
    single_step();
    branch_step();
    syscall_step();
    task_trap();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
