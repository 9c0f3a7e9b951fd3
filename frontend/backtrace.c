/* SPDX-License-Identifier: MIT */
#include "frontend/backtrace.h"

#define FRAME_MOST (1u << 20) /* bytes: a caller's frame pointer lies above, and not further than this */

struct stack {
    struct cpu *cpu;
    u64 base; /* of SS */
    unsigned word;
};

static bool read_word(const struct stack *s, u64 at, u64 *value)
{
    u64 la = at + s->base;

    *value = 0;
    if (s->word == 4)
        la = (u32)la;
    return cpu_peek(s->cpu, la, value, s->word) == s->word;
}

/* Is what ends at `at` a CALL? E8 rel32, or FF /2 with its ModRM byte and up to five more. */
static bool behind_call(struct cpu *cpu, u64 at)
{
    u8 bytes[7];

    if (at < sizeof(bytes) || cpu_peek(cpu, at - sizeof(bytes), bytes, sizeof(bytes)) != sizeof(bytes))
        return false;
    if (bytes[2] == 0xe8)
        return true;
    for (unsigned i = 0; i < 6; i++)
        if (bytes[i] == 0xff && (bytes[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

static unsigned by_orc(const struct orc *orc, struct cpu *cpu, const struct cpu_state *state, u64 *frame, unsigned most)
{
    struct orc_frame f = {
        .ip = state->rip, .sp = state->gpr[REG_RSP], .bp = state->gpr[REG_RBP], .gpr = state->gpr, .interrupted = true};
    unsigned n = 0;

    while (n < most && orc_step(orc, cpu, &f))
        frame[n++] = f.ip;
    return n;
}

unsigned backtrace_frames(struct symbols *symbols, struct cpu *cpu, const struct cpu_state *state, u64 *frame,
                          unsigned most)
{
    enum cpu_mode mode = cpu_mode(cpu);
    struct stack s = {.cpu = cpu, .word = mode == MODE_LONG64 ? 8 : 4};
    u64 pointer = state->gpr[REG_RBP], next, ret;
    struct symbol_place place;
    unsigned n = 0;

    if (mode != MODE_LONG64 && mode != MODE_PROT32 && mode != MODE_COMPAT)
        return 0;
    if (mode == MODE_LONG64 && cpu_cpl(cpu) == 0 && symbols && symbols_orc(symbols))
        return by_orc(symbols_orc(symbols), cpu, state, frame, most);
    if (mode != MODE_LONG64)
        s.base = state->seg[SEG_SS].base;
    /* A function's first instruction: it has no frame yet. */
    if (symbols && most && symbols_find(symbols, state->rip, &place) && !place.offset &&
        read_word(&s, state->gpr[REG_RSP], &ret) && behind_call(cpu, ret))
        frame[n++] = ret;
    while (n < most && pointer && !(pointer & 3) && read_word(&s, pointer, &next) &&
           read_word(&s, pointer + s.word, &ret) && behind_call(cpu, ret)) {
        frame[n++] = ret;
        if (next <= pointer || next - pointer > FRAME_MOST)
            break;
        pointer = next;
    }
    return n;
}
