/* SPDX-License-Identifier: MIT */
/*
 * arithmetic.h in C, for hosts without these instructions: lanes one by one here, floating point in sse_portable.c.
 * DEST and SRC may be the same object.
 */
#ifndef FAULTLINE_CPU_ARITHMETIC_PORTABLE_H
#define FAULTLINE_CPU_ARITHMETIC_PORTABLE_H

static inline s32 saturate_signed(s32 v, unsigned bits)
{
    s32 highest = (s32)((1u << (bits - 1)) - 1);
    return v > highest ? highest : v < -highest - 1 ? -highest - 1 : v;
}

static inline s32 saturate_unsigned(s32 v, unsigned bits)
{
    s32 highest = (s32)((1u << bits) - 1);
    return v > highest ? highest : v < 0 ? 0 : v;
}

/* Every lane of DEST, x, and of SRC, y. */
#define PORTABLE_LANES(name, lane, count, expression)              \
    static inline void name(union xmm *d, const union xmm *s)      \
    {                                                              \
        for (unsigned i = 0; i < count; i++) {                     \
            __typeof__(d->lane[0]) x = d->lane[i], y = s->lane[i]; \
            d->lane[i] = expression;                               \
        }                                                          \
    }
#define PORTABLE_LANES_OF_SOURCE(name, lane, count, expression) \
    static inline void name(union xmm *d, const union xmm *s)   \
    {                                                           \
        for (unsigned i = 0; i < count; i++) {                  \
            __typeof__(d->lane[0]) y = s->lane[i];              \
            d->lane[i] = expression;                            \
        }                                                       \
    }
#define PORTABLE_SHIFT(name, lane, lanes, expression)         \
    static inline void name(union xmm *d, const union xmm *s) \
    {                                                         \
        u64 count = s->q[0];                                  \
        for (unsigned i = 0; i < lanes; i++) {                \
            __typeof__(d->lane[0]) x = d->lane[i];            \
            d->lane[i] = expression;                          \
        }                                                     \
    }
#define PORTABLE_UNPACK(name, lane, count, from)              \
    static inline void name(union xmm *d, const union xmm *s) \
    {                                                         \
        union xmm r;                                          \
        for (unsigned i = 0; i < count / 2; i++) {            \
            r.lane[2 * i] = d->lane[from + i];                \
            r.lane[2 * i + 1] = s->lane[from + i];            \
        }                                                     \
        *d = r;                                               \
    }
/* v: lanes of DEST, then of SRC. */
#define PORTABLE_PACK(name, to, lane, count, expression)                            \
    static inline void name(union xmm *d, const union xmm *s)                       \
    {                                                                               \
        union xmm r;                                                                \
        for (unsigned i = 0; i < 2 * count; i++) {                                  \
            __typeof__(d->lane[0]) v = i < count ? d->lane[i] : s->lane[i - count]; \
            r.to[i] = expression;                                                   \
        }                                                                           \
        *d = r;                                                                     \
    }
/* x, y: neighbours in DEST, then in SRC. */
#define PORTABLE_HORIZONTAL(name, lane, count, expression)                 \
    static inline void name(union xmm *d, const union xmm *s)              \
    {                                                                      \
        union xmm r;                                                       \
        for (unsigned i = 0; i < count; i++) {                             \
            const union xmm *of = i < count / 2 ? d : s;                   \
            unsigned at = 2 * i % count;                                   \
            __typeof__(d->lane[0]) x = of->lane[at], y = of->lane[at + 1]; \
            r.lane[i] = expression;                                        \
        }                                                                  \
        *d = r;                                                            \
    }
#define PORTABLE_WIDEN(name, to, lane, count, expression)     \
    static inline void name(union xmm *d, const union xmm *s) \
    {                                                         \
        union xmm r;                                          \
        for (unsigned i = 0; i < count; i++) {                \
            __typeof__(s->lane[0]) v = s->lane[i];            \
            r.to[i] = expression;                             \
        }                                                     \
        *d = r;                                               \
    }

/* clang-format off: one instruction a line */
PORTABLE_LANES(paddb, b, 16, (u8)(x + y))
PORTABLE_LANES(psubb, b, 16, (u8)(x - y))
PORTABLE_LANES(pcmpeqb, b, 16, (u8) - (x == y))
PORTABLE_LANES(paddw, w, 8, (u16)(x + y))
PORTABLE_LANES(psubw, w, 8, (u16)(x - y))
PORTABLE_LANES(pcmpeqw, w, 8, (u16) - (x == y))
PORTABLE_LANES(paddd, d, 4, (u32)(x + y))
PORTABLE_LANES(psubd, d, 4, (u32)(x - y))
PORTABLE_LANES(pcmpeqd, d, 4, (u32) - (x == y))
PORTABLE_LANES(paddq, q, 2, (u64)(x + y))
PORTABLE_LANES(psubq, q, 2, (u64)(x - y))
PORTABLE_LANES(pcmpeqq, q, 2, (u64) - (x == y))
PORTABLE_LANES(pcmpgtb, b, 16, (u8) - ((s8)x > (s8)y))
PORTABLE_LANES(pcmpgtw, w, 8, (u16) - ((s16)x > (s16)y))
PORTABLE_LANES(pcmpgtd, d, 4, (u32) - ((s32)x > (s32)y))
PORTABLE_LANES(paddsb, b, 16, (u8)saturate_signed((s8)x + (s8)y, 8))
PORTABLE_LANES(psubsb, b, 16, (u8)saturate_signed((s8)x - (s8)y, 8))
PORTABLE_LANES(paddusb, b, 16, (u8)saturate_unsigned(x + y, 8))
PORTABLE_LANES(psubusb, b, 16, (u8)saturate_unsigned(x - y, 8))
PORTABLE_LANES(pavgb, b, 16, (u8)((x + y + 1) >> 1))
PORTABLE_LANES(paddsw, w, 8, (u16)saturate_signed((s16)x + (s16)y, 16))
PORTABLE_LANES(psubsw, w, 8, (u16)saturate_signed((s16)x - (s16)y, 16))
PORTABLE_LANES(paddusw, w, 8, (u16)saturate_unsigned(x + y, 16))
PORTABLE_LANES(psubusw, w, 8, (u16)saturate_unsigned(x - y, 16))
PORTABLE_LANES(pavgw, w, 8, (u16)((x + y + 1) >> 1))
PORTABLE_LANES(pmullw, w, 8, (u16)((u32)x *y))
PORTABLE_LANES(pmulhw, w, 8, (u16)((s16)x *(s16)y >> 16))
PORTABLE_LANES(pmulhuw, w, 8, (u16)((u32)x *y >> 16))
PORTABLE_LANES(pmuludq, q, 2, (u64)(u32)x *(u32)y)
PORTABLE_LANES(pmuldq, q, 2, (u64)((s64)(s32)x *(s32)y))
PORTABLE_LANES(pmulld, d, 4, x *y)
PORTABLE_LANES(pmulhrsw, w, 8, (u16)(((((s16)x * (s16)y) >> 14) + 1) >> 1))
PORTABLE_LANES(pmaxub, b, 16, (u8)x > (u8)y ? x : y)
PORTABLE_LANES(pminub, b, 16, (u8)x < (u8)y ? x : y)
PORTABLE_LANES(pmaxsw, w, 8, (s16)x > (s16)y ? x : y)
PORTABLE_LANES(pminsw, w, 8, (s16)x < (s16)y ? x : y)
PORTABLE_LANES(pmaxsb, b, 16, (s8)x > (s8)y ? x : y)
PORTABLE_LANES(pminsb, b, 16, (s8)x < (s8)y ? x : y)
PORTABLE_LANES(pmaxsd, d, 4, (s32)x > (s32)y ? x : y)
PORTABLE_LANES(pminsd, d, 4, (s32)x < (s32)y ? x : y)
PORTABLE_LANES(pmaxuw, w, 8, (u16)x > (u16)y ? x : y)
PORTABLE_LANES(pminuw, w, 8, (u16)x < (u16)y ? x : y)
PORTABLE_LANES(pmaxud, d, 4, (u32)x > (u32)y ? x : y)
PORTABLE_LANES(pminud, d, 4, (u32)x < (u32)y ? x : y)
PORTABLE_LANES(pand, q, 2, x &y)
PORTABLE_LANES(pandn, q, 2, ~x &y)
PORTABLE_LANES(por, q, 2, x | y)
PORTABLE_LANES(pxor, q, 2, x ^ y)
PORTABLE_LANES(psignb, b, 16, (s8)y < 0 ? (u8)-x : y ? x : 0)
PORTABLE_LANES_OF_SOURCE(pabsb, b, 16, (s8)y < 0 ? (u8)-y : y)
PORTABLE_LANES(psignw, w, 8, (s16)y < 0 ? (u16)-x : y ? x : 0)
PORTABLE_LANES_OF_SOURCE(pabsw, w, 8, (s16)y < 0 ? (u16)-y : y)
PORTABLE_LANES(psignd, d, 4, (s32)y < 0 ? (u32)-x : y ? x : 0)
PORTABLE_LANES_OF_SOURCE(pabsd, d, 4, (s32)y < 0 ? (u32)-y : y)
PORTABLE_SHIFT(psllw, w, 8, count < 16 ? (u16)((u64)x << count) : 0)
PORTABLE_SHIFT(psrlw, w, 8, count < 16 ? (u16)(x >> count) : 0)
PORTABLE_SHIFT(pslld, d, 4, count < 32 ? (u32)((u64)x << count) : 0)
PORTABLE_SHIFT(psrld, d, 4, count < 32 ? (u32)(x >> count) : 0)
PORTABLE_SHIFT(psllq, q, 2, count < 64 ? (u64)((u64)x << count) : 0)
PORTABLE_SHIFT(psrlq, q, 2, count < 64 ? (u64)(x >> count) : 0)
PORTABLE_SHIFT(psraw, w, 8, (u16)((s16)x >> (count < 16 ? count : 15)))
PORTABLE_SHIFT(psrad, d, 4, (u32)((s32)x >> (count < 32 ? count : 31)))
PORTABLE_UNPACK(punpcklbw, b, 16, 0)
PORTABLE_UNPACK(punpckhbw, b, 16, 8)
PORTABLE_UNPACK(punpcklwd, w, 8, 0)
PORTABLE_UNPACK(punpckhwd, w, 8, 4)
PORTABLE_UNPACK(punpckldq, d, 4, 0)
PORTABLE_UNPACK(punpckhdq, d, 4, 2)
PORTABLE_UNPACK(punpcklqdq, q, 2, 0)
PORTABLE_UNPACK(punpckhqdq, q, 2, 1)
PORTABLE_PACK(packsswb, b, w, 8, (u8)saturate_signed((s16)v, 8))
PORTABLE_PACK(packssdw, w, d, 4, (u16)saturate_signed((s32)v, 16))
PORTABLE_PACK(packuswb, b, w, 8, (u8)saturate_unsigned((s16)v, 8))
PORTABLE_PACK(packusdw, w, d, 4, (u16)saturate_unsigned((s32)v, 16))
PORTABLE_HORIZONTAL(phaddw, w, 8, (u16)(x + y))
PORTABLE_HORIZONTAL(phaddd, d, 4, x + y)
PORTABLE_HORIZONTAL(phaddsw, w, 8, (u16)saturate_signed((s16)x + (s16)y, 16))
PORTABLE_HORIZONTAL(phsubw, w, 8, (u16)(x - y))
PORTABLE_HORIZONTAL(phsubd, d, 4, x - y)
PORTABLE_HORIZONTAL(phsubsw, w, 8, (u16)saturate_signed((s16)x - (s16)y, 16))
PORTABLE_WIDEN(pmovsxbw, w, b, 8, (u16)(s8)v)
PORTABLE_WIDEN(pmovzxbw, w, b, 8, v)
PORTABLE_WIDEN(pmovsxbd, d, b, 4, (u32)(s8)v)
PORTABLE_WIDEN(pmovzxbd, d, b, 4, v)
PORTABLE_WIDEN(pmovsxbq, q, b, 2, (u64)(s8)v)
PORTABLE_WIDEN(pmovzxbq, q, b, 2, v)
PORTABLE_WIDEN(pmovsxwd, d, w, 4, (u32)(s16)v)
PORTABLE_WIDEN(pmovzxwd, d, w, 4, v)
PORTABLE_WIDEN(pmovsxwq, q, w, 2, (u64)(s16)v)
PORTABLE_WIDEN(pmovzxwq, q, w, 2, v)
PORTABLE_WIDEN(pmovsxdq, q, d, 2, (u64)(s32)v)
PORTABLE_WIDEN(pmovzxdq, q, d, 2, v)
/* clang-format on */

static inline void pmaddwd(union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (u32)((s16)d->w[2 * i] * (s16)s->w[2 * i]) + (u32)((s16)d->w[2 * i + 1] * (s16)s->w[2 * i + 1]);
}

static inline void pmaddubsw(union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 8; i++)
        d->w[i] = (u16)saturate_signed(d->b[2 * i] * (s8)s->b[2 * i] + d->b[2 * i + 1] * (s8)s->b[2 * i + 1], 16);
}

static inline void psadbw(union xmm *d, const union xmm *s)
{
    for (unsigned half = 0; half < 2; half++) {
        unsigned sum = 0;
        for (unsigned i = 8 * half; i < 8 * half + 8; i++)
            sum += d->b[i] > s->b[i] ? (unsigned)(d->b[i] - s->b[i]) : (unsigned)(s->b[i] - d->b[i]);
        d->q[half] = sum;
    }
}

static inline void phminposuw(union xmm *d, const union xmm *s)
{
    unsigned at = 0;

    for (unsigned i = 1; i < 8; i++)
        if (s->w[i] < s->w[at])
            at = i;
    *d = (union xmm){.w = {s->w[at], (u16)at}};
}

static inline void pshufb(union xmm *d, const union xmm *s)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i++)
        r.b[i] = s->b[i] & 0x80 ? 0 : d->b[s->b[i] & 15];
    *d = r;
}

static inline u32 byte_signs(const union xmm *x)
{
    u32 mask = 0;

    for (unsigned i = 0; i < 16; i++)
        mask |= (u32)(x->b[i] >> 7) << i;
    return mask;
}

/* CRC-32C, bits reflected. */
static inline u32 crc32_step(u32 crc, u8 byte)
{
    crc ^= byte;
    for (unsigned i = 0; i < 8; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    return crc;
}

/* Nothing of the host's: sse_crypto.c does it. */
static inline bool host_aes_none(union xmm *d, const union xmm *s) { return (void)d, (void)s, false; }
#define host_aesenc host_aes_none
#define host_aesenclast host_aes_none
#define host_aesdec host_aes_none
#define host_aesdeclast host_aes_none
#define host_aesimc host_aes_none
static inline bool host_pclmulqdq(union xmm *d, u64 a, u64 b) { return (void)d, (void)a, (void)b, false; }

/* Floating point: MXCSR as the operations see it, and their exceptions. */
struct float_env {
    u32 control, flags;
};

ALWAYS_INLINE struct float_env float_enter(u32 guest)
{
    struct float_env e = {.control = guest, .flags = 0};

    if (!(guest & MXCSR_UM)) /* FZ is for masked underflow only */
        e.control &= ~(u32)MXCSR_FZ;
    return e;
}

ALWAYS_INLINE u32 float_leave(const struct float_env *e) { return e->flags; }

float_fn addps, addpd, addss, addsd, subps, subpd, subss, subsd, mulps, mulpd, mulss, mulsd, divps, divpd, divss, divsd,
    minps, minpd, minss, minsd, maxps, maxpd, maxss, maxsd, sqrtps, sqrtpd, sqrtss, sqrtsd, addsubps, addsubpd, haddps,
    haddpd, hsubps, hsubpd, cvtps2pd, cvtpd2ps, cvtss2sd, cvtsd2ss, cvtdq2ps, cvtps2dq, cvttps2dq, cvtdq2pd, cvtpd2dq,
    cvttpd2dq;
float_imm_fn cmpps, cmppd, cmpss, cmpsd, roundps, roundpd, roundss, roundsd;
float_order_fn comiss, comisd, ucomiss, ucomisd;
float_from_fn cvtsi2ssl, cvtsi2ssq, cvtsi2sdl, cvtsi2sdq;
float_to_fn cvtss2si32, cvtss2si64, cvtsd2si32, cvtsd2si64, cvttss2si32, cvttss2si64, cvttsd2si32, cvttsd2si64;

#endif
