/* SPDX-License-Identifier: MIT */
/*
 * Unwinding by an ELF file's call frame information: .eh_frame and .debug_frame, which compilers write for code that
 * keeps no frame pointer. libdw finds the row of the table (DWARF 5, "Call Frame Information"); what its rules say is
 * computed here: straight lines of a few operations, which is all that compilers and assemblers write. Others are
 * refused, and so nothing can go round in circles.
 */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>

#include "frontend/symbol_table.h"

#define DEPTH 8u /* of the expressions' stack */

enum computed { COMPUTED, REFUSED, UNREADABLE };

struct expression {
    const struct stack *stack;
    const struct frame *frame;
    u64 cfa; /* 0 while it is what is computed */
    u64 value[DEPTH];
    unsigned depth;
    bool is_value; /* the result is the register's value, not where it is kept */
};

static u64 narrow(const struct stack *s, u64 value) { return s->word == 4 ? (u32)value : value; }

/* The column of the return address, by the psABIs; it tells 32- from 64-bit tables, whatever the file calls itself. */
static int return_column(const struct stack *s) { return s->word == 8 ? 16 : 8; }

static int register_of(const struct stack *s, u64 column)
{
    static const u8 wide[] = /* rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp */ {0, 2, 1, 3, 6, 7, FRAME_BP, FRAME_SP};

    if (column < 8)
        return s->word == 8 ? wide[column] : (int)column;
    return s->word == 8 && column < 16 ? (int)column : -1;
}

static bool push(struct expression *e, u64 value)
{
    if (e->depth == DEPTH)
        return false;
    e->value[e->depth++] = narrow(e->stack, value);
    return true;
}

static bool push_register(struct expression *e, u64 column, u64 offset)
{
    int n = register_of(e->stack, column);

    if (column == (u64)return_column(e->stack))
        return push(e, e->frame->ip + offset);
    return n >= 0 && e->frame->known & BIT(n) && push(e, e->frame->gpr[n] + offset);
}

static s64 as_signed(const struct stack *s, u64 value) { return s->word == 4 ? (s32)value : (s64)value; }

static bool binary(struct expression *e, unsigned operation)
{
    u64 a, b;

    if (e->depth < 2)
        return false;
    b = e->value[--e->depth];
    a = e->value[--e->depth];
    switch (operation) {
    case DW_OP_plus: return push(e, a + b);
    case DW_OP_minus: return push(e, a - b);
    case DW_OP_and: return push(e, a & b);
    case DW_OP_or: return push(e, a | b);
    case DW_OP_shl: return push(e, b < 64 ? a << b : 0);
    case DW_OP_shr: return push(e, b < 64 ? a >> b : 0);
    case DW_OP_ge: return push(e, as_signed(e->stack, a) >= as_signed(e->stack, b));
    default: return false;
    }
}

static enum computed operate(struct expression *e, const Dwarf_Op *op)
{
    unsigned n = op->atom;
    bool good;

    if (n >= DW_OP_lit0 && n <= DW_OP_lit31)
        return push(e, n - DW_OP_lit0) ? COMPUTED : REFUSED;
    if (n >= DW_OP_breg0 && n <= DW_OP_breg31)
        return push_register(e, n - DW_OP_breg0, op->number) ? COMPUTED : REFUSED;
    switch (n) {
    case DW_OP_bregx: good = push_register(e, op->number, op->number2); break;
    case DW_OP_call_frame_cfa: good = e->cfa && push(e, e->cfa); break;
    case DW_OP_const1u:
    case DW_OP_const1s:
    case DW_OP_const2u:
    case DW_OP_const2s:
    case DW_OP_const4u:
    case DW_OP_const4s:
    case DW_OP_const8u:
    case DW_OP_const8s:
    case DW_OP_constu:
    case DW_OP_consts: good = push(e, op->number); break;
    case DW_OP_plus_uconst: good = push(e, op->number) && binary(e, DW_OP_plus); break;
    case DW_OP_deref:
        if (!e->depth)
            return REFUSED;
        return stack_read(e->stack, e->value[e->depth - 1], &e->value[e->depth - 1]) ? COMPUTED : UNREADABLE;
    default: good = binary(e, n); break;
    }
    return good ? COMPUTED : REFUSED;
}

static enum computed compute(struct expression *e, const Dwarf_Op *op, size_t n, u64 *value)
{
    e->depth = 0;
    e->is_value = n && op[n - 1].atom == DW_OP_stack_value;
    n -= e->is_value;
    for (size_t i = 0; i < n; i++) {
        enum computed c = operate(e, &op[i]);

        if (c != COMPUTED)
            return c;
    }
    if (!e->depth)
        return REFUSED;
    *value = e->value[e->depth - 1];
    return COMPUTED;
}

/* What the caller had in a register, by a rule that is neither "undefined" nor "same value". */
static enum computed restored(struct expression *e, const Dwarf_Op *op, size_t n, u64 *value)
{
    enum computed c;
    u64 at;

    if (n == 1 && (op->atom == DW_OP_regx || (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31))) {
        Dwarf_Op content = {.atom = DW_OP_bregx,
                            .number = op->atom == DW_OP_regx ? op->number : (u64)(op->atom - DW_OP_reg0)};

        return compute(e, &content, 1, value);
    }
    c = compute(e, op, n, &at);
    if (c != COMPUTED)
        return c;
    *value = at;
    return e->is_value || stack_read(e->stack, at, value) ? COMPUTED : UNREADABLE;
}

/* The caller's registers; those whose rule cannot be followed are not known. */
static void restore_registers(struct expression *e, Dwarf_Frame *row, struct frame *to)
{
    unsigned count = e->stack->word == 8 ? 16 : 8;

    to->known = 0;
    for (unsigned column = 0; column < count; column++) {
        int n = register_of(e->stack, column);
        Dwarf_Op memory[3], *op;
        size_t length;
        bool known;

        if (dwarf_frame_register(row, (int)column, memory, &op, &length) != 0 || (!length && op))
            continue;
        if (length) {
            known = restored(e, op, length, &to->gpr[n]) == COMPUTED;
        } else {
            known = n != FRAME_SP && e->frame->known & BIT(n);
            to->gpr[n] = e->frame->gpr[n];
        }
        to->known |= (u32)known << n;
    }
    /* The psABIs: the CFA is the stack pointer before the CALL pushed; tables need not say so. */
    if (!(to->known & BIT(FRAME_SP)))
        to->gpr[FRAME_SP] = e->cfa;
    to->known |= BIT(FRAME_SP);
}

static enum unwound step(Dwarf_Frame *row, const struct stack *stack, struct frame *f)
{
    struct expression e = {.stack = stack, .frame = f};
    struct frame caller = {0};
    Dwarf_Op memory[3], *op;
    enum computed c;
    bool signal;
    size_t n;

    if (dwarf_frame_info(row, NULL, NULL, &signal) != return_column(stack))
        return UNWOUND_UNKNOWN;
    if (dwarf_frame_cfa(row, &op, &n) != 0 || !n)
        return UNWOUND_UNKNOWN;
    c = compute(&e, op, n, &e.cfa);
    if (c != COMPUTED)
        return c == REFUSED ? UNWOUND_UNKNOWN : UNWOUND_LAST;
    if (dwarf_frame_register(row, return_column(stack), memory, &op, &n) != 0 || (!n && !op))
        return UNWOUND_UNKNOWN;
    if (!n)
        return UNWOUND_LAST; /* "undefined": so are outermost functions marked */
    c = restored(&e, op, n, &caller.ip);
    if (c != COMPUTED)
        return c == REFUSED ? UNWOUND_UNKNOWN : UNWOUND_LAST;
    restore_registers(&e, row, &caller);
    caller.interrupted = signal;
    /* Stacks are left upwards, and by what a CALL pushed; an interrupted one may be elsewhere. */
    if (!signal && (caller.gpr[FRAME_SP] <= f->gpr[FRAME_SP] || !stack_behind_call(stack, caller.ip)))
        return UNWOUND_LAST;
    *f = caller;
    return UNWOUND_CALLER;
}

static enum unwound by_table(Dwarf_CFI *table, Dwarf_Addr bias, u64 address, const struct stack *stack, struct frame *f)
{
    Dwarf_Frame *row;
    enum unwound u;

    if (!table || dwarf_cfi_addrframe(table, address - bias, &row) != 0)
        return UNWOUND_UNKNOWN;
    u = step(row, stack, f);
    free(row);
    return u;
}

enum unwound lines_unwind(struct lines *l, u64 address, const struct stack *stack, struct frame *f)
{
    Dwfl_Module *module = lines_module(l);
    Dwarf_Addr bias = 0;
    Dwarf_CFI *table;
    enum unwound u;

    if (!module || !(f->known & BIT(FRAME_SP)))
        return UNWOUND_UNKNOWN;
    table = dwfl_module_eh_cfi(module, &bias);
    u = by_table(table, bias, address, stack, f);
    if (u != UNWOUND_UNKNOWN)
        return u;
    table = dwfl_module_dwarf_cfi(module, &bias);
    return by_table(table, bias, address, stack, f);
}
