/* SPDX-License-Identifier: MIT */
/* Near transfers, and the ops traces are held together with. */
#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/jump.h"
#include "cpu/memory.h"
#include "cpu/stack.h"
#include "cpu/strict.h"

/* "CALL", "JMP", "RET": the target is checked before anything changes, and the fault is the branch's. */
void branch_check(struct cpu *cpu, const struct op *op, u64 target)
{
    if (in_code64(cpu) ? likely(is_canonical(&cpu->paging, target)) : likely(target <= cpu->seg[SEG_CS].limit))
        return;
    cpu->op = op;
    raise_target(cpu, &cpu->seg[SEG_CS], target, in_code64(cpu));
}

ALWAYS_INLINE const struct op *go(struct cpu *cpu, const struct op *op, const struct jump_entry *e, u64 target)
{
    cpu->budget -= op->count;
    if (unlikely(cpu->budget < 0)) {
        cpu->rip = target;
        cpu->op = NULL;
        return NULL;
    }
    cpu->ip_page = target - e->op->off;
    return dispatch(cpu, e->op);
}

const struct op *jump_to(struct cpu *cpu, const struct op *op, u64 target)
{
    const struct jump_entry *e = jump_find(cpu, target);
    if (likely(e != NULL))
        return go(cpu, op, e, target);
    branch_check(cpu, op, target);
    return leave_at(cpu, op, target);
}

/* A stub's target when it leaves its page: imm counts from the page's start; 16-bit operand size truncates. */
static u64 stub_target(const struct cpu *cpu, const struct op *stub)
{
    u64 target = cpu->ip_page + (u64)(s64)stub->imm;
    return truncate(target, stub->osize) & cpu->ip_mask;
}

/* The branch is retired when its link runs; if its target is refused that is taken back. */
static void stub_check(struct cpu *cpu, const struct op *stub, u64 target)
{
    if (in_code64(cpu) ? likely(is_canonical(&cpu->paging, target)) : likely(target <= cpu->seg[SEG_CS].limit))
        return;
    cpu->budget += stub->count;
    branch_check(cpu, stub, target);
}

const struct op *op_jump_page(struct cpu *cpu, const struct op *op)
{
    u64 target = stub_target(cpu, op);
    const struct jump_entry *e = jump_find(cpu, target);
    if (likely(e != NULL)) {
        cpu->ip_page = target - e->op->off;
        return dispatch(cpu, e->op);
    }
    stub_check(cpu, op, target);
    cpu->rip = target;
    cpu->op = NULL;
    return NULL;
}

/* The trace ran to the end of its page: no branch, so a target out of bounds is the next instruction's fault. */
const struct op *op_next_page(struct cpu *cpu, const struct op *op)
{
    u64 target = (cpu->ip_page + (u64)(s64)op->imm) & cpu->ip_mask;
    const struct jump_entry *e = jump_find(cpu, target);
    if (likely(e != NULL)) {
        cpu->ip_page = target - e->op->off;
        return dispatch(cpu, e->op);
    }
    cpu->rip = target;
    cpu->op = NULL;
    return NULL;
}

/* Falls through to its link: the end of a trace that has no branch there. */
const struct op *op_end(struct cpu *cpu, const struct op *op) { return take(cpu, op); }

const struct op *op_link(struct cpu *cpu, const struct op *op)
{
    cpu->rip = (cpu->ip_page + op->off) & cpu->ip_mask;
    cpu->patch = (struct op *)(uintptr_t)op->link;
    cpu->patch_page = (u64)op->disp;
    cpu->op = NULL;
    return NULL;
}

/* The bytes of this op, or of its trace, have changed: have the run loop find what is there now, and forward to it from
 * now on. */
const struct op *op_stale(struct cpu *cpu, const struct op *op)
{
    cpu->budget -= op_before(op);
    cpu->rip = (cpu->ip_page + op->off) & cpu->ip_mask;
    cpu->patch = (struct op *)(uintptr_t)op;
    cpu->patch_page = (u64)op->disp;
    cpu->op = NULL;
    return NULL;
}

const struct op *op_forward(struct cpu *cpu, const struct op *op)
{
    cpu->budget -= op_before(op);
    if (unlikely(cpu->budget < 0)) {
        cpu->rip = (cpu->ip_page + op->off) & cpu->ip_mask;
        cpu->op = NULL;
        return NULL;
    }
    return dispatch(cpu, op->link);
}

const struct op *branch_leave(struct cpu *cpu, const struct op *link)
{
    u64 target = (cpu->ip_page + link->off) & cpu->ip_mask;
    if (link->fn == op_jump_page) {
        target = stub_target(cpu, link);
        stub_check(cpu, link, target);
    } else if (link->fn == op_next_page) {
        target = (cpu->ip_page + (u64)(s64)link->imm) & cpu->ip_mask;
    }
    cpu->rip = target;
    cpu->op = NULL;
    return NULL;
}

const struct op *fused_leave(struct cpu *cpu, const struct op *op, bool taken)
{
    if (!taken)
        return leave_at(cpu, op, op_next_rip(cpu, op));
    cpu->budget -= op->count;
    return branch_leave(cpu, op->link);
}

/* Undefined here. */
const struct op *op_ud(struct cpu *cpu, const struct op *op)
{
    cpu->op = op;
    raise_ud(cpu);
}

static op_fn *choose_UD(const struct op *op, u32 mode)
{
    (void)op, (void)mode;
    return op_ud;
}
const struct handlers handlers_UD = {.choose = choose_UD};

/* Direct jumps. */
HANDLER(JMP_direct) { return take(cpu, op); }

static op_fn *choose_JMP(const struct op *op, u32 mode)
{
    (void)op, (void)mode;
    return JMP_direct;
}
const struct handlers handlers_JMP = {.choose = choose_JMP};

#define JCC(CC) \
    HANDLER(Jcc_##CC) { return condition(cpu, 0x##CC) ? take(cpu, op) : next(cpu, op); }
JCC(0)
JCC(1)
JCC(2)
JCC(3) JCC(4) JCC(5) JCC(6) JCC(7) JCC(8) JCC(9) JCC(a) JCC(b) JCC(c) JCC(d) JCC(e) JCC(f)

    static op_fn *choose_Jcc(const struct op *op, u32 mode)
{
    static op_fn *const table[16] = {Jcc_0, Jcc_1, Jcc_2, Jcc_3, Jcc_4, Jcc_5, Jcc_6, Jcc_7,
                                     Jcc_8, Jcc_9, Jcc_a, Jcc_b, Jcc_c, Jcc_d, Jcc_e, Jcc_f};
    (void)mode;
    return table[op->cond];
}
const struct handlers handlers_Jcc = {.choose = choose_Jcc, .flags = FLAGS_READ};

/* LOOPcc and JCXZ count in rCX of the address size. */
ALWAYS_INLINE u64 count_down(struct cpu *cpu, const struct op *op)
{
    u64 n = truncate(cpu->RCX - 1, op->asize);
    place_write(place_reg(cpu, REG_RCX * 8), n, op->asize);
    return n;
}

HANDLER(LOOP_any) { return count_down(cpu, op) != 0 ? take(cpu, op) : next(cpu, op); }

HANDLER(LOOPE_any)
{
    bool more = count_down(cpu, op) != 0;
    return more && flag_zero(cpu) ? take(cpu, op) : next(cpu, op);
}

HANDLER(LOOPNE_any)
{
    bool more = count_down(cpu, op) != 0;
    return more && !flag_zero(cpu) ? take(cpu, op) : next(cpu, op);
}

HANDLER(JCXZ_any) { return truncate(cpu->RCX, op->asize) == 0 ? take(cpu, op) : next(cpu, op); }

#define CHOOSE_ONE(NAME, FL)                                   \
    static op_fn *choose_##NAME(const struct op *op, u32 mode) \
    {                                                          \
        (void)op, (void)mode;                                  \
        return NAME##_any;                                     \
    }                                                          \
    const struct handlers handlers_##NAME = {.choose = choose_##NAME, .flags = FL};
CHOOSE_ONE(LOOP, FLAGS_NONE)
CHOOSE_ONE(LOOPE, FLAGS_READ)
CHOOSE_ONE(LOOPNE, FLAGS_READ)
CHOOSE_ONE(JCXZ, FLAGS_NONE)

/* Calls. `imm` is the target from the page's start; a target in another page is looked up, and checked, before the
 * push. */
HANDLER(CALL_slow)
{
    u64 target = stub_target(cpu, op);
    branch_check(cpu, op, target);
    cpu->op = op;
    stack_push_slow(cpu, op, op_next_rip(cpu, op));
    if (cpu->bounce.active)
        bounce_commit(cpu);
    return leave_at(cpu, op, target);
}

#define CALL_FORMS(W)                                                   \
    HANDLER(CALL_same_##W)                                              \
    {                                                                   \
        u64 sp = truncate(cpu->RSP - W, W);                             \
        u8 *p = tlb_write(cpu, sp, W);                                  \
        if (unlikely(!p))                                               \
            return CALL_slow(cpu, op);                                  \
        host_store(p, op_next_rip(cpu, op), W);                         \
        cpu->RSP = sp;                                                  \
        return take(cpu, op);                                           \
    }                                                                   \
    HANDLER(CALL_page_##W)                                              \
    {                                                                   \
        u64 target = (cpu->ip_page + (u64)(s64)op->imm) & cpu->ip_mask; \
        const struct jump_entry *e = jump_find(cpu, target);            \
        u64 sp = truncate(cpu->RSP - W, W);                             \
        u8 *p = tlb_write(cpu, sp, W);                                  \
        if (unlikely(!p || !e))                                         \
            return CALL_slow(cpu, op);                                  \
        host_store(p, op_next_rip(cpu, op), W);                         \
        cpu->RSP = sp;                                                  \
        return go(cpu, op, e, target);                                  \
    }
CALL_FORMS(4)
CALL_FORMS(8)

static op_fn *choose_CALL(const struct op *op, u32 mode)
{
    return !stack_is_fast(op, mode) ? CALL_slow : op->osize == 8 ? CALL_page_8 : CALL_page_4;
}

/* Once the op has its place: a target in the same page is reached by a link. */
void call_place(struct op *op)
{
    if (op->imm < 0 || op->imm >= (s32)PAGE_SIZE)
        return;
    if (op->fn == CALL_page_8)
        op->fn = CALL_same_8;
    else if (op->fn == CALL_page_4)
        op->fn = CALL_same_4;
}
const struct handlers handlers_CALL = {.choose = choose_CALL};

/* Indirect transfers. */
HANDLER(CALL_E_slow)
{
    cpu->op = op;
    if (op_is_mem(op)) { /* both, before a device is read */
        mem_probe_read(cpu, op->seg, op_ea(cpu, op), op->osize);
        mem_probe_write(cpu, SEG_SS, truncate(cpu->RSP - op->osize, op->stack_size), op->osize);
    }
    u64 target = op_is_mem(op) ? host_load(operand_resolve(cpu, op, op->osize, ACC_r), op->osize)
                               : host_load((u8 *)cpu + op->s, op->osize);
    branch_check(cpu, op, target);
    stack_push_slow(cpu, op, op_next_rip(cpu, op));
    if (cpu->bounce.active)
        bounce_commit(cpu);
    return leave_at(cpu, op, target);
}

HANDLER(JMP_E_slow)
{
    cpu->op = op;
    u64 target = op_is_mem(op) ? host_load(operand_resolve(cpu, op, op->osize, ACC_r), op->osize)
                               : host_load((u8 *)cpu + op->s, op->osize);
    return jump_to(cpu, op, target);
}

#define INDIRECT_CALL(W, SUF, PROLOGUE, VALUE)               \
    HANDLER(CALL_E_##SUF##_##W)                              \
    {                                                        \
        PROLOGUE;                                            \
        u64 target = VALUE;                                  \
        const struct jump_entry *e = jump_find(cpu, target); \
        u64 sp = truncate(cpu->RSP - W, W);                  \
        u8 *p = tlb_write(cpu, sp, W);                       \
        if (unlikely(!p || !e))                              \
            return CALL_E_slow(cpu, op);                     \
        host_store(p, op_next_rip(cpu, op), W);              \
        cpu->RSP = sp;                                       \
        return go(cpu, op, e, target);                       \
    }                                                        \
    HANDLER(JMP_E_##SUF##_##W)                               \
    {                                                        \
        PROLOGUE;                                            \
        return jump_to(cpu, op, VALUE);                      \
    }
#define INDIRECT_FORMS(W)                                                                \
    INDIRECT_CALL(W, r, (void)0, host_load((u8 *)cpu + op->s, W))                        \
    INDIRECT_CALL(W, bd, u8 *m = tlb_read(cpu, address_bd(cpu, op), W);                  \
                  if (unlikely(!m)) return JMP_E_or_CALL_slow(cpu, op), host_load(m, W)) \
    INDIRECT_CALL(W, bis, u8 *m = tlb_read(cpu, address_bis(cpu, op), W);                \
                  if (unlikely(!m)) return JMP_E_or_CALL_slow(cpu, op), host_load(m, W))

static const struct op *JMP_E_or_CALL_slow(struct cpu *cpu, const struct op *op)
{
    return (op->modrm >> 3 & 7) == 2 ? CALL_E_slow(cpu, op) : JMP_E_slow(cpu, op);
}
INDIRECT_FORMS(4)
INDIRECT_FORMS(8)

static op_fn *choose_E(const struct op *op, u32 mode, op_fn *const fast[2][3], op_fn *slow)
{
    unsigned form = op_is_mem(op) ? operand_form(op, mode) : ADDR_BD;
    if (!stack_is_fast(op, mode) || form == ADDR_SLOW)
        return slow;
    return fast[op->osize == 8][op_is_mem(op) ? 1 + form : 0];
}

static op_fn *choose_CALL_E(const struct op *op, u32 mode)
{
    static op_fn *const fast[2][3] = {{CALL_E_r_4, CALL_E_bd_4, CALL_E_bis_4}, {CALL_E_r_8, CALL_E_bd_8, CALL_E_bis_8}};
    return choose_E(op, mode, fast, CALL_E_slow);
}

static op_fn *choose_JMP_E(const struct op *op, u32 mode)
{
    static op_fn *const fast[2][3] = {{JMP_E_r_4, JMP_E_bd_4, JMP_E_bis_4}, {JMP_E_r_8, JMP_E_bd_8, JMP_E_bis_8}};
    return choose_E(op, mode, fast, JMP_E_slow);
}
const struct handlers handlers_CALL_E = {.choose = choose_CALL_E};
const struct handlers handlers_JMP_E = {.choose = choose_JMP_E};

/* RET: the target is read and checked before rSP moves ("RET": Intel processors fault on the RET itself). */
HANDLER(RET_slow)
{
    cpu->op = op;
    u64 target = stack_top(cpu, op);
    branch_check(cpu, op, target);
    stack_move(cpu, op, op->osize + (u16)op->imm);
    return leave_at(cpu, op, target);
}

#define RET_FORM(W)                                          \
    HANDLER(RET_##W)                                         \
    {                                                        \
        u64 sp = cpu->RSP;                                   \
        u8 *p = tlb_read(cpu, sp, W);                        \
        if (unlikely(!p))                                    \
            return RET_slow(cpu, op);                        \
        u64 target = host_load(p, W);                        \
        const struct jump_entry *e = jump_find(cpu, target); \
        if (unlikely(!e))                                    \
            return RET_slow(cpu, op);                        \
        cpu->RSP = truncate(sp + W + (u16)op->imm, W);       \
        return go(cpu, op, e, target);                       \
    }
RET_FORM(4)
RET_FORM(8)

static op_fn *choose_RET(const struct op *op, u32 mode)
{
    return !stack_is_fast(op, mode) ? RET_slow : op->osize == 8 ? RET_8 : RET_4;
}
const struct handlers handlers_RET = {.choose = choose_RET};
