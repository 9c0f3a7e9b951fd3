/* SPDX-License-Identifier: MIT */
/*
 * PUSHF, POPF, CLI, STI, IRET and INT n against the manual's tables, over CPL x IOPL x mode x CR4.VME x CR4.PVI x
 * operand size x flags: SDM Vol. 2B, "Effect of POPF/POPFD on the EFLAGS Register", and CLI, STI, "Decision Table";
 * Vol. 3B, "Software Interrupt Handling Methods While in Virtual-8086 Mode".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/state.h"
#include "tests/support/vm.h"

static unsigned passed, failed;

/* The columns of the manual's table, left to right. */
static const u64 column[] = {FLAG_ID, FLAG_VIP, FLAG_VIF, FLAG_AC, FLAG_VM, FLAG_RF, FLAG_NT, FLAG_IOPL, FLAG_OF,
                             FLAG_DF, FLAG_IF,  FLAG_TF,  FLAG_SF, FLAG_ZF, FLAG_AF, FLAG_PF, FLAG_CF};

/*
 * S from the stack, N no change, 0 cleared, V from the image's IF; an empty row is #GP(0). The VME row's notes 2 and 3
 * are refused() below.
 */
static const char *popf_row(unsigned cpl, unsigned iopl, bool v86, bool vme, unsigned osize)
{
    if (v86 && iopl < 3)
        return osize == 2 && vme ? "NNVNN0SNSSNSSSSSS" : "";
    if (cpl == 0)
        return osize == 2 ? "NNNNN0SSSSSSSSSSS" : "SNNSN0SSSSSSSSSSS";
    if (cpl <= iopl)
        return osize == 2 ? "NNNNN0SNSSSSSSSSS" : "SNNSN0SNSSSSSSSSS";
    return osize == 2 ? "NNNNN0SNSSNSSSSSS" : "SNNSN0SNSSNSSSSSS";
}

/* IRET, from its Operation section: RF comes from the stack, and at CPL 0 of protected mode VIF and VIP too. */
static const char *iret_row(unsigned cpl, unsigned iopl, bool real, bool v86, bool vme, unsigned osize)
{
    if (v86 && iopl < 3)
        return osize == 2 && vme ? "NNVNN0SNSSNSSSSSS" : "";
    if (real)
        return osize == 2 ? "NNNNN0SSSSSSSSSSS" : "SNNSNSSSSSSSSSSSS";
    if (cpl == 0)
        return osize == 2 ? "NNNNN0SSSSSSSSSSS" : "SSSSNSSSSSSSSSSSS";
    if (cpl <= iopl)
        return osize == 2 ? "NNNNN0SNSSSSSSSSS" : "SNNSNSSNSSSSSSSSS";
    return osize == 2 ? "NNNNN0SNSSNSSSSSS" : "SNNSNSSNSSNSSSSSS";
}

static u64 apply(const char *row, u64 old, u64 image)
{
    u64 flags = FLAG_FIXED;

    for (unsigned i = 0; row[i]; i++)
        switch (row[i]) {
        case 'S': flags |= image & column[i]; break;
        case 'N': flags |= old & column[i]; break;
        case 'V': flags |= image & FLAG_IF ? column[i] : 0; break;
        default: break;
        }
    return flags;
}

/* One case. */
struct test {
    struct vm *vm;
    enum vm_mode mode;
    unsigned cpl, iopl, osize;
    bool vme, pvi;
    u64 old, image;
};

static void verdict(const struct test *t, const char *what, u64 got, u64 wanted)
{
    if (got == wanted) {
        passed++;
        return;
    }
    if (failed++ < 20)
        printf("not ok: %s, %s, CPL %u, IOPL %u, VME %d, PVI %d, %u bytes, flags %06" PRIx64 ", image %06" PRIx64
               ": %" PRIx64 ", not %" PRIx64 "\n",
               what, vm_mode_name(t->mode), t->cpl, t->iopl, t->vme, t->pvi, t->osize, t->old, t->image, got, wanted);
}

static void prepare(const struct test *t, u8 opcode)
{
    struct vm *vm = t->vm;
    bool prefix = t->osize == (vm->mode == VM_LONG64 || vm->mode == VM_PROT32_FLAT ? 2u : 4u);
    u8 code[2] = {prefix ? 0x66 : opcode, opcode};

    if (opcode == 0xcf && t->osize == 8)
        code[0] = 0x48; /* REX.W: unlike POPF, IRET does not default to 64 bits */

    vm_code(vm, code, 2);
    vm_set_cpl(vm, t->cpl ? 3 : 0);
    if (t->mode != VM_REAL16 && t->mode != VM_V86)
        for (unsigned i = 0; i < 6; i++)
            vm->start.seg[i].attributes = (u16)((vm->start.seg[i].attributes & ~ATTR_DPL) | (t->cpl << 5 & ATTR_DPL));
    vm->start.cr4 = (vm->start.cr4 & ~(CR4_VME | CR4_PVI)) | (t->vme ? CR4_VME : 0) | (t->pvi ? CR4_PVI : 0);
    vm->start.rflags = t->old;
    vm_reset(vm);
}

/* Slots above the stack pointer, laid there before the run. */
static void put(const struct test *t, unsigned slot, u64 value)
{
    vm_write(t->vm, t->vm->stack + slot * t->osize, &value, t->osize);
}

static void expect_gp(const struct test *t, const char *what)
{
    verdict(t, what, t->vm->raised && t->vm->event.vector == 13 ? t->vm->event.error : 0x999, 0);
}

static void run_popf(const struct test *t)
{
    bool v86 = t->mode == VM_V86;
    const char *row = popf_row(t->cpl, t->iopl, v86, t->vme, t->osize);
    bool refused =
        !*row || (v86 && t->iopl < 3 && ((t->image & FLAG_TF) || ((t->image & FLAG_IF) && (t->old & FLAG_VIP))));
    struct cpu_state s;

    prepare(t, 0x9d);
    put(t, 0, t->image);
    vm_run(t->vm, 1);
    if (refused) {
        expect_gp(t, "POPF #GP");
        return;
    }
    cpu_get_state(t->vm->cpu, &s);
    verdict(t, "POPF", s.rflags, apply(row, t->old, t->image));
}

static void run_iret(const struct test *t)
{
    bool v86 = t->mode == VM_V86, real = t->mode == VM_REAL16;
    const char *row = iret_row(t->cpl, t->iopl, real, v86, t->vme, t->osize);
    bool refused =
        !*row || (v86 && t->iopl < 3 && ((t->image & FLAG_TF) || ((t->image & FLAG_IF) && (t->old & FLAG_VIP))));
    struct cpu_state s;

    prepare(t, 0xcf);
    put(t, 0, t->vm->start.rip + 0x40);
    put(t, 1, t->vm->start.seg[SEG_CS].selector);
    put(t, 2, t->image);
    put(t, 3, t->vm->start.gpr[REG_RSP]);
    put(t, 4, t->vm->start.seg[SEG_SS].selector);
    vm_run(t->vm, 1);
    if (refused) {
        expect_gp(t, "IRET #GP");
        return;
    }
    cpu_get_state(t->vm->cpu, &s);
    verdict(t, "IRET", s.rflags, apply(row, t->old, t->image));
}

static void run_pushf(const struct test *t)
{
    u64 got = 0, mask = t->osize == 2 ? 0xffff : ~(FLAG_VM | FLAG_RF), wanted = t->old & mask;
    bool v86 = t->mode == VM_V86;

    prepare(t, 0x9c);
    vm_run(t->vm, 1);
    if (v86 && t->iopl < 3) {
        if (t->osize != 2 || !t->vme) {
            expect_gp(t, "PUSHF #GP");
            return;
        }
        wanted = (wanted & ~FLAG_IF) | FLAG_IOPL | (t->old & FLAG_VIF ? FLAG_IF : 0);
    }
    vm_read(t->vm, t->vm->stack - t->osize, &got, t->osize);
    verdict(t, "PUSHF", got, wanted);
}

/* "Decision Table for CLI Results", "Decision Table for STI Results". */
static void run_cli_sti(const struct test *t, bool sti)
{
    bool v86 = t->mode == VM_V86;
    u64 flag = t->cpl <= t->iopl ? FLAG_IF : (v86 ? t->vme : t->pvi && t->cpl == 3) ? FLAG_VIF : 0;
    struct cpu_state s;

    prepare(t, sti ? 0xfb : 0xfa);
    vm_run(t->vm, 1);
    if (!flag || (sti && flag == FLAG_VIF && t->old & FLAG_VIP)) {
        expect_gp(t, sti ? "STI #GP" : "CLI #GP");
        return;
    }
    cpu_get_state(t->vm->cpu, &s);
    verdict(t, sti ? "STI" : "CLI", s.rflags, (sti ? t->old | flag : t->old & ~flag) & ~FLAG_RF);
}

static u64 scramble(u64 x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9ull;
    return x ^ x >> 32;
}

static void run_case(struct test *t, u64 seed)
{
    /* RF and TF of the context would stop the one instruction from being alone; IF has no one to interrupt */
    const u64 any = FLAGS_ARITH | FLAG_IF | FLAG_DF | FLAG_AC | FLAG_VIF | FLAG_VIP | FLAG_ID;

    t->old = (scramble(seed) & any) | FLAG_FIXED | (u64)t->iopl << 12 | (t->mode == VM_V86 ? FLAG_VM : 0);
    t->image = scramble(seed + 1) & 0x3dffff;
    run_popf(t);
    run_pushf(t);
    run_cli_sti(t, false);
    run_cli_sti(t, true);
    if (t->mode == VM_REAL16 || t->mode == VM_V86 || t->cpl == 0 || t->cpl == 3) {
        if (t->mode == VM_PROT32_FLAT || t->mode == VM_LONG64)
            t->image &= ~FLAG_VM;
        run_iret(t);
    }
}

static void all_flags(void)
{
    static const enum vm_mode modes[] = {VM_REAL16, VM_V86, VM_PROT32_FLAT, VM_LONG64};

    for (unsigned m = 0; m < 4; m++) {
        struct test t = {.mode = modes[m], .vm = vm_create(modes[m], NULL)};
        unsigned low = t.mode == VM_V86 ? 3 : 0, high = t.mode == VM_REAL16 ? 0 : 3;
        for (u64 n = 0; n < 4096; n++) {
            t.cpl = low + n % (high - low + 1);
            t.iopl = n >> 2 & 3;
            t.vme = n >> 4 & 1;
            t.pvi = n >> 5 & 1;
            t.osize = n >> 6 & 1 ? 2 : t.mode == VM_LONG64 ? 8 : 4;
            run_case(&t, n * 2 + m * 10000);
        }
        vm_destroy(t.vm);
    }
}

static void int_n_method(struct vm *vm, bool vme, unsigned iopl, bool bit, bool vif)
{
    struct test t = {.vm = vm, .mode = VM_V86, .cpl = 3, .iopl = iopl, .osize = 2, .vme = vme};
    u64 old = FLAG_FIXED | FLAG_VM | FLAG_CF | FLAG_IF | FLAG_NT | (u64)iopl << 12 | (vif ? FLAG_VIF : 0);
    struct cpu_state s;
    u16 frame[3];

    t.old = old;
    prepare(&t, 0x90);
    vm_code(vm, (const u8[]){0xcd, 0x21}, 2);
    vm_write32(vm, VM_TSS + 100, 0x88u << 16); /* the I/O map at 88H, the redirection bits at 68H */
    vm_write32(vm, VM_TSS + 0x68 + 4, bit ? 1u << 1 : ~(1u << 1));
    vm_write32(vm, 0x21 * 4, 0x20000100); /* 2000:0100 */
    vm_write(vm, vm->code + 0x100, (const u8[]){0x90}, 1);
    vm_run(vm, 1);
    cpu_get_state(vm->cpu, &s);
    if (!vme || bit) { /* methods 1 to 4 */
        verdict(&t, "INT 21H: vector", vm->raised ? vm->event.vector : 99, iopl < 3 ? 13 : 0x21);
        verdict(&t, "INT 21H: error code", vm->event.error, 0);
        return;
    }
    vm_read(vm, vm->stack - 6, frame, 6);
    verdict(&t, "INT 21H: no exception", vm->raised, false);
    verdict(&t, "INT 21H: to", s.seg[SEG_CS].base + s.rip, 0x20100);
    verdict(&t, "INT 21H: return", (u64)frame[1] << 4 | frame[0], VM_CODE16 + 2);
    verdict(&t, "INT 21H: SP", s.gpr[REG_RSP], vm->start.gpr[REG_RSP] - 6);
    if (iopl == 3) { /* method 5 */
        verdict(&t, "INT 21H: image", frame[2], old & 0xffff);
        verdict(&t, "INT 21H: flags", s.rflags, old & ~FLAG_IF);
    } else { /* method 6 */
        verdict(&t, "INT 21H: image", frame[2], ((old & ~FLAG_IF) | FLAG_IOPL | (vif ? FLAG_IF : 0)) & 0xffff);
        verdict(&t, "INT 21H: flags", s.rflags, old & ~FLAG_VIF);
    }
}

/* INT3 is not INT n: no bit redirects it, and IOPL does not matter. A bitmap beyond the TSS's limit is #GP(0). */
static void int_n_exceptions(struct vm *vm)
{
    struct test t = {.vm = vm, .mode = VM_V86, .cpl = 3, .iopl = 0, .osize = 2, .vme = true};

    t.old = FLAG_FIXED | FLAG_VM;
    prepare(&t, 0xcc);
    vm_write32(vm, VM_TSS + 0x68, 0);
    vm_run(vm, 1);
    verdict(&t, "INT3 in V86: vector", vm->raised ? vm->event.vector : 99, 3);
    vm_write32(vm, VM_TSS + 100, 0xa4u << 16);
    prepare(&t, 0xcc);
    vm_code(vm, (const u8[]){0xcd, 0x21}, 2);
    vm_run(vm, 1);
    verdict(&t, "INT n, bitmap outside: vector", vm->raised ? vm->event.vector : 99, 13);
}

static void software_interrupts(void)
{
    struct vm *vm = vm_create(VM_V86, NULL);

    vm->start.seg[SEG_TR].limit = 0x87;
    for (unsigned n = 0; n < 32; n++)
        int_n_method(vm, n & 1, n >> 1 & 3, n >> 3 & 1, n >> 4 & 1);
    int_n_exceptions(vm);
    vm_destroy(vm);
}

int main(void)
{
    all_flags();
    software_interrupts();
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
