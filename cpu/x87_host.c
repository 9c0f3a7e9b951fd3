/* SPDX-License-Identifier: MIT */
/*
 * The host's x87 as the guest's arithmetic unit. Each function loads the guest's operands, runs one instruction under
 * the guest's control word, masks included, and hands back the status word. An unmasked exception does not disturb the
 * host: it would be reported by the *next waiting* instruction, and is cleared before. So the response to unmasked
 * exceptions (operands kept, stack not moved, biased results) is the hardware's, too.
 */
#include "cpu/x87.h"

#include "cpu/arithmetic.h"

#ifndef FAULTLINE_PORTABLE_FLOAT

/*
 * The host's state around an operation. Its sticky flags are left alone where the guest has them set and masked: they
 * tell nothing new.
 */
struct host {
    u16 control; /* to restore */
    u16 status;  /* before the operation: where TOP was */
    u8 unmasked; /* exceptions that must be cleared before the next waiting instruction */
    bool changed;
};

ALWAYS_INLINE struct host host_enter(const struct x87 *x)
{
    struct host h = {.unmasked = (u8)(~x->control & FSW_EXCEPTIONS)};
    u16 want = (x->control & FCW_WRITABLE) | FCW_ALWAYS;

    __asm__ volatile("fnstcw %0" : "=m"(h.control));
    __asm__ volatile("fnstsw %0" : "=a"(h.status));
    if (unlikely(h.status & FSW_EXCEPTIONS & ~(x->status & x->control)))
        __asm__ volatile("fnclex");
    h.changed = h.control != want;
    if (unlikely(h.changed))
        __asm__ volatile("fldcw %0" : : "m"(want));
    return h;
}

ALWAYS_INLINE void host_leave(const struct host *h)
{
    if (unlikely(h->changed))
        __asm__ volatile("fldcw %0" : : "m"(h->control));
}

#define X87_CLOBBERS "cc", "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

/* After the operation: the status word to AX, and no exception pending. */
#define STATUS_TO_AX              \
    "fnstsw %%ax\n\t"             \
    "testb %[unmasked], %%al\n\t" \
    "jz 1f\n\t"                   \
    "fnclex\n"                    \
    "1:\n\t"

/* a := INSN(a, b) with b in ST(1). */
#define BINARY(name, insn)                                                                                  \
    u16 name(const struct x87 *x, fp80 *a, const void *b)                                                   \
    {                                                                                                       \
        struct host h = host_enter(x);                                                                      \
        u16 status;                                                                                         \
        __asm__ volatile("fldt %[b]\n\tfldt %[a]\n\t" insn "\n\t" STATUS_TO_AX "fstpt %[a]\n\tfstp %%st(0)" \
                         : "=&a"(status), [a] "+m"(*a)                                                      \
                         : [b] "m"(*(const fp80 *)b), [unmasked] "q"(h.unmasked)                            \
                         : X87_CLOBBERS);                                                                   \
        host_leave(&h);                                                                                     \
        return status;                                                                                      \
    }

/* a := INSN(a, b) with b in memory, of type T. */
#define BINARY_MEMORY(name, insn, T)                                                \
    static u16 name(const struct x87 *x, fp80 *a, const void *b)                    \
    {                                                                               \
        struct host h = host_enter(x);                                              \
        u16 status;                                                                 \
        __asm__ volatile("fldt %[a]\n\t" insn " %[b]\n\t" STATUS_TO_AX "fstpt %[a]" \
                         : "=&a"(status), [a] "+m"(*a)                              \
                         : [b] "m"(*(const T *)b), [unmasked] "q"(h.unmasked)       \
                         : X87_CLOBBERS);                                           \
        host_leave(&h);                                                             \
        return status;                                                              \
    }

#define ARITHMETIC(name)                                                                                        \
    static BINARY(name##_extended, "f" #name " %%st(1), %%st") BINARY_MEMORY(name##_single, "f" #name "s", u32) \
        BINARY_MEMORY(name##_real64, "f" #name "l", u64)                                                        \
            const struct x87_arithmetic x87_##name = {name##_extended, name##_single, name##_real64};

ARITHMETIC(add)
ARITHMETIC(mul)
ARITHMETIC(sub)
ARITHMETIC(subr)
ARITHMETIC(div)
ARITHMETIC(divr)
static BINARY(com_extended, "fcom %%st(1)") BINARY_MEMORY(com_single, "fcoms", u32)
    BINARY_MEMORY(com_real64, "fcoml", u64) const
    struct x87_arithmetic x87_com = {com_extended, com_single, com_real64};
BINARY(x87_ucom, "fucom %%st(1)")
BINARY(x87_prem, "fprem")
BINARY(x87_prem1, "fprem1")
BINARY(x87_scale, "fscale")

/* a := INSN(a) */
#define UNARY(name, insn)                                                      \
    u16 name(const struct x87 *x, fp80 *a)                                     \
    {                                                                          \
        struct host h = host_enter(x);                                         \
        u16 status;                                                            \
        __asm__ volatile("fldt %[a]\n\t" insn "\n\t" STATUS_TO_AX "fstpt %[a]" \
                         : "=&a"(status), [a] "+m"(*a)                         \
                         : [unmasked] "q"(h.unmasked)                          \
                         : X87_CLOBBERS);                                      \
        host_leave(&h);                                                        \
        return status;                                                         \
    }

UNARY(x87_tst, "ftst")
UNARY(x87_xam, "fxam")
UNARY(x87_sqrt, "fsqrt")
UNARY(x87_rndint, "frndint")

/*
 * Instructions that push or pop unless an unmasked exception stops them. Whether they did shows in TOP: moved by one,
 * its lowest bit (bit 11 of the status word) differs from the one before.
 */
#define TEST_MOVED(before)      \
    "movl %%eax, %%ecx\n\t"     \
    "xorw " before ", %%cx\n\t" \
    "testl $0x800, %%ecx\n\t"

/* Loads with conversion: *pushed tells if there is a value. */
#define LOAD(name, insn, T)                                                                                 \
    u16 name(const struct x87 *x, fp80 *a, const void *from, bool *pushed)                                  \
    {                                                                                                       \
        struct host h = host_enter(x);                                                                      \
        u16 status;                                                                                         \
        __asm__ volatile(insn " %[from]\n\t" STATUS_TO_AX TEST_MOVED("%[before]") "jz 2f\n\tfstpt %[a]\n2:" \
                         : "=&a"(status), [a] "+m"(*a)                                                      \
                         : [from] "m"(*(const T *)from), [unmasked] "q"(h.unmasked), [before] "m"(h.status) \
                         : "ecx", X87_CLOBBERS);                                                            \
        host_leave(&h);                                                                                     \
        *pushed = (status ^ h.status) & 0x800;                                                              \
        return status;                                                                                      \
    }

struct bcd {
    u8 byte[10];
};
LOAD(x87_load_single, "flds", u32)
LOAD(x87_load_double, "fldl", u64)
LOAD(x87_load_bcd, "fbld", struct bcd)

/*
 * Stores with conversion, popping or not: a keeps its value, *to is written unless an unmasked exception prevents it.
 * After the store the value is still on the host's stack if TOP is one below where it was.
 */
#define STORE(name, insn, T)                                                                           \
    u16 name(const struct x87 *x, const fp80 *a, void *to)                                             \
    {                                                                                                  \
        struct host h = host_enter(x);                                                                 \
        u16 status;                                                                                    \
        __asm__ volatile("fldt %[a]\n\t" insn                                                          \
                         " %[to]\n\t" STATUS_TO_AX TEST_MOVED("%[before]") "jz 2f\n\tfstp %%st(0)\n2:" \
                         : "=&a"(status), [to] "+m"(*(T *)to)                                          \
                         : [a] "m"(*a), [unmasked] "q"(h.unmasked), [before] "m"(h.status)             \
                         : "ecx", X87_CLOBBERS);                                                       \
        host_leave(&h);                                                                                \
        return status;                                                                                 \
    }

STORE(x87_store_single, "fsts", u32)
STORE(x87_store_double, "fstl", u64)
STORE(x87_store_i16, "fists", u16)
STORE(x87_store_i32, "fistl", u32)
STORE(x87_store_i64, "fistpll", u64)
STORE(x87_truncate_i16, "fisttps", u16)
STORE(x87_truncate_i32, "fisttpl", u32)
STORE(x87_truncate_i64, "fisttpll", u64)
STORE(x87_store_bcd, "fbstp", struct bcd)

/* One value in, two out: with TOP two below where it was, its lowest bit is again the same. */
#define PUSHING(name, insn)                                                                                 \
    u16 name(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)                                            \
    {                                                                                                       \
        struct host h = host_enter(x);                                                                      \
        u16 status;                                                                                         \
        __asm__ volatile("fldt %[a]\n\t" insn                                                               \
                         "\n\t" STATUS_TO_AX TEST_MOVED("%[before]") "jnz 2f\n\tfstpt %[b]\n2:\tfstpt %[a]" \
                         : "=&a"(status), [a] "+m"(*a), [b] "+m"(*b)                                        \
                         : [unmasked] "q"(h.unmasked), [before] "m"(h.status)                               \
                         : "ecx", X87_CLOBBERS);                                                            \
        host_leave(&h);                                                                                     \
        *moved = !((status ^ h.status) & 0x800);                                                            \
        return status;                                                                                      \
    }

PUSHING(x87_xtract, "fxtract")

#endif
