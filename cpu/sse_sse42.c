/* SPDX-License-Identifier: MIT */
/*
 * SSE4.2: PCMPGTQ, CRC32, string comparison (SDM Vol. 2B, "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM /
 * PCMPISTRI / PCMPISTRM").
 */
#include "cpu/sse.h"

static void pcmpgtq(union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 2; i++)
        d->q[i] = (s64)d->q[i] > (s64)s->q[i] ? ~0ull : 0;
}

void exec_PCMPGTQ(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pcmpgtq); }
IRREGULAR(PCMPGTQ);

/* The control byte. */
enum { IMM_WORDS = 1, IMM_SIGNED = 2, IMM_NEGATE = 0x10, IMM_VALID_ONLY = 0x20, IMM_HIGH = 0x40 };
enum { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

struct strings {
    s32 a[16], b[16];       /* elements of DEST and SRC, extended as the control byte says */
    unsigned la, lb, count; /* valid elements, and elements in all */
};

static void elements(s32 *to, const union xmm *x, unsigned imm)
{
    for (unsigned i = 0; i < (imm & IMM_WORDS ? 8 : 16); i++) {
        if (imm & IMM_WORDS)
            to[i] = imm & IMM_SIGNED ? (s16)x->w[i] : x->w[i];
        else
            to[i] = imm & IMM_SIGNED ? (s8)x->b[i] : x->b[i];
    }
}

/* Implicit length: up to the first null element. */
static unsigned length_to_null(const s32 *e, unsigned count)
{
    unsigned n = 0;

    while (n < count && e[n])
        n++;
    return n;
}

/* Explicit length: the absolute value of EAX or EDX (RAX, RDX with REX.W), at most all. */
static unsigned length_of(u64 v, bool wide, unsigned count)
{
    s64 n = wide ? (s64)v : (s32)v;
    u64 size = n < 0 ? -(u64)n : (u64)n;

    return size < count ? (unsigned)size : count;
}

static bool any_equal(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->la; i++)
        if (s->a[i] == s->b[j])
            return true;
    return false;
}

static bool in_ranges(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i + 1 < s->la; i += 2)
        if (s->a[i] <= s->b[j] && s->b[j] <= s->a[i + 1])
            return true;
    return false;
}

static bool ordered(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->la && i + j < s->count; i++)
        if (i + j >= s->lb || s->a[i] != s->b[i + j])
            return false;
    return true;
}

/* IntRes1: one bit for each element of SRC. */
static u32 aggregate(const struct strings *s, unsigned imm)
{
    u32 result = 0;

    for (unsigned j = 0; j < s->count; j++) {
        bool bit, a = j < s->la, b = j < s->lb;
        switch (imm >> 2 & 3) {
        case EQUAL_ANY: bit = b && any_equal(s, j); break;
        case RANGES: bit = b && in_ranges(s, j); break;
        case EQUAL_EACH: bit = a && b ? s->a[j] == s->b[j] : a == b; break;
        default: bit = ordered(s, j); break;
        }
        result |= (u32)bit << j;
    }
    return result;
}

/* IntRes2, and the flags: CF something found, ZF and SF that SRC and DEST end within, OF bit 0. */
static u32 compare_strings(struct cpu *cpu, const struct strings *s, unsigned imm)
{
    u32 all = (1u << s->count) - 1, result = aggregate(s, imm);

    if ((imm & (IMM_NEGATE | IMM_VALID_ONLY)) == (IMM_NEGATE | IMM_VALID_ONLY))
        result ^= (1u << s->lb) - 1;
    else if (imm & IMM_NEGATE)
        result ^= all;
    u64 flags = (result ? FLAG_CF : 0) | (s->lb < s->count ? FLAG_ZF : 0) | (s->la < s->count ? FLAG_SF : 0) |
                (result & 1 ? FLAG_OF : 0);
    flags_set_arith(cpu, flags);
    return result;
}

static struct strings operands(struct cpu *cpu, const struct op *op, bool explicit_lengths)
{
    union xmm source = op_is_mem(op) ? xmm_load_unaligned(cpu, op) : cpu->xmm[op->rm];
    unsigned imm = (u8)op->imm;
    struct strings s = {.count = imm & IMM_WORDS ? 8 : 16};

    elements(s.a, &cpu->xmm[op->reg], imm);
    elements(s.b, &source, imm);
    s.la = explicit_lengths ? length_of(cpu->RAX, op->osize == 8, s.count) : length_to_null(s.a, s.count);
    s.lb = explicit_lengths ? length_of(cpu->RDX, op->osize == 8, s.count) : length_to_null(s.b, s.count);
    return s;
}

/* The index of the lowest, or highest, set bit to ECX. */
static void index_form(struct cpu *cpu, const struct op *op, bool explicit_lengths)
{
    struct strings s = operands(cpu, op, explicit_lengths);
    u32 result = compare_strings(cpu, &s, (u8)op->imm);

    if (!result)
        cpu->RCX = s.count;
    else
        cpu->RCX = op->imm & IMM_HIGH ? 31 - (unsigned)__builtin_clz(result) : (unsigned)__builtin_ctz(result);
}

/* The bits, or a mask of elements, to XMM0. */
static void mask_form(struct cpu *cpu, const struct op *op, bool explicit_lengths)
{
    struct strings s = operands(cpu, op, explicit_lengths);
    u32 result = compare_strings(cpu, &s, (u8)op->imm);
    union xmm mask = {.q = {result, 0}};

    for (unsigned i = 0; (op->imm & IMM_HIGH) && i < 16; i++)
        mask.b[i] = result >> (i * s.count / 16) & 1 ? 0xff : 0;
    cpu->xmm[0] = mask;
}

void exec_PCMPESTRI(struct cpu *cpu, const struct op *op) { index_form(cpu, op, true); }
void exec_PCMPISTRI(struct cpu *cpu, const struct op *op) { index_form(cpu, op, false); }
void exec_PCMPESTRM(struct cpu *cpu, const struct op *op) { mask_form(cpu, op, true); }
void exec_PCMPISTRM(struct cpu *cpu, const struct op *op) { mask_form(cpu, op, false); }
IRREGULAR(PCMPESTRI);
IRREGULAR(PCMPISTRI);
IRREGULAR(PCMPESTRM);
IRREGULAR(PCMPISTRM);

/* CRC-32C of the source's bytes, lowest first, onto the destination; REX.W only clears its upper half. */
void exec_CRC32(struct cpu *cpu, const struct op *op)
{
    unsigned width = op->opcode == 0x38f0 ? 1 : op->osize;
    u64 source = op_rm_read(cpu, op, width);
    u32 crc = (u32)cpu->gpr[op->reg];

    for (unsigned i = 0; i < width; i++, source >>= 8)
        crc = crc32_step(crc, (u8)source);
    cpu->gpr[op->reg] = crc;
}
IRREGULAR(CRC32);
