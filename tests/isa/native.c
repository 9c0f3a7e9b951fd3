/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/isa/native.h"

#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/*
 * In: registers from the block. Out: native_leave, jumped to by the code; native_recover, returned to by the signal
 * handler. native_signal clears AC before the handler's own accesses.
 */
void native_enter(void);
void native_leave(void);
void native_recover(void);
void native_signal(int number, siginfo_t *info, void *context);
void native_signal_body(int number, siginfo_t *info, void *context);

__asm__(".set at, 0x230000 /* NATIVE_BLOCK: addressed absolutely, without a register */\n"
        ".text\n"
        ".globl native_enter\n"
        "native_enter:\n"
        "\tpush %rbx\n"
        "\tpush %rbp\n"
        "\tpush %r12\n"
        "\tpush %r13\n"
        "\tpush %r14\n"
        "\tpush %r15\n"
        "\tmov %rsp, at + 656\n"
        "\tcmpq $0, at + 664\n"
        "\tje 1f\n"
        "\tfxrstor64 at + 0\n"
        "1:\n"
        "\tpushq at + 640\n"
        "\tpopfq\n"
        "\tmov at + 512, %rax\n"
        "\tmov at + 520, %rcx\n"
        "\tmov at + 528, %rdx\n"
        "\tmov at + 536, %rbx\n"
        "\tmov at + 544, %rsp\n"
        "\tmov at + 552, %rbp\n"
        "\tmov at + 560, %rsi\n"
        "\tmov at + 568, %rdi\n"
        "\tmov at + 576, %r8\n"
        "\tmov at + 584, %r9\n"
        "\tmov at + 592, %r10\n"
        "\tmov at + 600, %r11\n"
        "\tmov at + 608, %r12\n"
        "\tmov at + 616, %r13\n"
        "\tmov at + 624, %r14\n"
        "\tmov at + 632, %r15\n"
        "\tjmp *at + 648\n"
        ".globl native_leave\n"
        "native_leave:\n"
        "\tmov %rsp, at + 544\n"
        "\tmov at + 656, %rsp\n"
        "\tmov %rax, at + 512\n"
        "\tmov %rcx, at + 520\n"
        "\tmov %rdx, at + 528\n"
        "\tmov %rbx, at + 536\n"
        "\tmov %rbp, at + 552\n"
        "\tmov %rsi, at + 560\n"
        "\tmov %rdi, at + 568\n"
        "\tmov %r8, at + 576\n"
        "\tmov %r9, at + 584\n"
        "\tmov %r10, at + 592\n"
        "\tmov %r11, at + 600\n"
        "\tmov %r12, at + 608\n"
        "\tmov %r13, at + 616\n"
        "\tmov %r14, at + 624\n"
        "\tmov %r15, at + 632\n"
        "\tpushfq\n"
        "\tpop at + 640\n"
        "\tpushq $0x202\n"
        "\tpopfq\n"
        "\tmov %es, at + 680\n"
        "\tmov %cs, at + 682\n"
        "\tmov %ss, at + 684\n"
        "\tmov %ds, at + 686\n"
        "\tmov %fs, at + 688\n"
        "\tmov %gs, at + 690\n"
        "\tcmpq $0, at + 664\n"
        "\tje native_recover\n"
        "\tfxsave64 at + 0\n"
        ".globl native_recover\n"
        "native_recover:\n"
        "\tcmpq $0, at + 664\n"
        "\tje 3f\n"
        "\tfninit\n"
        "\tpushq $0x1f80\n"
        "\tldmxcsr (%rsp)\n"
        "\tadd $8, %rsp\n"
        "3:\n"
        "\tmov %ds, %eax\n"
        "\tmov %es, %ecx\n"
        "\tor %ecx, %eax\n"
        "\tjz 4f\n"
        "\txor %eax, %eax\n"
        "\tmov %eax, %ds\n"
        "\tmov %eax, %es\n"
        "4:\n"
        "\tpop %r15\n"
        "\tpop %r14\n"
        "\tpop %r13\n"
        "\tpop %r12\n"
        "\tpop %rbp\n"
        "\tpop %rbx\n"
        "\tret\n"
        ".globl native_signal\n"
        "native_signal:\n"
        "\tpushq $0x202\n"
        "\tpopfq\n"
        "\tjmp native_signal_body\n");

static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

void native_signal_body(int number, siginfo_t *info, void *context)
{
    struct native_block *b = native_state;
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)info;
    if (!b->host_rsp) { /* not of the code that is tried, but of the test itself: let it end the test */
        signal(number, SIG_DFL);
        return;
    }
    for (unsigned i = 0; i < 16; i++)
        b->gpr[i] = (u64)g[greg_of[i]];
    b->rip = (u64)g[REG_RIP];
    b->rflags = (u64)g[REG_EFL];
    b->vector = (u64)g[REG_TRAPNO];
    b->error = (u64)g[REG_ERR];
    b->cr2 = (u64)g[REG_CR2];
    if (b->use_fx)
        memcpy(&b->fx, ((ucontext_t *)context)->uc_mcontext.fpregs, sizeof b->fx);
    for (unsigned i = 0; i < 8; i++)
        b->selector[i] = 0xffff; /* unknown */
    g[REG_RIP] = (greg_t)native_recover;
    g[REG_RSP] = (greg_t)b->host_rsp;
    g[REG_EFL] = 0x202;
}

static bool map(u64 at, u64 size, int rights)
{
    return mmap((void *)at, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)at;
}

static bool take_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
    static u8 stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = native_signal;
    if (sigaltstack(&alternate, NULL))
        return false;
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], &action, NULL))
            return false;
    return true;
}

static const u8 leave_code[] = {0xff, 0x24, 0x25, 0xa0, 0x02, 0x23, 0x00}; /* JMP [NATIVE_BLOCK + 672] */

static void make_slots(void)
{
    static const u8 note[] = {0xc7, 0x04, 0x25, 0xd0,
                              0x02, 0x23, 0x00}; /* MOV dword [NATIVE_BLOCK + 720], its address */
    u8 *code = (u8 *)NATIVE_CODE;
    memset(code, 0xcc, NATIVE_CODE_SIZE);
    for (u32 at = 0; at < NATIVE_CODE_SIZE; at += NATIVE_SLOT) {
        u32 address = NATIVE_CODE + at;
        memcpy(code + at, note, sizeof note);
        memcpy(code + at + sizeof note, &address, 4);
        memcpy(code + at + sizeof note + 4, leave_code, sizeof leave_code);
    }
}

bool native_setup(u64 gs, u64 *fs, const char **why)
{
    const int rw = PROT_READ | PROT_WRITE;
    *why = "the low addresses are taken";
    if (!map(NATIVE_CODE, NATIVE_CODE_SIZE, rw | PROT_EXEC) || !map(NATIVE_DATA, NATIVE_DATA_SIZE, rw) ||
        !map(NATIVE_STACK, NATIVE_STACK_SIZE, rw) || !map(NATIVE_BLOCK, PAGE_SIZE, rw))
        return false;
    memset((void *)NATIVE_DATA, 0, NATIVE_DATA_SIZE); /* present from now on */
    mprotect((void *)(NATIVE_DATA + NATIVE_DATA_SIZE - PAGE_SIZE), PAGE_SIZE, PROT_READ);
    make_slots();
    native_state->leave = (u64)native_leave;
    *why = "signals cannot be taken";
    if (!take_signals())
        return false;
    *why = "arch_prctl fails";
    return !syscall(SYS_arch_prctl, ARCH_SET_GS, gs) && !syscall(SYS_arch_prctl, ARCH_GET_FS, fs);
}

void native_lay(const u8 *bytes, unsigned size)
{
    u8 *at = (u8 *)NATIVE_CASE;
    memset(at, 0xcc, NATIVE_CASE_SIZE);
    memcpy(at, bytes, size);
    memcpy(at + size, leave_code, sizeof leave_code);
}

void native_go(void)
{
    native_state->vector = NO_VECTOR;
    native_state->landed = 0;
    native_enter();
    native_state->host_rsp = 0;
}

bool native_is_amd(void)
{
    u32 a = 0, b = 0, c = 0, d = 0;
    __get_cpuid(0, &a, &b, &c, &d);
    return b == signature_AMD_ebx || b == 0x6f677948; /* "Auth", "Hygo" */
}

bool native_has(u32 leaf, u32 subleaf, char reg, unsigned bit)
{
    u32 a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid_count(leaf, subleaf, &a, &b, &c, &d))
        return false;
    return (reg == 'A' ? a : reg == 'B' ? b : reg == 'C' ? c : d) >> bit & 1;
}
