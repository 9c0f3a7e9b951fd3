/* SPDX-License-Identifier: MIT */
/*
 * AES, carry-less multiplication and SHA (SDM Vol. 1, "AES Extensions (AESNI)", "Intel SHA Extensions"; FIPS 197, FIPS
 * 180). Where the host has the instruction it is used (arithmetic_host.h), else these functions.
 */
#include "cpu/sse.h"

/* clang-format off */
static const u8 sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static const u8 inverse_sbox[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb,
    0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb,
    0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e,
    0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25,
    0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92,
    0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84,
    0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
    0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b,
    0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73,
    0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e,
    0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b,
    0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4,
    0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f,
    0x60, 0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
    0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61,
    0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};
/* clang-format on */

/* The state is a 4 x 4 matrix of bytes, column after column. */
static union xmm shift_rows(const union xmm *x, unsigned step)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i++)
        r.b[i] = x->b[(i + (i & 3) * step) & 15];
    return r;
}

static void substitute(union xmm *x, const u8 *box)
{
    for (unsigned i = 0; i < 16; i++)
        x->b[i] = box[x->b[i]];
}

/* In GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
static u8 gf_double(u8 a) { return (u8)(a << 1 ^ (a & 0x80 ? 0x1b : 0)); }

static u8 gf_multiply(u8 a, unsigned b)
{
    u8 r = 0;

    for (; b; b >>= 1, a = gf_double(a))
        r ^= b & 1 ? a : 0;
    return r;
}

/* Each column times the circulant matrix whose first row is given, a nibble an entry, lowest first. */
static void mix_columns(union xmm *x, unsigned row)
{
    union xmm r = {.q = {0, 0}};

    for (unsigned i = 0; i < 16; i++)
        for (unsigned k = 0; k < 4; k++)
            r.b[i] ^= gf_multiply(x->b[(i & 12) | ((i + k) & 3)], row >> (4 * k) & 15);
    *x = r;
}

enum { MIX = 0x1132, UNMIX = 0x9dbe };

static void xor_key(union xmm *d, const union xmm *state, const union xmm *key)
{
    *d = (union xmm){.q = {state->q[0] ^ key->q[0], state->q[1] ^ key->q[1]}};
}

static void encrypt(union xmm *d, const union xmm *key, bool last)
{
    union xmm x = shift_rows(d, 4);

    substitute(&x, sbox);
    if (!last)
        mix_columns(&x, MIX);
    xor_key(d, &x, key);
}

static void decrypt(union xmm *d, const union xmm *key, bool last)
{
    union xmm x = shift_rows(d, 12);

    substitute(&x, inverse_sbox);
    if (!last)
        mix_columns(&x, UNMIX);
    xor_key(d, &x, key);
}

static void aesenc(union xmm *d, const union xmm *s)
{
    if (!host_aesenc(d, s))
        encrypt(d, s, false);
}

static void aesenclast(union xmm *d, const union xmm *s)
{
    if (!host_aesenclast(d, s))
        encrypt(d, s, true);
}

static void aesdec(union xmm *d, const union xmm *s)
{
    if (!host_aesdec(d, s))
        decrypt(d, s, false);
}

static void aesdeclast(union xmm *d, const union xmm *s)
{
    if (!host_aesdeclast(d, s))
        decrypt(d, s, true);
}

static void aesimc(union xmm *d, const union xmm *s)
{
    if (host_aesimc(d, s))
        return;
    *d = *s;
    mix_columns(d, UNMIX);
}

/* SDM, "AESKEYGENASSIST": SubWord of the odd doublewords, and of it rotated, with the round constant. */
static void aeskeygenassist(union xmm *d, const union xmm *s, unsigned imm)
{
    union xmm x = *s;

    substitute(&x, sbox);
    for (unsigned i = 0; i < 2; i++) {
        u32 word = x.d[2 * i + 1];
        d->d[2 * i] = word;
        d->d[2 * i + 1] = (word >> 8 | word << 24) ^ imm;
    }
}

/* The 128-bit product, without carries, of the quadwords that bits 0 (of DEST) and 4 (of SRC) choose. */
static void pclmulqdq(union xmm *d, const union xmm *s, unsigned imm)
{
    u64 a = d->q[imm & 1], b = s->q[imm >> 4 & 1];
    union xmm r = {.q = {0, 0}};

    if (host_pclmulqdq(d, a, b))
        return;
    for (unsigned i = 0; i < 64; i++) {
        if (!(b >> i & 1))
            continue;
        r.q[0] ^= a << i;
        r.q[1] ^= i ? a >> (64 - i) : 0;
    }
    *d = r;
}

void exec_AESENC(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, aesenc); }
void exec_AESENCLAST(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, aesenclast); }
void exec_AESDEC(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, aesdec); }
void exec_AESDECLAST(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, aesdeclast); }
void exec_AESIMC(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, aesimc); }
void exec_AESKEYGENASSIST(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, aeskeygenassist); }
void exec_PCLMULQDQ(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, pclmulqdq); }
IRREGULAR(AESENC);
IRREGULAR(AESENCLAST);
IRREGULAR(AESDEC);
IRREGULAR(AESDECLAST);
IRREGULAR(AESIMC);
IRREGULAR(AESKEYGENASSIST);
IRREGULAR(PCLMULQDQ);

/* SHA. Doubleword 3 is the first in time of the SHA-1 operands, 0 of the SHA-256 ones. */
static u32 rotate_left(u32 v, unsigned n) { return v << n | v >> (32 - n); }
static u32 rotate_right(u32 v, unsigned n) { return v >> n | v << (32 - n); }

static u32 choose(u32 b, u32 c, u32 d) { return (b & c) ^ (~b & d); }
static u32 parity(u32 b, u32 c, u32 d) { return b ^ c ^ d; }
static u32 majority(u32 b, u32 c, u32 d) { return (b & c) ^ (b & d) ^ (c & d); }

static void sha1rnds4(union xmm *d, const union xmm *s, unsigned imm)
{
    static u32 (*const functions[4])(u32, u32, u32) = {choose, parity, majority, parity};
    static const u32 constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    u32 a = d->d[3], b = d->d[2], c = d->d[1], e = d->d[0], extra = 0; /* e is the SDM's D, extra its E */

    for (unsigned i = 0; i < 4; i++) {
        u32 next = functions[imm & 3](b, c, e) + rotate_left(a, 5) + s->d[3 - i] + extra + constants[imm & 3];
        extra = e;
        e = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    *d = (union xmm){.d = {e, c, b, a}};
}

static void sha1nexte(union xmm *d, const union xmm *s)
{
    u32 e = rotate_left(d->d[3], 30);

    *d = *s;
    d->d[3] += e;
}

static void sha1msg1(union xmm *d, const union xmm *s)
{
    *d = (union xmm){.d = {s->d[2] ^ d->d[0], s->d[3] ^ d->d[1], d->d[0] ^ d->d[2], d->d[1] ^ d->d[3]}};
}

static void sha1msg2(union xmm *d, const union xmm *s)
{
    u32 w16 = rotate_left(d->d[3] ^ s->d[2], 1), w17 = rotate_left(d->d[2] ^ s->d[1], 1),
        w18 = rotate_left(d->d[1] ^ s->d[0], 1), w19 = rotate_left(d->d[0] ^ w16, 1);

    *d = (union xmm){.d = {w19, w18, w17, w16}};
}

static u32 small_sigma0(u32 v) { return rotate_right(v, 7) ^ rotate_right(v, 18) ^ v >> 3; }
static u32 small_sigma1(u32 v) { return rotate_right(v, 17) ^ rotate_right(v, 19) ^ v >> 10; }
static u32 big_sigma0(u32 v) { return rotate_right(v, 2) ^ rotate_right(v, 13) ^ rotate_right(v, 22); }
static u32 big_sigma1(u32 v) { return rotate_right(v, 6) ^ rotate_right(v, 11) ^ rotate_right(v, 25); }

static void sha256msg1(union xmm *d, const union xmm *s)
{
    u32 next[4] = {d->d[1], d->d[2], d->d[3], s->d[0]};

    for (unsigned i = 0; i < 4; i++)
        d->d[i] += small_sigma0(next[i]);
}

static void sha256msg2(union xmm *d, const union xmm *s)
{
    u32 w16 = d->d[0] + small_sigma1(s->d[2]), w17 = d->d[1] + small_sigma1(s->d[3]);

    *d = (union xmm){.d = {w16, w17, d->d[2] + small_sigma1(w16), d->d[3] + small_sigma1(w17)}};
}

/* Two rounds: DEST is C, D, G, H; SRC A, B, E, F, from the highest doubleword down; XMM0 brings words and constants. */
static void sha256rnds2(union xmm *dest, const union xmm *s, const union xmm *words)
{
    u32 a = s->d[3], b = s->d[2], e = s->d[1], f = s->d[0], c = dest->d[3], d = dest->d[2], g = dest->d[1],
        h = dest->d[0];

    for (unsigned i = 0; i < 2; i++) {
        u32 t = h + big_sigma1(e) + choose(e, f, g) + words->d[i];
        h = g, g = f, f = e, e = d + t;
        u32 next = t + big_sigma0(a) + majority(a, b, c);
        d = c, c = b, b = a, a = next;
    }
    *dest = (union xmm){.d = {f, e, b, a}};
}

void exec_SHA1RNDS4(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, sha1rnds4); }
void exec_SHA1NEXTE(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, sha1nexte); }
void exec_SHA1MSG1(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, sha1msg1); }
void exec_SHA1MSG2(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, sha1msg2); }
void exec_SHA256MSG1(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, sha256msg1); }
void exec_SHA256MSG2(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, sha256msg2); }
IRREGULAR(SHA1RNDS4);
IRREGULAR(SHA1NEXTE);
IRREGULAR(SHA1MSG1);
IRREGULAR(SHA1MSG2);
IRREGULAR(SHA256MSG1);
IRREGULAR(SHA256MSG2);

void exec_SHA256RNDS2(struct cpu *cpu, const struct op *op)
{
    union xmm source = xmm_source(cpu, op, 16);
    sha256rnds2(&cpu->xmm[op->reg], &source, &cpu->xmm[0]);
}
IRREGULAR(SHA256RNDS2);
