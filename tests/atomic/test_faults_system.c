/* SPDX-License-Identifier: MIT */
/* Segmentation, exceptions and their order. The numbers are those of FAULTS, C4. */
#include "tests/atomic/guest.h"

enum { DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED, DOWN = DATA | ATTR_EXPAND_DOWN };

/* 48: the first and last bytes a segment allows. MOV r, DS:[EBX] of each width; the limit in bytes. */
static const struct limit {
    const char *what;
    u16 attributes;
    u32 limit, offset;
    u8 width;
    bool allowed;
} limits[] = {
    {"48: byte at the limit", DATA, 0xffe, 0xffe, 1, true},
    {"48: byte beyond the limit", DATA, 0xffe, 0xfff, 1, false},
    {"48: word up to the limit", DATA, 0xfff, 0xffe, 2, true},
    {"48: word across the limit", DATA, 0xfff, 0xfff, 2, false},
    {"48: dword up to the limit", DATA, 0xfff, 0xffc, 4, true},
    {"48: dword across the limit", DATA, 0xfff, 0xffd, 4, false},
    {"48: byte at 4 GiB - 1", DATA | ATTR_G, 0xffffffff, 0xffffffff, 1, true},
    {"48: dword across 4 GiB", DATA | ATTR_G, 0xffffffff, 0xfffffffe, 4, false},
    {"48: dword at 0 of limit 3", DATA, 3, 0, 4, true},
    {"48: dword at 0 of limit 2", DATA, 2, 0, 4, false},
    {"48: expand-down at its limit", DOWN, 0xfff, 0xfff, 1, false},
    {"48: expand-down above its limit", DOWN, 0xfff, 0x1000, 1, true},
    {"48: expand-down, A clear", DOWN & ~ATTR_ACCESSED, 0xfff, 0xfff, 1, false},
    {"48: expand-down, A clear, above", DOWN & ~ATTR_ACCESSED, 0xfff, 0x1000, 1, true},
    {"48: expand-down of 16 bits to its top", DOWN, 0xfff, 0xfffc, 4, true},
    {"48: expand-down of 16 bits across its top", DOWN, 0xfff, 0xfffd, 4, false},
    {"48: expand-down of 16 bits above its top", DOWN, 0xfff, 0x10000, 1, false},
    {"48: expand-down of 32 bits", DOWN | ATTR_DB, 0xfff, 0x10000, 1, true},
    {"48: expand-down of 32 bits to its top", DOWN | ATTR_DB, 0xfff, 0xfffffffc, 4, true},
    {"48: expand-down of 32 bits across its top", DOWN | ATTR_DB, 0xfff, 0xfffffffd, 4, false},
    {"48: expand-down of limit 4 GiB", DOWN | ATTR_DB | ATTR_G, 0xffffffff, 0xffffffff, 1, false},
};

static void f48_limits(void)
{
    static const char *const code[5] = {[1] = "\x8a\x03", [2] = "\x66\x8b\x03", [4] = "\x8b\x03"};
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct limit *l = &limits[i];
        struct vm *vm = guest(VM_PROT32_FLAT, (const u8 *)code[l->width], l->width == 2 ? 3 : 2);
        vm->start.seg[SEG_DS].attributes = l->attributes;
        vm->start.seg[SEG_DS].limit = l->limit;
        vm->start.gpr[REG_RBX] = l->offset;
        guest_run(vm, 1);
        expect(l->what, guest_vector(vm), l->allowed ? NO_EXCEPTION : 13);
        vm_destroy(vm);
    }
}

/* 48: 16-bit offsets wrap; an operand does not: at FFFF a word is beyond the limit. */
static void f48_wrap(void)
{
    struct vm *vm = guest(VM_REAL16, CODE("\x8b\x07\x8b\x87\x10\x00")); /* MOV AX, [BX]; MOV AX, [BX+10h] */
    vm->start.gpr[REG_RBX] = 0xffff;
    guest_run(vm, 1);
    expect("48: word at FFFF", guest_vector(vm), 13);
    vm->start.rip = 2;
    guest_run(vm, 1);
    expect_nothing_raised("48: FFFF + 10h wraps", vm);
    vm_destroy(vm);

    vm = guest(VM_REAL16, CODE("\xf3\xaa")); /* REP STOSB over the end of the segment: wraps by itself */
    vm->start.gpr[REG_RDI] = 0xfffe, vm->start.gpr[REG_RCX] = 4, vm->start.gpr[REG_RAX] = 0x5a;
    guest_run(vm, 4);
    expect("48: REP STOSB wraps: DI", guest_state(vm).gpr[REG_RDI], 2);
    expect("48: REP STOSB wraps: memory", vm_read32(vm, VM_DATA16) & 0xffff, 0x5a5a);
    expect("48: REP STOSB wraps: beyond", vm_read32(vm, VM_DATA16 + 0x10000), 0);
    vm_destroy(vm);
}

/* 49: the segment's check comes before the page's, REP MOVS included; #AC before #PF; #UD before #GP of privilege. */
static void f49_order(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\xf3\xa4"));
    vm->start.seg[SEG_DS].limit = vm->data - 1;
    vm->start.gpr[REG_RSI] = vm->data, vm->start.gpr[REG_RDI] = vm->data + PAGE_SIZE, vm->start.gpr[REG_RCX] = 3;
    vm_set_pte(vm, vm->data, 0);
    vm_set_pte(vm, vm->data + PAGE_SIZE, 0);
    guest_run(vm, 3);
    expect_raised("49: REP MOVS beyond a limit, on a missing page", vm, 13, 0, 0);
    vm->start.seg[SEG_DS].limit = 0xffffffff;
    vm->start.seg[SEG_ES].limit = vm->data - 1;
    vm_set_pte(vm, vm->data, vm->data | 7);
    guest_run(vm, 3);
    expect_raised("49: REP MOVS to beyond a limit, on a missing page", vm, 13, 0, 0);
    vm_destroy(vm);

    vm = guest(VM_PROT32_PAGED, CODE("\x8b\x03"));
    vm_set_cpl(vm, 3);
    vm->start.cr0 |= CR0_AM;
    vm->start.rflags |= FLAG_AC;
    vm->start.gpr[REG_RBX] = vm->data + 1;
    vm_set_pte(vm, vm->data, 0);
    guest_run(vm, 1);
    expect_raised("49: misaligned, on a missing page", vm, 17, 0, 0);
    vm_destroy(vm);

    vm = guest(VM_PROT32_PAGED, CODE("\x0f\x6f\x03\x66\x0f\x6f\x03")); /* MOVDQA XMM0, [EBX] at 3 */
    vm->start.rip += 3;
    vm->start.gpr[REG_RBX] = vm->data + 8;
    vm_set_pte(vm, vm->data, 0);
    guest_run(vm, 1);
    expect_raised("49: MOVDQA misaligned, on a missing page", vm, 13, 0, 0);
    vm_destroy(vm);

    static const char *const bad[] = {"\x0f\x20\xc8", "\x0f\x22\xc8", "\x0f\x20\xe8", "\x0f\x22\xf8"}; /* CR1, 5, 7 */
    for (unsigned i = 0; i < 4; i++) {
        vm = guest(VM_PROT32_PAGED, (const u8 *)bad[i], 3);
        vm_set_cpl(vm, 3);
        guest_run(vm, 1);
        expect_raised("49: a control register that is none, at CPL 3", vm, 6, 0, 0);
        vm_destroy(vm);
    }
}

/* 50: the accessed bit is set when the segment is loaded, and not if it is refused; its write faults as any. */
static void f50_descriptor_load(void)
{
    static const struct {
        const char *what;
        u16 attributes;
        u8 vector;
        bool readable_page, accessed;
    } cases[] = {
        {"50: a segment not accessed yet", ATTR_S | ATTR_P | ATTR_WRITABLE, NO_EXCEPTION, true, true},
        {"50: not present", ATTR_S | ATTR_WRITABLE, 11, true, false},
        {"50: not present and of the wrong type", ATTR_S | ATTR_CODE, 13, true, false},
        {"50: system descriptor", ATTR_P | 2, 13, true, false},
        {"50: not accessed, on a read-only page", ATTR_S | ATTR_P | ATTR_WRITABLE, 14, false, false},
        {"50: not present, on a read-only page", ATTR_S | ATTR_WRITABLE, 11, false, false},
        {"50: accessed, on a read-only page", DATA, NO_EXCEPTION, false, true},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8e\xd8"));
        vm_set_descriptor(vm, VM_SEL_SPARE, 0, 0xffff, cases[i].attributes);
        if (!cases[i].readable_page)
            vm_set_pte(vm, VM_GDT, VM_GDT | 5);
        vm->start.gpr[REG_RAX] = VM_SEL_SPARE;
        guest_run(vm, 1);
        expect(cases[i].what, guest_vector(vm), cases[i].vector);
        expect(cases[i].what, vm_read64(vm, VM_GDT + VM_SEL_SPARE) >> 40 & 1, cases[i].accessed);
        vm_destroy(vm);
    }
}

/* 50: a descriptor must lie wholly inside its table, an LDT of 64 KiB too. */
static void f50_table_limits(void)
{
    for (unsigned whole = 0; whole < 2; whole++) {
        struct vm *vm = guest(VM_PROT32_FLAT, CODE("\x8e\xd8"));
        vm->start.gdt_limit = VM_SEL_SPARE + 6 + (u16)whole;
        vm_set_descriptor(vm, VM_SEL_SPARE, 0, 0xffff, DATA);
        vm->start.gpr[REG_RAX] = VM_SEL_SPARE;
        guest_run(vm, 1);
        if (whole)
            expect_nothing_raised("50: the last descriptor of the GDT", vm);
        else
            expect_raised("50: half a descriptor of the GDT", vm, 13, VM_SEL_SPARE, 0);
        vm_destroy(vm);
    }
    static const struct {
        const char *what;
        u32 limit;
        bool allowed;
    } ldts[] = {{"50: LDT limit FFFF", 0xffff, true},
                {"50: LDT limit FFFE", 0xfffe, false},
                {"50: LDT limit 1FFFF", 0x1ffff, true},
                {"50: LDT limit 10000", 0x10000, true}};
    for (unsigned i = 0; i < 4; i++) {
        struct vm *vm = guest(VM_PROT32_FLAT, CODE("\x8e\xd8"));
        vm->start.seg[SEG_LDTR] = (struct cpu_segment){
            .selector = VM_SEL_SPARE, .attributes = ATTR_P | 2, .limit = ldts[i].limit, .base = 0x300000};
        vm_write64(vm, 0x300000 + 0xfff8, 0x00cf93000000ffff);
        vm->start.gpr[REG_RAX] = 0xfffc;
        guest_run(vm, 1);
        expect(ldts[i].what, guest_vector(vm), ldts[i].allowed ? NO_EXCEPTION : 13);
        vm_destroy(vm);
    }
}

/* 50: a far JMP beyond the new segment's limit has error code 0, a bad selector its own. */
static void f50_far_jump_errors(void)
{
    struct vm *vm = guest(VM_PROT32_FLAT, CODE("\xea\x00\x10\x00\x00\x70\x00")); /* JMP SPARE:1000h */
    vm_set_descriptor(vm, VM_SEL_SPARE, 0, 0xfff, DATA | ATTR_CODE | ATTR_DB);
    guest_run(vm, 1);
    expect_raised("50: far JMP beyond the limit", vm, 13, 0, 0);
    vm_set_descriptor(vm, VM_SEL_SPARE, 0, 0xfff, DATA);
    guest_run(vm, 1);
    expect_raised("50: far JMP to data", vm, 13, VM_SEL_SPARE, 0);
    vm_set_descriptor(vm, VM_SEL_SPARE, 0, 0xfff, (DATA | ATTR_CODE | ATTR_DB) & ~ATTR_P);
    guest_run(vm, 1);
    expect_raised("50: far JMP to a segment not present", vm, 11, VM_SEL_SPARE, 0);
    vm_destroy(vm);
}

/* 51: what is wrong with a gate is #GP or #NP with its index and the IDT bit; EXT for what is not INT n. */
static void f51_gates(void)
{
    enum { INT = 0xcd, V = 0x30 };
    static const struct {
        const char *what;
        u8 code[2];
        u16 type; /* bits 47:32 of the gate */
        u16 limit;
        u8 cpl, vector;
        u32 error;
    } cases[] = {
        {"51: INT beyond the IDT", {INT, V}, 0xee00, V * 8 + 6, 0, 13, V * 8 + 2},
        {"51: INT at the IDT's end", {INT, V}, 0xee00, V * 8 + 7, 0, V, 0},
        {"51: INT through no gate", {INT, V}, 0x8000, 0x7ff, 0, 13, V * 8 + 2},
        {"51: INT through a data segment", {INT, V}, 0x9200, 0x7ff, 0, 13, V * 8 + 2},
        {"51: INT through a gate not present", {INT, V}, 0x6e00, 0x7ff, 0, 11, V * 8 + 2},
        {"51: INT through a gate of DPL 0", {INT, V}, 0x8e00, 0x7ff, 3, 13, V * 8 + 2},
        {"51: INT through a task gate of DPL 0", {INT, V}, 0x8500, 0x7ff, 3, 13, V * 8 + 2},
        {"51: INT, DPL before presence", {INT, V}, 0x0e00, 0x7ff, 3, 13, V * 8 + 2},
        {"51: #UD through no gate", {0x0f, 0x0b}, 0x8000, 0x7ff, 0, 13, 6 * 8 + 3},
        {"51: #UD through a gate of DPL 0", {0x0f, 0x0b}, 0x8e00, 0x7ff, 3, 6, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_PROT32_PAGED, cases[i].code, 2);
        unsigned v = cases[i].code[0] == INT ? V : 6;
        vm_set_cpl(vm, cases[i].cpl);
        vm_write64(vm, VM_IDT + 8 * v, (VM_HANDLERS + v) | VM_SEL_CODE32 << 16 | (u64)cases[i].type << 32);
        vm->start.idt_limit = cases[i].limit;
        vm->keep_going = true;
        guest_run(vm, 2);
        expect(cases[i].what, vm->last.vector, cases[i].vector);
        expect(cases[i].what, vm->last.has_error ? vm->last.error : 0, cases[i].error);
        vm_destroy(vm);
    }
}

/*
 * 52: which exceptions in the delivery of which make a double fault. First: DE, UD (benign), GP, PF; then the gate of
 * the first raises NP (contributory) or, its page missing, PF.
 */
static void f52_double_faults(void)
{
    enum { NP_GATE, PF_GATE };
    static const struct {
        const char *what;
        const char *code;
        u8 size, first, gate, last;
    } cases[] = {
        {"52: #DE then #NP", "\xf7\xf1", 2, 0, NP_GATE, 8},
        {"52: #UD then #NP", "\x0f\x0b", 2, 6, NP_GATE, 11},
        {"52: #GP then #NP", "\x8e\xd9", 2, 13, NP_GATE, 8},
        {"52: #PF then #NP", "\x8b\x03", 2, 14, NP_GATE, 8},
        {"52: #DE then #PF", "\xf7\xf1", 2, 0, PF_GATE, 14},
        {"52: #GP then #PF", "\x8e\xd9", 2, 13, PF_GATE, 14},
        {"52: INT 30h then #NP", "\xcd\x30", 2, 0x30, NP_GATE, 11},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_PROT32_PAGED, (const u8 *)cases[i].code, cases[i].size);
        u64 gate = VM_IDT + 8 * cases[i].first, good = vm_read64(vm, gate);
        vm->start.gpr[REG_RBX] = 0xd00000;
        vm->start.gpr[REG_RCX] = cases[i].first == 13 ? 0xfff8 : 0;
        vm_set_pte(vm, 0xd00000, 0);
        if (cases[i].gate == NP_GATE) {
            vm_write64(vm, gate, good & ~BIT(47));
        } else { /* the code segment's descriptor is the second one of a page that is missing: an LDT */
            vm->start.seg[SEG_LDTR] =
                (struct cpu_segment){.selector = 8, .attributes = ATTR_P | 2, .limit = 0xfff, .base = 0xd00000};
            vm_write64(vm, gate, (good & ~0xffff0000ull) | 0x000c0000);
        }
        vm->keep_going = true;
        guest_run(vm, 2);
        expect(cases[i].what, vm->last.vector, cases[i].last);
        vm_destroy(vm);
    }
}

/* 52: a #PF while delivering a #PF is a double fault; a fault while delivering that, shutdown. */
static void f52_page_fault_twice(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x03"));
    vm->start.gpr[REG_RBX] = 0xd00000, vm->start.gpr[REG_RSP] = 0xd01000 - 8;
    vm_set_pte(vm, 0xd00000, 0);
    vm->keep_going = true;
    vm_reset(vm);
    expect("52: three in a row", vm_run(vm, 2), CPU_STOP_SHUTDOWN);
    expect("52: three in a row: the last tried", vm->last.vector, 8);
    expect("52: three in a row: after shutdown", vm_run(vm, 2), CPU_STOP_SHUTDOWN);
    vm_destroy(vm);
}

/* 53: LSL, LAR, VERR and VERW of what is no good clear ZF and raise nothing. */
static void f53_inspection(void)
{
    static const char *const code[] = {"\x0f\x03\xc1", "\x0f\x02\xc1", "\x0f\x00\xe1", "\x0f\x00\xe9"};
    static const u16 bad[] = {0, 3, 0xfff8, 0xfffc, VM_SEL_SPARE};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned k = 0; k < 5; k++) {
            struct vm *vm = guest(VM_PROT32_PAGED, (const u8 *)code[i], 3);
            vm_write64(vm, VM_GDT + VM_SEL_SPARE, k & 1 ? 0 : 0x00008e0000000000); /* an interrupt gate */
            vm->start.gpr[REG_RAX] = 0x5555, vm->start.gpr[REG_RCX] = bad[k];
            vm->start.rflags |= FLAG_ZF;
            guest_run(vm, 1);
            expect_nothing_raised("53: inspection", vm);
            expect("53: inspection: ZF", guest_state(vm).rflags >> 6 & 1, 0);
            expect("53: inspection: EAX", guest_state(vm).gpr[REG_RAX], 0x5555);
            vm_destroy(vm);
        }
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8e\xd8\x8b\x03")); /* MOV DS, EAX (null); MOV EAX, [EBX] */
    vm->start.gpr[REG_RAX] = 3, vm->start.gpr[REG_RBX] = vm->data;
    guest_run(vm, 2);
    expect_raised("53: a null DS, used", vm, 13, 0, 2);
    vm_destroy(vm);
}

/* 54: MSRs nobody knows are #GP, and so are reserved bits of those one knows. */
static void f54_msrs(void)
{
    static const u32 unknown[] = {0x12345678, 0xc0000fff, 0x40000000, 0xffffffff};
    for (unsigned write = 0; write < 2; write++)
        for (unsigned i = 0; i < 4; i++) {
            struct vm *vm = guest(VM_PROT32_FLAT, write ? (const u8 *)"\x0f\x30" : (const u8 *)"\x0f\x32", 2);
            vm->start.gpr[REG_RCX] = unknown[i];
            guest_run(vm, 1);
            expect_raised("54: an MSR nobody knows", vm, 13, 0, 0);
            vm_destroy(vm);
        }
    struct vm *vm = guest(VM_LONG64, CODE("\x0f\x30"));
    vm->start.gpr[REG_RCX] = 0xc0000082; /* LSTAR must be canonical, in the widest mode */
    vm->start.gpr[REG_RDX] = 0x80000000;
    guest_run(vm, 1);
    expect_raised("54: LSTAR not canonical", vm, 13, 0, 0);
    vm_destroy(vm);
}

/* 55: the processor's own accesses wrap at 4 GiB in legacy mode: a GDT that begins just below. */
static void f55_system_wrap(void)
{
    struct vm *vm = guest(VM_PROT32_FLAT, CODE("\x8e\xd8\xcd\x30")); /* MOV DS, EAX; INT 30h */
    vm->start.gdt_base = 0xfffffff0;                                 /* descriptor 2 is at 0 */
    vm_write64(vm, 0, 0x00cf93000000ffff);
    vm->start.gpr[REG_RAX] = 0x10;
    guest_run(vm, 1);
    expect_nothing_raised("55: a descriptor beyond 4 GiB", vm);
    expect("55: a descriptor beyond 4 GiB: base", guest_state(vm).seg[SEG_DS].base, 0);
    vm->start.gdt_base = VM_GDT;
    vm->start.idt_base = 0xfffffe80;
    vm->start.rip += 2;
    vm_write64(vm, 0, VM_HANDLERS | VM_SEL_CODE32 << 16 | 0xeeull << 40);
    vm->keep_going = true;
    guest_run(vm, 1);
    expect("55: a gate beyond 4 GiB", vm->last.vector, 0x30);
    expect("55: a gate beyond 4 GiB: EIP", guest_state(vm).rip, VM_HANDLERS);
    vm_destroy(vm);
}

static unsigned device_reads, device_writes;

static u64 device_read(void *device, u64 offset, unsigned width)
{
    (void)device, (void)offset, (void)width;
    device_reads++;
    return 0xe0001007; /* an entry: present, and another page of the device */
}

static void device_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)device, (void)offset, (void)value, (void)width;
    device_writes++;
}

/* 56: tables beyond RAM, in a device, in ROM: values as the bus gives them, updates go where writes go. */
static void f56_tables_anywhere(void)
{
    static const struct region_ops ops = {device_read, device_write, 1, 8, "test"};
    static const u64 places[] = {0xc0000000, 0xf0000000, 0xfffff000, VM_RAM};
    for (unsigned i = 0; i < 4; i++) {
        struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x0f\x22\xd8\x90")); /* MOV CR3, EAX; NOP */
        vm->start.gpr[REG_RAX] = places[i];
        vm->keep_going = true;
        vm_reset(vm);
        vm_run(vm, 3);
        expect("56: CR3 beyond RAM", vm->events > 0, true);
        vm_destroy(vm);

        vm = guest(VM_PROT32_PAGED, CODE("\x8b\x03"));
        vm->start.gpr[REG_RBX] = 0xc00000;
        vm_write32(vm, VM_TABLES + 3 * 4, (u32)places[i] | 7);
        guest_run(vm, 1);
        expect("56: a table beyond RAM", guest_vector(vm) == NO_EXCEPTION || guest_vector(vm) == 14, true);
        vm_destroy(vm);
    }
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x03"));
    bus_attach(phys_mmio(vm->phys), 0xe0000000, 2 * PAGE_SIZE, &ops, NULL);
    vm->start.gpr[REG_RBX] = 0xc00000;
    vm_write32(vm, VM_TABLES + 3 * 4, 0xe0000007);
    guest_run(vm, 1);
    expect_nothing_raised("56: a page table in a device", vm);
    expect("56: a page table in a device: read for the entry and the data", device_reads, 2);
    expect("56: a page table in a device: the accessed bit is written there", device_writes, 1);
    vm_destroy(vm);

    vm = guest(VM_PROT32_PAGED, CODE("\x8b\x03\x89\x03"));
    u8 rom[PAGE_SIZE] = {[0] = 0x07, [1] = 0x00, [2] = 0x40};
    expect("56: a ROM", phys_add_rom(vm->phys, 0xfffe0000, rom, PAGE_SIZE), true);
    vm->start.gpr[REG_RBX] = 0xc00000;
    vm_write32(vm, 0x400000, 0x77);
    vm_write32(vm, VM_TABLES + 3 * 4, 0xfffe0007);
    guest_run(vm, 2);
    expect_nothing_raised("56: a page table in ROM", vm);
    expect("56: a page table in ROM: the data", guest_state(vm).gpr[REG_RAX], 0x77);
    expect("56: a page table in ROM: as it was", phys_read(vm->phys, 0xfffe0000, 4), 0x400007);
    vm_destroy(vm);
}

/* 57: the flags of BZHI, BEXTR and BLSI, where others had them wrong; test_native.c compares all with the host. */
static void f57_bit_fields(void)
{
    static const struct {
        const char *what, *code;
        u64 source, control, result, flags;
    } cases[] = {
        {"57: BZHI, index 64", "\xc4\xe2\xf0\xf5\xc3", 0x1234, 64, 0x1234, FLAG_CF},
        {"57: BZHI, index 8", "\xc4\xe2\xf0\xf5\xc3", 0x1234, 8, 0x34, 0},
        {"57: BZHI, index 0", "\xc4\xe2\xf0\xf5\xc3", 0x1234, 0, 0, FLAG_ZF},
        {"57: BEXTR", "\xc4\xe2\xf0\xf7\xc3", 0x1234, 0x0804, 0x23, 0},
        {"57: BEXTR of nothing", "\xc4\xe2\xf0\xf7\xc3", 0x1234, 0x0004, 0, FLAG_ZF},
        {"57: BEXTR from beyond", "\xc4\xe2\xf0\xf7\xc3", 0x1234, 0x4080, 0, FLAG_ZF},
        {"57: BLSI", "\xc4\xe2\xf8\xf3\xdb", 0x1230, 0, 0x10, FLAG_CF},
        {"57: BLSI of 0", "\xc4\xe2\xf8\xf3\xdb", 0, 0, 0, FLAG_ZF},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_LONG64, (const u8 *)cases[i].code, 5);
        vm->start.gpr[REG_RBX] = cases[i].source, vm->start.gpr[REG_RCX] = cases[i].control;
        guest_run(vm, 1);
        expect(cases[i].what, guest_state(vm).gpr[REG_RAX], cases[i].result);
        expect(cases[i].what, guest_state(vm).rflags & (FLAG_CF | FLAG_ZF), cases[i].flags);
        vm_destroy(vm);
    }
}

int main(void)
{
    f48_limits();
    f48_wrap();
    f49_order();
    f50_descriptor_load();
    f50_table_limits();
    f50_far_jump_errors();
    f51_gates();
    f52_double_faults();
    f52_page_fault_twice();
    f53_inspection();
    f54_msrs();
    f55_system_wrap();
    f56_tables_anywhere();
    f57_bit_fields();
    return expect_sum();
}
