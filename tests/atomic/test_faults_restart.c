/* SPDX-License-Identifier: MIT */
/*
 * What test_restart.c, which makes every access of every row fault, does not see: where a fault's saved RIP points,
 * which exception comes first, what an instruction leaves that succeeds. The numbers are those of FAULTS, C1.
 */
#include "tests/atomic/guest.h"

/* 5: a store across pages whose second page refuses it: CR2 is that page's first byte, and no byte was written. */
static void f5_store_across_pages(void)
{
    for (unsigned warm = 0; warm < 2; warm++) {
        struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x89\x03\x89\x03")); /* MOV [EBX], EAX, twice */
        u64 second = vm->data + PAGE_SIZE;
        vm->start.gpr[REG_RBX] = second - 2, vm->start.gpr[REG_RAX] = 0x11223344;
        if (warm)
            guest_run(vm, 1);
        vm_write32(vm, second - 4, 0x55555555);
        vm_set_pte(vm, second, second | 5);
        guest_run(vm, 1);
        expect_page_fault("5: MOV across pages", vm, 3, second, 0);
        expect("5: MOV across pages: memory", vm_read32(vm, second - 4), 0x55555555);
        vm_destroy(vm);
    }
}

/* 7: POP [ESP+4] addresses with the incremented ESP; refused there, ESP is as it was. */
static void f7_pop_memory(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8f\x44\x24\x04")); /* POP [ESP+4] */
    u64 sp = vm->start.gpr[REG_RSP];
    vm_write32(vm, sp, 0x1234);
    guest_run(vm, 1);
    expect("7: POP [ESP+4]: where", vm_read32(vm, sp + 8), 0x1234);
    vm->start.gpr[REG_RSP] = sp = (sp & PAGE_MASK) + PAGE_SIZE - 8; /* the next page begins at ESP + 8 */
    vm_set_pte(vm, sp + 8, 0);
    guest_run(vm, 1);
    expect_page_fault("7: POP [ESP+4]", vm, 2, sp + 8, 0);
    expect("7: POP [ESP+4]: ESP", vm->at_event.gpr[REG_RSP], sp);
    vm_destroy(vm);
}

/* 8: a branch to a page that is not there is done: the fault is the target's fetch. One that lies there itself is not.
 */
static void f8_branch_to_a_missing_page(void)
{
    static const struct {
        const char *what, *code;
        u8 size;
        u64 target;
    } cases[] = {
        {"8: JMP", "\xe9\xfb\x2f\x00\x00", 5, 0x3000},
        {"8: Jcc", "\x0f\x84\xfa\x2f\x00\x00", 6, 0x3000},
        {"8: CALL", "\xe8\xfb\x2f\x00\x00", 5, 0x3000},
        {"8: CALL r", "\xff\xd0", 2, 0x3000},
        {"8: RET", "\xc3", 1, 0x3000},
        {"8: JMP m", "\xff\x23", 2, 0x3000},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_PROT32_PAGED, (const u8 *)cases[i].code, cases[i].size);
        u64 target = vm->code + cases[i].target, sp = vm->start.gpr[REG_RSP];
        vm->start.rflags |= FLAG_ZF;
        vm->start.gpr[REG_RAX] = target, vm->start.gpr[REG_RBX] = vm->data;
        vm_write32(vm, vm->data, (u32)target);
        vm_set_pte(vm, target, 0);
        for (unsigned again = 0; again < 2; again++) {
            vm_write32(vm, sp, (u32)target);
            guest_run(vm, 100);
            expect_page_fault(cases[i].what, vm, 0, target, cases[i].target);
        }
        bool call = i == 2 || i == 3;
        expect(cases[i].what, vm->at_event.gpr[REG_RSP], call ? sp - 4 : i == 4 ? sp + 4 : sp);
        vm_set_pte(vm, vm->code, 0);
        guest_run(vm, 1);
        expect_page_fault(cases[i].what, vm, 0, vm->code, 0);
        vm_destroy(vm);
    }
}

/* 9: a return to a non-canonical address is the return's #GP, on Intel; nothing is popped. */
static void f9_return_to_non_canonical(void)
{
    static const struct {
        const char *what, *code;
        u8 size;
    } cases[] = {{"9: RET", "\xc3", 1},
                 {"9: RET far", "\x48\xcb", 2},
                 {"9: IRET", "\x48\xcf", 2},
                 {"9: JMP r", "\xff\xe0", 2},
                 {"9: CALL r", "\xff\xd0", 2}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_LONG64, (const u8 *)cases[i].code, cases[i].size);
        const u64 frame[] = {0x800000000000, VM_SEL_CODE64, 2, 0x1000, VM_SEL_DATA};
        vm_write(vm, vm->stack, frame, sizeof frame);
        vm->start.gpr[REG_RAX] = frame[0];
        guest_run(vm, 1);
        expect_raised(cases[i].what, vm, 13, 0, 0);
        expect(cases[i].what, vm->at_event.gpr[REG_RSP], vm->stack);
        vm_destroy(vm);
    }
}

/* A frame for IRET from CPL 0 to CPL 3. */
static void user_frame(struct vm *vm, u32 ss)
{
    const u32 frame[] = {(u32)vm->code, VM_SEL_USER_CODE32, 0x202, 0x5678, ss};
    vm_write(vm, vm->stack, frame, sizeof frame);
}

/* 10: IRET checks all it reads before it changes anything. */
static void f10_iret_is_all_or_nothing(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xcf"));
    user_frame(vm, VM_SEL_DATA); /* of another level: #GP */
    vm->start.rflags = FLAG_FIXED | FLAG_CF | FLAG_SF;
    guest_run(vm, 1);
    expect_raised("10: IRET with a bad SS", vm, 13, VM_SEL_DATA & ~3u, 0);
    expect("10: IRET with a bad SS: flags", vm->at_event.rflags & FLAGS_ARITH, FLAG_CF | FLAG_SF);
    expect("10: IRET with a bad SS: CS", vm->at_event.seg[SEG_CS].selector, VM_SEL_CODE32);
    expect("10: IRET with a bad SS: ESP", vm->at_event.gpr[REG_RSP], vm->stack);
    vm_destroy(vm);
}

/* 10: an outer return takes away selectors the new level may not use, but not base and limit: a user's FS and GS. */
static void f10_outer_return_keeps_bases(void)
{
    struct vm *vm = guest(VM_LONG64, CODE("\x48\xcf"));
    const u64 frame[] = {vm->code, VM_SEL_USER_CODE64, 0x202, vm->stack, VM_SEL_USER_DATA};
    vm_write(vm, vm->stack, frame, sizeof frame);
    vm->start.seg[SEG_GS] = (struct cpu_segment){.base = 0x12345678};
    vm->start.seg[SEG_FS] = (struct cpu_segment){
        .selector = VM_SEL_DATA, .attributes = vm->start.seg[SEG_DS].attributes, .limit = 0xffffffff, .base = 0x1000};
    guest_run(vm, 1);
    expect_nothing_raised("10: outer IRET", vm);
    struct cpu_state s = guest_state(vm);
    expect("10: outer IRET: CS", s.seg[SEG_CS].selector, VM_SEL_USER_CODE64);
    expect("10: outer IRET: GS base", s.seg[SEG_GS].base, 0x12345678);
    expect("10: outer IRET: FS selector", s.seg[SEG_FS].selector, 0);
    expect("10: outer IRET: FS base", s.seg[SEG_FS].base, 0x1000);
    vm_destroy(vm);
}

/* 10: IRET of any operand size in 64-bit mode pops with the whole of RSP. */
static void f10_iret_uses_rsp(void)
{
    static const struct {
        const char *code;
        u8 size, width;
    } cases[] = {{"\x48\xcf", 2, 8}, {"\xcf", 1, 4}, {"\x66\xcf", 2, 2}};
    for (unsigned i = 0; i < 3; i++) {
        struct vm *vm = vm_create(VM_LONG64, NULL);
        const u64 values[] = {0x8000, VM_SEL_CODE64, 2, 0x4000, 0x10};
        /* the top half maps the same: the last PML4 entry of the lower half's twin */
        vm_write64(vm, VM_TABLES + 256 * 8, vm_read64(vm, VM_TABLES));
        vm->start.gpr[REG_RSP] = 0xffff800000000000 + vm->stack;
        for (unsigned k = 0; k < 5; k++)
            vm_write(vm, vm->stack + k * cases[i].width, &values[k], cases[i].width);
        vm_code(vm, (const u8 *)cases[i].code, cases[i].size);
        guest_run(vm, 1);
        expect_nothing_raised("10: IRET with a high RSP", vm);
        expect("10: IRET with a high RSP: RIP", guest_state(vm).rip, 0x8000);
        expect("10: IRET with a high RSP: RSP", guest_state(vm).gpr[REG_RSP], 0x4000);
        vm_destroy(vm);
    }
}

/* 10: VM in the popped flags leads to virtual-8086 mode from CPL 0 of legacy mode alone. */
static void f10_iret_to_v86(void)
{
    for (unsigned i = 0; i < 3; i++) {
        enum vm_mode mode = i == 2 ? VM_COMPAT32 : VM_PROT32_PAGED;
        struct vm *vm = guest(mode, CODE("\xcf"));
        const u32 frame[] = {
            0x10, i == 1 ? VM_SEL_USER_CODE32 : VM_SEL_CODE32, 0x20202, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600};
        if (i == 1)
            vm_set_cpl(vm, 3);
        vm_write(vm, vm->stack, frame, sizeof frame);
        guest_run(vm, 1);
        expect("10: IRETD with VM set", guest_state(vm).rflags >> 17 & 1, i == 0);
        vm_destroy(vm);
    }
}

/* 11: a CALL far through [ESP+n] addresses with ESP as it was before the pushes. */
static void f11_far_call_through_the_stack(void)
{
    struct vm *vm = guest(VM_PROT32_FLAT, CODE("\xff\x5c\x24\x08")); /* CALL far [ESP+8] */
    vm_write32(vm, vm->stack + 8, (u32)vm->code + 0x100);
    vm_write32(vm, vm->stack + 12, VM_SEL_CODE32);
    guest_run(vm, 1);
    expect_nothing_raised("11: CALL far [ESP+8]", vm);
    expect("11: CALL far [ESP+8]: EIP", guest_state(vm).rip, vm->code + 0x100);
    expect("11: CALL far [ESP+8]: return EIP", vm_read32(vm, vm->stack - 8), vm->code + 4);
    vm_destroy(vm);
}

/* 11: PUSH of a segment register moves ESP by the operand size and writes two bytes of the slot. */
static void f11_push_segment(void)
{
    struct vm *vm = guest(VM_PROT32_FLAT, CODE("\x1e")); /* PUSH DS */
    vm_write32(vm, vm->stack - 4, 0xaaaaaaaa);
    guest_run(vm, 1);
    expect("11: PUSH DS: ESP", guest_state(vm).gpr[REG_RSP], vm->stack - 4);
    expect("11: PUSH DS: the slot", vm_read32(vm, vm->stack - 4), 0xaaaa0000 | VM_SEL_DATA);
    vm_destroy(vm);
}

/* 11: a gate whose push faults leaves the interrupted context whole: the #PF's own frame shows it. */
static void f11_delivery_is_all_or_nothing(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xcd\x30")); /* INT 30h */
    vm_set_cpl(vm, 3);
    vm_write64(vm, VM_IDT + 8 * 14, 0); /* no handler for the #PF either: it ends in a triple fault */
    vm->start.gpr[REG_RSP] = vm->stack;
    vm_write32(vm, VM_TSS + 4, 0x9004); /* the second push is on a page that is not there */
    vm_set_pte(vm, 0x8000, 0);
    vm_write32(vm, 0x9000, 0x77777777);
    vm->keep_going = true;
    guest_run(vm, 4);
    expect("11: INT with a bad stack: CS", vm->at_event.seg[SEG_CS].selector, VM_SEL_USER_CODE32);
    expect("11: INT with a bad stack: ESP", vm->at_event.gpr[REG_RSP], vm->stack);
    expect("11: INT with a bad stack: CR2", guest_state(vm).cr2 & PAGE_MASK, 0x8000);
    expect("11: INT with a bad stack: nothing pushed", vm_read32(vm, 0x9000), 0x77777777);
    vm_destroy(vm);
}

/* 15: REP with a count of 0 and 32-bit addresses in 64-bit mode clears the upper half of RCX. */
static void f15_rep_of_nothing(void)
{
    struct vm *vm = guest(VM_LONG64, CODE("\x67\xf3\xa4"));
    vm->start.gpr[REG_RCX] = 0x100000000, vm->start.gpr[REG_RSI] = vm->start.gpr[REG_RDI] = ~0ull;
    guest_run(vm, 1);
    expect_nothing_raised("15: REP MOVS of nothing", vm);
    expect("15: REP MOVS of nothing: RCX", guest_state(vm).gpr[REG_RCX], 0);
    vm_destroy(vm);
}

/* 15: overlapping copies go element by element. */
static void f15_rep_overlap(void)
{
    struct vm *vm = guest(VM_PROT32_FLAT, CODE("\xf3\xa4"));
    vm_write32(vm, vm->data, 0x44332211);
    vm->start.gpr[REG_RSI] = vm->data, vm->start.gpr[REG_RDI] = vm->data + 1, vm->start.gpr[REG_RCX] = 7;
    guest_run(vm, 7);
    expect("15: REP MOVSB onto its source", vm_read64(vm, vm->data), 0x1111111111111111);
    vm_destroy(vm);
}

/* 15: the fetch of what follows a finished REP may fault; the REP is done. */
static void f15_fetch_after_rep(void)
{
    struct vm *vm = vm_create(VM_PROT32_PAGED, NULL);
    u64 end = vm->code + PAGE_SIZE;
    vm_write(vm, end - 2, "\xf3\xaa", 2);
    vm_set_pte(vm, end, 0);
    vm->start.rip = end - 2;
    vm->start.gpr[REG_RCX] = 5, vm->start.gpr[REG_RDI] = vm->data;
    guest_run(vm, 100);
    expect_page_fault("15: fetch after REP STOS", vm, 0, end, 2);
    expect("15: fetch after REP STOS: ECX", vm->at_event.gpr[REG_RCX], 0);
    expect("15: fetch after REP STOS: EDI", vm->at_event.gpr[REG_RDI], vm->data + 5);
    vm_destroy(vm);
}

/* 16: MASKMOVDQU with an empty mask stores nothing; with one byte set, that byte alone. */
static void f16_masked_move(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x66\x0f\xf7\xc1")); /* MASKMOVDQU XMM0, XMM1 */
    vm->start.gpr[REG_RDI] = vm->data;
    phys_fill(vm->phys, vm->data, 0x11, 32);
    vm_reset(vm);
    vm->cpu->xmm[0].q[0] = vm->cpu->xmm[0].q[1] = 0x2222222222222222;
    vm->cpu->xmm[1].q[0] = 0x80;
    vm_run(vm, 1);
    expect_nothing_raised("16: MASKMOVDQU", vm);
    expect("16: MASKMOVDQU: the byte stored", vm_read64(vm, vm->data), 0x1111111111111122);
    expect("16: MASKMOVDQU: the others", vm_read64(vm, vm->data + 8), 0x1111111111111111);
    vm_destroy(vm);
}

/* A 32-bit TSS at VM_SEL_SPARE, of code like ours at 100h further on. */
static u64 make_task(struct vm *vm, u64 tss)
{
    vm_set_descriptor(vm, VM_SEL_SPARE, tss, 0x67, ATTR_P | 9);
    phys_fill(vm->phys, tss, 0, 0x68);
    vm_write32(vm, tss + 0x1c, VM_TABLES);
    vm_write32(vm, tss + 0x20, (u32)vm->code + 0x100);
    vm_write32(vm, tss + 0x24, 2);
    vm_write32(vm, tss + 0x38, (u32)vm->stack);
    for (unsigned i = 0; i < 6; i++)
        vm_write32(vm, tss + 0x48 + 4 * i, i == 1 ? VM_SEL_CODE32 : VM_SEL_DATA);
    return tss;
}

/* 17: a task switch reads and probes both TSSs first: nothing is saved in the old one if the new one is not there. */
static void f17_task_switch(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xea\x00\x00\x00\x00\x70\x00")); /* JMP SPARE:0 */
    u64 tss = make_task(vm, vm->data + PAGE_SIZE - 0x30);
    vm_write32(vm, VM_TSS + 0x20, 0x5555);
    guest_run(vm, 1);
    expect_nothing_raised("17: task switch", vm);
    expect("17: task switch: EIP", guest_state(vm).rip, vm->code + 0x100);
    expect("17: task switch: the old EIP is saved", vm_read32(vm, VM_TSS + 0x20), vm->code + 7);
    expect("17: task switch: busy", vm_read64(vm, VM_GDT + VM_SEL_SPARE) >> 41 & 1, 1);
    expect("17: task switch: the old one is not busy", vm_read64(vm, VM_GDT + VM_SEL_TSS) >> 41 & 1, 0);
    vm_destroy(vm);

    vm = guest(VM_PROT32_PAGED, CODE("\xea\x00\x00\x00\x00\x70\x00"));
    tss = make_task(vm, vm->data + PAGE_SIZE - 0x30);
    vm_write32(vm, VM_TSS + 0x20, 0x5555);
    vm_set_pte(vm, tss + 0x67, 0);
    guest_run(vm, 1);
    expect_page_fault("17: task switch to half a TSS", vm, 0, vm->data + PAGE_SIZE, 0);
    expect("17: task switch to half a TSS: the old one", vm_read32(vm, VM_TSS + 0x20), 0x5555);
    expect("17: task switch to half a TSS: not busy", vm_read64(vm, VM_GDT + VM_SEL_SPARE) >> 41 & 1, 0);
    expect("17: task switch to half a TSS: TR", vm->at_event.seg[SEG_TR].selector, VM_SEL_TSS);
    vm_destroy(vm);
}

/* 17: a 16-bit TSS loads 16-bit registers, and FS and GS become null. */
static void f17_task_switch_16(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xea\x00\x00\x00\x00\x70\x00"));
    u16 image[22] = {0};
    vm_set_descriptor(vm, VM_SEL_SPARE, vm->data, 0x2b, ATTR_P | 1);
    image[7] = 0x8000, image[8] = 2, image[9] = 0x1234; /* IP, FLAGS, AX */
    image[17] = image[19] = image[20] = VM_SEL_DATA, image[18] = VM_SEL_CODE32;
    vm_write(vm, vm->data, image, sizeof image);
    guest_run(vm, 1);
    struct cpu_state s = guest_state(vm);
    expect_nothing_raised("17: 16-bit task", vm);
    expect("17: 16-bit task: EIP", s.rip, 0x8000);
    expect("17: 16-bit task: AX", s.gpr[REG_RAX] & 0xffff, 0x1234);
    expect("17: 16-bit task: FS", s.seg[SEG_FS].selector, 0);
    vm_destroy(vm);
}

/* 18: LSS whose selector is no good leaves both registers. */
static void f18_far_pointer_load(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x0f\xb2\x03")); /* LSS EAX, [EBX] */
    vm->start.gpr[REG_RBX] = vm->data, vm->start.gpr[REG_RAX] = 0x1111;
    vm_write32(vm, vm->data, 0x2222);
    vm_write32(vm, vm->data + 4, VM_SEL_USER_DATA); /* not of this level */
    guest_run(vm, 1);
    expect_raised("18: LSS", vm, 13, VM_SEL_USER_DATA & ~3u, 0);
    expect("18: LSS: EAX", vm->at_event.gpr[REG_RAX], 0x1111);
    expect("18: LSS: SS", vm->at_event.seg[SEG_SS].selector, VM_SEL_DATA);
    vm_destroy(vm);
}

/* 19: with TF set, RETF that faults shows TF and itself in the frame, and the trap comes after it at last succeeds. */
static void f19_faulting_retf_with_tf(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xcb"));
    u64 page = vm->stack & PAGE_MASK;
    vm->start.gpr[REG_RSP] = page + PAGE_SIZE - 4; /* EIP here, CS beyond */
    vm->start.rflags |= FLAG_TF;
    vm_write32(vm, page + PAGE_SIZE - 4, (u32)vm->code + 0x10);
    vm_write32(vm, page + PAGE_SIZE, VM_SEL_CODE32);
    u64 pte = vm_pte(vm, page + PAGE_SIZE);
    vm_set_pte(vm, page + PAGE_SIZE, 0);
    guest_run(vm, 1);
    expect_page_fault("19: RETF with TF", vm, 0, page + PAGE_SIZE, 0);
    expect("19: RETF with TF: TF", vm->at_event.rflags >> 8 & 1, 1);
    vm_set_pte(vm, page + PAGE_SIZE, pte);
    guest_run(vm, 2);
    expect_raised("19: RETF with TF, repaired", vm, 1, 0, 0x10);
    vm_destroy(vm);
}

static int give_interrupt(void *ctx)
{
    (void)ctx;
    return 0x40;
}

/* 19: an interrupt waits for the instruction after STI, and one that faults there is delivered with IF set. */
static void f19_sti_shadow(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xfb\x90\x90\x90")); /* STI; NOP.. */
    vm->cpu->config.acknowledge = give_interrupt;
    vm_reset(vm);
    cpu_set_intr(vm->cpu, true);
    vm_run(vm, 10);
    expect_raised("19: interrupt after STI", vm, 0x40, 0, 2);
    vm_destroy(vm);

    vm = guest(VM_PROT32_PAGED, CODE("\xfb\x8b\x03\x90")); /* STI; MOV EAX, [EBX], which faults */
    vm->cpu->config.acknowledge = give_interrupt;
    vm->start.gpr[REG_RBX] = vm->data;
    vm_set_pte(vm, vm->data, 0);
    vm_reset(vm);
    cpu_set_intr(vm->cpu, true);
    vm_run(vm, 10);
    expect_page_fault("19: fault in the shadow of STI", vm, 0, vm->data, 1);
    expect("19: fault in the shadow of STI: IF", vm->at_event.rflags >> 9 & 1, 1);
    vm_destroy(vm);

    vm = guest(VM_PROT32_PAGED, CODE("\x8e\xd0\x90\x90")); /* MOV SS, EAX; NOP.. */
    vm->cpu->config.acknowledge = give_interrupt;
    vm->start.gpr[REG_RAX] = VM_SEL_DATA;
    vm->start.rflags |= FLAG_IF;
    vm_reset(vm);
    vm_run(vm, 1);
    cpu_set_intr(vm->cpu, true);
    vm_run(vm, 10);
    expect_raised("19: interrupt after MOV SS", vm, 0x40, 0, 3);
    vm_destroy(vm);
}

/* 20: an instruction of more than 15 bytes is #GP, unless the page with its tail is missing before the 15th. */
static void f20_too_long(void)
{
    for (unsigned on_page = 10; on_page < 20; on_page += 1) {
        struct vm *vm = vm_create(VM_PROT32_PAGED, NULL);
        u64 end = vm->code + PAGE_SIZE;
        vm->start.rip = end - on_page;
        phys_fill(vm->phys, end - on_page, 0x66, 20);
        vm_set_pte(vm, end, 0);
        guest_run(vm, 1);
        if (on_page < 15)
            expect_page_fault("20: a long instruction's missing tail", vm, 0, end, 0);
        else
            expect_raised("20: too long an instruction", vm, 13, 0, 0);
        vm_destroy(vm);
    }
}

int main(void)
{
    f5_store_across_pages();
    f7_pop_memory();
    f8_branch_to_a_missing_page();
    f9_return_to_non_canonical();
    f10_iret_is_all_or_nothing();
    f10_outer_return_keeps_bases();
    f10_iret_uses_rsp();
    f10_iret_to_v86();
    f11_far_call_through_the_stack();
    f11_push_segment();
    f11_delivery_is_all_or_nothing();
    f15_rep_of_nothing();
    f15_rep_overlap();
    f15_fetch_after_rep();
    f16_masked_move();
    f17_task_switch();
    f17_task_switch_16();
    f18_far_pointer_load();
    f19_faulting_retf_with_tf();
    f19_sti_shadow();
    f20_too_long();
    return expect_sum();
}
