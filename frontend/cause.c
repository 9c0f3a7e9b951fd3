/* SPDX-License-Identifier: MIT */
#include "frontend/cause.h"

#include <string.h>

#include "frontend/delivery.h"

enum { VEC_TS = 10, VEC_GP = 13, VEC_PF = 14 };
#define ATTR_DB BIT(14)
#define RFLAGS_ONE BIT(1)       /* always 1 */
#define RFLAGS_MOST BITS(21, 0) /* the flags that there are */
#define SELECTOR_INDEX 0xfffcu  /* with TI */

/* ---- An error code that is left on the stack ---- */

/* What delivery of an exception with an error code leaves, from the stack pointer on. */
struct pushed {
    u64 word[6]; /* error code, RIP, CS, RFLAGS; RSP, SS: in 64-bit mode always */
};

static bool read_frame(struct pushed *f, struct cpu *cpu, const struct cpu_state *s, u64 at, unsigned width)
{
    unsigned words = width == 8 ? 6 : 4;
    u8 bytes[48];

    if (width == 4)
        at = (u32)(at + s->seg[SEG_SS].base);
    if (cpu_peek(cpu, at, bytes, words * (size_t)width) != words * (size_t)width)
        return false;
    *f = (struct pushed){0};
    for (unsigned i = 0; i < words; i++)
        memcpy(&f->word[i], bytes + i * width, width);
    return true;
}

/* Nothing but such a frame looks like this. SDM "64-Bit Mode Stack Frame": it ends where 16 divides the address, so
 * that one with an error code begins there too, and one without does not. */
static bool is_frame(const struct pushed *f, u64 at, unsigned width, unsigned cpl)
{
    u64 cs = f->word[2], flags = f->word[3];

    if (width == 8 && (at % 16 || f->word[5] > 0xffff || cs > 0xffff))
        return false;
    return cs & SELECTOR_INDEX && (cs & 3) >= cpl && flags & RFLAGS_ONE && !(flags & ~RFLAGS_MOST);
}

/* The last delivery, or the last before that of `raised`, which pushed this error code; NULL if none is remembered. */
static const struct cpu_delivery *find_pushed(const struct cpu *cpu, const struct cpu_event *raised, u64 error)
{
    bool before = !raised;

    for (unsigned back = 0; back < CPU_RECENT; back++) {
        const struct cpu_delivery *d = cpu_recent(cpu, back);
        const struct cpu_event *ev = d ? &d->event : NULL;

        if (!ev)
            return NULL;
        if (before && ev->has_error && ev->error == error)
            return d;
        before = before || (ev->vector == raised->vector && ev->kind == raised->kind && ev->error == raised->error);
    }
    return NULL;
}

static unsigned stack_width(struct cpu *cpu, const struct cpu_state *s)
{
    if (cpu_mode(cpu) == MODE_LONG64)
        return 8;
    return cpu_mode(cpu) == MODE_PROT32 && s->seg[SEG_CS].attributes & ATTR_DB ? 4 : 0;
}

/* Does an IRET of the mode's own width begin at RIP? */
static bool is_iret(struct cpu *cpu, const struct cpu_state *s, unsigned width)
{
    u8 bytes[2];

    if (cpu_peek(cpu, width == 8 ? s->rip : (u32)(s->rip + s->seg[SEG_CS].base), bytes, width / 4) != width / 4)
        return false;
    return width == 8 ? (bytes[0] & 0xf8) == 0x48 && bytes[1] == 0xcf : bytes[0] == 0xcf;
}

static void put_left(struct text *t, const struct cpu_delivery *d)
{
    text_string(t, "the handler of ");
    delivery_name(t, &d->event);
    text_string(t, " has left its error code, ");
    text_hex(t, d->event.error);
    text_string(t, ", on the stack");
}

bool cause_error_left(struct text *t, struct cpu *cpu, const struct cpu_event *raised,
                      const struct cpu_delivery **whose)
{
    const struct cpu_delivery *d;
    struct cpu_state s;
    struct pushed f;
    unsigned width;
    u64 sp;

    if (raised->kind != EVENT_FAULT || raised->vector < VEC_TS || raised->vector > VEC_GP)
        return false;
    cpu_get_state(cpu, &s);
    sp = s.gpr[REG_RSP];
    width = stack_width(cpu, &s);
    if (!width || !is_iret(cpu, &s, width) || !read_frame(&f, cpu, &s, sp, width) ||
        !is_frame(&f, sp, width, cpu_cpl(cpu)) || (f.word[1] & SELECTOR_INDEX) != raised->error)
        return false;
    d = find_pushed(cpu, raised, f.word[0]);
    if (!d)
        return false;
    put_left(t, d);
    text_string(t, width == 8 ? ": IRETQ at " : ": IRET at ");
    text_hex(t, s.rip);
    text_string(t, width == 8 ? " took that as RIP, and the RIP, " : " took that as EIP, and the EIP, ");
    text_hex(t, f.word[1]);
    text_string(t, ", as CS");
    if (whose)
        *whose = d;
    return true;
}

bool cause_error_fetched(struct text *t, struct cpu *cpu, u64 la, const struct cpu_delivery **whose)
{
    const struct cpu_delivery *d;
    struct cpu_state s;
    struct pushed f;
    unsigned width;
    u64 sp;
    bool near, far;

    cpu_get_state(cpu, &s);
    width = stack_width(cpu, &s);
    if (!width || cpu_cpl(cpu) == 3 || s.rip != la)
        return false;
    sp = s.gpr[REG_RSP] - width; /* RET has popped it alone, */
    near = read_frame(&f, cpu, &s, sp, width) && f.word[0] == s.rip && is_frame(&f, sp, width, cpu_cpl(cpu));
    sp = s.gpr[REG_RSP] - 3 * (u64)width; /* or an IRET that stays at its level two more */
    far = !near && width == 4 && read_frame(&f, cpu, &s, sp, width) && f.word[0] == s.rip &&
          is_frame(&f, sp, width, cpu_cpl(cpu)) && (u16)f.word[1] == s.seg[SEG_CS].selector;
    d = near || far ? find_pushed(cpu, NULL, la) : NULL;
    if (!d)
        return false;
    put_left(t, d);
    *whose = d;
    text_string(t, near ? ", and RET, where IRET belongs, took that as the return address" : ": IRET took that as EIP");
    return true;
}
