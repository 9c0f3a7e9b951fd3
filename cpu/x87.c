/* SPDX-License-Identifier: MIT */
/*
 * The x87's state: stack, exceptions, control instructions (SDM Vol. 1, "x87 FPU Execution Environment", "x87 FPU
 * Exception Handling").
 */
#include "cpu/x87.h"

/*
 * SDM Vol. 1, "MS-DOS Compatibility Sub-mode": with CR0.NE = 0 an error is no exception, but FERR#, which the board
 * makes IRQ 13 of. We drive it as soon as an unmasked exception is there, so that the handler sees the pointers of the
 * instruction that made it, and release it when the summary bit clears.
 */
static void drive_ferr(struct cpu *cpu, bool level)
{
    if (level == cpu->ferr)
        return;
    cpu->ferr = level;
    if (cpu->config.ferr)
        cpu->config.ferr(cpu->config.ctx, level);
    cpu->left_trace |= level;
}

void x87_reset(struct cpu *cpu)
{
    cpu->x87 = (struct x87){.control = FCW_ALWAYS, .tag = 0x5555};
    drive_ferr(cpu, false);
}

void x87_init(struct x87 *x)
{
    x->control = FCW_INIT;
    x->status = 0;
    x->tag = 0xffff;
    x->fop = 0;
    x->fcs = x->fds = 0;
    x->fip = x->fdp = 0;
}

void x87_update_summary(struct cpu *cpu)
{
    struct x87 *x = &cpu->x87;

    x->status &= (u16) ~(FSW_ES | FSW_B);
    if (x87_unmasked(x))
        x->status |= FSW_ES | FSW_B;
    drive_ferr(cpu, x->status & FSW_ES && !(cpu->cr0 & CR0_NE));
}

void x87_finit(struct cpu *cpu)
{
    x87_init(&cpu->x87);
    drive_ferr(cpu, false);
}

/*
 * "... the processor freezes": just before the waiting instruction, until an interrupt comes, which IRQ 13 may be; its
 * handler returns to that instruction. If IGNNE# is asserted it is done as if there was no error. An error that was
 * there when INIT cleared CR0.NE drives FERR# only now.
 */
void x87_check_pending(struct cpu *cpu)
{
    if (likely(!(cpu->x87.status & FSW_ES)))
        return;
    if (cpu->cr0 & CR0_NE)
        raise_mf(cpu);
    drive_ferr(cpu, true);
    if (!cpu->ignne)
        freeze(cpu);
}

/* SDM Vol. 1, "MMX Instructions and the x87 FPU Tag Word". */
void x87_mmx_enter(struct x87 *x)
{
    x->tag = 0;
    x87_set_top(x, 0);
}

/* SDM Vol. 1, "x87 FPU Instruction and Data (Operand) Pointers", "Last Instruction Opcode". */
void x87_note(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;

    x->fip = cpu->rip;
    x->fcs = cpu->seg[SEG_CS].selector;
    x->fop = (u16)((op->opcode & 7) << 8 | op->modrm);
    if (op_is_mem(op)) {
        x->fdp = op_ea(cpu, op);
        x->fds = cpu->seg[op->seg].selector;
    }
}

bool x87_commit(struct cpu *cpu, u16 flags)
{
    struct x87 *x = &cpu->x87;
    u16 unmasked = flags & ~x->control & FSW_EXCEPTIONS;

    /* An unmasked exception before the operation leaves it undone: nothing else is detected. */
    if (unlikely(unmasked & FSW_BEFORE))
        flags &= FSW_BEFORE | FSW_C1;
    x->status = (u16)((x->status & ~FSW_C1) | (flags & (FSW_EXCEPTIONS | FSW_C1)));
    if (likely(!unmasked))
        return true;
    x87_update_summary(cpu);
    return !(unmasked & FSW_BEFORE);
}

static bool stack_fault(struct cpu *cpu, u16 c1)
{
    struct x87 *x = &cpu->x87;

    x->status = (u16)((x->status & ~FSW_C1) | FSW_IE | FSW_SF | c1);
    x87_update_summary(cpu);
    return x->control & FSW_IE;
}

bool x87_underflow(struct cpu *cpu) { return stack_fault(cpu, 0); }
bool x87_overflow(struct cpu *cpu) { return stack_fault(cpu, FSW_C1); }

/* SDM Vol. 1, "x87 FPU Tag Word": 0 valid, 1 zero, 2 special, 3 empty. */
u16 x87_tag_word(const struct x87 *x)
{
    unsigned word = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned tag, exponent = x->r[i].exponent & 0x7fff;
        if (((x->tag >> (2 * i)) & 3) == 3)
            tag = 3;
        else if (exponent == 0 && x->r[i].mantissa == 0)
            tag = 1;
        else if (exponent == 0 || exponent == 0x7fff || !(x->r[i].mantissa >> 63))
            tag = 2;
        else
            tag = 0;
        word |= tag << (2 * i);
    }
    return (u16)word;
}

/* An integer is exact in the double extended format. */
fp80 x87_from_integer(s64 v)
{
    u64 m = v < 0 ? -(u64)v : (u64)v;
    fp80 x = {.mantissa = 0, .exponent = 0};

    if (m) {
        unsigned shift = (unsigned)__builtin_clzll(m);
        x.mantissa = m << shift;
        x.exponent = (u16)((v < 0 ? 0x8000 : 0) | (0x3fff + 63 - shift));
    }
    return x;
}

void exec_FNINIT(struct cpu *cpu, const struct op *op)
{
    (void)op;
    x87_finit(cpu);
}
IRREGULAR(FNINIT);

void exec_FNCLEX(struct cpu *cpu, const struct op *op)
{
    (void)op;
    cpu->x87.status &= (u16) ~(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B);
    drive_ferr(cpu, false);
}
IRREGULAR(FNCLEX);

void exec_FLDCW(struct cpu *cpu, const struct op *op)
{
    x87_check_pending(cpu);
    u16 control = (u16)operand_read(cpu, op, 2);
    cpu->x87.control = (control & FCW_WRITABLE) | FCW_ALWAYS;
    x87_update_summary(cpu);
}
IRREGULAR(FLDCW);

void exec_FNSTCW(struct cpu *cpu, const struct op *op) { operand_write(cpu, op, cpu->x87.control, 2); }
IRREGULAR(FNSTCW);

void exec_FNSTSW(struct cpu *cpu, const struct op *op)
{
    if (op_is_mem(op))
        operand_write(cpu, op, cpu->x87.status, 2);
    else
        cpu->RAX = (cpu->RAX & ~0xffffull) | cpu->x87.status;
}
IRREGULAR(FNSTSW);

/* SDM, "WAIT/FWAIT": #NM if both MP and TS are set, whatever EM. */
void exec_FWAIT(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if ((cpu->cr0 & CR0_MP) && (cpu->cr0 & CR0_TS))
        raise_nm(cpu);
    x87_check_pending(cpu);
}
IRREGULAR(FWAIT);

void exec_FNOP(struct cpu *cpu, const struct op *op) { x87_begin(cpu, op); }
IRREGULAR(FNOP);

/* FENI, FDISI (8087) and FSETPM (80287) do nothing since the 80387; not even wait. */
void exec_FNENI(struct cpu *cpu, const struct op *op)
{
    (void)cpu;
    (void)op;
}
IRREGULAR(FNENI);
void exec_FNDISI(struct cpu *cpu, const struct op *op) { exec_FNENI(cpu, op); }
IRREGULAR(FNDISI);
void exec_FNSETPM(struct cpu *cpu, const struct op *op) { exec_FNENI(cpu, op); }
IRREGULAR(FNSETPM);

void exec_FINCSTP(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);
    x87_set_top(x, x87_top(x) + 1);
    x->status &= (u16)~FSW_C1;
}
IRREGULAR(FINCSTP);

void exec_FDECSTP(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);
    x87_set_top(x, x87_top(x) - 1);
    x->status &= (u16)~FSW_C1;
}
IRREGULAR(FDECSTP);

void exec_FFREE(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);
    x87_set_empty(x, op->modrm & 7);
    x->status &= (u16)~FSW_C1;
}
IRREGULAR(FFREE);

/* Not in the SDM's pages, but in every processor: FFREE and a pop. */
void exec_FFREEP(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);
    x87_set_empty(x, op->modrm & 7);
    x->status &= (u16)~FSW_C1;
    x87_pop(x);
}
IRREGULAR(FFREEP);

/* SDM Vol. 1, "Effect of MMX Instructions on x87 FPU State". */
void exec_EMMS(struct cpu *cpu, const struct op *op)
{
    (void)op;
    x87_check_pending(cpu);
    cpu->x87.tag = 0xffff;
    x87_set_top(&cpu->x87, 0);
}
IRREGULAR(EMMS);
