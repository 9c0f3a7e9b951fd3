/* SPDX-License-Identifier: MIT */
/*
 * The programs: what runs in user mode (CPL 3). One file plays all the parts, and knows nothing of frames and tables:
 * a process only ever sees addresses.
 */
#include "text.h"
#include "user.h"

/* ---- Asking the kernel ---- */

static u64 call(enum system_call number, u64 a, u64 b)
{
    u64 result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "memory");
    return result;
}

static void check(bool truth) { call(SYS_CHECK, truth, 0); }

static void yield(void) { call(SYS_YIELD, 0, 0); }

static u64 frame_of(u64 address) { return call(SYS_FRAME, address, 0); }

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    char text[USER_TEXT_MAX];
    va_list args;
    size_t length;

    va_start(args, format);
    length = text_format(text, sizeof(text), format, args);
    va_end(args);
    call(SYS_WRITE, (u64)text, length);
}

static volatile u64 *word(u64 address)
{
    u64 hidden = address;

    __asm__("" : "+r"(hidden)); /* keeps the compiler from seeing what is about to go wrong */
    return (volatile u64 *)hidden;
}

/* ---- The good ones ---- */

static void newborn(void) { say("I am running. My first instruction was fetched twice and I noticed nothing."); }

static void zero(void)
{
    u64 others = 0;

    *word(HEAP_START + 16) = 42;
    for (u64 at = HEAP_START; at < HEAP_START + 4096; at += 8)
        others |= at == HEAP_START + 16 ? 0 : *word(at);
    say("I wrote 42 to %lx and read back %lu. The rest of the page is %s.", HEAP_START + 16, *word(HEAP_START + 16),
        others ? "not zero" : "zeros");
    check(*word(HEAP_START + 16) == 42 && !others);
    check(*word(HEAP_START + 0x5000) == 0);
    say("I read a page nobody had written, and found zeros there, too.");
}

/* Three kilobytes of stack at each level; the empty asm keeps the compiler from finding a way with less. */
static u64 __attribute__((noinline)) sum_deep(u64 levels)
{
    u64 room[384];

    __asm__ volatile("" : : "r"(room) : "memory");
    room[0] = levels;
    room[383] = levels ? sum_deep(levels - 1) : 0;
    __asm__ volatile("" : : "r"(room) : "memory");
    return room[0] + room[383];
}

static void stack(void)
{
    u64 sum = sum_deep(2);

    say("I made three nested calls with 3 KiB of stack each. They gave %lu, as they should.", sum);
    check(sum == 3);
}

static void disk(void)
{
    u64 before = 0, after = 0;

    for (u64 i = 0; i < 512; i++)
        *word(HEAP_START + i * 8) = i * i;
    for (u64 i = 0; i < 512; i++)
        before += *word(HEAP_START + i * 8);
    say("I filled a page of my heap. Its sum is %lu, its frame %lx.", before, frame_of(HEAP_START));
    call(SYS_EVICT, HEAP_START, 0);
    for (u64 i = 0; i < 512; i++)
        after += *word(HEAP_START + i * 8);
    say("I added the page up again and got %lu. It is in frame %lx now; I cannot tell the difference.", after,
        frame_of(HEAP_START));
    check(before == after);
}

static void neighbour(void)
{
    for (int i = 1; i <= 3; i++) {
        say("I had turn %u of mine.", i);
        yield();
    }
}

static void twin(u64 mine)
{
    *word(HEAP_START) = mine;
    yield();
    say("I wrote %lu to %lx, and %lu is what I read there. The address leads me to frame %lx.", mine, HEAP_START,
        *word(HEAP_START), frame_of(HEAP_START));
    check(*word(HEAP_START) == mine);
    yield();
}

static void forking(void)
{
    u64 child;

    *word(HEAP_START) = 1000;
    say("Before the fork, %lx holds %lu, in frame %lx.", HEAP_START, *word(HEAP_START), frame_of(HEAP_START));
    child = call(SYS_FORK, 0, 0);
    if (!child) {
        say("I am the child. I read %lu, in frame %lx, the same as my parent's. Now I write 2000.", *word(HEAP_START),
            frame_of(HEAP_START));
        check(*word(HEAP_START) == 1000);
        *word(HEAP_START) = 2000;
        say("I, the child, read %lu, in frame %lx.", *word(HEAP_START), frame_of(HEAP_START));
        check(*word(HEAP_START) == 2000);
        return;
    }
    yield();
    say("I am the parent of process %lu. I read %lu, in frame %lx. Now I write 3000.", child, *word(HEAP_START),
        frame_of(HEAP_START));
    check(*word(HEAP_START) == 1000);
    *word(HEAP_START) = 3000;
    say("I, the parent, read %lu, in frame %lx.", *word(HEAP_START), frame_of(HEAP_START));
    check(*word(HEAP_START) == 3000);
}

static void borrowed_hands(void)
{
    static const char message[] = "These words came from the disk.";
    volatile char *heap = (volatile char *)word(HEAP_START);
    u64 result;

    for (size_t i = 0; i < sizeof(message); i++)
        heap[i] = message[i];
    call(SYS_EVICT, HEAP_START, 0);
    check(call(SYS_WRITE, HEAP_START, sizeof(message) - 1) == 0);
    result = call(SYS_WRITE, 0, 10);
    say("I asked the kernel to print from address 0. It answered %s.", result ? "-1, an error" : "0, success");
    check(result == (u64)-1);
}

/* ---- The other ending ---- */

static void witness(void)
{
    for (u64 count = 1; count <= 5; count++) {
        yield();
        say("I am the witness. I have counted to %lu, undisturbed.", count);
    }
}

static void null_pointer(void)
{
    say("I follow a null pointer.");
    *word(0);
}

static void read_only(void)
{
    say("I change my own program.");
    *word(PROGRAM_START) = 0;
}

static void touch_kernel(void)
{
    say("I read the kernel's memory.");
    *word(0xFFFFFFFF80200000);
}

static void no_execute(void)
{
    volatile u8 code = 0xC3; /* RET */

    say("I have written a RET instruction onto my stack. I call it.");
    ((void (*)(void))word((u64)&code))();
}

static void far_below(void)
{
    say("I write far below my stack.");
    *word(STACK_LIMIT) = 1;
}

static void told(u64 address)
{
    say("I am in my handler. I was told of the violation at %lx; I clean up and leave.", address);
    call(SYS_EXIT, 0, 0);
}

static void careful(void)
{
    call(SYS_HANDLER, (u64)told, 0);
    say("I have a handler for access violations. I write to an address of nobody's.");
    *word(0x12345678) = 1;
    check(false);
}

void user_main(enum role role)
{
    switch (role) {
    case ROLE_NEWBORN: newborn(); break;
    case ROLE_ZERO: zero(); break;
    case ROLE_STACK: stack(); break;
    case ROLE_DISK: disk(); break;
    case ROLE_NEIGHBOUR: neighbour(); break;
    case ROLE_TWIN_A: twin(111); break;
    case ROLE_TWIN_B: twin(222); break;
    case ROLE_FORK: forking(); break;
    case ROLE_BORROWED_HANDS: borrowed_hands(); break;
    case ROLE_WITNESS: witness(); break;
    case ROLE_NULL: null_pointer(); break;
    case ROLE_READ_ONLY: read_only(); break;
    case ROLE_KERNEL: touch_kernel(); break;
    case ROLE_NO_EXECUTE: no_execute(); break;
    case ROLE_FAR_BELOW: far_below(); break;
    case ROLE_CAREFUL: careful(); break;
    }
    call(SYS_EXIT, 0, 0);
}

/* The first instruction of every process, at PROGRAM_START; its part to play is in RDI. */
__asm__(".section .user_start, \"ax\"; call user_main; .text");
