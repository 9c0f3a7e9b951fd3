/* SPDX-License-Identifier: MIT */
/* What kernels do: faults, address-space switches, system calls, patched code, ports. */
#include "bench.h"
#include "port.h"

enum { KERNEL_CODE = 0x08, TSS_SELECTOR = 0x28, VECTORS = 130, WINDOW_PAGES = 64 };
enum { GATE_INTERRUPT = 0x8E, GATE_USER = 0x60, PAGE_FAULT = 14 };
enum { SYSENTER_CS = 0x174, SYSENTER_ESP = 0x175, SYSENTER_EIP = 0x176 };
enum { STAR = 0xC0000081, LSTAR = 0xC0000082, FMASK = 0xC0000084 };
enum { POST_PORT = 0x80, PIC_MASK_PORT = 0x21 };

extern u64 gdt[];
extern const u8 fault_handler[], call_gate[], leave_gate[], syscall_entry[];
extern volatile u32 trap_count;
extern u8 trap_stack_top[], near_patch[];

/* system32.S, system64.S */
u32 user_int(u32 count);     /* INT 80h from user mode, `count` times; the sum of what the handler gave */
u32 user_syscall(u32 count); /* SYSCALL or SYSENTER */
u32 patch_near(u32 count);   /* stores into the instruction that comes next */

#ifdef __x86_64__
static struct {
    u32 reserved0;
    u64 rsp[3], reserved1, ist[7], reserved2;
    u32 io_map;
} __attribute__((packed)) tss;
static struct {
    u16 low, selector;
    u8 ist, type;
    u16 middle;
    u32 high, reserved;
} idt[VECTORS];
#else
static struct {
    u32 link, esp0, ss0, rest[22];
    u32 io_map;
} tss;
static struct {
    u16 low, selector;
    u8 zero, type;
    u16 high;
} idt[VECTORS];
#endif

struct table_pointer {
    u16 limit;
    word base;
} __attribute__((packed));

static void write_msr(u32 msr, u64 value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)));
}

static void set_gate(unsigned vector, const u8 *handler, u8 type)
{
    word at = (word)handler;

#ifdef __x86_64__
    idt[vector].ist = 0;
    idt[vector].middle = (u16)(at >> 16);
    idt[vector].high = (u32)(at >> 32);
#else
    idt[vector].high = (u16)(at >> 16);
#endif
    idt[vector].low = (u16)at;
    idt[vector].selector = KERNEL_CODE;
    idt[vector].type = type;
}

static void system_init(void)
{
    struct table_pointer idtr = {sizeof(idt) - 1, (word)idt};
    u64 base = (word)&tss;

    gdt[5] = (sizeof(tss) - 1) | (base & 0xFFFFFF) << 16 | 0x89ull << 40 | (base >> 24 & 0xFF) << 56;
    tss.io_map = sizeof(tss) << 16;
#ifdef __x86_64__
    gdt[6] = base >> 32;
    tss.rsp[0] = (word)trap_stack_top;
    write_msr(STAR, (u64)0x10 << 48 | (u64)KERNEL_CODE << 32);
    write_msr(LSTAR, (word)syscall_entry);
    write_msr(FMASK, 0x200);
#else
    tss.esp0 = (word)trap_stack_top;
    tss.ss0 = 0x10;
    write_msr(SYSENTER_CS, KERNEL_CODE);
    write_msr(SYSENTER_ESP, (word)trap_stack_top);
    write_msr(SYSENTER_EIP, (word)syscall_entry);
#endif
    set_gate(PAGE_FAULT, fault_handler, GATE_INTERRUPT);
    set_gate(0x80, call_gate, GATE_INTERRUPT | GATE_USER);
    set_gate(0x81, leave_gate, GATE_INTERRUPT | GATE_USER);
    __asm__ volatile("lidt %0; ltr %w1" : : "m"(idtr), "r"(TSS_SELECTOR));
}

static inline void load_cr3(const word *root) { __asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory"); }

/* ---- Faults ---- */

static void unmap_window(void)
{
    for (u32 i = 0; i < WINDOW_PAGES; i++) {
        *(volatile u32 *)(word)(WINDOW + i * PAGE) = i * 3;
        page_tables[WINDOW / PAGE + i] = 0;
    }
    load_cr3(root_table);
}

/* Touch a page that is not there; the handler maps it; take it away again with INVLPG. */
static u32 pf(u32 count)
{
    u32 sum = 0;

    system_init();
    unmap_window();
    begin();
    for (u32 i = 0; i < count; i++) {
        word at = WINDOW + (word)(i & (WINDOW_PAGES - 1)) * PAGE;

        sum += *(volatile u32 *)at;
        page_tables[at / PAGE] = 0;
        __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
    }
    end();
    return sum + trap_count;
}

/* The same, but flushed by a load of CR3. */
static u32 pf_cr3(u32 count)
{
    u32 sum = 0;

    system_init();
    unmap_window();
    begin();
    for (u32 i = 0; i < count; i++) {
        word at = WINDOW + (word)(i & (WINDOW_PAGES - 1)) * PAGE;

        sum += *(volatile u32 *)at;
        page_tables[at / PAGE] = 0;
        load_cr3(root_table);
    }
    end();
    return sum + trap_count;
}

/* ---- Address spaces ---- */

/* Two spaces in turn, and so many pages read in each. */
static u32 switch_spaces(u32 count, u32 pages)
{
    u32 sum = 0;

    for (u32 i = 0; i < pages; i++)
        *(u32 *)(word)(ARENA + i * (PAGE + 64)) = i * 7;
    begin();
    for (u32 i = 0; i < count; i++) {
        load_cr3(i & 1 ? root_table : second_root);
        for (u32 k = 0; k < pages; k++)
            sum += *(volatile u32 *)(word)(ARENA + k * (PAGE + 64));
    }
    end();
    return sum;
}

static u32 cr3(u32 count) { return switch_spaces(count, 16); }

static u32 cr3_256(u32 count) { return switch_spaces(count, 256); }

/* ---- System calls ---- */

static u32 interrupt(u32 count)
{
    u32 sum;

    system_init();
    begin();
    sum = user_int(count);
    end();
    return sum;
}

static u32 system_call(u32 count)
{
    u32 sum;

    system_init();
    begin();
    sum = user_syscall(count);
    end();
    return sum;
}

/* ---- Code that changes ---- */

/* A function in a page of its own: MOV EAX, imm32; RET. */
static u32 smc(u32 count)
{
    u8 *code = (u8 *)(word)ARENA;
    u32 (*volatile function)(void) = (u32(*)(void))(word)ARENA;
    u32 sum = 0;

    code[0] = 0xB8;
    code[5] = 0xC3;
    begin();
    for (u32 i = 0; i < count; i++) {
        *(volatile u32 *)(code + 1) = i;
        sum = sum * 3 + function();
    }
    end();
    return sum;
}

static u32 smc_near(u32 count)
{
    u32 sum;

    begin();
    sum = patch_near(count);
    end();
    return sum;
}

/* ---- Ports ---- */

static u32 in(u32 count)
{
    u32 sum = 0;

    port_out(PIC_MASK_PORT, 0xFB);
    begin();
    for (u32 i = 0; i < count; i++)
        sum += port_in(PIC_MASK_PORT);
    end();
    return sum;
}

static u32 out(u32 count)
{
    begin();
    for (u32 i = 0; i < count; i++)
        port_out(POST_PORT, (u8)i);
    end();
    return count;
}

const struct workload system_workloads[] = {
    {"pf", pf},           {"pf_cr3", pf_cr3},     {"cr3", cr3},
    {"cr3_256", cr3_256}, {"int", interrupt},     {"syscall", system_call},
    {"smc", smc},         {"smc_near", smc_near}, {"in", in},
    {"out", out},         {NULL, NULL},
};
