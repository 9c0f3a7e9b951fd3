/* SPDX-License-Identifier: MIT */
/*
 * A machine for tests in two lines: RAM, a port bus and one processor, set up in some mode with descriptor tables,
 * handlers and page tables, no devices.
 *
 *     struct vm *vm = vm_create(VM_LONG64, NULL);
 *     vm_code(vm, bytes, size), vm_run(vm, 1);
 *
 * Linear addresses are physical addresses, mapped in 4 KiB pages for user and supervisor, writable, in the whole of
 * RAM.
 */
#ifndef FAULTLINE_TESTS_VM_H
#define FAULTLINE_TESTS_VM_H

#include "cpu/cpu.h"

enum vm_mode {
    VM_REAL16,
    VM_V86,          /* CPL 3, IOPL 3, 32-bit paging */
    VM_PROT16_FLAT,  /* 16-bit code and stack, bases 0, limits 4 GiB; no paging */
    VM_PROT32_FLAT,  /* no paging */
    VM_PROT32_PAGED, /* 32-bit paging */
    VM_PAE,
    VM_LONG64,
    VM_COMPAT32, /* 32-bit code segment in long mode */
    VM_MODES,
};

/* Physical (and linear) addresses of what vm_create lays out. */
enum {
    VM_GDT = 0x1000,
    VM_IDT = 0x2000,
    VM_TSS = 0x3000,          /* IST entries 1..7 all name VM_KERNEL_STACK */
    VM_LDT = 0x4000,          /* one page, empty; LDTR is null */
    VM_HANDLERS = 0x5000,     /* vector v: HLT at VM_HANDLERS + v (real mode: 0:VM_HANDLERS + v) */
    VM_KERNEL_STACK = 0x8000, /* its top: where an interrupt from CPL 3 pushes */
    VM_TABLES = 0x10000,      /* page tables */
    VM_RAM = 16 << 20,
    /* The workplace of 16-bit segments: CS = 0x2000, DS = ES = 0x3000, SS = 0x4000, and of the others */
    VM_CODE16 = 0x20000,
    VM_DATA16 = 0x30000,
    VM_STACK16 = 0x40000,
    VM_CODE32 = 0x200000,
    VM_DATA32 = 0x210000,
    VM_STACK32 = 0x220000,
    VM_CODE_SIZE = 0x2000,
    VM_DATA_SIZE = 0x4000,
    VM_STACK_SIZE = 0x2000,
};

/* Selectors in the GDT, RPL included. */
enum {
    VM_SEL_CODE64 = 0x08,
    VM_SEL_DATA = 0x10,
    VM_SEL_CODE32 = 0x18,
    VM_SEL_CODE16 = 0x20,
    VM_SEL_USER_DATA = 0x2b,
    VM_SEL_USER_CODE64 = 0x33,
    VM_SEL_USER_CODE32 = 0x3b,
    VM_SEL_USER_CODE16 = 0x43,
    VM_SEL_DATA16 = 0x48,
    VM_SEL_USER_DATA16 = 0x53,
    VM_SEL_TSS = 0x60,
    VM_SEL_SPARE = 0x70, /* two free entries */
};

struct vm_page;

struct vm {
    enum vm_mode mode;
    struct phys *phys;
    struct bus *io;
    struct cpu *cpu;
    u64 code, data,
        stack; /* linear: first byte of the code, first of the data, the stack pointer's start in mid-page */
    struct cpu_state start; /* what vm_reset brings back; change it freely. RIP is at vm->code */

    /* Of the last vm_run: */
    bool raised; /* an exception or interrupt came; the first one is below */
    struct cpu_event event;
    struct cpu_event last; /* the last one: another if the first could not be delivered (an INT n its gate refuses) */
    struct cpu_state at_event; /* before delivery: registers as the handler's frame will show them */
    struct access access;      /* if it was a page fault, */
    u64 la;                    /* its access and address */
    unsigned events;           /* how many came, those of delivery included */
    bool keep_going;           /* do not stop after the first delivery: the handler (HLT) runs */

    struct vm_page *pages; /* the snapshot */
    unsigned page_count;
};

/* NULL model is "max". A test that cannot have its machine cannot go on: prints why and aborts. */
struct vm *vm_create(enum vm_mode, const char *model);
void vm_destroy(struct vm *);

/* Registers back to vm->start at this privilege level (0 or 3; 3 in V86, 0 in real mode whatever is asked). */
void vm_reset(struct vm *);
void vm_set_cpl(struct vm *, unsigned cpl);

/* Lay code at vm->code. */
void vm_code(struct vm *, const u8 *bytes, unsigned size);
/* Memory by physical address; the processor is told. */
void vm_write(struct vm *, u64 pa, const void *from, size_t size);
void vm_read(struct vm *, u64 pa, void *to, size_t size);
void vm_write32(struct vm *, u64 pa, u32 value);
void vm_write64(struct vm *, u64 pa, u64 value);
u32 vm_read32(struct vm *, u64 pa);
u64 vm_read64(struct vm *, u64 pa);

/* Run n instructions. Stops sooner after an exception is delivered, unless keep_going. */
enum cpu_stop vm_run(struct vm *, u64 n);

/* Page tables: the leaf entry of a linear address, read and written (and its translation dropped). Only in modes with
 * paging. */
bool vm_paged(const struct vm *);
u64 vm_pte_at(const struct vm *, u64 la); /* physical address of the entry */
u64 vm_pte(struct vm *, u64 la);
void vm_set_pte(struct vm *, u64 la, u64 entry);

/* A descriptor in the GDT, in the layout of struct cpu_segment's attributes; limit in bytes. */
void vm_set_descriptor(struct vm *, unsigned selector, u64 base, u32 limit, u16 attributes);

/* Remember the tables, code, data and stack; put back what has changed of them since. Neither is about registers. */
void vm_snapshot(struct vm *);
void vm_restore(struct vm *);

const char *vm_mode_name(enum vm_mode);

#endif
