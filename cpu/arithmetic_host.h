/* SPDX-License-Identifier: MIT */
/*
 * arithmetic.h by the host's own instructions: one each. Between float_enter and float_leave the host's MXCSR has the
 * guest's rounding, FZ and DAZ, all exceptions masked. Host flags that the guest has set and masked are left alone,
 * since they tell nothing new. Assembly is volatile where it must stay between the two.
 */
#ifndef FAULTLINE_CPU_ARITHMETIC_HOST_H
#define FAULTLINE_CPU_ARITHMETIC_HOST_H

#include <wmmintrin.h>

#include <smmintrin.h>

static inline __m128i xmm_get(const union xmm *x) { return _mm_loadu_si128((const __m128i *)(const void *)x); }
static inline void xmm_put(union xmm *x, __m128i v) { _mm_storeu_si128((__m128i *)(void *)x, v); }

#define SSSE3 __attribute__((target("ssse3")))
#define SSE41 __attribute__((target("sse4.1")))

/* clang-format off: one instruction a line */
static inline void paddb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi8(xmm_get(d), xmm_get(s))); }
static inline void paddw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi16(xmm_get(d), xmm_get(s))); }
static inline void paddd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi32(xmm_get(d), xmm_get(s))); }
static inline void paddq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi64(xmm_get(d), xmm_get(s))); }
static inline void paddsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epi8(xmm_get(d), xmm_get(s))); }
static inline void paddsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epi16(xmm_get(d), xmm_get(s))); }
static inline void paddusb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epu8(xmm_get(d), xmm_get(s))); }
static inline void paddusw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epu16(xmm_get(d), xmm_get(s))); }
static inline void psubb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi8(xmm_get(d), xmm_get(s))); }
static inline void psubw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi16(xmm_get(d), xmm_get(s))); }
static inline void psubd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi32(xmm_get(d), xmm_get(s))); }
static inline void psubq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi64(xmm_get(d), xmm_get(s))); }
static inline void psubsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epi8(xmm_get(d), xmm_get(s))); }
static inline void psubsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epi16(xmm_get(d), xmm_get(s))); }
static inline void psubusb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epu8(xmm_get(d), xmm_get(s))); }
static inline void psubusw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epu16(xmm_get(d), xmm_get(s))); }
static inline void pmullw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mullo_epi16(xmm_get(d), xmm_get(s))); }
static inline void pmulhw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mulhi_epi16(xmm_get(d), xmm_get(s))); }
static inline void pmulhuw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mulhi_epu16(xmm_get(d), xmm_get(s))); }
static inline void pmuludq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mul_epu32(xmm_get(d), xmm_get(s))); }
static inline void pmaddwd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_madd_epi16(xmm_get(d), xmm_get(s))); }
static inline void psadbw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sad_epu8(xmm_get(d), xmm_get(s))); }
static inline void pavgb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_avg_epu8(xmm_get(d), xmm_get(s))); }
static inline void pavgw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_avg_epu16(xmm_get(d), xmm_get(s))); }
static inline void pmaxub(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epu8(xmm_get(d), xmm_get(s))); }
static inline void pminub(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epu8(xmm_get(d), xmm_get(s))); }
static inline void pmaxsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epi16(xmm_get(d), xmm_get(s))); }
static inline void pminsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epi16(xmm_get(d), xmm_get(s))); }
static inline void pcmpeqb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpeq_epi8(xmm_get(d), xmm_get(s))); }
static inline void pcmpeqw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpeq_epi16(xmm_get(d), xmm_get(s))); }
static inline void pcmpeqd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpeq_epi32(xmm_get(d), xmm_get(s))); }
static inline void pcmpgtb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpgt_epi8(xmm_get(d), xmm_get(s))); }
static inline void pcmpgtw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpgt_epi16(xmm_get(d), xmm_get(s))); }
static inline void pcmpgtd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpgt_epi32(xmm_get(d), xmm_get(s))); }
static inline void pand(union xmm *d, const union xmm *s) { xmm_put(d, _mm_and_si128(xmm_get(d), xmm_get(s))); }
static inline void pandn(union xmm *d, const union xmm *s) { xmm_put(d, _mm_andnot_si128(xmm_get(d), xmm_get(s))); }
static inline void por(union xmm *d, const union xmm *s) { xmm_put(d, _mm_or_si128(xmm_get(d), xmm_get(s))); }
static inline void pxor(union xmm *d, const union xmm *s) { xmm_put(d, _mm_xor_si128(xmm_get(d), xmm_get(s))); }
static inline void psllw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sll_epi16(xmm_get(d), xmm_get(s))); }
static inline void pslld(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sll_epi32(xmm_get(d), xmm_get(s))); }
static inline void psllq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sll_epi64(xmm_get(d), xmm_get(s))); }
static inline void psrlw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_srl_epi16(xmm_get(d), xmm_get(s))); }
static inline void psrld(union xmm *d, const union xmm *s) { xmm_put(d, _mm_srl_epi32(xmm_get(d), xmm_get(s))); }
static inline void psrlq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_srl_epi64(xmm_get(d), xmm_get(s))); }
static inline void psraw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sra_epi16(xmm_get(d), xmm_get(s))); }
static inline void psrad(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sra_epi32(xmm_get(d), xmm_get(s))); }
static inline void punpcklbw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpacklo_epi8(xmm_get(d), xmm_get(s)));
}
static inline void punpcklwd(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpacklo_epi16(xmm_get(d), xmm_get(s)));
}
static inline void punpckldq(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpacklo_epi32(xmm_get(d), xmm_get(s)));
}
static inline void punpcklqdq(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpacklo_epi64(xmm_get(d), xmm_get(s)));
}
static inline void punpckhbw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpackhi_epi8(xmm_get(d), xmm_get(s)));
}
static inline void punpckhwd(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpackhi_epi16(xmm_get(d), xmm_get(s)));
}
static inline void punpckhdq(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpackhi_epi32(xmm_get(d), xmm_get(s)));
}
static inline void punpckhqdq(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_unpackhi_epi64(xmm_get(d), xmm_get(s)));
}
static inline void packsswb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_packs_epi16(xmm_get(d), xmm_get(s))); }
static inline void packssdw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_packs_epi32(xmm_get(d), xmm_get(s))); }
static inline void packuswb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_packus_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static inline void psignb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sign_epi8(xmm_get(d), xmm_get(s))); }
SSSE3 static inline void psignw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_sign_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void psignd(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_sign_epi32(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void pmulhrsw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_mulhrs_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void pmaddubsw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_maddubs_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void pabsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_abs_epi8(xmm_get(s))); }
SSSE3 static inline void pabsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_abs_epi16(xmm_get(s))); }
SSSE3 static inline void pabsd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_abs_epi32(xmm_get(s))); }
SSSE3 static inline void phaddw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_hadd_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void phaddd(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_hadd_epi32(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void phaddsw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_hadds_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void phsubw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_hsub_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void phsubd(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_hsub_epi32(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void phsubsw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_hsubs_epi16(xmm_get(d), xmm_get(s)));
}
SSSE3 static inline void pshufb(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_shuffle_epi8(xmm_get(d), xmm_get(s)));
}
SSE41 static inline void pmuldq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mul_epi32(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pmulld(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_mullo_epi32(xmm_get(d), xmm_get(s)));
}
SSE41 static inline void pcmpeqq(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_cmpeq_epi64(xmm_get(d), xmm_get(s)));
}
SSE41 static inline void packusdw(union xmm *d, const union xmm *s)
{
    xmm_put(d, _mm_packus_epi32(xmm_get(d), xmm_get(s)));
}
SSE41 static inline void pminsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epi8(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pminsd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epi32(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pminuw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epu16(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pminud(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epu32(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pmaxsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epi8(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pmaxsd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epi32(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pmaxuw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epu16(xmm_get(d), xmm_get(s))); }
SSE41 static inline void pmaxud(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epu32(xmm_get(d), xmm_get(s))); }
SSE41 static inline void phminposuw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_minpos_epu16(xmm_get(s))); }
SSE41 static inline void pmovsxbw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepi8_epi16(xmm_get(s))); }
SSE41 static inline void pmovzxbw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepu8_epi16(xmm_get(s))); }
SSE41 static inline void pmovsxbd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepi8_epi32(xmm_get(s))); }
SSE41 static inline void pmovzxbd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepu8_epi32(xmm_get(s))); }
SSE41 static inline void pmovsxbq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepi8_epi64(xmm_get(s))); }
SSE41 static inline void pmovzxbq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepu8_epi64(xmm_get(s))); }
SSE41 static inline void pmovsxwd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepi16_epi32(xmm_get(s))); }
SSE41 static inline void pmovzxwd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepu16_epi32(xmm_get(s))); }
SSE41 static inline void pmovsxwq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepi16_epi64(xmm_get(s))); }
SSE41 static inline void pmovzxwq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepu16_epi64(xmm_get(s))); }
SSE41 static inline void pmovsxdq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepi32_epi64(xmm_get(s))); }
SSE41 static inline void pmovzxdq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cvtepu32_epi64(xmm_get(s))); }
/* clang-format on */

static inline u32 byte_signs(const union xmm *x) { return (u32)_mm_movemask_epi8(xmm_get(x)); }

static inline u32 crc32_step(u32 crc, u8 byte)
{
    __asm__("crc32b %1, %0" : "+r"(crc) : "q"(byte));
    return crc;
}

/* Instructions that not every host has: false, and nothing done, where it does not. */
#define HOST_AES(name, intrinsic)                                                                          \
    __attribute__((target("aes"))) static inline void name##_instruction(union xmm *d, const union xmm *s) \
    {                                                                                                      \
        xmm_put(d, intrinsic(xmm_get(d), xmm_get(s)));                                                     \
    }                                                                                                      \
    static inline bool host_##name(union xmm *d, const union xmm *s)                                       \
    {                                                                                                      \
        bool has = __builtin_cpu_supports("aes");                                                          \
        if (has)                                                                                           \
            name##_instruction(d, s);                                                                      \
        return has;                                                                                        \
    }

#define AESIMC_OF_SOURCE(d, s) ((void)(d), _mm_aesimc_si128(s))
HOST_AES(aesenc, _mm_aesenc_si128)
HOST_AES(aesenclast, _mm_aesenclast_si128)
HOST_AES(aesdec, _mm_aesdec_si128)
HOST_AES(aesdeclast, _mm_aesdeclast_si128)
HOST_AES(aesimc, AESIMC_OF_SOURCE)

__attribute__((target("pclmul"))) static inline void pclmulqdq_instruction(union xmm *d, u64 a, u64 b)
{
    union xmm x = {.q = {a, 0}}, y = {.q = {b, 0}};
    xmm_put(d, _mm_clmulepi64_si128(xmm_get(&x), xmm_get(&y), 0));
}

static inline bool host_pclmulqdq(union xmm *d, u64 a, u64 b)
{
    bool has = __builtin_cpu_supports("pclmul");

    if (has)
        pclmulqdq_instruction(d, a, b);
    return has;
}

/* Floating point. */
struct float_env {
    u32 saved;
    bool changed;
};

ALWAYS_INLINE struct float_env float_enter(u32 guest)
{
    struct float_env e;
    u32 want = (guest & (MXCSR_RC | MXCSR_FZ | MXCSR_DAZ)) | MXCSR_MASKS;

    if (!(guest & MXCSR_UM)) /* FZ is for masked underflow only */
        want &= ~(u32)MXCSR_FZ;
    __asm__ volatile("stmxcsr %0" : "=m"(e.saved));
    e.changed = (e.saved & ~MXCSR_FLAGS) != want;
    if (unlikely(e.changed || (e.saved & MXCSR_FLAGS & ~(guest & guest >> 7))))
        __asm__ volatile("ldmxcsr %0" : : "m"(want));
    return e;
}

ALWAYS_INLINE u32 float_leave(const struct float_env *e)
{
    u32 now;

    __asm__ volatile("stmxcsr %0" : "=m"(now));
    if (unlikely(e->changed))
        __asm__ volatile("ldmxcsr %0" : : "m"(e->saved));
    return now & MXCSR_FLAGS;
}

#define HOST_FLOAT(name)                                                                   \
    ALWAYS_INLINE void name(struct float_env *e, union xmm *dest, const union xmm *source) \
    {                                                                                      \
        __m128i x = xmm_get(dest), y = xmm_get(source);                                    \
        (void)e;                                                                           \
        __asm__ volatile(#name " %1, %0" : "+x"(x) : "x"(y));                              \
        xmm_put(dest, x);                                                                  \
    }
#define HOST_FLOATS(name) HOST_FLOAT(name##ps) HOST_FLOAT(name##pd) HOST_FLOAT(name##ss) HOST_FLOAT(name##sd)
HOST_FLOATS(add)
HOST_FLOATS(sub)
HOST_FLOATS(mul)
HOST_FLOATS(div)
HOST_FLOATS(min)
HOST_FLOATS(max)
HOST_FLOATS(sqrt)
HOST_FLOAT(addsubps)
HOST_FLOAT(addsubpd)
HOST_FLOAT(haddps)
HOST_FLOAT(haddpd)
HOST_FLOAT(hsubps)
HOST_FLOAT(hsubpd)
HOST_FLOAT(cvtps2pd)
HOST_FLOAT(cvtpd2ps)
HOST_FLOAT(cvtss2sd)
HOST_FLOAT(cvtsd2ss)
HOST_FLOAT(cvtdq2ps)
HOST_FLOAT(cvtps2dq)
HOST_FLOAT(cvttps2dq)
HOST_FLOAT(cvtdq2pd)
HOST_FLOAT(cvtpd2dq)
HOST_FLOAT(cvttpd2dq)

#define HOST_COMPARE(name)                                                                                     \
    ALWAYS_INLINE void name(struct float_env *e, union xmm *dest, const union xmm *source, unsigned predicate) \
    {                                                                                                          \
        __m128i x = xmm_get(dest), y = xmm_get(source);                                                        \
        (void)e;                                                                                               \
        switch (predicate & 7) {                                                                               \
        case 0: __asm__ volatile(#name " $0, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        case 1: __asm__ volatile(#name " $1, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        case 2: __asm__ volatile(#name " $2, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        case 3: __asm__ volatile(#name " $3, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        case 4: __asm__ volatile(#name " $4, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        case 5: __asm__ volatile(#name " $5, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        case 6: __asm__ volatile(#name " $6, %1, %0" : "+x"(x) : "x"(y)); break;                               \
        default: __asm__ volatile(#name " $7, %1, %0" : "+x"(x) : "x"(y)); break;                              \
        }                                                                                                      \
        xmm_put(dest, x);                                                                                      \
    }
HOST_COMPARE(cmpps)
HOST_COMPARE(cmppd)
HOST_COMPARE(cmpss)
HOST_COMPARE(cmpsd)

/* The host's EFLAGS. */
#define HOST_ORDER(name)                                                                                  \
    ALWAYS_INLINE struct order name(struct float_env *e, const union xmm *a, const union xmm *b)          \
    {                                                                                                     \
        __m128i x = xmm_get(a), y = xmm_get(b);                                                           \
        struct order o;                                                                                   \
        (void)e;                                                                                          \
        __asm__ volatile(#name " %4, %3" : "=@ccz"(o.zf), "=@ccp"(o.pf), "=@ccc"(o.cf) : "x"(x), "x"(y)); \
        return o;                                                                                         \
    }
HOST_ORDER(comiss)
HOST_ORDER(comisd)
HOST_ORDER(ucomiss)
HOST_ORDER(ucomisd)

#define HOST_FROM_INTEGER(name, T)                                       \
    ALWAYS_INLINE void name(struct float_env *e, union xmm *dest, u64 v) \
    {                                                                    \
        __m128i x = xmm_get(dest);                                       \
        (void)e;                                                         \
        __asm__ volatile(#name " %1, %0" : "+x"(x) : "r"((T)v));         \
        xmm_put(dest, x);                                                \
    }
HOST_FROM_INTEGER(cvtsi2ssl, u32)
HOST_FROM_INTEGER(cvtsi2ssq, u64)
HOST_FROM_INTEGER(cvtsi2sdl, u32)
HOST_FROM_INTEGER(cvtsi2sdq, u64)

#define HOST_TO_INTEGER(name, insn, T)                                   \
    ALWAYS_INLINE u64 name(struct float_env *e, const union xmm *source) \
    {                                                                    \
        __m128i x = xmm_get(source);                                     \
        T v;                                                             \
        (void)e;                                                         \
        __asm__ volatile(insn " %1, %0" : "=r"(v) : "x"(x));             \
        return v;                                                        \
    }
HOST_TO_INTEGER(cvtss2si32, "cvtss2si", u32)
HOST_TO_INTEGER(cvtss2si64, "cvtss2si", u64)
HOST_TO_INTEGER(cvtsd2si32, "cvtsd2si", u32)
HOST_TO_INTEGER(cvtsd2si64, "cvtsd2si", u64)
HOST_TO_INTEGER(cvttss2si32, "cvttss2si", u32)
HOST_TO_INTEGER(cvttss2si64, "cvttss2si", u64)
HOST_TO_INTEGER(cvttsd2si32, "cvttsd2si", u32)
HOST_TO_INTEGER(cvttsd2si64, "cvttsd2si", u64)

/* The rounding is MXCSR's; quiet: inexact is not reported. */
#define HOST_ROUND(name)                                                                                   \
    ALWAYS_INLINE void name(struct float_env *e, union xmm *dest, const union xmm *source, unsigned quiet) \
    {                                                                                                      \
        __m128i x = xmm_get(dest), y = xmm_get(source);                                                    \
        (void)e;                                                                                           \
        if (quiet)                                                                                         \
            __asm__ volatile(#name " $12, %1, %0" : "+x"(x) : "x"(y));                                     \
        else                                                                                               \
            __asm__ volatile(#name " $4, %1, %0" : "+x"(x) : "x"(y));                                      \
        xmm_put(dest, x);                                                                                  \
    }
HOST_ROUND(roundps)
HOST_ROUND(roundpd)
HOST_ROUND(roundss)
HOST_ROUND(roundsd)

#endif
