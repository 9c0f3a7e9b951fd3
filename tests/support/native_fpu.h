/* SPDX-License-Identifier: MIT */
/*
 * One x87, MMX or SSE instruction on the host processor: registers in, registers out. For tests that compare the core
 * with the hardware. x86-64 Linux.
 */
#ifndef FAULTLINE_TESTS_NATIVE_FPU_H
#define FAULTLINE_TESTS_NATIVE_FPU_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "mmu/base.h"

/* The FXSAVE64 image with names, then the general registers (RSP unused) and RFLAGS. native_run knows the offsets. */
struct native {
    u16 fcw, fsw, ftw, fop;
    u64 fip, fdp;
    u32 mxcsr, mxcsr_mask;
    struct {
        u64 mantissa;
        u16 exponent;
        u16 pad[3];
    } st[8];
    u64 xmm[16][2];
    u8 reserved[96];
    u64 gpr[16];
    u64 rflags;
    u64 fault; /* out: the signal that ended the instruction */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct native, gpr) == 512, "the FXSAVE image");

void native_run(struct native *, const void *code);

__asm__(".text\n"
        ".globl native_run\n"
        "native_run:\n\t"
        "push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
        "push %rdi\n\tpush %rsi\n\t"
        "fxrstor64 (%rdi)\n\t"
        "push 640(%rdi)\n\tpopfq\n\t"
        "mov 512(%rdi), %rax\n\tmov 520(%rdi), %rcx\n\tmov 528(%rdi), %rdx\n\tmov 536(%rdi), %rbx\n\t"
        "mov 552(%rdi), %rbp\n\tmov 560(%rdi), %rsi\n\tmov 576(%rdi), %r8\n\tmov 584(%rdi), %r9\n\t"
        "mov 568(%rdi), %rdi\n\t"
        "call *(%rsp)\n\t"
        "pushfq\n\tpush %rdi\n\tmov 24(%rsp), %rdi\n\t"
        "fxsave64 (%rdi)\n\tfninit\n\tcld\n\t"
        "mov %rax, 512(%rdi)\n\tmov %rcx, 520(%rdi)\n\tmov %rdx, 528(%rdi)\n\tmov %rbx, 536(%rdi)\n\t"
        "mov %rbp, 552(%rdi)\n\tmov %rsi, 560(%rdi)\n\tmov %r8, 576(%rdi)\n\tmov %r9, 584(%rdi)\n\t"
        "pop 568(%rdi)\n\tpop 640(%rdi)\n\t"
        "push $0x1f80\n\tldmxcsr (%rsp)\n\tadd $24, %rsp\n\t"
        "pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbp\n\tpop %rbx\n\t"
        "ret\n");

/* The page the instruction is laid into, and what the signal handler must know of it. */
struct native_code {
    u8 *page;
    unsigned length;
    u32 mxcsr; /* at the fault */
    int fault;
};

static struct native_code native_code;

enum { HOST_RIP = 16 }; /* glibc's REG_RIP; its other names are the processor's own */

/* An unmasked SIMD exception, or a misaligned operand: note it, mask it, go on behind the instruction. */
static inline void native_signal(int number, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    (void)info;
    if ((u64)u->uc_mcontext.gregs[HOST_RIP] != (u64)native_code.page)
        abort();
    native_code.fault = number;
    native_code.mxcsr = u->uc_mcontext.fpregs->mxcsr;
    u->uc_mcontext.fpregs->mxcsr |= 0x1f80;
    u->uc_mcontext.gregs[HOST_RIP] += native_code.length;
}

static inline void native_setup(void)
{
    struct sigaction a = {.sa_flags = SA_SIGINFO};
    a.sa_sigaction = native_signal;
    sigaction(SIGFPE, &a, NULL);
    sigaction(SIGSEGV, &a, NULL);
    native_code.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (native_code.page == MAP_FAILED)
        abort();
}

/* Run `length` bytes of code with and for the state. */
static inline void native_execute(struct native *n, const u8 *code, unsigned length)
{
    memcpy(native_code.page, code, length);
    native_code.page[length] = 0xc3;
    native_code.length = length;
    native_code.fault = 0;
    native_run(n, native_code.page);
    n->fault = (u64)native_code.fault;
    if (native_code.fault)
        n->mxcsr = native_code.mxcsr;
}

/* xorshift64*: the same sequence in every run. */
static inline u64 native_random(u64 *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 2685821657736338717ull;
}

#endif
