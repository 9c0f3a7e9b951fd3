/* SPDX-License-Identifier: MIT */
/* What the system instructions share: their entry points (from the instruction list) and small helpers. */
#ifndef FAULTLINE_CPU_SYSTEM_H
#define FAULTLINE_CPU_SYSTEM_H

#include "cpu/segment.h"
#include "cpu/stack.h"
#include "cpu/state.h"

/* void exec_NAME(struct cpu *, const struct op *) for every row. */
#define INSN(opcode, prefix, modrm, NAME, ...) exec_fn exec_##NAME;
#include "cpu/isa_system.def"
#undef INSN

/* Stack pointer arithmetic of an instruction that pushes or pops in the current mode. */
static inline u64 stack_mask(const struct op *op)
{
    return op->stack_size == 8 ? ~0ull : op->stack_size == 4 ? 0xffffffffu : 0xffffu;
}
static inline u64 stack_next(const struct cpu *cpu, const struct op *op, int delta)
{
    return (cpu->RSP + (u64)(s64)delta) & stack_mask(op);
}
/* Truncation to an operand or address size. */
static inline u64 size_mask(unsigned bytes) { return ~0ull >> (64 - 8 * bytes); }

/* Reads the far pointer in memory the operand names: offset of the operand size, then the selector. far.c */
u16 far_pointer(struct cpu *, const struct op *, u64 *offset);

/* #GP(0) unless the current privilege level, the TSS's I/O bitmap included, allows this port access. io.c */
void io_check(struct cpu *, u16 port, unsigned width);
/* The access itself, of which I/O breakpoints and the observer are told. */
u64 io_read(struct cpu *, u16 port, unsigned width);
void io_write(struct cpu *, u16 port, u64 value, unsigned width);

/*
 * Virtual-8086 mode's virtual IF (io.c). True if an instruction that moves the flags image works on VIF, because
 * CR4.VME is on and IOPL below 3; #GP(0) if it may not run at all. Then the image PUSHF shows, and the flags POPF or
 * IRET makes of one, #GP(0) if the monitor must decide.
 */
bool flags_virtualized(struct cpu *, unsigned osize);
u64 flags_virtual_image(const struct cpu *);
u64 flags_from_virtual_image(struct cpu *, u64 image);

/* Seeds RDRAND's generator. random.c */
void random_seed(struct cpu *, u64 seed);

/* The time-stamp counter now, and its offset changed so that it reads `value`. msr.c */
u64 tsc_read(const struct cpu *);
void tsc_write(struct cpu *, u64 value);

/* An access of the current context to memory its segment rules already allow. */
static inline struct access access_explicit(const struct cpu *cpu, enum access_kind kind)
{
    return (struct access){.kind = kind, .user = cpu->cpl == 3, .ac = (cpu->rflags & FLAG_AC) != 0};
}

/* The XSAVE area: where the header ends and a compacted image's components begin, and PKRU's place in the standard
 * format, which CPUID reports. */
enum { XSAVE_HEADER_END = 576, XSAVE_PKRU_OFFSET = 0xa80, XSAVE_PKRU_SIZE = 8 };

/* XINUSE: the state components that are not in their initial configuration. xsave.c */
u64 xsave_in_use(const struct cpu *);

/* ZF alone. */
void flag_set_zero(struct cpu *, bool zero);

#endif
