/* SPDX-License-Identifier: MIT */
/* Gathering RFLAGS from, and scattering it to, the form instructions work with. SDM Vol. 1, "EFLAGS Register". */
#include "cpu/flags.h"

void flags_set_arith(struct cpu *cpu, u64 rflags)
{
    bool carry = rflags & FLAG_CF, overflow = rflags & FLAG_OF;
    cpu->f.zero = !(rflags & FLAG_ZF);
    cpu->f.sign = (rflags & FLAG_SF ? BIT(63) : 0) | !(rflags & FLAG_PF);
    cpu->f.carries = (carry != overflow ? BIT(63) : 0) | (rflags & FLAG_AF);
    cpu->f.carry = carry;
}

u64 flags_get(const struct cpu *cpu)
{
    u64 r = (cpu->rflags & ~FLAGS_ARITH) | FLAG_FIXED;
    r |= flag_carry(cpu) ? FLAG_CF : 0;
    r |= flag_parity(cpu) ? FLAG_PF : 0;
    r |= flag_adjust(cpu) ? FLAG_AF : 0;
    r |= flag_zero(cpu) ? FLAG_ZF : 0;
    r |= flag_sign(cpu) ? FLAG_SF : 0;
    r |= flag_overflow(cpu) ? FLAG_OF : 0;
    return r;
}

void flags_set(struct cpu *cpu, u64 rflags)
{
    flags_set_arith(cpu, rflags);
    cpu->rflags = (rflags & ~FLAGS_ARITH) | FLAG_FIXED;
}
