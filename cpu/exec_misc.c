/* SPDX-License-Identifier: MIT */
/* Flag moves, table look-up, BOUND, CMPXCHG8B/16B, BMI and ADX: the integer instructions that fit no family of forms.
 */
#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/memory.h"

static void exec_LAHF(struct cpu *cpu, const struct op *op)
{
    if ((op->flags & OP_CODE64) && !has_feature(&cpu->features, FEAT_LAHF64))
        raise_ud(cpu);
    ((u8 *)&cpu->RAX)[1] = (u8)flags_get(cpu);
}

static void exec_SAHF(struct cpu *cpu, const struct op *op)
{
    if ((op->flags & OP_CODE64) && !has_feature(&cpu->features, FEAT_LAHF64))
        raise_ud(cpu);
    flags_set_arith(cpu, ((u8 *)&cpu->RAX)[1] | (flag_overflow(cpu) ? FLAG_OF : 0));
}

static void exec_CMC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    flags_set_carry(cpu, !flag_carry(cpu));
}

static void exec_CLC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    flags_set_carry(cpu, false);
}

static void exec_STC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    flags_set_carry(cpu, true);
}

static void exec_CLD(struct cpu *cpu, const struct op *op)
{
    (void)op;
    cpu->rflags &= ~FLAG_DF;
}

static void exec_STD(struct cpu *cpu, const struct op *op)
{
    (void)op;
    cpu->rflags |= FLAG_DF;
}

/* Undocumented on most processors: AL := CF ? FF : 00. */
static void exec_SALC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    host_store((u8 *)&cpu->RAX, flag_carry(cpu) ? 0xff : 0, 1);
}

static void exec_XLAT(struct cpu *cpu, const struct op *op)
{
    u64 v = mem_read(cpu, op->seg, truncate(cpu->RBX + (u8)cpu->RAX, op->asize), 1);
    host_store((u8 *)&cpu->RAX, v, 1);
}

static void exec_BOUND(struct cpu *cpu, const struct op *op)
{
    u64 ea = op_ea(cpu, op);
    s32 low = (s32)sign_extend(mem_read(cpu, op->seg, ea, op->osize), op->osize);
    s32 high = (s32)sign_extend(mem_read(cpu, op->seg, truncate(ea + op->osize, op->asize), op->osize), op->osize);
    s32 index = (s32)sign_extend(cpu->gpr[op->reg], op->osize);
    if (index < low || index > high)
        raise_br(cpu);
}

/* CMPXCHG8B, and 16B with REX.W (aligned, or #GP): the destination is always written. */
static void exec_CMPXCHG8B(struct cpu *cpu, const struct op *op)
{
    unsigned half = op->osize == 8 ? 8 : 4;
    u64 ea = op_ea(cpu, op);
    if (half == 8 && !has_feature(&cpu->features, FEAT_CX16))
        raise_ud(cpu);
    if (half == 8 && (seg_linear(cpu, op->seg, ea, 16, ACCESS_WRITE) & 15))
        raise_gp(cpu, 0);
    u8 *p = logical_resolve(cpu, op->seg, ea, 2 * half, ACC_rw);
    u64 low = host_load(p, half), high = host_load(p + half, half);
    bool equal = low == truncate(cpu->RAX, half) && high == truncate(cpu->RDX, half);
    host_store(p, equal ? cpu->RBX : low, half);
    host_store(p + half, equal ? cpu->RCX : high, half);
    if (cpu->bounce.active)
        bounce_commit(cpu);
    if (!equal) {
        place_write(place_reg(cpu, REG_RAX * 8), low, half);
        place_write(place_reg(cpu, REG_RDX * 8), high, half);
    }
    flags_set_arith(cpu, (flags_get(cpu) & FLAGS_ARITH & ~FLAG_ZF) | (equal ? FLAG_ZF : 0));
}

IRREGULAR(LAHF);
IRREGULAR(SAHF);
IRREGULAR(CMC);
IRREGULAR(CLC);
IRREGULAR(STC);
IRREGULAR(CLD);
IRREGULAR(STD);
IRREGULAR(SALC);
IRREGULAR(XLAT);
IRREGULAR(BOUND);
IRREGULAR(CMPXCHG8B);

/* BMI1, BMI2, ADX. d and s are the register offsets of ModRM.reg and VEX.vvvv. */

static u64 vex_source(const struct cpu *cpu, const struct op *op) { return truncate(reg_at(cpu, op->s), op->osize); }
static void vex_dest(struct cpu *cpu, const struct op *op, u64 v)
{
    place_write(place_reg(cpu, op->reg * 8), v, op->osize);
}

static void bmi_flags(struct cpu *cpu, u64 x, bool carry, unsigned width)
{
    flags_logic(cpu, x, width);
    flags_set_arith(cpu, (flags_get(cpu) & (FLAG_ZF | FLAG_SF)) | (carry ? FLAG_CF : 0));
}

static void exec_ANDN(struct cpu *cpu, const struct op *op)
{
    u64 x = ~vex_source(cpu, op) & op_rm_read(cpu, op, op->osize);
    vex_dest(cpu, op, x);
    bmi_flags(cpu, x, false, op->osize);
}

/* BLSR, BLSMSK, BLSI write VEX.vvvv. */
static void exec_BLSR(struct cpu *cpu, const struct op *op)
{
    u64 a = op_rm_read(cpu, op, op->osize), x = (a - 1) & a;
    place_write(place_reg(cpu, op->s), x, op->osize);
    bmi_flags(cpu, x, a == 0, op->osize);
}

static void exec_BLSMSK(struct cpu *cpu, const struct op *op)
{
    u64 a = op_rm_read(cpu, op, op->osize), x = truncate((a - 1) ^ a, op->osize);
    place_write(place_reg(cpu, op->s), x, op->osize);
    bmi_flags(cpu, x, a == 0, op->osize);
}

static void exec_BLSI(struct cpu *cpu, const struct op *op)
{
    u64 a = op_rm_read(cpu, op, op->osize), x = truncate(-a & a, op->osize);
    place_write(place_reg(cpu, op->s), x, op->osize);
    bmi_flags(cpu, x, a != 0, op->osize);
}

static void exec_BEXTR(struct cpu *cpu, const struct op *op)
{
    u64 a = op_rm_read(cpu, op, op->osize), control = vex_source(cpu, op), start = control & 0xff,
        length = control >> 8 & 0xff;
    u64 x = start < 64 ? a >> start : 0;
    if (length < 64)
        x &= BIT(length) - 1;
    vex_dest(cpu, op, x);
    bmi_flags(cpu, truncate(x, op->osize), false, op->osize);
}

static void exec_BZHI(struct cpu *cpu, const struct op *op)
{
    u64 a = op_rm_read(cpu, op, op->osize), n = vex_source(cpu, op) & 0xff;
    u64 x = n < op->osize * 8u ? a & (BIT(n) - 1) : a;
    vex_dest(cpu, op, x);
    bmi_flags(cpu, x, n > op->osize * 8u - 1, op->osize);
}

static void exec_PDEP(struct cpu *cpu, const struct op *op)
{
    u64 a = vex_source(cpu, op), mask = op_rm_read(cpu, op, op->osize), x = 0;
    for (; mask; mask &= mask - 1, a >>= 1)
        if (a & 1)
            x |= mask & -mask;
    vex_dest(cpu, op, x);
}

static void exec_PEXT(struct cpu *cpu, const struct op *op)
{
    u64 a = vex_source(cpu, op), mask = op_rm_read(cpu, op, op->osize), x = 0;
    for (unsigned i = 0; mask; mask &= mask - 1, i++)
        if (a & mask & -mask)
            x |= BIT(i);
    vex_dest(cpu, op, x);
}

/* MULX: the high half goes to ModRM.reg, the low to VEX.vvvv; the same register gets the high half. */
static void exec_MULX(struct cpu *cpu, const struct op *op)
{
    unsigned __int128 x = (unsigned __int128)truncate(cpu->RDX, op->osize) * op_rm_read(cpu, op, op->osize);
    place_write(place_reg(cpu, op->s), (u64)x, op->osize);
    vex_dest(cpu, op, (u64)(x >> (op->osize * 8)));
}

static void exec_RORX(struct cpu *cpu, const struct op *op)
{
    unsigned bits = op->osize * 8, n = (u8)op->imm & (bits - 1);
    u64 a = op_rm_read(cpu, op, op->osize);
    vex_dest(cpu, op, n ? a >> n | a << (bits - n) : a);
}

static void exec_SHLX(struct cpu *cpu, const struct op *op)
{
    vex_dest(cpu, op, op_rm_read(cpu, op, op->osize) << (vex_source(cpu, op) & (op->osize * 8 - 1)));
}

static void exec_SHRX(struct cpu *cpu, const struct op *op)
{
    vex_dest(cpu, op, op_rm_read(cpu, op, op->osize) >> (vex_source(cpu, op) & (op->osize * 8 - 1)));
}

static void exec_SARX(struct cpu *cpu, const struct op *op)
{
    s64 a = (s64)sign_extend(op_rm_read(cpu, op, op->osize), op->osize);
    vex_dest(cpu, op, (u64)(a >> (vex_source(cpu, op) & (op->osize * 8 - 1))));
}

/* ADCX and ADOX: add with CF, or with OF, touching no other flag. */
static void exec_ADCX(struct cpu *cpu, const struct op *op)
{
    u64 a = truncate(cpu->gpr[op->reg], op->osize), b = op_rm_read(cpu, op, op->osize), c = flag_carry(cpu),
        x = truncate(a + b + c, op->osize);
    vex_dest(cpu, op, x);
    flags_set_carry(cpu, c ? x <= a : x < a);
}

static void exec_ADOX(struct cpu *cpu, const struct op *op)
{
    u64 a = truncate(cpu->gpr[op->reg], op->osize), b = op_rm_read(cpu, op, op->osize), c = flag_overflow(cpu),
        x = truncate(a + b + c, op->osize);
    vex_dest(cpu, op, x);
    flags_carry_overflow(cpu, flag_carry(cpu), c ? x <= a : x < a);
}

IRREGULAR(ANDN);
IRREGULAR(BLSR);
IRREGULAR(BLSMSK);
IRREGULAR(BLSI);
IRREGULAR(BEXTR);
IRREGULAR(BZHI);
IRREGULAR(PDEP);
IRREGULAR(PEXT);
IRREGULAR(MULX);
IRREGULAR(RORX);
IRREGULAR(SHLX);
IRREGULAR(SHRX);
IRREGULAR(SARX);
IRREGULAR(ADCX);
IRREGULAR(ADOX);
