/* SPDX-License-Identifier: MIT */
/* The stage of the restart test: contexts, descriptor and page tables, state in and out. */
#include "tests/atomic/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/control.h"
#include "cpu/segment.h"

const struct context contexts[] = {
    {"prot32 flat, CPL 0", CTX_32, 0, true, false},
    {"prot32 flat, CPL 3", CTX_32, 3, true, false},
    {"prot32 segments, CPL 0", CTX_32, 0, false, true},
    {"prot32 segments, CPL 3", CTX_32, 3, false, true},
    {"PAE flat, CPL 0", CTX_PAE, 0, true, true},
    {"PAE flat, CPL 3", CTX_PAE, 3, true, false},
    {"long64, CPL 0", CTX_64, 0, true, false},
    {"long64, CPL 3", CTX_64, 3, true, true},
    {"compatibility, CPL 0", CTX_COMPAT, 0, false, true},
    {"compatibility, CPL 3", CTX_COMPAT, 3, true, false},
    {"prot16 segments, CPL 0", CTX_16, 0, false, false},
    {"prot16 segments, CPL 3", CTX_16, 3, false, false},
};
const unsigned context_count = sizeof(contexts) / sizeof(contexts[0]);

static const char *const page_names[PAGES] = {
    "code",
    "code tail",
    "target",
    "outer code",
    "data",
    "data, second page",
    "destination",
    "destination, second page",
    "stack, lower page",
    "stack, upper page",
    "frame",
    "frame, second page",
    "kernel stack",
    "outer stack",
    "handler",
    "IDT",
    "LDT",
    "GDT",
    "GDT, second page",
    "TSS",
    "TSS, second page",
    "new TSS",
    "new TSS, second page",
};
const char *page_name(unsigned page) { return page_names[page]; }

bool page_is_code(unsigned page) { return page <= PG_OUTER || page == PG_HANDLER; }
bool page_is_system(unsigned page) { return page >= PG_KERNEL_STACK && page != PG_OUTER_STACK && page != PG_HANDLER; }

bool page_is_user(const struct rig *r, unsigned page)
{
    if (page == PG_OUTER || page == PG_OUTER_STACK)
        return true;
    return r->ctx->cpl == 3 && page < PG_KERNEL_STACK;
}

/* The start image. */

void rig_put(struct rig *r, u64 linear, const void *from, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        int page = page_of(linear + i);
        if (page < 0)
            abort();
        r->memory[page][(linear + i) % PAGE_SIZE] = ((const u8 *)from)[i];
    }
}

void rig_put_value(struct rig *r, u64 linear, u64 value, unsigned width) { rig_put(r, linear, &value, width); }

static void put_descriptor(struct rig *r, unsigned index, u64 base, u32 limit, u16 attributes)
{
    u64 d = (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56 | (u64)(attributes & 0xff) << 40 |
            (u64)(attributes & 0xf000) << 40;
    if (attributes & ATTR_G)
        limit >>= 12;
    d |= (limit & 0xffff) | (u64)(limit >> 16 & 0xf) << 48;
    rig_put_value(r, r->gdt + index * 8, d, 8);
}

enum {
    CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_WRITABLE | ATTR_ACCESSED,
    DATA = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_DB,
    BIG = 0xffffffff,
};

static void put_segments(struct rig *r)
{
    u16 dpl = (u16)(r->ctx->cpl << 5), code = (u16)(is_long(r->ctx) ? CODE | ATTR_L : CODE | ATTR_DB), big = ATTR_G;
    u16 test_code = (u16)(r->ctx->mode == CTX_16 ? CODE : r->ctx->mode == CTX_COMPAT ? CODE | ATTR_DB : code);
    u16 test_stack = (u16)(r->ctx->mode == CTX_16 ? DATA & ~ATTR_DB : DATA);
    u32 limit = r->ctx->flat ? BIG : 0x3ffff;
    u16 g = r->ctx->flat ? ATTR_G : 0;
    put_descriptor(r, D_KCODE, 0, BIG, code | big);
    put_descriptor(r, D_KDATA, 0, BIG, DATA | big);
    put_descriptor(r, D_ODATA, 0, BIG, DATA | ATTR_DPL | big);
    put_descriptor(r, D_OCODE, 0, BIG, code | ATTR_DPL | big);
    put_descriptor(r, D_TCODE, r->base[SEG_CS], limit, test_code | dpl | g);
    put_descriptor(r, D_TDATA, r->base[SEG_DS], limit, DATA | dpl | g);
    put_descriptor(r, D_TSTACK, r->base[SEG_SS], limit, test_stack | dpl | g);
    put_descriptor(r, D_TEXTRA, r->base[SEG_ES], limit, DATA | dpl | g);
    put_descriptor(r, D_SPARE_DATA, 0, BIG, (u16)((DATA & ~ATTR_ACCESSED) | dpl | big));
    put_descriptor(r, D_SPARE_CODE, r->base[SEG_CS], limit, (u16)((test_code & ~ATTR_ACCESSED) | dpl | g));
}

static void put_gate(struct rig *r, u64 at, u64 offset, u16 selector, unsigned type, unsigned ist)
{
    u64 gate = (offset & 0xffff) | (u64)selector << 16 | (u64)ist << 32 | (u64)(0xe0 | type) << 40 |
               (offset >> 16 & 0xffff) << 48;
    rig_put_value(r, at, gate, 8);
    if (is_long(r->ctx))
        rig_put_value(r, at + 8, offset >> 32, 8);
}

static void put_system(struct rig *r)
{
    u64 stack = AT(PG_KERNEL_STACK);
    put_segments(r);
    put_descriptor(r, D_TSS, r->tss, 0x168, ATTR_P | 0xb);
    put_descriptor(r, D_TASK, r->task, 0x68, ATTR_P | 0x9);
    put_descriptor(r, D_LDT, AT(PG_LDT), 0xff, ATTR_P | 2);
    put_gate(r, r->gdt + D_GATE * 8, AT(PG_HANDLER) + 0x800, SELECTOR(D_KCODE, 0), SYS_CALL,
             is_long(r->ctx) ? 0 : 2); /* two parameters */
    if (!is_long(r->ctx))
        put_gate(r, r->gdt + D_TASK_GATE * 8, 0, SELECTOR(D_TASK, 0), SYS_TASK, 0);
    if (is_long(r->ctx)) {
        rig_put_value(r, r->tss + 4, stack + 0xff0, 8);
        rig_put_value(r, r->tss + 36, stack + 0x800, 8);
        rig_put_value(r, r->tss + 102, 0x68, 2);
    } else {
        rig_put_value(r, r->tss + 4, stack + 0xff0, 4);
        rig_put_value(r, r->tss + 8, SELECTOR(D_KDATA, 0), 4);
        rig_put_value(r, r->tss + 102, 0x68, 2);
    }
    for (unsigned v = 0; v < 256 && v * (is_long(r->ctx) ? 16 : 8) < PAGE_SIZE; v++)
        put_gate(r, AT(PG_IDT) + v * (is_long(r->ctx) ? 16 : 8), AT(PG_HANDLER) + (v == 14 ? 0 : 0x400),
                 SELECTOR(D_KCODE, 0), SYS_INT, v == 14 && is_long(r->ctx));
}

/* Drop the error code and return. */
static const u8 handler32[] = {0x83, 0xc4, 0x04, 0xcf}, handler64[] = {0x48, 0x83, 0xc4, 0x08, 0x48, 0xcf};

void rig_blank(struct rig *r)
{
    u32 noise = 12345;
    memset(r->memory, 0, sizeof(r->memory));
    for (unsigned page = 0; page < PG_KERNEL_STACK; page++)
        for (unsigned i = 0; i < PAGE_SIZE; i++)
            r->memory[page][i] = page_is_code(page) ? 0xf1 : (u8)((noise = noise * 1103515245 + 12345) >> 16);
    memset(r->memory[PG_HANDLER], 0xf1, PAGE_SIZE);
    if (is_long(r->ctx))
        rig_put(r, AT(PG_HANDLER), handler64, sizeof(handler64));
    else
        rig_put(r, AT(PG_HANDLER), handler32, sizeof(handler32));
    put_system(r);
}

/* Page tables. */

static unsigned entry_size(const struct rig *r) { return has_wide_entries(r->ctx) ? 8 : 4; }
static u64 entry_at(const struct rig *r, unsigned page) { return TABLE_LEAF + (AT(page) >> 12) * entry_size(r); }

u64 rig_pte(struct rig *r, unsigned page) { return phys_read(r->phys, entry_at(r, page), entry_size(r)); }
void rig_set_pte(struct rig *r, unsigned page, u64 entry)
{
    phys_write(r->phys, entry_at(r, page), entry, entry_size(r));
}

void rig_map(struct rig *r, bool accessed_dirty)
{
    for (unsigned page = 0; page < PAGES; page++) {
        u64 entry =
            (FRAME_BASE + (u64)(PAGES - 1 - page) * PAGE_SIZE) | PTE_P | PTE_W | (page_is_user(r, page) ? PTE_U : 0);
        rig_set_pte(r, page, entry | (accessed_dirty ? PTE_A | PTE_D : 0));
    }
}

static void make_tables(struct rig *r)
{
    u64 upper = PTE_P | PTE_W | PTE_U | PTE_A;
    if (r->ctx->mode == CTX_32 || r->ctx->mode == CTX_16) {
        phys_write(r->phys, TABLE_ROOT, TABLE_LEAF | upper, 4);
    } else if (r->ctx->mode == CTX_PAE) {
        phys_write(r->phys, TABLE_ROOT, TABLE_MIDDLE | PTE_P, 8);
        phys_write(r->phys, TABLE_MIDDLE, TABLE_LEAF | upper, 8);
    } else {
        phys_write(r->phys, TABLE_ROOT, TABLE_MIDDLE | upper, 8);
        phys_write(r->phys, TABLE_MIDDLE, (TABLE_MIDDLE + 0x1000) | upper, 8);
        phys_write(r->phys, TABLE_MIDDLE + 0x1000, TABLE_LEAF | upper, 8);
    }
}

/* Registers. */

void arch_take(const struct cpu *c, struct arch *a)
{
    memcpy(a->gpr, c->gpr, sizeof(a->gpr));
    a->rip = c->rip, a->rflags = flags_get(c);
    memcpy(a->seg, c->seg, sizeof(a->seg));
    a->cpl = c->cpl, a->shadow = c->shadow, a->gdt = c->gdt, a->idt = c->idt;
    a->cr0 = c->cr0, a->cr2 = c->cr2, a->cr3 = c->cr3, a->cr4 = c->cr4, a->cr8 = c->cr8, a->efer = c->efer,
    a->xcr0 = c->xcr0;
    memcpy(a->dr, c->dr, sizeof(a->dr));
    a->pkru = c->pkru, a->mxcsr = c->mxcsr, a->paging = c->paging, a->x87 = c->x87;
    memcpy(a->msr, &c->star, sizeof(a->msr));
    memcpy(a->xmm, c->xmm, sizeof(a->xmm));
    memcpy(a->rng, c->rng, sizeof(a->rng));
}

/* All but the translation caches, which stay as they are. */
void arch_give(struct cpu *c, const struct arch *a)
{
    memcpy(c->gpr, a->gpr, sizeof(a->gpr));
    memcpy(c->seg, a->seg, sizeof(a->seg));
    c->rip = a->rip, c->cpl = a->cpl, c->gdt = a->gdt, c->idt = a->idt;
    c->cr0 = a->cr0, c->cr2 = a->cr2, c->cr3 = a->cr3, c->cr4 = a->cr4, c->cr8 = a->cr8, c->efer = a->efer,
    c->xcr0 = a->xcr0;
    memcpy(c->dr, a->dr, sizeof(a->dr));
    c->pkru = a->pkru, c->mxcsr = a->mxcsr, c->paging = a->paging, c->x87 = a->x87;
    memcpy(&c->star, a->msr, sizeof(a->msr));
    memcpy(c->xmm, a->xmm, sizeof(a->xmm));
    memcpy(c->rng, a->rng, sizeof(a->rng));
    flags_set(c, a->rflags);
    c->halted = c->shutdown = c->raised = c->resumed = c->switched = c->nmi_pending = c->nmi_blocked =
        c->monitor_armed = false;
    c->dr6_pending = 0, c->delivering = -1, c->op = NULL, c->patch = NULL, c->bounce.active = false;
    c->shadow = a->shadow;
    paging_refresh(c);
    cpu_refresh(c);
}

static bool segments_differ(const struct segment *a, const struct segment *b)
{
    return a->base != b->base || a->limit != b->limit || a->selector != b->selector || a->attributes != b->attributes;
}

static bool x87_differ(const struct x87 *a, const struct x87 *b)
{
    for (unsigned i = 0; i < 8; i++)
        if (a->r[i].mantissa != b->r[i].mantissa || a->r[i].exponent != b->r[i].exponent)
            return true;
    return a->control != b->control || a->status != b->status || a->tag != b->tag || a->fop != b->fop ||
           a->fcs != b->fcs || a->fds != b->fds || a->fip != b->fip || a->fdp != b->fdp;
}

const char *arch_differs(const struct arch *a, const struct arch *b)
{
    static const char *const registers[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                            "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    static const char *const segments[] = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};
    for (unsigned i = 0; i < 16; i++)
        if (a->gpr[i] != b->gpr[i])
            return registers[i];
    for (unsigned i = 0; i < SEG_COUNT; i++)
        if (segments_differ(&a->seg[i], &b->seg[i]))
            return segments[i];
    if (a->rip != b->rip)
        return "RIP";
    if ((a->rflags ^ b->rflags) & ~FLAG_RF)
        return "RFLAGS";
    if (a->cpl != b->cpl)
        return "CPL";
    if (a->gdt.base != b->gdt.base || a->gdt.limit != b->gdt.limit || a->idt.base != b->idt.base ||
        a->idt.limit != b->idt.limit)
        return "GDTR or IDTR";
    if (a->cr0 != b->cr0 || a->cr3 != b->cr3 || a->cr4 != b->cr4 || a->cr8 != b->cr8 || a->efer != b->efer ||
        a->xcr0 != b->xcr0 || a->pkru != b->pkru)
        return "control registers";
    if (memcmp(a->dr, b->dr, sizeof(a->dr)))
        return "debug registers";
    if (memcmp(a->msr, b->msr, sizeof(a->msr)))
        return "MSRs";
    if (x87_differ(&a->x87, &b->x87))
        return "x87";
    if (memcmp(a->xmm, b->xmm, sizeof(a->xmm)) || a->mxcsr != b->mxcsr)
        return "SSE";
    return NULL;
}

static void set_segment(struct rig *r, unsigned seg, unsigned index, unsigned rpl)
{
    u64 d = 0;
    for (unsigned i = 0; i < 8; i++) {
        u64 at = r->gdt + index * 8 + i;
        d |= (u64)r->memory[page_of(at)][at % PAGE_SIZE] << (8 * i);
    }
    struct segment *s = &r->start.seg[seg];
    s->selector = SELECTOR(index, rpl);
    s->attributes = (u16)(d >> 40 & 0xf0ff);
    s->limit = (u32)((d & 0xffff) | (d >> 32 & 0xf0000));
    if (s->attributes & ATTR_G)
        s->limit = s->limit << 12 | 0xfff;
    s->base = (d >> 16 & 0xffffff) | (d >> 56 << 24);
}

static void start_fpu(struct arch *a)
{
    a->x87.control = 0x37f;
    a->x87.status = 4 << 11; /* four registers in use, four free */
    a->x87.tag = 0x00ff;
    for (unsigned i = 4; i < 8; i++) {
        a->x87.r[i].mantissa = 0xc000000000000000 + i * 0x123456789ab;
        a->x87.r[i].exponent = (u16)(0x3ffe + i);
    }
    for (unsigned i = 0; i < 16; i++)
        for (unsigned j = 0; j < 4; j++)
            a->xmm[i].d[j] = 0x3f812345 + (i << 20) + (j << 18) + i * j;
    a->mxcsr = 0x1f80;
}

static void start_state(struct rig *r)
{
    struct arch *a = &r->start;
    unsigned cpl = r->ctx->cpl;
    arch_take(r->cpu, a);
    set_segment(r, SEG_CS, D_TCODE, cpl);
    set_segment(r, SEG_SS, D_TSTACK, cpl);
    set_segment(r, SEG_DS, D_TDATA, cpl);
    set_segment(r, SEG_ES, D_TEXTRA, cpl);
    set_segment(r, SEG_FS, D_TDATA, cpl);
    set_segment(r, SEG_GS, D_TEXTRA, cpl);
    set_segment(r, SEG_TR, D_TSS, 0);
    a->seg[SEG_FS].base = r->base[SEG_FS];
    a->seg[SEG_LDTR] = (struct segment){.selector = 0};
    a->cpl = (u8)cpl;
    a->gdt = (struct table_register){r->gdt, D_COUNT * 8 + 7};
    a->idt = (struct table_register){AT(PG_IDT), PAGE_SIZE - 1};
    a->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
    a->cr3 = TABLE_ROOT;
    a->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    a->xcr0 = 3;
    if (r->ctx->mode == CTX_PAE)
        a->cr4 |= CR4_PAE, a->efer = EFER_NXE;
    if (is_long(r->ctx))
        a->cr4 |= CR4_PAE | CR4_SMEP | CR4_SMAP | CR4_FSGSBASE | CR4_PKE,
            a->efer = EFER_NXE | EFER_LME | EFER_LMA | EFER_SCE;
    if (r->ctx->mode == CTX_PAE)
        a->paging.pdpte[0] = TABLE_MIDDLE | PTE_P;
    start_fpu(a);
}

bool rig_open(struct rig *r, const struct context *ctx)
{
    char why[200] = "";
    *r = (struct rig){.ctx = ctx};
    r->phys = phys_create(2 << 20);
    r->io = bus_create(0xff);
    struct cpu_config config = {.phys = r->phys, .io = r->io, .model = "max,phys-bits=40", .seed = 1};
    r->cpu = r->phys && r->io ? cpu_create(&config, why, sizeof(why)) : NULL;
    if (!r->cpu) {
        fprintf(stderr, "no processor: %s\n", why);
        return false;
    }
    r->frames = phys_page_write(r->phys, FRAME_BASE);
    r->gdt = ctx->split ? AT(PG_GDT1) - (D_SPARE_DATA * 8 + 4) : AT(PG_GDT0) + 0x100;
    r->tss = ctx->split ? AT(PG_TSS1) - 0x68 : AT(PG_TSS0) + 0x100;
    r->task = ctx->split ? AT(PG_TASK1) - 0x2a : AT(PG_TASK0) + 0x100;
    if (!ctx->flat)
        r->base[SEG_CS] = 0x1000, r->base[SEG_DS] = 0x800, r->base[SEG_ES] = r->base[SEG_GS] = 0x400,
        r->base[SEG_SS] = 0xc00;
    r->base[SEG_FS] = 0x600;
    make_tables(r);
    rig_blank(r);
    start_state(r);
    return true;
}

void rig_close(struct rig *r)
{
    cpu_destroy(r->cpu);
    bus_destroy(r->io);
    phys_destroy(r->phys);
}
