/* SPDX-License-Identifier: MIT */
#include "tests/support/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/state.h"

struct vm_page {
    u64 pa;
    u8 bytes[PAGE_SIZE];
};

const char *vm_mode_name(enum vm_mode mode)
{
    static const char *const names[] = {"real16",       "v86", "prot16-flat", "prot32-flat",
                                        "prot32-paged", "pae", "long64",      "compat32"};
    return names[mode];
}

/* Memory. */

void vm_write(struct vm *vm, u64 pa, const void *from, size_t size) { phys_copy_in(vm->phys, pa, from, size); }

void vm_read(struct vm *vm, u64 pa, void *to, size_t size) { phys_copy_out(vm->phys, pa, to, size); }

void vm_write32(struct vm *vm, u64 pa, u32 value) { phys_write(vm->phys, pa, value, 4); }
void vm_write64(struct vm *vm, u64 pa, u64 value) { phys_write(vm->phys, pa, value, 8); }
u32 vm_read32(struct vm *vm, u64 pa) { return (u32)phys_read(vm->phys, pa, 4); }
u64 vm_read64(struct vm *vm, u64 pa) { return phys_read(vm->phys, pa, 8); }

void vm_code(struct vm *vm, const u8 *bytes, unsigned size) { vm_write(vm, vm->code, bytes, size); }

/* Descriptor tables. */

static bool long_mode(const struct vm *vm) { return vm->mode == VM_LONG64 || vm->mode == VM_COMPAT32; }

static bool sixteen(const struct vm *vm) { return vm->mode == VM_REAL16 || vm->mode == VM_V86; }

void vm_set_descriptor(struct vm *vm, unsigned selector, u64 base, u32 limit, u16 attributes)
{
    u64 field = attributes & ATTR_G ? limit >> 12 : limit;
    u64 low = (field & 0xffff) | (base & 0xffffff) << 16 | (u64)(attributes & 0xff) << 40 | (field >> 16 & 15) << 48 |
              (u64)(attributes & 0xf000) << 40 | (base >> 24 & 0xff) << 56;
    vm_write64(vm, VM_GDT + (selector & ~7u), low);
    if (long_mode(vm) && !(attributes & ATTR_S))
        vm_write64(vm, VM_GDT + (selector & ~7u) + 8, base >> 32);
}

enum {
    CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G,
    DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G,
    USER = ATTR_DPL,
};

static void make_gdt(struct vm *vm)
{
    static const struct {
        u8 selector;
        u16 attributes;
    } flat[] = {
        {VM_SEL_CODE64, CODE | ATTR_L},
        {VM_SEL_DATA, DATA | ATTR_DB},
        {VM_SEL_CODE32, CODE | ATTR_DB},
        {VM_SEL_CODE16, CODE},
        {VM_SEL_USER_DATA, DATA | ATTR_DB | USER},
        {VM_SEL_USER_CODE64, CODE | ATTR_L | USER},
        {VM_SEL_USER_CODE32, CODE | ATTR_DB | USER},
        {VM_SEL_USER_CODE16, CODE | USER},
        {VM_SEL_DATA16, DATA},
        {VM_SEL_USER_DATA16, DATA | USER},
    };
    for (unsigned i = 0; i < sizeof(flat) / sizeof(flat[0]); i++)
        vm_set_descriptor(vm, flat[i].selector, 0, 0xffffffff, flat[i].attributes);
    vm_set_descriptor(vm, VM_SEL_TSS, VM_TSS, 0x67, ATTR_P | 0xb);
}

static void make_idt(struct vm *vm)
{
    u64 selector = long_mode(vm) ? VM_SEL_CODE64 : VM_SEL_CODE32;
    for (unsigned v = 0; v < 256; v++) {
        u64 handler = VM_HANDLERS + v,
            gate = (handler & 0xffff) | selector << 16 | 0xee00ull << 32 | (handler >> 16) << 48;
        if (vm->mode == VM_REAL16) {
            vm_write32(vm, 4 * v, (u32)handler);
        } else if (long_mode(vm)) {
            vm_write64(vm, VM_IDT + 16 * v, gate);
            vm_write64(vm, VM_IDT + 16 * v + 8, 0);
        } else {
            vm_write64(vm, VM_IDT + 8 * v, gate);
        }
    }
    phys_fill(vm->phys, VM_HANDLERS, 0xf4, 256);
}

static void make_tss(struct vm *vm)
{
    if (long_mode(vm)) {
        vm_write64(vm, VM_TSS + 4, VM_KERNEL_STACK);
        for (unsigned i = 0; i < 7; i++)
            vm_write64(vm, VM_TSS + 36 + 8 * i, VM_KERNEL_STACK);
    } else {
        vm_write32(vm, VM_TSS + 4, VM_KERNEL_STACK);
        vm_write32(vm, VM_TSS + 8, VM_SEL_DATA);
    }
    vm_write32(vm, VM_TSS + 100, 0x68 << 16); /* no I/O bitmap */
}

/* Page tables: everything mapped onto itself. The leaf tables start at VM_TABLES + 0x4000, the roots are before them.
 */

enum { LEAVES = VM_TABLES + 0x4000, ENTRY = 7 };

bool vm_paged(const struct vm *vm) { return vm->mode == VM_V86 || vm->mode >= VM_PROT32_PAGED; }

static unsigned entry_size(const struct vm *vm) { return vm->mode == VM_V86 || vm->mode == VM_PROT32_PAGED ? 4 : 8; }

u64 vm_pte_at(const struct vm *vm, u64 la) { return LEAVES + (la >> 12) * entry_size(vm); }

u64 vm_pte(struct vm *vm, u64 la) { return phys_read(vm->phys, vm_pte_at(vm, la), entry_size(vm)); }

void vm_set_pte(struct vm *vm, u64 la, u64 entry)
{
    phys_write(vm->phys, vm_pte_at(vm, la), entry, entry_size(vm));
    tlb_invalidate_page(vm->cpu, la);
}

static void make_tables(struct vm *vm)
{
    unsigned size = entry_size(vm), leaves = VM_RAM / PAGE_SIZE * size / PAGE_SIZE;
    for (u64 page = 0; page < VM_RAM; page += PAGE_SIZE)
        phys_write(vm->phys, vm_pte_at(vm, page), page | ENTRY, size);
    u64 directory = VM_TABLES + (size == 4 ? 0 : 0x2000);
    for (unsigned i = 0; i < leaves; i++)
        phys_write(vm->phys, directory + i * size, (LEAVES + i * PAGE_SIZE) | ENTRY, size);
    if (vm->mode == VM_PAE)
        vm_write64(vm, VM_TABLES, directory | 1);
    if (long_mode(vm)) {
        vm_write64(vm, VM_TABLES, (VM_TABLES + 0x1000) | ENTRY);
        vm_write64(vm, VM_TABLES + 0x1000, directory | ENTRY);
    }
}

/* Registers. */

static struct cpu_segment flat_segment(u16 selector, u16 attributes)
{
    return (struct cpu_segment){.selector = selector, .attributes = attributes, .limit = 0xffffffff};
}

static void set_segments16(struct vm *vm)
{
    static const u16 selector[] = {VM_DATA16 >> 4, VM_CODE16 >> 4, VM_STACK16 >> 4,
                                   VM_DATA16 >> 4, VM_DATA16 >> 4, VM_DATA16 >> 4};
    u16 attributes = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | (vm->mode == VM_V86 ? ATTR_DPL : 0);
    for (unsigned i = 0; i < 6; i++)
        vm->start.seg[i] = (struct cpu_segment){
            .selector = selector[i], .attributes = attributes, .limit = 0xffff, .base = (u64)selector[i] << 4};
}

void vm_set_cpl(struct vm *vm, unsigned cpl)
{
    struct cpu_state *s = &vm->start;
    bool wide = vm->mode == VM_LONG64, narrow = vm->mode == VM_PROT16_FLAT, user = cpl == 3;
    u16 dpl = user ? USER : 0;
    if (sixteen(vm)) {
        set_segments16(vm);
        return;
    }
    if (wide)
        s->seg[SEG_CS] = flat_segment(user ? VM_SEL_USER_CODE64 : VM_SEL_CODE64, CODE | ATTR_L | dpl);
    else if (narrow)
        s->seg[SEG_CS] = flat_segment(user ? VM_SEL_USER_CODE16 : VM_SEL_CODE16, CODE | dpl);
    else
        s->seg[SEG_CS] = flat_segment(user ? VM_SEL_USER_CODE32 : VM_SEL_CODE32, CODE | ATTR_DB | dpl);
    s->seg[SEG_SS] = narrow ? flat_segment(user ? VM_SEL_USER_DATA16 : VM_SEL_DATA16, DATA | dpl)
                            : flat_segment(user ? VM_SEL_USER_DATA : VM_SEL_DATA, DATA | ATTR_DB | dpl);
    for (unsigned i = SEG_DS; i <= SEG_GS; i++)
        s->seg[i] = flat_segment(user ? VM_SEL_USER_DATA : VM_SEL_DATA, DATA | ATTR_DB | dpl);
    s->seg[SEG_ES] = s->seg[SEG_DS];
}

static void set_control(struct vm *vm)
{
    struct cpu_state *s = &vm->start;
    const struct features *f = &vm->cpu->features;
    s->cr0 = CR0_ET | CR0_NE | CR0_MP | (vm->mode == VM_REAL16 ? 0 : CR0_PE | CR0_WP) | (vm_paged(vm) ? CR0_PG : 0);
    s->cr4 = (vm->mode == VM_PAE || long_mode(vm) ? CR4_PAE : 0) |
             (has_feature(f, FEAT_SSE) ? CR4_OSFXSR | CR4_OSXMMEXCPT : 0);
    if (has_feature(f, FEAT_XSAVE))
        s->cr4 |= CR4_OSXSAVE, s->xcr0 = 3;
    if (long_mode(vm))
        s->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    if (long_mode(vm) && has_feature(f, FEAT_FSGSBASE))
        s->cr4 |= CR4_FSGSBASE;
    s->cr3 = vm_paged(vm) ? VM_TABLES : 0;
    if (vm->mode == VM_PAE)
        s->pdpte[0] = vm_read64(vm, VM_TABLES);
}

static void set_start(struct vm *vm)
{
    struct cpu_state *s = &vm->start;
    cpu_get_state(vm->cpu, s);
    memset(s->gpr, 0, sizeof s->gpr);
    vm_set_cpl(vm, 0);
    set_control(vm);
    s->rflags = vm->mode == VM_V86 ? FLAG_FIXED | FLAG_IOPL | FLAG_VM : FLAG_FIXED;
    s->rip = sixteen(vm) ? 0 : VM_CODE32;
    s->gpr[REG_RSP] = sixteen(vm) ? VM_STACK_SIZE / 2 + 0x800 : vm->stack;
    if (vm->mode == VM_PROT16_FLAT) /* 16-bit registers reach the low workplace only */
        s->rip = 0xa000, s->gpr[REG_RSP] = vm->stack;
    if (vm->mode == VM_REAL16) {
        s->idt_limit = 0x3ff;
        return;
    }
    s->gdt_base = VM_GDT, s->gdt_limit = 0x7f;
    s->idt_base = VM_IDT, s->idt_limit = long_mode(vm) ? 0xfff : 0x7ff;
    s->seg[SEG_TR] =
        (struct cpu_segment){.selector = VM_SEL_TSS, .attributes = ATTR_P | 0xb, .limit = 0x67, .base = VM_TSS};
    s->seg[SEG_LDTR] = (struct cpu_segment){0};
}

void vm_reset(struct vm *vm) { cpu_set_state(vm->cpu, &vm->start); }

/* Running. */

static void on_page_fault(void *ctx, struct cpu *cpu, u64 la, unsigned width, const struct access *access,
                          const struct walk *walk, int during)
{
    struct vm *vm = ctx;
    (void)cpu, (void)width, (void)walk, (void)during;
    if (!vm->raised) {
        vm->access = *access;
        vm->la = la;
    }
}

static void on_event(void *ctx, struct cpu *cpu, const struct cpu_event *event, int during)
{
    struct vm *vm = ctx;
    (void)during;
    vm->events++;
    vm->last = *event;
    if (!vm->raised) {
        vm->raised = true;
        vm->event = *event;
        cpu_get_state(cpu, &vm->at_event);
    }
    if (!vm->keep_going)
        cpu_request_stop(cpu);
}

enum cpu_stop vm_run(struct vm *vm, u64 n)
{
    vm->raised = false;
    vm->events = 0;
    return cpu_run(vm->cpu, cpu_icount(vm->cpu) + n);
}

/* Making. */

static void set_places(struct vm *vm)
{
    bool narrow = sixteen(vm);
    vm->code = narrow ? VM_CODE16 : VM_CODE32;
    vm->data = narrow ? VM_DATA16 : VM_DATA32;
    vm->stack = (narrow ? VM_STACK16 : VM_STACK32) + VM_STACK_SIZE / 2 + 0x800;
    if (vm->mode == VM_PROT16_FLAT) {
        vm->code = 0xa000;
        vm->data = 0xc000;
        vm->stack = 0xf800;
    }
}

struct vm *vm_create(enum vm_mode mode, const char *model)
{
    char why[120] = "out of memory";
    struct vm *vm = calloc(1, sizeof *vm);
    if (vm) {
        vm->mode = mode;
        vm->phys = phys_create(VM_RAM);
        vm->io = bus_create(0xff);
        struct cpu_config config = {.phys = vm->phys, .io = vm->io, .model = model};
        vm->cpu = vm->phys && vm->io ? cpu_create(&config, why, sizeof why) : NULL;
    }
    if (!vm || !vm->cpu) {
        fprintf(stderr, "no machine (%s): %s\n", vm_mode_name(mode), why);
        abort();
    }
    set_places(vm);
    make_gdt(vm);
    make_idt(vm);
    make_tss(vm);
    if (vm_paged(vm))
        make_tables(vm);
    cpu_observe(vm->cpu, &(struct cpu_observer){.ctx = vm, .page_fault = on_page_fault, .event = on_event});
    set_start(vm);
    vm_reset(vm);
    return vm;
}

void vm_destroy(struct vm *vm)
{
    if (!vm)
        return;
    cpu_destroy(vm->cpu);
    bus_destroy(vm->io);
    phys_destroy(vm->phys);
    free(vm->pages);
    free(vm);
}

/* The snapshot. */

static void keep(struct vm *vm, u64 from, u64 size)
{
    for (u64 pa = from & PAGE_MASK; pa < from + size; pa += PAGE_SIZE) {
        struct vm_page *p = &vm->pages[vm->page_count++];
        p->pa = pa;
        vm_read(vm, pa, p->bytes, PAGE_SIZE);
    }
}

void vm_snapshot(struct vm *vm)
{
    enum { PAGES = 16 + 16 + (VM_CODE_SIZE + VM_DATA_SIZE + VM_STACK_SIZE) / PAGE_SIZE + 3 };
    if (!vm->pages && !(vm->pages = calloc(PAGES, sizeof *vm->pages)))
        abort();
    vm->page_count = 0;
    keep(vm, 0, VM_TABLES);
    if (vm_paged(vm))
        keep(vm, VM_TABLES, 0xc000);
    if (vm->mode == VM_PROT16_FLAT)
        return; /* its workplace is below VM_TABLES */
    keep(vm, vm->code & PAGE_MASK, VM_CODE_SIZE);
    keep(vm, vm->data & PAGE_MASK, VM_DATA_SIZE);
    keep(vm, (vm->stack & PAGE_MASK) - PAGE_SIZE, VM_STACK_SIZE);
}

void vm_restore(struct vm *vm)
{
    for (unsigned i = 0; i < vm->page_count; i++) {
        const struct vm_page *p = &vm->pages[i];
        const u8 *now = phys_page_read(vm->phys, p->pa);
        if (memcmp(now, p->bytes, PAGE_SIZE))
            vm_write(vm, p->pa, p->bytes, PAGE_SIZE);
    }
}
