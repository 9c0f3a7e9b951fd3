/* SPDX-License-Identifier: MIT */
/*
 * The run loop: events, then instructions, up to an exact count. Here is the program's one setjmp.
 *
 * The count: `limit - budget` instructions have retired when the loop looks; within a trace the op's own place is added
 * (op_before). Taken exits subtract what their trace retired and test the sign, so budget is set 64 short of the
 * deadline, the most one trace can run over; the rest goes instruction by instruction. So where an event strikes
 * depends on the count alone, not on how code was cut into traces.
 */
#include <string.h>

#include "cpu/fault.h"
#include "cpu/interrupt.h"
#include "cpu/jump.h"
#include "cpu/memory.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/strict.h"
#include "cpu/trace.h"

static u64 loop_count(const struct cpu *cpu) { return cpu->limit - (u64)cpu->budget; }

u64 cpu_icount(const struct cpu *cpu) { return loop_count(cpu) + (cpu->op ? op_before(cpu->op) : 0); }

void run_sync(struct cpu *cpu)
{
    const struct op *op = cpu->op;
    if (!op)
        return;
    cpu->rip = op_rip(cpu, op);
    cpu->budget -= op_before(op);
    cpu->op = NULL;
}

void cpu_set_deadline(struct cpu *cpu, u64 deadline)
{
    if (deadline >= cpu->deadline)
        return;
    u64 earlier = cpu->deadline - deadline;
    cpu->deadline = deadline;
    cpu->budget -= (s64)earlier; /* the count, limit - budget, stays */
    cpu->limit -= earlier;
}

/* Irregular instructions. */

static inline void begin_irregular(struct cpu *cpu, const struct op *op)
{
    cpu->op = op;
    cpu->rip = op_rip(cpu, op);
    cpu->next_rip = op_next_rip(cpu, op);
}

static inline const struct op *end_irregular(struct cpu *cpu, const struct op *op)
{
    if (unlikely(cpu->left_trace))
        return leave_at(cpu, op, cpu->next_rip);
    return next(cpu, op);
}

static inline const struct op *end_trace(struct cpu *cpu, const struct op *op)
{
    return leave_at(cpu, op, cpu->next_rip);
}

const struct op *op_irregular(struct cpu *cpu, const struct op *op)
{
    begin_irregular(cpu, op);
    op->exec(cpu, op);
    return end_irregular(cpu, op);
}

const struct op *op_irregular_checked(struct cpu *cpu, const struct op *op)
{
    begin_irregular(cpu, op);
    isa_check(cpu, &isa_rows[op->row]);
    op->exec(cpu, op);
    return end_irregular(cpu, op);
}

const struct op *op_irregular_end(struct cpu *cpu, const struct op *op)
{
    begin_irregular(cpu, op);
    op->exec(cpu, op);
    return end_trace(cpu, op);
}

const struct op *op_irregular_end_checked(struct cpu *cpu, const struct op *op)
{
    begin_irregular(cpu, op);
    isa_check(cpu, &isa_rows[op->row]);
    op->exec(cpu, op);
    return end_trace(cpu, op);
}

/* Where observer.resume is there: an instruction that may hand control to another context. */
const struct op *op_irregular_told(struct cpu *cpu, const struct op *op)
{
    begin_irregular(cpu, op);
    isa_check(cpu, &isa_rows[op->row]);
    cpu->resumed = false;
    op->exec(cpu, op);
    leave_at(cpu, op, cpu->next_rip);
    if (cpu->resumed)
        cpu->observer.resume(cpu->observer.ctx, cpu);
    return NULL;
}

/* What the loop would look at before the next instruction. */
static bool loop_is_due(const struct cpu *cpu)
{
    return cpu->left_trace || cpu->step_mode || (cpu->intr && cpu->rflags & FLAG_IF) || cpu->nmi_pending ||
           cpu->dr6_pending || cpu->rflags & FLAG_RF;
}

/* INT, IRET, SYSCALL, SYSRET, and IN and OUT, whose device may want the loop: straight on to a target known to the jump
 * cache. */
const struct op *op_irregular_transfer(struct cpu *cpu, const struct op *op)
{
    const struct jump_entry *e;

    begin_irregular(cpu, op);
    op->exec(cpu, op);
    e = jump_find(cpu, cpu->next_rip);
    if (unlikely(!e || loop_is_due(cpu)))
        return end_trace(cpu, op);
    cpu->budget -= op->count;
    cpu->op = NULL;
    if (unlikely(cpu->budget < 0)) {
        cpu->rip = cpu->next_rip;
        return NULL;
    }
    cpu->ip_page = cpu->next_rip - e->op->off;
    return dispatch(cpu, e->op);
}

/* Fetching. */

#ifdef FAULTLINE_COVERAGE
void coverage_row(unsigned row) __attribute__((weak)); /* tests/support/coverage.c */
#endif

/* Coverage builds, whose handlers all return here, tell which rows of the list are executed. Ends and exits are none.
 */
static inline void note_row(const struct op *op)
{
#ifdef FAULTLINE_COVERAGE
    if (coverage_row && op->len)
        coverage_row(op->row);
#else
    (void)op;
#endif
}

static void execute(struct cpu *cpu, const struct op *op)
{
    cpu->left_trace = false;
    while (op) {
        note_row(op);
        op = op->fn(cpu, op);
    }
}

/* "Limit Checking" and canonical form of the next instruction's address. */
static u64 code_linear(struct cpu *cpu)
{
    if (cpu->mode & MODE_CODE64) {
        if (unlikely(!is_canonical(&cpu->paging, cpu->rip)))
            raise_target(cpu, &cpu->seg[SEG_CS], cpu->rip, true);
        return cpu->rip;
    }
    if (unlikely(cpu->rip > cpu->seg[SEG_CS].limit))
        raise_target(cpu, &cpu->seg[SEG_CS], cpu->rip, false);
    return (u32)(cpu->seg[SEG_CS].base + cpu->rip);
}

/* Up to n bytes of the page at offset off; device memory included. */
static void code_bytes(struct cpu *cpu, const struct code_tlb_entry *c, unsigned off, u8 *to, unsigned n)
{
    if (c->host)
        memcpy(to, c->host + off, n);
    else
        for (unsigned i = 0; i < n; i++)
            to[i] = (u8)phys_read(cpu->phys, c->pa + off + i, 1);
}

/* Run what was decoded from page offset `off`: exactly one instruction, since the budget is nothing. */
static void execute_one(struct cpu *cpu, const struct op *op, unsigned off)
{
    cpu->ip_page = cpu->rip - off;
    cpu->limit = loop_count(cpu);
    cpu->budget = 0;
    execute(cpu, op);
}

/*
 * An instruction that crosses a page: both pages are translated at each execution, but what was decoded from the same
 * bytes before serves again.
 */
static bool execute_crossing(struct cpu *cpu, u64 la, const struct code_tlb_entry *c, unsigned have)
{
    unsigned off = la & ~PAGE_MASK;
    struct crossing *x = &cpu->crossings[(la >> 12) % CROSSINGS];
    if (x->pa != (c->pa | off) || x->mode != cpu->mode || !c->host || memcmp(x->bytes, c->host + off, have) != 0)
        return false;
    const struct code_tlb_entry *second = translate_code(cpu, (la + have) & cpu->addr_mask);
    if (!second->host || memcmp(x->bytes + have, second->host, x->length - have) != 0)
        return false;
    execute_one(cpu, x->ops, off);
    return true;
}

/*
 * One instruction, translated and decoded now: what crosses a page, sits at a segment's edge or in device memory, and
 * every step when each instruction must be looked at. Bytes are asked for one page at a time, so a fault on the second
 * page comes only when it is needed, and the 15-byte limit (#GP) only when its bytes could be fetched.
 */
static void execute_single(struct cpu *cpu)
{
    u64 la = code_linear(cpu);
    const struct code_tlb_entry *c = translate_code(cpu, la);
    unsigned off = la & ~PAGE_MASK, page_room = PAGE_SIZE - off;
    u64 limit_room = cpu->mode & MODE_CODE64 ? 15 : (u64)cpu->seg[SEG_CS].limit - cpu->rip + 1;
    unsigned allowed = limit_room < 15 ? (unsigned)limit_room : 15, have = page_room < allowed ? page_room : allowed;
    if (have < allowed && allowed == 15 && !cpu->tuning.all_step && execute_crossing(cpu, la, c, have))
        return;
    struct crossing *x = &cpu->crossings[(la >> 12) % CROSSINGS];
    code_bytes(cpu, c, off, x->bytes, have);
    x->pa = ~0ull; /* what is here is not for finding, unless it turns out to cross */
    bool whole = trace_single(cpu, x->bytes, have, off, x->ops), crosses = !whole && have < allowed;
    if (crosses) {
        u64 pa = c->pa | off;
        const struct code_tlb_entry *second = translate_code(cpu, (la + have) & cpu->addr_mask);
        code_bytes(cpu, second, 0, x->bytes + have, allowed - have);
        whole = trace_single(cpu, x->bytes, allowed, off, x->ops);
        if (whole)
            x->pa = pa, x->mode = cpu->mode, x->length = x->ops[0].len;
    }
    if (!whole)
        raise_gp(cpu, 0);
    if (unlikely(cpu->observer.decoded != NULL))
        cpu->observer.decoded(cpu->observer.ctx, cpu, x->bytes, x->ops[0].len, false);
    execute_one(cpu, x->ops, off);
}

/* May a trace run from rip? Its whole page must lie within CS's limit, and RIP must not wrap in it. */
static bool page_within_limit(const struct cpu *cpu, u64 ip_page)
{
    return cpu->mode & (MODE_CODE64 | MODE_CS) ||
           (ip_page <= cpu->rip && ip_page + PAGE_SIZE - 1 <= cpu->seg[SEG_CS].limit);
}

static void remember_jump(struct cpu *cpu, u64 la, const struct op *op)
{
    if (!(cpu->mode & MODE_CS))
        return;
    *jump_slot(cpu, cpu->rip) = (struct jump_entry){.rip = cpu->rip, .key = cpu->jump_key, .op = op};
    u64 bit = jump_page_bit(la >> 12);
    cpu->jump_pages[bit / 64] |= BIT(bit % 64);
}

/* A stub or stale op asked for its target: connect it, if the target turned out to be in its own physical page. */
static void patch_link(struct cpu *cpu, u64 page, const struct op *op)
{
    struct op *from = cpu->patch;
    cpu->patch = NULL;
    if (!from || cpu->patch_page != page)
        return;
    from->link = op;
    if (from->fn == op_stale)
        from->fn = op_forward;
}

static void execute_traces(struct cpu *cpu)
{
    const struct jump_entry *e = cpu->patch ? NULL : jump_find(cpu, cpu->rip);
    if (e) {
        cpu->ip_page = cpu->rip - e->op->off;
        execute(cpu, e->op);
        return;
    }
    u64 la = code_linear(cpu);
    const struct code_tlb_entry *c = translate_code(cpu, la);
    unsigned off = la & ~PAGE_MASK;
    u64 ip_page = cpu->rip - off;
    const struct op *op = c->host && page_within_limit(cpu, ip_page) ? trace_find(cpu, c->pa | off, c->host) : NULL;
    if (!op) {
        cpu->patch = NULL;
        if (likely(!cpu->debug || !points_execute(cpu, c->pa | off)))
            execute_single(cpu);
        return;
    }
    patch_link(cpu, c->pa, op);
    remember_jump(cpu, la, op);
    cpu->ip_page = ip_page;
    execute(cpu, op);
}

/* Debug: "Debug Exceptions". */

static bool breakpoint_enabled(const struct cpu *cpu, unsigned n) { return cpu->dr[7] >> (2 * n) & 3; }

/* Instruction breakpoints, before the instruction, unless RF. */
static void check_code_breakpoints(struct cpu *cpu)
{
    u64 hit = 0, la = cpu->mode & MODE_CODE64 ? cpu->rip : (u32)(cpu->seg[SEG_CS].base + cpu->rip);
    for (unsigned n = 0; n < 4; n++)
        if (breakpoint_enabled(cpu, n) && (cpu->dr[7] >> (16 + 4 * n) & 3) == 0 && cpu->dr[n] == la)
            hit |= BIT(n);
    if (hit && !(cpu->rflags & FLAG_RF))
        raise_db_fault(cpu, hit);
}

void debug_data_access(struct cpu *cpu, u64 la, unsigned width, bool write)
{
    for (unsigned n = 0; n < 4; n++) {
        unsigned type = cpu->dr[7] >> (16 + 4 * n) & 3, code = cpu->dr[7] >> (18 + 4 * n) & 3,
                 size = code == 2 ? 8 : code + 1;
        u64 at = cpu->dr[n] & ~(u64)(size - 1);
        if (breakpoint_enabled(cpu, n) && (type == 3 || (type == 1 && write)) && la < at + size && at < la + width) {
            cpu->dr6_pending |= BIT(n);
            cpu->left_trace = true;
        }
    }
}

static void execute_step(struct cpu *cpu)
{
    cpu->patch = NULL;
    if (unlikely(cpu->debug && points_execute(cpu, ~0ull))) {
        cpu->shadow = cpu->shadow_step; /* not used up */
        return;
    }
    cpu->single_step = cpu->rflags & FLAG_TF;
    /* after MOV SS or POP SS a breakpoint is lost, not delayed ("Masking Exceptions and Interrupts When Switching
     * Stacks"); AMD's processors deliver it */
    if ((cpu->dr[7] & 0xff) && (cpu->shadow_step != SHADOW_MOV_SS || cpu->features.amd))
        check_code_breakpoints(cpu);
    cpu->step_rf = cpu->rflags & FLAG_RF;
    cpu->rflags &= ~FLAG_RF;
    if (unlikely(cpu->single_step && cpu->debugctl & DEBUGCTL_BTF)) {
        struct debug_branch b = debug_branch_at(cpu);
        execute_single(cpu);
        if (cpu->single_step && b.may && (b.always || cpu->rip != b.fallthrough))
            cpu->dr6_pending |= DR6_BS;
    } else {
        execute_single(cpu);
        if (cpu->single_step)
            cpu->dr6_pending |= DR6_BS;
    }
    cpu->step_rf = 0;
}

/* Events. */

#define FRUITLESS_MAX (1u << 20)

/* A handler whose first instruction faults again retires nothing, so no count would ever end it: that is counted here.
 */
static void count_delivery(struct cpu *cpu)
{
    u64 now = loop_count(cpu);
    cpu->fruitless = now == cpu->delivery_count ? cpu->fruitless + 1 : 0;
    cpu->delivery_count = now;
}

/* Deliver what was raised. An INT1 is retired with its delivery. */
static void deliver(struct cpu *cpu, const struct cpu_event *event)
{
    struct cpu_event e = *event;
    cpu->raised = false;
    cpu->patch = NULL;
    count_delivery(cpu);
    interrupt_deliver(cpu, &e);
    if (e.kind == EVENT_ICEBP)
        cpu->budget--;
    if (e.kind == EVENT_EXTERNAL || e.kind == EVENT_NMI)
        cpu->stats.interrupts++;
    else
        cpu->stats.exceptions++;
}

/* After a longjmp: an instruction, or a delivery, raised cpu->event; or an instruction froze. False for a triple fault.
 */
static bool landed(struct cpu *cpu)
{
    struct cpu_event following;
    cpu->op = NULL;
    cpu->patch = NULL;
    cpu->dr6_pending = 0; /* traps of an instruction that did not complete */
    cpu->bounce.active = false;
    cpu->raised = cpu->halted == HALTED_NOT;
    if (!cpu->raised)
        cpu->rflags |= cpu->step_rf;
    cpu->step_rf = 0;
    if (unlikely(cpu->debug && cpu->raised))
        points_raised(cpu);
    if (cpu->delivering < 0)
        return true;
    if (!interrupt_combine(cpu, &following))
        return false;
    cpu->event = following;
    return true;
}

/*
 * Between instructions: SDM Vol. 3A, "Priority Among Simultaneous Exceptions and Interrupts": debug traps of the last
 * instruction, NMI, maskable interrupts. True if one was delivered.
 */
static bool events(struct cpu *cpu, bool inhibited)
{
    if (unlikely(cpu->waiting))
        return false;
    if (cpu->dr6_pending) {
        if (cpu->shadow_step == SHADOW_MOV_SS) {
            cpu->dr6_pending &=
                ~DR6_BS;  /* lost, and made again by the next instruction if it runs to its end with TF */
            return false; /* breakpoints are held until the next instruction is done */
        }
        struct cpu_event e = {.vector = VEC_DB, .kind = EVENT_TRAP, .error = (u32)cpu->dr6_pending};
        u64 bits = cpu->dr6_pending;
        cpu->dr6_pending = 0;
        debug_record(cpu, bits);
        cpu->halted = HALTED_NOT;
        deliver(cpu, &e);
        return true;
    }
    if (inhibited)
        return false;
    if (cpu->nmi_pending && !cpu->nmi_blocked) {
        cpu->nmi_pending = false;
        cpu->halted = HALTED_NOT;
        deliver(cpu, &(struct cpu_event){.vector = VEC_NMI, .kind = EVENT_NMI});
        return true;
    }
    if (cpu->intr && (cpu->rflags & FLAG_IF) && cpu->config.acknowledge) {
        int vector = cpu->config.acknowledge(cpu->config.ctx);
        if (vector < 0)
            return false;
        deliver(cpu, &(struct cpu_event){.vector = (u8)vector, .kind = EVENT_EXTERNAL});
        return true;
    }
    return false;
}

static enum cpu_stop run(struct cpu *cpu)
{
    for (;;) {
        if (cpu->raised) {
            if (points_stop(cpu))
                return CPU_STOP_BREAK;
            deliver(cpu, &cpu->event);
            continue;
        }
        u8 shadow = cpu->shadow_step = cpu->shadow;
        cpu->shadow = SHADOW_NONE;
        if ((cpu->intr || cpu->nmi_pending || cpu->dr6_pending) && events(cpu, shadow != SHADOW_NONE))
            continue;
        u64 now = loop_count(cpu);
        if (unlikely(now >= cpu->deadline || cpu->attention || cpu->halted || cpu->fruitless >= FRUITLESS_MAX)) {
            cpu->shadow = shadow; /* not used up */
            if (cpu->attention & ATTENTION_TABLES) {
                cpu->attention &= ~ATTENTION_TABLES;
                watch_settle(cpu);
                continue;
            }
            if (cpu->fruitless >= FRUITLESS_MAX) {
                cpu->fruitless = 0;
                return CPU_STOP_STUCK;
            }
            if (cpu->init_pending)
                cpu_take_init(cpu);
            if (cpu->attention)
                return points_stop(cpu) ? CPU_STOP_BREAK : CPU_STOP_REQUESTED;
            return cpu->halted ? CPU_STOP_HALTED : CPU_STOP_DEADLINE;
        }
        u64 left = cpu->deadline - now;
        if (unlikely(left <= TRACE_MAX_INSNS || cpu->step_mode || cpu->tuning.all_step ||
                     (shadow && (cpu->intr || cpu->nmi_pending || cpu->dr6_pending || cpu->debug)))) {
            execute_step(cpu);
            continue;
        }
        if (left > INT64_MAX)
            left = INT64_MAX;
        cpu->rflags &=
            ~FLAG_RF; /* it covered breakpoints on this instruction, and a fault of it will push RF = 1 anyway */
        cpu->budget = (s64)left - TRACE_MAX_INSNS;
        cpu->limit = now + (u64)cpu->budget;
        execute_traces(cpu);
    }
}

enum cpu_stop cpu_run(struct cpu *cpu, u64 deadline)
{
    cpu->deadline = deadline;
    cpu->attention = (cpu->attention & ATTENTION_TABLES) | (cpu->init_pending || points_stop(cpu) ? ATTENTION_STOP : 0);
    if (cpu->shutdown)
        return CPU_STOP_SHUTDOWN;
    if (__builtin_expect(_setjmp(cpu->landing), 0) && !landed(cpu)) {
        cpu->shutdown = true;
        cpu->raised = false;
        if (cpu->observer.shutdown)
            cpu->observer.shutdown(cpu->observer.ctx, cpu);
        return CPU_STOP_SHUTDOWN;
    }
    return run(cpu);
}
