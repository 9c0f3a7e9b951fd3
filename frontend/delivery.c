/* SPDX-License-Identifier: MIT */
#include "frontend/delivery.h"

enum { VEC_NP = 11, VEC_PF = 14 };
#define EFER_LMA BIT(10)
#define SAME_STACK 8192u /* a push this near below the stack pointer is one to the same stack */
#define STACK_PAGES 16u  /* so far above one that has run out there is some of it */
#define ERROR_IDT 2u     /* SDM "Error Code": the index is one of the IDT */

void delivery_name(struct text *t, const struct cpu_event *ev)
{
    const char *name = ev->kind == EVENT_SOFTWARE ? NULL : vector_name(ev->vector);

    if (name) {
        text_string(t, name);
        return;
    }
    text_string(t, ev->kind == EVENT_SOFTWARE ? "INT " : "interrupt ");
    text_decimal(t, ev->vector);
}

static unsigned gate_size(struct cpu *cpu, const struct cpu_state *s)
{
    return s->efer & EFER_LMA ? 16 : cpu_mode(cpu) == MODE_REAL ? 4 : 8;
}

bool delivery_handler(struct cpu *cpu, unsigned vector, u64 *offset)
{
    struct cpu_state s;
    unsigned size;
    u8 gate[16];

    cpu_get_state(cpu, &s);
    size = gate_size(cpu, &s);
    if (size < 8 || cpu_peek(cpu, s.idt_base + vector * size, gate, size) != size)
        return false;
    *offset = (u64)gate[0] | (u64)gate[1] << 8 | (u64)gate[6] << 16 | (u64)gate[7] << 24;
    for (unsigned i = 0; size == 16 && i < 4; i++)
        *offset |= (u64)gate[8 + i] << (32 + 8 * i);
    return true;
}

static const char *state_of(enum fault_cause cause)
{
    return cause == CAUSE_NOT_PRESENT       ? " is not mapped"
           : cause == CAUSE_WRITE_PROTECTED ? " is read-only"
                                            : " cannot be used";
}

/* A stack grows down into its guard page, and has been written to above that; where the tables have lost a stack, or
 * never had it, that is not so. */
static bool is_stack_above(struct cpu *cpu, u64 la)
{
    for (unsigned i = 1; i <= STACK_PAGES; i++) {
        struct walk w = cpu_walk(cpu, la + i * PAGE_SIZE, (struct access){.kind = ACCESS_WRITE});

        if (w.cause == CAUSE_NONE && w.steps && w.step[w.steps - 1].entry & PTE_D)
            return true;
    }
    return false;
}

/* The stack that it was on already. */
static void put_own_stack(struct text *t, struct cpu *cpu, const struct cpu_state *s, u64 la, enum fault_cause cause)
{
    if ((cause == CAUSE_NOT_PRESENT || cause == CAUSE_WRITE_PROTECTED) && is_stack_above(cpu, la)) {
        text_string(t, "the stack has run out at ");
        text_hex(t, la & ~7ull);
        return;
    }
    if (cause == CAUSE_NOT_PRESENT) {
        text_string(t, "the tables at CR3 = ");
        text_hex(t, s->cr3);
        text_string(t, " do not map the stack at ");
        text_hex(t, la & ~7ull);
        return;
    }
    text_string(t, "the stack at ");
    text_hex(t, la & ~7ull);
    text_string(t, state_of(cause));
}

static void put_stack(struct text *t, struct cpu *cpu, const struct cpu_event *tried, const struct cpu_event *failed,
                      enum fault_cause cause)
{
    struct stack_source from;
    struct cpu_state s;

    stack_source(&from, cpu, tried->vector);
    if (from.name[0]) {
        text_string(t, "the stack that ");
        stack_source_text(t, &from);
        text_string(t, " names, ");
        text_hex(t, from.pointer);
        text_char(t, ',');
        text_string(t, state_of(cause));
        return;
    }
    cpu_get_state(cpu, &s);
    if (cpu_cpl(cpu) < 3 && s.gpr[REG_RSP] - failed->cr2 <= SAME_STACK) {
        put_own_stack(t, cpu, &s, failed->cr2, cause);
        return;
    }
    text_string(t, "the stack that delivery switches to");
    text_string(t, state_of(cause));
}

static void put_structure(struct text *t, const char *name, u64 base, enum fault_cause cause)
{
    text_string(t, name);
    text_hex(t, base);
    text_string(t, state_of(cause));
}

static void put_page_fault(struct text *t, struct cpu *cpu, const struct cpu_event *tried,
                           const struct cpu_event *failed, enum fault_cause cause)
{
    struct cpu_state s;
    bool local;

    cpu_get_state(cpu, &s);
    switch (failed->access.implicit) {
    case IMPLICIT_IDT: put_structure(t, "the IDT at ", s.idt_base, cause); return;
    case IMPLICIT_TSS: put_structure(t, "the TSS at ", s.seg[SEG_TR].base, cause); return;
    case IMPLICIT_DESCRIPTOR:
        local = failed->cr2 - s.gdt_base > s.gdt_limit;
        put_structure(t, local ? "the LDT at " : "the GDT at ", local ? s.seg[SEG_LDTR].base : s.gdt_base, cause);
        return;
    case IMPLICIT_EXCEPTION_STACK:
    case IMPLICIT_NONE: put_stack(t, cpu, tried, failed, cause); return;
    default: text_string(t, "a page that delivery needs"); break;
    }
    text_string(t, state_of(cause));
}

bool delivery_lacks_gate(const struct cpu_event *failed) { return failed->has_error && failed->error & ERROR_IDT; }

static void put_gate(struct text *t, struct cpu *cpu, const struct cpu_event *failed)
{
    struct cpu_state s;
    unsigned index = failed->error >> 3;

    cpu_get_state(cpu, &s);
    text_string(t, "entry ");
    text_decimal(t, index);
    text_string(t, " of the IDT is ");
    if ((index + 1) * gate_size(cpu, &s) > (u32)s.idt_limit + 1) {
        text_string(t, "beyond its limit, ");
        text_hex(t, s.idt_limit);
    } else {
        text_string(t, failed->vector == VEC_NP ? "not present" : "no gate");
    }
}

void delivery_failure(struct text *t, struct cpu *cpu, const struct cpu_event *tried, const struct cpu_event *failed,
                      enum fault_cause cause, const char *step)
{
    if (cause != CAUSE_NONE) {
        put_page_fault(t, cpu, tried, failed, cause);
        return;
    }
    if (delivery_lacks_gate(failed)) {
        put_gate(t, cpu, failed);
        return;
    }
    text_string(t, "delivery met ");
    delivery_name(t, failed);
    if (failed->has_error) {
        text_string(t, ", error ");
        text_hex(t, failed->error);
    }
    text_string(t, ", at: ");
    text_string(t, step);
}

void delivery_note(struct record *r, struct cpu *cpu, const struct cpu_event *tried, const struct cpu_event *failed,
                   const char *step)
{
    enum fault_cause cause = CAUSE_NONE;
    struct text t = TEXT_OVER(r->failure);

    if (r->failure[0])
        return;
    if (failed->vector == VEC_PF && failed->kind == EVENT_FAULT)
        cause = cpu_walk(cpu, failed->cr2, failed->access).cause;
    delivery_failure(&t, cpu, tried, failed, cause, step);
    text_end(&t);
}
