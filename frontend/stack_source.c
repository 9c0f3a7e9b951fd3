/* SPDX-License-Identifier: MIT */
/* SDM "Stack Switching" and "Interrupt Stack Table": which field of the TSS delivery takes a stack pointer from. */
#include <stdio.h>
#include <string.h>

#include "frontend/record.h"

#define EFER_LMA BIT(10)
#define CONFORMING 0x1cu /* S, code, C */
#define TI 4u            /* of a selector: of the LDT */
#define SYS_TSS16 1u     /* the type, busy or not */
#define GATE_TASK 5u     /* its stack is the new task's */
#define TYPE_OF(x) ((x)&15u)

/* Of the code segment that the gate leads to; -1 if that cannot be read, or is conforming, and so leaves the level. */
static int level_of(struct cpu *cpu, const struct cpu_state *s, u16 selector)
{
    u64 base = selector & TI ? s->seg[SEG_LDTR].base : s->gdt_base;
    u8 attributes;

    if (!cpu_peek(cpu, base + (selector & 0xfff8) + 5, &attributes, 1) || (attributes & CONFORMING) == CONFORMING)
        return -1;
    return attributes >> 5 & 3;
}

void stack_source(struct stack_source *from, struct cpu *cpu, unsigned vector)
{
    struct cpu_state s;
    bool wide;
    u8 gate[8], pointer[8] = {0};
    unsigned ist, offset, size;

    from->name[0] = '\0';
    cpu_get_state(cpu, &s);
    wide = s.efer & EFER_LMA;
    if (cpu_mode(cpu) == MODE_REAL || cpu_peek(cpu, s.idt_base + vector * (wide ? 16 : 8), gate, 8) != 8)
        return;
    ist = wide ? gate[4] & 7 : 0;
    size = wide ? 8 : TYPE_OF(s.seg[SEG_TR].attributes & ~2u) == SYS_TSS16 ? 2 : 4;
    if (ist) {
        offset = 28 + ist * 8;
        snprintf(from->name, sizeof(from->name), "IST%u", ist);
    } else {
        int level = TYPE_OF(gate[5]) == GATE_TASK ? -1 : level_of(cpu, &s, (u16)(gate[2] | gate[3] << 8));

        if (level < 0 || level > 2 || level >= (int)cpu_cpl(cpu))
            return;
        offset = size == 2 ? 2 + 4 * (unsigned)level : 4 + 8 * (unsigned)level;
        snprintf(from->name, sizeof(from->name), "%s%d", wide ? "RSP" : size == 2 ? "SP" : "ESP", level);
    }
    from->tss = s.seg[SEG_TR].base;
    if (cpu_peek(cpu, from->tss + offset, pointer, size) != size)
        from->name[0] = '\0';
    memcpy(&from->pointer, pointer, sizeof(pointer));
}

void stack_source_text(struct text *t, const struct stack_source *from)
{
    text_string(t, from->name);
    text_string(t, " of the TSS at ");
    text_hex(t, from->tss);
}
