/* SPDX-License-Identifier: MIT */
/*
 * The x87 FPU (SDM Vol. 1, "Programming with the x87 FPU"). Registers are 80-bit images; arithmetic is done by the
 * host's own x87 under the guest's control word, so that every result, flag and C1 is the hardware's.
 *
 * In the register file only two tags are told apart: 3 (empty) and anything else. The other values of the SDM's tag
 * word are computed from the contents when it is stored (x87_tag_word), as processors do.
 */
#ifndef FAULTLINE_CPU_X87_H
#define FAULTLINE_CPU_X87_H

#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/handlers.h"
#include "cpu/memory.h"
#include "cpu/mode.h"
#include "cpu/op.h"

#define INSN(opcode, prefix, modrm, NAME, op1, acc1, op2, acc2, op3, feature, attributes) exec_fn exec_##NAME;
#include "cpu/isa_x87.def"
#undef INSN

/*
 * An 80-bit double extended value: integer bit and fraction, sign and exponent. The first ten bytes are its memory
 * image.
 */
typedef __typeof__(((struct x87 *)NULL)->r[0]) fp80;

/* Status word; the low six bits have the same places in the control word, as masks. */
enum {
    FSW_IE = 1 << 0,
    FSW_DE = 1 << 1,
    FSW_ZE = 1 << 2,
    FSW_OE = 1 << 3,
    FSW_UE = 1 << 4,
    FSW_PE = 1 << 5,
    FSW_SF = 1 << 6,
    FSW_ES = 1 << 7,
    FSW_C0 = 1 << 8,
    FSW_C1 = 1 << 9,
    FSW_C2 = 1 << 10,
    FSW_TOP = 7 << 11,
    FSW_C3 = 1 << 14,
    FSW_B = 1 << 15,
    FSW_EXCEPTIONS = 0x3f,
    FSW_BEFORE = FSW_IE | FSW_DE | FSW_ZE, /* detected before the operation: unmasked, they prevent it */
    FSW_CONDITIONS = FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3,
};

enum {
    FCW_INIT = 0x37f,
    FCW_WRITABLE = 0x1f3f,
    FCW_ALWAYS = 0x40,
};

static inline unsigned x87_top(const struct x87 *x) { return (x->status >> 11) & 7; }
static inline void x87_set_top(struct x87 *x, unsigned top)
{
    x->status = (u16)((x->status & ~FSW_TOP) | (top & 7) << 11);
}
static inline unsigned x87_physical(const struct x87 *x, unsigned i) { return (x87_top(x) + i) & 7; }
static inline fp80 *x87_st(struct x87 *x, unsigned i) { return &x->r[x87_physical(x, i)]; }
static inline bool x87_empty(const struct x87 *x, unsigned i)
{
    return ((x->tag >> (2 * x87_physical(x, i))) & 3) == 3;
}
static inline void x87_set_full(struct x87 *x, unsigned i) { x->tag &= (u16) ~(3u << (2 * x87_physical(x, i))); }
static inline void x87_set_empty(struct x87 *x, unsigned i) { x->tag |= (u16)(3u << (2 * x87_physical(x, i))); }
static inline u16 x87_unmasked(const struct x87 *x) { return x->status & ~x->control & FSW_EXCEPTIONS; }

static inline void x87_pop(struct x87 *x)
{
    x87_set_empty(x, 0);
    x87_set_top(x, x87_top(x) + 1);
}

static inline void x87_push(struct x87 *x, fp80 value)
{
    x87_set_top(x, x87_top(x) - 1);
    *x87_st(x, 0) = value;
    x87_set_full(x, 0);
}

/* The real indefinite QNaN: the masked response to most invalid operations. */
static inline fp80 x87_indefinite(void) { return (fp80){.mantissa = 0xc000000000000000, .exponent = 0xffff}; }

/* x87_fast.c: a specialised handler, or NULL; and a row that may have one. */
op_fn *x87_choose(const struct op *, u32 mode);
#define X87_ROW(NAME) const struct handlers handlers_##NAME = {.exec = exec_##NAME, .choose = x87_choose}

/* x87.c */
void x87_init(struct x87 *);  /* control, status, tag and pointers as after FINIT */
void x87_reset(struct cpu *); /* RESET, the FERR# pin included */
void x87_finit(struct cpu *); /* FINIT, the same */
void x87_check_pending(
    struct cpu *);                /* start of a waiting (or MMX) instruction: #MF, or frozen, if there is an error */
void x87_mmx_enter(struct x87 *); /* an MMX instruction was executed: TOP = 0, all tags valid */
void x87_update_summary(struct cpu *); /* ES, B and FERR# from flags, masks and CR0.NE */
bool x87_underflow(struct cpu *);      /* stack underflow; true if masked */
bool x87_overflow(struct cpu *);       /* stack overflow; true if masked */
u16 x87_tag_word(const struct x87 *);  /* the full tag word, from contents */
fp80 x87_from_integer(s64);
void x87_note(struct cpu *, const struct op *); /* last-instruction pointers and opcode */
/* Report an operation's flags and C1. False: an unmasked exception keeps destination and stack as they were. */
bool x87_commit(struct cpu *, u16 flags);

/* The six arithmetic flags after FCOMI, COMISS, PTEST: OF, SF and AF are 0. */
static inline void flags_compare(struct cpu *cpu, bool zf, bool pf, bool cf)
{
    cpu->f.zero = !zf;
    cpu->f.sign = !pf;
    cpu->f.carry = cf;
    cpu->f.carries = (u64)cf << 63;
}

/*
 * The memory operand's host address by way of the TLB alone, if its segment has no limit and nothing else is to be
 * checked; NULL: go through memory.h. These are the fast forms of access.h for instructions that are plain functions.
 */
ALWAYS_INLINE u8 *operand_fast(struct cpu *cpu, const struct op *op, unsigned width, bool write)
{
    static const u8 unlimited[] = {[SEG_ES] = MODE_FLAT, [SEG_CS] = 0,       [SEG_SS] = MODE_FLAT,
                                   [SEG_DS] = MODE_FLAT, [SEG_FS] = MODE_FS, [SEG_GS] = MODE_GS};
    u64 la = (cpu->seg_base[op->seg] + op_ea(cpu, op)) & cpu->addr_mask;

    if (unlikely((cpu->mode & (unlimited[op->seg] | MODE_AC)) != unlimited[op->seg] || !unlimited[op->seg]))
        return NULL;
    return write ? tlb_write(cpu, la, width) : tlb_read(cpu, la, width);
}

/* The memory operand, 1, 2, 4 or 8 bytes. */
static inline u64 operand_read(struct cpu *cpu, const struct op *op, unsigned width)
{
    const u8 *p = operand_fast(cpu, op, width, false);
    return likely(p != NULL) ? host_load(p, width) : mem_read(cpu, op->seg, op_ea(cpu, op), width);
}

static inline void operand_write(struct cpu *cpu, const struct op *op, u64 value, unsigned width)
{
    u8 *p = operand_fast(cpu, op, width, true);
    if (likely(p != NULL))
        host_store(p, value, width);
    else
        mem_write(cpu, op->seg, op_ea(cpu, op), value, width);
}

/* All of a waiting instruction without memory operand before its operation. */
static inline struct x87 *x87_begin(struct cpu *cpu, const struct op *op)
{
    if (unlikely(cpu->x87.status & FSW_ES))
        x87_check_pending(cpu);
    x87_note(cpu, op);
    return &cpu->x87;
}

/*
 * What the instructions compute, under the control word of `x`: one host instruction each (x87_host.c), or integer code
 * (x87_portable.c; arithmetic.h chooses); the transcendental ones are x87_transcendental.c's. They return a status word
 * of which exceptions, C1 and the instruction's condition codes count.
 */
typedef u16 x87_unary_fn(const struct x87 *x, fp80 *a);
/* a := a op b; b: fp80, m32fp or m64fp as the name says */
typedef u16 x87_binary_fn(const struct x87 *x, fp80 *a, const void *b);
typedef u16 x87_load_fn(const struct x87 *x, fp80 *a, const void *from, bool *pushed);
typedef u16 x87_store_fn(const struct x87 *x, const fp80 *a, void *to);
typedef u16 x87_double_fn(const struct x87 *x, fp80 *a, fp80 *b, bool *moved);

/* The formats of an arithmetic instruction's source. */
struct x87_arithmetic {
    x87_binary_fn *extended, *single, *real64;
};
extern const struct x87_arithmetic x87_add, x87_mul, x87_sub, x87_subr, x87_div, x87_divr;
extern const struct x87_arithmetic x87_com; /* leaves a as it is: condition codes only */
x87_binary_fn x87_ucom, x87_prem, x87_prem1, x87_scale;
x87_unary_fn x87_tst, x87_xam, x87_sqrt, x87_rndint, x87_2xm1, x87_sin, x87_cos;
x87_load_fn x87_load_single, x87_load_double, x87_load_bcd;
x87_store_fn x87_store_single, x87_store_double, x87_store_i16, x87_store_i32, x87_store_i64, x87_store_bcd;
x87_store_fn x87_truncate_i16, x87_truncate_i32, x87_truncate_i64;
/* a is ST(0), b ST(1). Pushing: a := first result, b := what is pushed; *moved if it was. */
x87_double_fn x87_ptan, x87_sincos, x87_xtract;
/* Popping: b := result; *moved if the stack was popped. */
x87_double_fn x87_patan, x87_yl2x, x87_yl2xp1;
/* Gives back what the library behind the transcendental instructions keeps for this thread. */
void x87_release(void);

#endif
