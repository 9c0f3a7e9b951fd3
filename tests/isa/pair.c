/* SPDX-License-Identifier: MIT */
#include "tests/isa/pair.h"

#include <string.h>

#include "cpu/state.h"

struct vm *pair_vm;
u8 *pair_data, *pair_stack;
static struct native_block *const host = native_state;

/* The machine. */

static void close_pages(void)
{
    for (u64 page = 0; page < VM_RAM; page += PAGE_SIZE) {
        bool code = page == NATIVE_CODE,
             write = page >= NATIVE_DATA && page < NATIVE_DATA + NATIVE_DATA_SIZE - PAGE_SIZE;
        bool read = page >= NATIVE_DATA && page < NATIVE_DATA + NATIVE_DATA_SIZE,
             on_stack = page >= NATIVE_STACK && page < NATIVE_STACK + NATIVE_STACK_SIZE;
        u64 nx = code ? 0 : BIT(63);
        if (write || on_stack)
            vm_set_pte(pair_vm, page, page | nx | 7);
        else if (read || code)
            vm_set_pte(pair_vm, page, page | nx | 5);
        else
            vm_set_pte(pair_vm, page, page >= PAGE_SIZE && page < VM_TABLES + 0x10000 ? page | 3 : 0);
    }
}

static void make_machine(u64 fs, u64 gs)
{
    pair_vm = vm_create(VM_LONG64, NULL);
    pair_vm->cpu->features.has[0] = pair_vm->cpu->features.has[1] = ~0ull;
    features_remove(&pair_vm->cpu->features, FEAT_APIC); /* the test machine has none to be asked */
    vm_set_cpl(pair_vm, 3);
    for (unsigned v = 0; v < 256; v++) /* as Linux: INT3 and INTO for all */
        if (v != 3 && v != 4)
            vm_write32(pair_vm, VM_IDT + 16 * v + 4, 0x8e00 | (vm_read32(pair_vm, VM_IDT + 16 * v + 4) & 0xffff0000));
    close_pages();
    struct cpu_state *s = &pair_vm->start;
    s->cr0 |= CR0_AM;
    s->rflags = 0x202;
    for (unsigned i = 0; i < 6; i++)
        if (i != SEG_CS && i != SEG_SS)
            s->seg[i] = (struct cpu_segment){.base = i == SEG_FS ? fs : i == SEG_GS ? gs : 0};
    pair_data = phys_page_write(pair_vm->phys, NATIVE_DATA);
    pair_stack = phys_page_write(pair_vm->phys, NATIVE_STACK);
    phys_fill(pair_vm->phys, NATIVE_CODE, 0xcc, NATIVE_CODE_SIZE);
    vm_reset(pair_vm);
}

static void fx_to_machine(const struct native_block *b)
{
    struct cpu *cpu = pair_vm->cpu;
    unsigned top = b->fx.fsw >> 11 & 7;
    cpu->x87 = (struct x87){.control = b->fx.fcw, .status = b->fx.fsw};
    for (unsigned i = 0; i < 8; i++) {
        cpu->x87.r[(i + top) & 7].mantissa = b->fx.st[i].mantissa;
        cpu->x87.r[(i + top) & 7].exponent = b->fx.st[i].exponent;
        cpu->x87.tag |= b->fx.ftw >> i & 1 ? 0 : (u16)(3u << (2 * i));
    }
    memcpy(cpu->xmm, b->fx.xmm, sizeof cpu->xmm);
    cpu->mxcsr = b->fx.mxcsr;
}

void pair_run_machine(unsigned length, const u64 gpr[16], u64 rflags, bool fx, bool by_trace, struct outcome *out)
{
    struct cpu *cpu = pair_vm->cpu;
    if (pair_vm->raised || cpu->seg[SEG_DS].selector || cpu->seg[SEG_ES].selector ||
        cpu->seg[SEG_SS].selector != VM_SEL_USER_DATA)
        vm_reset(pair_vm);
    memcpy(cpu->gpr, gpr, sizeof cpu->gpr);
    cpu->rip = NATIVE_CASE;
    flags_set(cpu, rflags);
    cpu_refresh(cpu);
    if (fx)
        fx_to_machine(host);
    vm_run(pair_vm, by_trace ? 5000 : 1);
    for (unsigned i = 0; i < 5000 && !pair_vm->raised && cpu->rip == NATIVE_CASE; i++)
        vm_run(pair_vm, 1); /* REP: an iteration each */
    if (!pair_vm->raised && cpu->rip != NATIVE_CASE + length)
        vm_run(pair_vm, 1); /* what is there where it went? */
    *out = (struct outcome){.vector = NO_VECTOR};
    struct cpu_state now;
    cpu_get_state(cpu, &now);
    const struct cpu_state *at = pair_vm->raised ? &pair_vm->at_event : &now;
    memcpy(out->gpr, at->gpr, sizeof out->gpr);
    out->rip = at->rip, out->rflags = at->rflags, out->cr2 = at->cr2;
    for (unsigned i = 0; i < 6; i++)
        out->selector[i] = at->seg[i].selector;
    if (!pair_vm->raised)
        return;
    bool software = pair_vm->last.kind == EVENT_SOFTWARE || pair_vm->last.kind == EVENT_ICEBP;
    if (pair_vm->last.vector == 3) {
        out->rip = pair_vm->last.next_rip - 1;
        return;
    }
    out->vector = pair_vm->last.vector;
    out->error = pair_vm->last.has_error ? pair_vm->last.error : 0;
    if (software)
        out->rip = pair_vm->last.next_rip;
}

/* The host. */

void pair_run_host(unsigned length, const u64 gpr[16], u64 rflags, bool fx, struct outcome *out)
{
    memcpy(host->gpr, gpr, sizeof host->gpr);
    host->rflags = rflags;
    host->use_fx = fx;
    host->rip = NATIVE_CASE;
    native_go();
    *out = (struct outcome){
        .vector = host->vector, .error = host->error, .cr2 = host->cr2, .rip = host->rip, .rflags = host->rflags};
    memcpy(out->gpr, host->gpr, sizeof out->gpr);
    memcpy(out->selector, host->selector, sizeof out->selector);
    if (host->vector == NO_VECTOR)
        out->rip = host->landed ? host->landed : NATIVE_CASE + length;
    if (host->vector == 3) {
        out->vector = NO_VECTOR;
        out->error = 0;
        out->rip--;
    }
}

/* Memory of both. */

void pair_set(u64 at, const void *bytes, unsigned size)
{
    bool in_data = at >= NATIVE_DATA && at + size <= NATIVE_DATA + NATIVE_DATA_SIZE - PAGE_SIZE;
    if (!in_data && !(at >= NATIVE_STACK && at + size <= NATIVE_STACK + NATIVE_STACK_SIZE))
        return;
    memcpy((void *)at, bytes, size);
    memcpy(in_data ? pair_data + (at - NATIVE_DATA) : pair_stack + (at - NATIVE_STACK), bytes, size);
}

static u8 kept[PAIR_WRITABLE + NATIVE_STACK_SIZE];

void pair_keep(void)
{
    memcpy(kept, (void *)NATIVE_DATA, PAIR_WRITABLE);
    memcpy(kept + PAIR_WRITABLE, (void *)NATIVE_STACK, NATIVE_STACK_SIZE);
}

void pair_restore(void)
{
    memcpy((void *)NATIVE_DATA, kept, PAIR_WRITABLE);
    memcpy((void *)NATIVE_STACK, kept + PAIR_WRITABLE, NATIVE_STACK_SIZE);
    memcpy(pair_data, kept, PAIR_WRITABLE);
    memcpy(pair_stack, kept + PAIR_WRITABLE, NATIVE_STACK_SIZE);
}

void pair_randomize(u64 (*random)(void))
{
    for (unsigned i = 0; i < PAIR_WRITABLE; i += 8)
        *(u64 *)(NATIVE_DATA + (u64)i) = random();
    for (unsigned i = 0; i < NATIVE_STACK_SIZE; i += 8)
        *(u64 *)(NATIVE_STACK + (u64)i) = random();
    pair_keep();
    pair_restore();
}

bool pair_same_memory(void)
{
    return !memcmp(pair_data, (void *)NATIVE_DATA, PAIR_WRITABLE) &&
           !memcmp(pair_stack, (void *)NATIVE_STACK, NATIVE_STACK_SIZE);
}

bool pair_host_has(unsigned feature)
{
    static const struct {
        u32 leaf, subleaf;
        char reg;
        u8 bit;
    } places[] = {
#define FEATURE(id, leaf, subleaf, reg, bit, name) {leaf, subleaf, #reg[1], bit},
#include "cpu/features.def"
#undef FEATURE
    };
    return feature == FEAT_ALWAYS ||
           native_has(places[feature].leaf, places[feature].subleaf, places[feature].reg, places[feature].bit);
}

void pair_lay(const u8 *bytes, unsigned length)
{
    u8 text[NATIVE_CASE_SIZE];
    memcpy(text, bytes, length);
    memset(text + length, 0xcc, sizeof text - length);
    vm_write(pair_vm, NATIVE_CASE, text, sizeof text);
    native_lay(bytes, length);
}

bool pair_setup(u64 *fs, u64 *gs, const char **why)
{
    *gs = NATIVE_DATA + 0x40;
    if (!native_setup(*gs, fs, why))
        return false;
    make_machine(*fs, *gs);
    return true;
}
