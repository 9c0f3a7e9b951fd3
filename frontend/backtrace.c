/* SPDX-License-Identifier: MIT */
#include "frontend/backtrace.h"

#include "frontend/frame.h"

#define FRAME_MOST (1u << 20) /* bytes: a caller's frame pointer lies above, and not further than this */
#define PUSHED_MOST 8u        /* words that a function without any table may have pushed */

bool stack_read(const struct stack *s, u64 at, u64 *value)
{
    u64 la = at + s->base, word = 0;

    if (s->word == 4)
        la = (u32)la;
    if (cpu_peek(s->cpu, la, &word, s->word) != s->word)
        return false;
    *value = word;
    return true;
}

/* E8 rel32, or FF /2 with its ModRM byte and up to five more. */
bool stack_behind_call(const struct stack *s, u64 at)
{
    u8 bytes[7];

    if (at < sizeof(bytes) || cpu_peek(s->cpu, at - sizeof(bytes), bytes, sizeof(bytes)) != sizeof(bytes))
        return false;
    if (bytes[2] == 0xe8)
        return true;
    for (unsigned i = 0; i < 6; i++)
        if (bytes[i] == 0xff && (bytes[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

static void go_to(struct frame *f, u64 ip, u64 sp)
{
    f->ip = ip;
    f->gpr[FRAME_SP] = sp;
    f->known &= FRAME_POINTERS;
    f->interrupted = false;
}

/* ---- Without tables ---- */

/* Does the CALL before `at` lead to `target`? */
static bool behind_call_to(const struct stack *s, u64 at, u64 target)
{
    u8 opcode = 0;
    s32 distance;

    if (at < 5 || cpu_peek(s->cpu, at - 5, &opcode, 1) != 1 || opcode != 0xe8 ||
        cpu_peek(s->cpu, at - 4, &distance, 4) != 4)
        return false;
    at += (u64)(s64)distance;
    return (s->word == 4 ? (u32)at : at) == target;
}

/* A function's first instruction, or a place that cannot be fetched from: what the CALL pushed is on top. */
static bool by_top(const struct stack *s, struct frame *f)
{
    u64 ret;

    if (!stack_read(s, f->gpr[FRAME_SP], &ret) || !stack_behind_call(s, ret))
        return false;
    go_to(f, ret, f->gpr[FRAME_SP] + s->word);
    return true;
}

/* A function in assembly keeps no frame, but has seldom pushed much: the return address is behind a CALL of it. */
static bool by_call(const struct stack *s, struct frame *f, u64 entry)
{
    u64 at = f->gpr[FRAME_SP], ret;

    for (unsigned i = 0; i <= PUSHED_MOST && stack_read(s, at, &ret); i++, at += s->word)
        if (behind_call_to(s, ret, entry)) {
            if (f->gpr[FRAME_BP] == at - s->word) /* it does keep one */
                return false;
            go_to(f, ret, at + s->word);
            return true;
        }
    return false;
}

static bool by_pointer(const struct stack *s, struct frame *f)
{
    u64 pointer = f->gpr[FRAME_BP], sp = f->gpr[FRAME_SP], next, ret;

    if (!(f->known & BIT(FRAME_BP)) || !pointer || pointer & 3)
        return false;
    if (!f->interrupted && (pointer < sp || pointer - sp > FRAME_MOST))
        return false;
    if (!stack_read(s, pointer, &next) || !stack_read(s, pointer + s->word, &ret) || !stack_behind_call(s, ret))
        return false;
    go_to(f, ret, pointer + 2 * s->word);
    f->gpr[FRAME_BP] = next;
    return true;
}

static bool by_habit(struct symbols *symbols, const struct stack *s, struct frame *f)
{
    struct symbol_place place;

    if (f->interrupted && symbols && symbols_find(symbols, f->ip, &place)) {
        if (place.offset ? by_call(s, f, f->ip - place.offset) : by_top(s, f))
            return true;
    }
    return by_pointer(s, f);
}

/* ---- With them ---- */

static bool by_orc(const struct orc *orc, const struct stack *s, struct frame *f)
{
    struct orc_frame o = {.ip = f->ip,
                          .sp = f->gpr[FRAME_SP],
                          .bp = f->gpr[FRAME_BP],
                          .gpr = f->known == FRAME_ALL ? f->gpr : NULL,
                          .interrupted = f->interrupted};

    if (!orc || !(f->known & BIT(FRAME_BP)) || !orc_step(orc, s->cpu, &o))
        return false;
    go_to(f, o.ip, o.sp);
    f->gpr[FRAME_BP] = o.bp;
    f->interrupted = o.interrupted;
    return true;
}

/* A frame outwards. Tables are exact, so that what they say is the last is. */
static bool step(struct symbols *symbols, const struct stack *s, struct frame *f)
{
    bool by_kernel = symbols && s->word == 8 && cpu_cpl(s->cpu) == 0 && symbols_has_orc(symbols);
    enum unwound u;
    u8 code;

    if (f->interrupted && !cpu_peek(s->cpu, f->ip, &code, 1) && by_top(s, f))
        return true;
    u = symbols ? symbols_unwind(symbols, s, f) : UNWOUND_UNKNOWN;
    if (u != UNWOUND_UNKNOWN)
        return u == UNWOUND_CALLER;
    return by_kernel ? by_orc(symbols_orc(symbols, f->ip - !f->interrupted), s, f) : by_habit(symbols, s, f);
}

unsigned backtrace_frames(struct symbols *symbols, struct cpu *cpu, const struct cpu_state *state, u64 *frame,
                          unsigned most)
{
    enum cpu_mode mode = cpu_mode(cpu);
    struct stack s = {.cpu = cpu, .word = mode == MODE_LONG64 ? 8 : 4};
    struct frame f = {.ip = state->rip, .known = FRAME_ALL, .interrupted = true};
    unsigned n = 0;

    if (mode != MODE_LONG64 && mode != MODE_PROT32 && mode != MODE_COMPAT)
        return 0;
    if (mode != MODE_LONG64)
        s.base = state->seg[SEG_SS].base;
    for (unsigned i = 0; i < 16; i++)
        f.gpr[i] = s.word == 8 ? state->gpr[i] : (u32)state->gpr[i];
    while (n < most && step(symbols, &s, &f))
        frame[n++] = f.ip;
    return n;
}
