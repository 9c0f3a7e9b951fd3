/* SPDX-License-Identifier: MIT */
/* What the processor must be told before it can trap: GDT, TSS and IDT. And the kernel's own faults. */
#include "demo.h"

enum { KERNEL_CODE = 0x08, USER_DATA = 0x1B, USER_CODE = 0x23, TSS_SELECTOR = 0x28 };
enum { VECTORS = 129, STUB_SIZE = 16, SYSTEM_CALL = 0x80, PAGE_FAULT = 14 };
enum { INTERRUPT_GATE = 0x8E, GATE_DPL_3 = 0x60, TSS_AVAILABLE = 0x89 };

/* SDM, "TSS Descriptor in 64-bit mode" and "Segment Descriptors". */
static u64 gdt[7] = {
    0,
    0x00209B0000000000, /* kernel code, 64-bit */
    0x0000930000000000, /* kernel data */
    0x0000F30000000000, /* user data, DPL 3 */
    0x0020FB0000000000, /* user code, 64-bit, DPL 3 */
};

/* SDM, "64-Bit TSS": all the kernel needs of it is the stack for traps from user mode. */
static struct tss {
    u32 reserved0;
    u64 rsp[3];
    u64 reserved1, ist[7], reserved2;
    u16 reserved3, io_map;
} __attribute__((packed)) tss;

/* SDM, "64-Bit Mode IDT". */
static struct gate {
    u16 offset_low, selector;
    u8 ist, type;
    u16 offset_middle;
    u32 offset_high, reserved;
} idt[VECTORS];

struct table_pointer {
    u16 limit;
    u64 base;
} __attribute__((packed));

extern const char trap_stubs[], trap_system_call[];
void kernel_trap(struct registers *);

static void set_gate(unsigned vector, const char *stub, u8 type)
{
    u64 at = (u64)stub;

    idt[vector] = (struct gate){(u16)at, KERNEL_CODE, 0, type, (u16)(at >> 16), (u32)(at >> 32), 0};
}

void traps_init(void)
{
    struct table_pointer gdtr = {sizeof(gdt) - 1, (u64)gdt}, idtr = {sizeof(idt) - 1, (u64)idt};
    u64 base = (u64)&tss;

    tss.io_map = sizeof(tss);
    gdt[5] = (sizeof(tss) - 1) | (base & 0xFFFFFF) << 16 | (u64)TSS_AVAILABLE << 40 | (base >> 24 & 0xFF) << 56;
    gdt[6] = base >> 32;
    for (unsigned v = 0; v < 32; v++)
        set_gate(v, trap_stubs + v * STUB_SIZE, INTERRUPT_GATE);
    set_gate(SYSTEM_CALL, trap_system_call, INTERRUPT_GATE | GATE_DPL_3);
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdtr), "m"(idtr), "r"(TSS_SELECTOR) : "memory");
}

void traps_stack(struct process *p)
{
    tss.rsp[0] = (u64)(&p->regs + 1);
    p->regs.cs = USER_CODE;
    p->regs.ss = USER_DATA;
}

const char *vector_name(u64 vector)
{
    static const char *const names[] = {
        "divide error",
        "debug",
        "NMI",
        "breakpoint",
        "overflow",
        "bound range",
        "invalid opcode",
        "no coprocessor",
        "double fault",
        "coprocessor overrun",
        "invalid TSS",
        "segment not present",
        "stack fault",
        "general protection",
        "page fault",
    };

    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "exception";
}

/* Faults of the kernel. It trusts its own pointers, so only the copying of what a process points at may fault: then
 * the page is brought as if the process had touched it, or the copy gives up and the system call fails. */
void kernel_trap(struct registers *r)
{
    struct process *p = process_current();
    struct fault f = {p, read_cr2(), r->error, r};

    if (r->vector != PAGE_FAULT || r->rip != (u64)copy_from_user_touch || !p)
        panic("%s at RIP %lx, error code %lx, CR2 %lx", vector_name(r->vector), r->rip, r->error, f.address);
    if (page_fault(&f) == VIOLATION) {
        r->rip = (u64)copy_from_user_failed;
        say("      result:  ", "the copy is given up; the system call returns an error, process %u lives on", p->id);
    }
}
