/* SPDX-License-Identifier: MIT */
/*
 * RDRAND and RDSEED: a seeded generator, since the same run must give the same numbers. xoshiro256** of Blackman and
 * Vigna.
 */
#include "cpu/handlers.h"
#include "cpu/system.h"

static u64 rotate(u64 x, unsigned by) { return x << by | x >> (64 - by); }

/* splitmix64, as its authors advise for seeding. */
void random_seed(struct cpu *cpu, u64 seed)
{
    for (unsigned i = 0; i < 4; i++) {
        u64 z = seed += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        cpu->rng[i] = z ^ z >> 31;
    }
}

static u64 random_next(struct cpu *cpu)
{
    u64 *s = cpu->rng;
    u64 result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* CF = 1: a number was there, always. The other arithmetic flags are cleared. */
static void random_to_register(struct cpu *cpu, const struct op *op)
{
    reg_write(cpu, op->rm, random_next(cpu), op->osize, true);
    flags_set(cpu, (flags_get(cpu) & ~FLAGS_ARITH) | FLAG_CF);
}

void exec_RDRAND(struct cpu *cpu, const struct op *op) { random_to_register(cpu, op); }
void exec_RDSEED(struct cpu *cpu, const struct op *op) { random_to_register(cpu, op); }

IRREGULAR(RDRAND);
IRREGULAR(RDSEED);
