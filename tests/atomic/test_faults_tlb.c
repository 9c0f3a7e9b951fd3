/* SPDX-License-Identifier: MIT */
/*
 * Page faults and translation caches as a guest meets them: what the walk alone, tested in tests/unit/test_walk.c,
 * cannot show. The numbers are those of FAULTS, C2 and C3.
 */
#include "cpu/tlb.h"
#include "tests/atomic/guest.h"

enum { KERNEL = 0, USER = 3 };

static u64 dirty(struct vm *vm, u64 la) { return vm_pte(vm, la) >> 6 & 1; }

/* Change a leaf entry behind the processor's back, as a guest does that forgets INVLPG. */
static void change_pte(struct vm *vm, u64 la, u64 entry)
{
    if (vm->mode == VM_V86 || vm->mode == VM_PROT32_PAGED)
        vm_write32(vm, vm_pte_at(vm, la), (u32)entry);
    else
        vm_write64(vm, vm_pte_at(vm, la), entry);
}

/* 25: the processor's own accesses at CPL 3 are supervisor accesses, and EFLAGS.AC does not lift SMAP for them. */
static void f25_implicit_accesses(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8e\xd8")); /* MOV DS, EAX */
    vm_set_cpl(vm, USER);
    vm->start.gpr[REG_RAX] = VM_SEL_USER_DATA;
    vm_set_pte(vm, VM_GDT, VM_GDT | 3); /* supervisor */
    guest_run(vm, 1);
    expect_nothing_raised("25: descriptor on a supervisor page", vm);
    vm_set_pte(vm, VM_GDT, 0);
    guest_run(vm, 1);
    expect("25: descriptor on a missing page: U = 0", vm->access.user && vm->event.error & PF_U, 0);
    vm_destroy(vm);

    vm = guest(VM_LONG64, CODE("\x8e\xd8"));
    vm->start.cr4 |= CR4_SMAP;
    vm->start.rflags |= FLAG_AC;
    vm->start.gpr[REG_RAX] = VM_SEL_DATA;
    for (u64 page = 0; page < 0x400000; page += PAGE_SIZE) /* all supervisor pages but the GDT */
        if (page != VM_GDT)
            vm_set_pte(vm, page, page | 3);
    guest_run(vm, 1);
    expect_page_fault("25: descriptor on a user page under SMAP", vm, 1, VM_GDT + VM_SEL_DATA, 0);
    vm_destroy(vm);
}

/* 26: CR0.WP decides for the accessed bit of a descriptor and the busy bit of a TSS as for any supervisor's write. */
static void f26_implicit_writes(void)
{
    for (unsigned wp = 0; wp < 2; wp++) {
        struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8e\xd8\x0f\x00\xd9")); /* MOV DS, EAX; LTR ECX */
        vm->start.gpr[REG_RAX] = VM_SEL_SPARE, vm->start.gpr[REG_RCX] = VM_SEL_SPARE + 8;
        vm_set_descriptor(vm, VM_SEL_SPARE, 0, 0xffffffff, ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_DB | ATTR_G);
        vm_set_descriptor(vm, VM_SEL_SPARE + 8, VM_TSS, 0x67, ATTR_P | 9);
        vm_set_pte(vm, VM_GDT, VM_GDT | 1);
        if (!wp)
            vm->start.cr0 &= ~CR0_WP;
        guest_run(vm, 2);
        if (wp) {
            expect_page_fault("26: accessed bit, WP = 1", vm, 3, VM_GDT + VM_SEL_SPARE + 5, 0);
        } else {
            expect_nothing_raised("26: accessed and busy bits, WP = 0", vm);
            expect("26: accessed bit", vm_read64(vm, VM_GDT + VM_SEL_SPARE) >> 40 & 1, 1);
            expect("26: busy bit", vm_read64(vm, VM_GDT + VM_SEL_SPARE + 8) >> 41 & 1, 1);
            expect("26: dirty", dirty(vm, VM_GDT), 1);
        }
        vm_destroy(vm);
    }
}

/* 31: PDPTEs are read when CR3 is loaded, checked then, used from registers afterwards, and never written. */
static void f31_pdptes(void)
{
    struct vm *vm = guest(VM_PAE, CODE("\x0f\x22\xd8\x8b\x0d\x00\x10\x21\x00")); /* MOV CR3, EAX; MOV ECX, [211000] */
    u64 pdpte = vm_read64(vm, VM_TABLES);
    vm->start.gpr[REG_RAX] = VM_TABLES;
    vm_write64(vm, VM_TABLES, pdpte | 2);
    guest_run(vm, 1);
    expect_raised("31: a reserved bit in a PDPTE", vm, 13, 0, 0);
    vm_write64(vm, VM_TABLES, pdpte);
    guest_run(vm, 1);
    vm_write64(vm, VM_TABLES, 0); /* memory no longer matters */
    vm_run(vm, 1);
    expect_nothing_raised("31: the PDPTE register stays", vm);
    expect("31: a PDPTE is not written", vm_read64(vm, VM_TABLES), 0);
    vm_destroy(vm);
}

/* 33: PAE addresses beyond 4 GiB are not cut: floating bus there, not RAM at the low half. */
static void f33_wide_physical_addresses(void)
{
    struct vm *vm = guest(VM_PAE, CODE("\x8b\x03")); /* MOV EAX, [EBX] */
    vm->start.gpr[REG_RBX] = vm->data;
    vm_write32(vm, 0x300000, 0x12345678);
    vm_set_pte(vm, vm->data, 0x100300007);
    guest_run(vm, 1);
    expect("33: beyond 4 GiB", guest_state(vm).gpr[REG_RAX], 0xffffffff);
    vm_destroy(vm);
}

/* 34: an access that straddles the canonical boundary is #GP, through SS #SS, and CR2 stays; no page is looked at. */
static void f34_canonical(void)
{
    static const struct {
        const char *what, *code;
        u8 size, vector;
    } cases[] = {
        {"34: MOV", "\x48\x8b\x03", 3, 13},    {"34: MOV through SS", "\x48\x8b\x45\x00", 4, 12},
        {"34: MOVUPS", "\x0f\x10\x03", 3, 13}, {"34: LGDT", "\x0f\x01\x13", 3, 13},
        {"34: REP STOS", "\xf3\xaa", 2, 13},   {"34: PUSH", "\x50", 1, 12},
        {"34: FXSAVE", "\x0f\xae\x03", 3, 13},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(VM_LONG64, (const u8 *)cases[i].code, cases[i].size);
        u64 la = i == 6 ? 0x800000000000 - 16 : i == 4 ? 0x800000000000 : 0x800000000000 - 4;
        vm->start.gpr[REG_RBX] = vm->start.gpr[REG_RBP] = vm->start.gpr[REG_RDI] = la;
        vm->start.gpr[REG_RCX] = 3;
        if (i == 5)
            vm->start.gpr[REG_RSP] = 0x800000000004;
        vm->start.cr2 = 0x1234;
        vm->start.idt_base = VM_IDT;
        guest_run(vm, 1);
        expect_raised(cases[i].what, vm, cases[i].vector, 0, 0);
        expect(cases[i].what, vm->at_event.cr2, 0x1234);
        vm_destroy(vm);
    }
}

/* 35: the transitions of mode that are refused. */
static void f35_transitions(void)
{
    static const struct {
        const char *what;
        enum vm_mode mode;
        u8 cr;
        u64 change;
    } cases[] = {
        {"35: LA57 in long mode", VM_LONG64, 4, CR4_LA57},          {"35: PAE off in long mode", VM_LONG64, 4, CR4_PAE},
        {"35: PG off in 64-bit code", VM_LONG64, 0, CR0_PG},        {"35: PG without PE", VM_PROT32_PAGED, 0, CR0_PE},
        {"35: PCIDE outside long mode", VM_PAE, 4, CR4_PCIDE},      {"35: NW without CD", VM_PROT32_FLAT, 0, CR0_NW},
        {"35: a CR4 bit nobody knows", VM_PROT32_FLAT, 4, BIT(31)}, {"35: CR0 bit 32", VM_LONG64, 0, BIT(32)},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vm *vm = guest(cases[i].mode, cases[i].cr ? (const u8 *)"\x0f\x22\xe0" : (const u8 *)"\x0f\x22\xc0", 3);
        vm->start.gpr[REG_RAX] = (cases[i].cr ? vm->start.cr4 : vm->start.cr0) ^ cases[i].change;
        guest_run(vm, 1);
        expect_raised(cases[i].what, vm, 13, 0, 0);
        vm_destroy(vm);
    }
    struct vm *vm = guest(VM_LONG64, CODE("\x0f\x30")); /* WRMSR */
    vm->start.gpr[REG_RCX] = 0xc0000080;
    vm->start.gpr[REG_RAX] = vm->start.efer & ~EFER_LME;
    guest_run(vm, 1);
    expect_raised("35: LME off under paging", vm, 13, 0, 0);
    vm->start.gpr[REG_RAX] = vm->start.efer;
    vm->start.gpr[REG_RDX] = 1;
    guest_run(vm, 1);
    expect_raised("35: a bit of EFER nobody knows", vm, 13, 0, 0);
    vm_destroy(vm);
}

/* 36: a refused write sets neither D nor A of the leaf; WP = 0 lets a supervisor write and sets D. */
static void f36_dirty(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x89\x03")); /* MOV [EBX], EAX */
    vm->start.gpr[REG_RBX] = vm->data;
    vm_set_pte(vm, vm->data, vm->data | 5);
    guest_run(vm, 1);
    expect_page_fault("36: write to a read-only page", vm, 3, vm->data, 0);
    expect("36: no D after a refused write", dirty(vm, vm->data), 0);
    vm->start.cr0 &= ~CR0_WP;
    guest_run(vm, 1);
    expect_nothing_raised("36: the same with WP = 0", vm);
    expect("36: D, with WP = 0", dirty(vm, vm->data), 1);
    vm_destroy(vm);
}

/*
 * 37: MOV CR0 that turns paging on or off is followed, from the very next instruction on, by fetches and accesses of
 * the new mode: it serializes. (The 80386 and 80486 run what they have prefetched; code that relies on that, not on
 * an identity map, is older than "Serializing Instructions".)
 */
static void f37_toggling_paging(void)
{
    static const u8 code[] = {0x8b, 0x0b, 0x0f, 0x22, 0xc0, 0x8b, 0x13,
                              0x0f, 0x22, 0xc6, 0x8b, 0x3b}; /* MOV ECX, [EBX]; MOV CR0, EAX; MOV EDX, [EBX]; ... */
    for (unsigned again = 0; again < 2; again++) {
        struct vm *vm = guest(VM_PROT32_PAGED, code, sizeof code);
        vm->start.gpr[REG_RBX] = vm->data;
        vm->start.gpr[REG_RAX] = vm->start.cr0 & ~CR0_PG, vm->start.gpr[REG_RSI] = vm->start.cr0;
        vm_set_pte(vm, vm->data, 0x300007);
        vm_write32(vm, 0x300000, 0x1111);
        vm_write32(vm, vm->data, 0x2222);
        guest_run(vm, again ? 100 : 1);
        if (!again)
            for (unsigned i = 0; i < 4; i++)
                vm_run(vm, 1);
        struct cpu_state s = guest_state(vm);
        expect("37: paged", s.gpr[REG_RCX], 0x1111);
        expect("37: paging off", s.gpr[REG_RDX], 0x2222);
        expect("37: paging on again", s.gpr[REG_RDI], 0x1111);
        vm_destroy(vm);
    }
    struct vm *vm = guest(VM_PROT32_FLAT, CODE("\x0f\x22\xc0\x90")); /* MOV CR0, EAX; NOP */
    struct vm *paged = vm_create(VM_PROT32_PAGED, NULL);
    static u8 tables[0x10000];
    vm_read(paged, VM_TABLES, tables, sizeof tables);
    vm_write(vm, VM_TABLES, tables, sizeof tables);
    u64 pte = vm_pte_at(paged, vm->code);
    vm_write32(vm, pte, 0);
    vm->start.cr3 = VM_TABLES;
    vm->start.gpr[REG_RAX] = vm->start.cr0 | CR0_PG;
    guest_run(vm, 2);
    expect_page_fault("37: the next fetch is of the new mode", vm, 0, vm->code + 3, 3);
    vm_destroy(vm);
    vm_destroy(paged);
}

/* 38: an entry that a read filled does not let a write pass without D. */
static void f38_read_then_write(void)
{
    for (enum vm_mode mode = VM_V86; mode < VM_MODES; mode++) {
        struct vm *vm = vm_create(mode, NULL);
        if (!vm_paged(vm)) {
            vm_destroy(vm);
            continue;
        }
        static const u8 code16[] = {0x8b, 0x07, 0x89, 0x07}; /* MOV AX, [BX]; MOV [BX], AX */
        static const u8 code32[] = {0x8b, 0x03, 0x89, 0x03};
        vm_code(vm, mode == VM_V86 ? code16 : code32, 4);
        vm->start.gpr[REG_RBX] = mode == VM_V86 ? 0 : vm->data;
        guest_run(vm, 1);
        expect("38: D after a read", dirty(vm, vm->data), 0);
        vm_run(vm, 1);
        expect("38: D after a write", dirty(vm, vm->data), 1);
        vm_destroy(vm);
    }
}

/* 39: INVLPG of any address in a large page drops every fragment of it. */
static void f39_invlpg_of_a_large_page(void)
{
    static const u8 code[] = {0x8b, 0x03, 0x8b, 0x06, 0x0f, 0x01, 0x3f, 0x8b, 0x0b, 0x8b, 0x16};
    struct vm *vm = guest(VM_PROT32_PAGED, code, sizeof code); /* read [EBX], [ESI]; INVLPG [EDI]; read both */
    u64 pde = VM_TABLES + 3 * 4;
    vm->start.cr4 |= CR4_PSE;
    vm->start.gpr[REG_RBX] = 0xc01000, vm->start.gpr[REG_RSI] = 0xd05000, vm->start.gpr[REG_RDI] = 0xe00000;
    vm_write32(vm, pde, 0x400087); /* 4 MiB at 12 MiB: to 4 MiB */
    vm_write32(vm, 0x401000, 1), vm_write32(vm, 0x505000, 2);
    vm_write32(vm, 0x801000, 3), vm_write32(vm, 0x905000, 4);
    guest_run(vm, 2);
    vm_write32(vm, pde, 0x800087);
    vm_run(vm, 3);
    expect("39: the first fragment", guest_state(vm).gpr[REG_RCX], 3);
    expect("39: the second fragment", guest_state(vm).gpr[REG_RDX], 4);
    vm_destroy(vm);
}

/*
 * 40: what must flush. In each case: read [RBX] (the TLB now knows it), the entry is taken away behind its back, the
 * instruction, read again: #PF if translations were dropped. Rights that the instruction changes come into force too.
 */
static const struct flush {
    const char *what;
    enum vm_mode mode;
    const char *code;
    u8 size;
    u64 rax, rcx, rdx; /* rax: XORed into the register that is written */
} flushes[] = {
    {"40: MOV CR3", VM_PROT32_PAGED, "\x0f\x22\xd8", 3, 0, 0, 0},
    {"40: CR4.PGE", VM_PROT32_PAGED, "\x0f\x22\xe0", 3, CR4_PGE, 0, 0},
    {"40: CR4.PSE", VM_PROT32_PAGED, "\x0f\x22\xe0", 3, CR4_PSE, 0, 0},
    {"40: CR4.SMEP", VM_LONG64, "\x0f\x22\xe0", 3, CR4_SMEP, 0, 0},
    {"40: CR4.SMAP", VM_LONG64, "\x0f\x22\xe0", 3, CR4_SMAP, 0, 0},
    {"40: CR4.PCIDE", VM_LONG64, "\x0f\x22\xe0", 3, CR4_PCIDE, 0, 0},
    {"40: CR4.PKE", VM_LONG64, "\x0f\x22\xe0", 3, CR4_PKE, 0, 0},
    {"40: CR0.WP", VM_PROT32_PAGED, "\x0f\x22\xc0", 3, CR0_WP, 0, 0},
    {"40: EFER.NXE", VM_LONG64, "\x0f\x30", 2, EFER_NXE, 0xc0000080, 0},
    {"40: INVLPG", VM_PROT32_PAGED, "\x0f\x01\x3b", 3, 0, 0, 0},
};

static void flush_case(const struct flush *f)
{
    struct vm *vm = vm_create(f->mode, NULL);
    u8 code[16] = {0x8b, 0x33}; /* MOV ESI, [EBX] */
    for (unsigned i = 0; i < f->size; i++)
        code[2 + i] = (u8)f->code[i];
    code[2 + f->size] = 0x8b, code[3 + f->size] = 0x33;
    vm_code(vm, code, sizeof code);
    struct cpu_state *s = &vm->start;
    if (f->rax & (CR4_SMEP | CR4_SMAP)) /* code and data are the kernel's */
        for (u64 page = 0; page < 0x400000; page += PAGE_SIZE)
            vm_set_pte(vm, page, page | 3);
    s->gpr[REG_RBX] = vm->data;
    s->gpr[REG_RCX] = f->rcx, s->gpr[REG_RDX] = f->rdx;
    u8 which = (u8)f->code[2];
    u64 now = f->size == 2 ? s->efer : which == 0xd8 ? s->cr3 : which == 0xe0 ? s->cr4 : s->cr0;
    s->gpr[REG_RAX] = now ^ f->rax;
    guest_run(vm, 1);
    expect_nothing_raised(f->what, vm);
    change_pte(vm, vm->data, 0);
    vm_run(vm, 1);
    expect_nothing_raised(f->what, vm);
    vm_run(vm, 1);
    expect(f->what, guest_vector(vm), 14);
    vm_destroy(vm);
}

static void f40_flushes(void)
{
    for (unsigned i = 0; i < sizeof flushes / sizeof flushes[0]; i++)
        flush_case(&flushes[i]);
}

/* 40: a leaf entry may stay in the cache until it is flushed; here it does, so that the cases above say something. */
static void f40_stays_without(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x33\x8b\x33"));
    vm->start.gpr[REG_RBX] = vm->data;
    guest_run(vm, 1);
    change_pte(vm, vm->data, 0);
    vm_run(vm, 1);
    expect_nothing_raised("40: an entry stays until it is flushed", vm);
    vm_destroy(vm);
}

/* 40, 42: WRPKRU, and XRSTOR of PKRU, are in force for the next access. */
static void f40_pkru(void)
{
    for (unsigned way = 0; way < 2; way++) {
        struct vm *vm =
            guest(VM_LONG64,
                  way ? (const u8 *)"\x8b\x33\x0f\xae\x2f\x8b\x33" : (const u8 *)"\x8b\x33\x0f\x01\xef\x8b\x33", 7);
        vm->start.cr4 |= CR4_PKE;
        vm->start.xcr0 |= 0x200;
        vm->start.gpr[REG_RBX] = vm->data, vm->start.gpr[REG_RDI] = vm->data + PAGE_SIZE;
        vm_set_pte(vm, vm->data, vm->data | 7 | 1ull << 59);
        vm->start.gpr[REG_RAX] = way ? 0x200 : 4; /* AD of key 1; or the component, with that in the image */
        vm_write64(vm, vm->data + PAGE_SIZE + 512, 0x200);
        vm_write32(vm, vm->data + PAGE_SIZE + 0xa80, 4);
        guest_run(vm, 3);
        expect_page_fault(way ? "40: XRSTOR of PKRU" : "40: WRPKRU", vm, PF_P | PF_PK, vm->data, 5);
        vm_destroy(vm);
    }
}

/* 40: with PCIDE, MOV CR3 leads to the translations of the PCID it names, which bit 63 keeps and 0 there drops. */
static void f40_pcid(void)
{
    static const u8 code[] = {0x8b, 0x33, 0x0f, 0x22, 0xd8, 0x0f, 0x22, 0xda, 0x8b, 0x33}; /* read; CR3 twice; read */
    for (unsigned keep = 0; keep < 2; keep++) {
        struct vm *vm = guest(VM_LONG64, code, sizeof code);
        vm->start.cr4 |= CR4_PCIDE;
        vm->start.gpr[REG_RBX] = vm->data;
        vm->start.gpr[REG_RAX] = VM_TABLES | 1, vm->start.gpr[REG_RDX] = VM_TABLES | (keep ? BIT(63) : 0);
        guest_run(vm, 3);
        change_pte(vm, vm->data, 0);
        vm_run(vm, 1);
        expect(keep ? "40: PCID 0 is kept" : "40: PCID 0 is dropped", guest_vector(vm), keep ? NO_EXCEPTION : 14);
        vm_destroy(vm);
    }
    struct vm *vm = guest(VM_LONG64, CODE("\x8b\x33\x0f\x22\xd8\x8b\x33"));
    vm->start.cr4 |= CR4_PCIDE;
    vm->start.gpr[REG_RBX] = vm->data, vm->start.gpr[REG_RAX] = VM_TABLES | 1;
    guest_run(vm, 2);
    change_pte(vm, vm->data, 0);
    vm_run(vm, 1);
    expect("40: PCID 1 knows nothing of PCID 0", guest_vector(vm), 14);
    vm_destroy(vm);
}

/* 41: data rights known to the TLB say nothing of fetches: NX, and SMEP after the user ran there. */
static void f41_fetch_after_data(void)
{
    struct vm *vm = guest(VM_LONG64, CODE("\x8b\x33\xff\xe3")); /* MOV ESI, [RBX]; JMP RBX */
    vm->start.gpr[REG_RBX] = vm->data;
    vm_set_pte(vm, vm->data, vm->data | 7 | PTE_XD);
    guest_run(vm, 3);
    expect_page_fault("41: NX page read before", vm, PF_P | PF_I, vm->data, vm->data - vm->code);
    vm_destroy(vm);

    /* the user runs NOP; INT 30h there; the kernel's handler jumps to it */
    vm = vm_create(VM_LONG64, NULL);
    vm_set_cpl(vm, USER);
    vm->start.cr4 |= CR4_SMEP;
    vm_write(vm, vm->code, "\x90\xcd\x30", 3);
    for (u64 page = 0; page < VM_CODE32; page += PAGE_SIZE)
        vm_set_pte(vm, page, page | 3);
    vm_write(vm, VM_HANDLERS + 0x100, "\xff\xe3", 2);
    vm_write64(vm, VM_IDT + 16 * 0x30, (VM_HANDLERS + 0x100) | (u64)VM_SEL_CODE64 << 16 | 0xee00ull << 32);
    vm->start.gpr[REG_RBX] = vm->code;
    vm->keep_going = true;
    guest_run(vm, 4);
    expect("41: SMEP after the user's fetch: vector", vm->last.vector, 14);
    expect("41: SMEP after the user's fetch: error code", vm->last.error, PF_P | PF_I);
    vm_destroy(vm);
}

/* 42: AC lifts SMAP for the accesses made while it is set, and no others. */
static void f42_smap_and_ac(void)
{
    static const u8 code[] = {0x0f, 0x01, 0xcb, 0x8b, 0x33, 0x0f, 0x01, 0xca, 0x8b, 0x33}; /* STAC; read; CLAC; read */
    for (unsigned steps = 0; steps < 2; steps++) {
        struct vm *vm = guest(VM_LONG64, code, sizeof code);
        vm->start.cr4 |= CR4_SMAP;
        vm->start.gpr[REG_RBX] = vm->data;
        for (u64 page = 0; page < 0x400000; page += PAGE_SIZE)
            if (page != vm->data)
                vm_set_pte(vm, page, page | 3);
        guest_run(vm, steps ? 3 : 100);
        if (steps)
            vm_run(vm, 1);
        expect_page_fault("42: SMAP after CLAC", vm, PF_P, vm->data, 8);
        vm_destroy(vm);
    }
}

/* 43: an instruction across two pages, whose second page is mapped anew, written, or taken away. */
static void f43_instruction_across_pages(void)
{
    struct vm *vm = vm_create(VM_PROT32_PAGED, NULL);
    u64 end = vm->code + PAGE_SIZE;
    vm_write(vm, end - 3, "\xb8\x11\x11\x22\x22\xeb\xf9",
             7); /* MOV EAX, 22221111h, two bytes on the next page; JMP back */
    vm->start.rip = end - 3;
    guest_run(vm, 100);
    expect("43: as it was", guest_state(vm).gpr[REG_RAX], 0x22221111);
    vm_write(vm, 0x300000, "\x33\x33\xeb\xf9", 4);
    vm_set_pte(vm, end, 0x300007); /* drops what INVLPG would */
    vm_run(vm, 100);
    expect("43: mapped anew", guest_state(vm).gpr[REG_RAX], 0x33331111);
    vm_write(vm, 0x300000, "\x44\x44", 2);
    vm_run(vm, 100);
    expect("43: written", guest_state(vm).gpr[REG_RAX], 0x44441111);
    vm_set_pte(vm, end, 0);
    vm_run(vm, 100);
    expect("43: taken away", guest_vector(vm), 14);
    expect("43: taken away: CR2", vm->at_event.cr2, end);
    vm_destroy(vm);
}

/* 44: the faulting access drops its own entry, whatever it was filled by; and not-present to present needs no INVLPG.
 */
static void f44_fault_drops_its_entry(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x33\x89\x33\x8b\x33")); /* read, write, read */
    vm->start.gpr[REG_RBX] = vm->data;
    vm_set_pte(vm, vm->data, vm->data | 5);
    guest_run(vm, 1);
    change_pte(vm, vm->data, 0);
    vm_run(vm, 1);
    expect_page_fault("44: write", vm, 2, vm->data, 2);
    vm->cpu->rip = vm->code + 4, vm->cpu->RSP = vm->stack;
    vm_run(vm, 1);
    expect("44: read after the write's fault", guest_vector(vm), 14);
    change_pte(vm, vm->data, vm->data | 7);
    vm->cpu->rip = vm->code;
    vm_run(vm, 3);
    expect_nothing_raised("44: present without INVLPG", vm);
    vm_destroy(vm);
}

/* 44: read-only made writable needs no INVLPG: a miss of permission walks again before it faults. */
static void f44_no_stale_permission(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x33\x89\x33"));
    vm->start.gpr[REG_RBX] = vm->data;
    vm_set_pte(vm, vm->data, vm->data | 5);
    guest_run(vm, 1);
    change_pte(vm, vm->data, vm->data | 7);
    vm_run(vm, 1);
    expect_nothing_raised("44: writable without INVLPG", vm);
    vm_destroy(vm);
}

/* 45: changes of upper levels, and of leaves not in the cache, count at the next miss without any INVLPG. */
static void f45_changes_without_invlpg(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x0b\x8b\x16"));     /* read [EBX], [ESI] */
    vm->start.gpr[REG_RBX] = 0xc00000, vm->start.gpr[REG_RSI] = 0xc01000; /* of the same page table */
    vm_write32(vm, 0x801000, 0x5678);
    guest_run(vm, 1);
    vm_write32(vm, VM_TABLES + 3 * 4, vm_read32(vm, VM_TABLES + 2 * 4)); /* the directory entry: to 8 MiB's table */
    vm_run(vm, 1);
    expect("45: the directory changed before the miss", guest_state(vm).gpr[REG_RDX], 0x5678);
    vm_destroy(vm);
}

/* 46: a table written through an alias of it. */
static void f46_tables_written(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x89\x03\x0f\x01\x3e\x8b\x16")); /* write; INVLPG [ESI]; read [ESI] */
    u64 at = vm_pte_at(vm, vm->data);
    vm_set_pte(vm, 0x300000, (at & PAGE_MASK) | 7); /* an alias of the page table */
    vm->start.gpr[REG_RBX] = 0x300000 + at % PAGE_SIZE, vm->start.gpr[REG_RSI] = vm->data;
    vm->start.gpr[REG_RAX] = 0x400007;
    vm_write32(vm, 0x400000, 0x9999);
    guest_run(vm, 3);
    expect("46: written through an alias", guest_state(vm).gpr[REG_RDX], 0x9999);
    vm_destroy(vm);
}

/* 46: the accessed bit that a walk sets in a page of decoded code. */
static void f46_accessed_bit_in_code(void)
{
    struct vm *vm = vm_create(VM_PROT32_PAGED, NULL);
    u64 entry = vm_pte_at(vm, 0x300000);
    /* MOV CL, imm8; RET, with the entry's lowest byte as the immediate: the entry is C3xx07, a page at 12 MiB. */
    vm_write32(vm, entry, 0xc3c307);
    vm_write(vm, entry - 1, "\xb1", 1);
    vm_write(vm, vm->code, "\xff\xd3\x88\xca\x8b\x06\xff\xd3\xf4",
             9); /* CALL EBX; MOV DL, CL; MOV EAX, [ESI]; CALL EBX; HLT */
    vm->start.gpr[REG_RBX] = entry - 1, vm->start.gpr[REG_RSI] = 0x300000;
    guest_run(vm, 1000); /* by traces */
    expect_nothing_raised("46: code in a page table", vm);
    expect("46: before the access", guest_state(vm).gpr[REG_RDX] & 0xff, 0x07);
    expect("46: after it", guest_state(vm).gpr[REG_RCX] & 0xff, 0x27);
    vm_destroy(vm);
}

/* 47: A20 masked or not counts at once, whatever the TLB held. */
static void f47_a20(void)
{
    struct vm *vm = guest(VM_PROT32_PAGED, CODE("\x8b\x33\x8b\x13\x8b\x0b"));
    vm->start.gpr[REG_RBX] = 0x300000;
    vm_write32(vm, 0x300000, 1), vm_write32(vm, 0x200000 + 0x100, 0);
    guest_run(vm, 1);
    cpu_set_a20(vm->cpu, false);
    /* code and tables at 2 MiB stay where they are; 3 MiB becomes 2 MiB */
    vm_run(vm, 1);
    expect("47: masked", guest_state(vm).gpr[REG_RDX], vm_read32(vm, 0x200000));
    cpu_set_a20(vm->cpu, true);
    vm_run(vm, 1);
    expect("47: not masked again", guest_state(vm).gpr[REG_RCX], 1);
    vm_destroy(vm);
}

int main(void)
{
    f25_implicit_accesses();
    f26_implicit_writes();
    f31_pdptes();
    f33_wide_physical_addresses();
    f34_canonical();
    f35_transitions();
    f36_dirty();
    f37_toggling_paging();
    f38_read_then_write();
    f39_invlpg_of_a_large_page();
    f40_flushes();
    f40_stays_without();
    f40_pkru();
    f40_pcid();
    f41_fetch_after_data();
    f42_smap_and_ac();
    f43_instruction_across_pages();
    f44_fault_drops_its_entry();
    f44_no_stale_permission();
    f45_changes_without_invlpg();
    f46_tables_written();
    f46_accessed_bit_in_code();
    f47_a20();
    return expect_sum();
}
