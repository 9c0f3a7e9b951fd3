/* SPDX-License-Identifier: MIT */
/*
 * A kernel without frame pointers that faults at the end of a known chain of calls, each of a kind that unwinding must
 * know: what CHAIN says. backtrace.sh has the chains.
 */
#define KEPT __attribute__((noipa, used))
#define NOWHERE ((volatile unsigned *)0x40000000)
#define AFTERWARDS __asm__ volatile("" ::: "memory") /* so that no call is the last thing done, and made a jump */

unsigned read_word(const volatile unsigned *);

/* Registers that are the caller's are saved, and used for something else. */
KEPT static unsigned busy(unsigned (*function)(unsigned), unsigned n)
{
    unsigned a = function(n), b = function(n + 1), c = function(a + n), d = function(b + 2), e = function(c ^ d);

    AFTERWARDS;
    return a + b * c + d * e + n;
}

KEPT static unsigned leaf(unsigned n)
{
    return n < 4 ? n : NOWHERE[n];
}

/* A frame pointer after all: the size of the frame is not known. */
KEPT static unsigned varying(unsigned n)
{
    volatile unsigned char *room = __builtin_alloca(n * 16 + 1);

    room[n] = (unsigned char)n;
    n = busy(leaf, n + room[n]);
    AFTERWARDS;
    return n + room[0];
}

/* A stack pointer that is rounded down: where the caller's is, is in memory or in another register. */
KEPT static unsigned aligned(unsigned n)
{
    volatile unsigned vector[16] __attribute__((aligned(128)));

    vector[n & 15] = n;
    n = varying(n + vector[n & 15]);
    AFTERWARDS;
    return n + vector[1];
}

/* Both at once. */
KEPT static unsigned aligned_varying(unsigned n)
{
    volatile unsigned vector[16] __attribute__((aligned(64)));
    volatile unsigned char *room = __builtin_alloca(n * 16 + 1);

    room[n] = vector[n & 15] = (unsigned char)n;
    n = aligned(n + vector[n & 15] + room[n]);
    AFTERWARDS;
    return n + vector[1] + room[1];
}

/* The call is the last instruction: what is behind it is another function. */
KEPT __attribute__((noreturn)) static void panic(unsigned n)
{
    for (;;)
        busy(leaf, n);
}

KEPT static void stop(unsigned n)
{
    volatile unsigned local[4];

    local[n & 3] = n;
    panic(local[n & 3]);
}

KEPT void on_interrupt(void)
{
    busy(leaf, 1);
    AFTERWARDS;
}

KEPT static unsigned interrupted(unsigned n)
{
    volatile unsigned local[7];

    local[n & 3] = n;
    __asm__ volatile("int $0" ::: "memory");
    return local[1];
}

KEPT static unsigned assembly(unsigned n)
{
    n += read_word(NOWHERE + n);
    AFTERWARDS;
    return n;
}

KEPT static unsigned nothing(unsigned n)
{
    unsigned (*volatile function)(unsigned) = (unsigned (*)(unsigned))NOWHERE;

    n += function(n);
    AFTERWARDS;
    return n;
}

void kernel_main(void)
{
#if CHAIN == 1
    aligned_varying(3);
#elif CHAIN == 2
    stop(3);
#elif CHAIN == 3
    busy(interrupted, 1);
#elif CHAIN == 4
    busy(assembly, 1);
#else
    busy(nothing, 1);
#endif
    AFTERWARDS;
}
