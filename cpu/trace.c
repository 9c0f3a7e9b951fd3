/* SPDX-License-Identifier: MIT */
/*
 * Building, finding and dropping traces.
 *
 * A trace is up to 64 instructions of one physical page, running on through untaken branches, followed by an end op and
 * one stub for each exit. Exits into the same page are linked directly once found; exits out of it go through the jump
 * cache, which is keyed by translation. When bytes a trace was decoded from are written, its ops are overwritten with a
 * STALE handler: nothing is unlinked, and whatever is on its way to them, or in the midst of them, finds out at the
 * next op.
 */
#include "cpu/trace.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/points.h"
#include "mmu/host_memory.h"

#define GRANULE_SHIFT 3 /* 8 bytes: code that changes its own operands has them side by side */
#define GRANULE_WORDS ((unsigned)(PAGE_SIZE >> GRANULE_SHIFT) / 64)
#define TRACE_BUCKETS 65536
#define PAGE_BUCKETS 16384
#define DEFAULT_OPS (1u << 20)
#define MEMOS 1024

struct trace {
    u64 pa;
    u32 mode;
    u16 first, last; /* page offsets of the bytes decoded, inclusive */
    struct op *ops;
    unsigned count; /* ops decoded from bytes (not the end or the stubs) */
    struct trace *next_in_bucket, *next_in_page;
};

struct code_page {
    u64 pa;
    u64 granules[GRANULE_WORDS]; /* with decoded code in them; a few more may be marked */
    bool guarded;                /* write tags are withheld; kept a while after the last trace is gone */
    bool watched;                /* tables are in it: guarded while that is so */
    bool changes;                /* traces of it were dropped before: remember what is decoded here */
    u16 idle_writes;             /* writes since then */
    struct trace *traces;
    struct code_page *next;
};

/* An instruction as decode() left it. Where code changes itself, most of what is decoded anew has not changed. */
struct memo {
    u64 pa;
    u32 mode;
    u8 len; /* 0: nothing */
    u8 bytes[15];
    struct op op;
};

struct trace_cache {
    struct op *ops;
    unsigned op_capacity, op_used;
    struct trace *traces;
    unsigned trace_capacity, trace_used;
    struct code_page *pages;
    unsigned page_capacity, page_used, watched;
    struct trace *bucket[TRACE_BUCKETS];
    struct code_page *page_bucket[PAGE_BUCKETS];
    struct memo memo[MEMOS];
};

struct trace_cache *trace_cache_create(unsigned ops)
{
    struct trace_cache *c = host_reserve(sizeof *c);
    if (!c)
        return NULL;
    c->op_capacity = ops ? (ops < 4 * TRACE_MAX_OPS ? 4 * TRACE_MAX_OPS : ops) : DEFAULT_OPS;
    c->trace_capacity = c->page_capacity = c->op_capacity / 4;
    c->ops = host_reserve(c->op_capacity * sizeof *c->ops);
    c->traces = host_reserve(c->trace_capacity * sizeof *c->traces);
    c->pages = host_reserve(c->page_capacity * sizeof *c->pages);
    if (c->ops && c->traces && c->pages)
        return c;
    trace_cache_destroy(c);
    return NULL;
}

void trace_cache_destroy(struct trace_cache *c)
{
    if (!c)
        return;
    host_release(c->ops, c->op_capacity * sizeof *c->ops);
    host_release(c->traces, c->trace_capacity * sizeof *c->traces);
    host_release(c->pages, c->page_capacity * sizeof *c->pages);
    host_release(c, sizeof *c);
}

static struct trace **bucket_of(struct trace_cache *c, u64 pa, u32 mode)
{
    return &c->bucket[(pa ^ pa >> 12 ^ (u64)mode << 7) % TRACE_BUCKETS];
}
static struct code_page **page_bucket_of(struct trace_cache *c, u64 pa)
{
    return &c->page_bucket[(pa >> 12 ^ pa >> 26) % PAGE_BUCKETS];
}

static struct code_page *page_find(const struct cpu *cpu, u64 pa)
{
    struct code_page *p = *page_bucket_of(cpu->traces, pa);
    while (p && p->pa != (pa & PAGE_MASK))
        p = p->next;
    return p;
}

bool code_page_present(const struct cpu *cpu, u64 pa)
{
    const struct code_page *p = page_find(cpu, pa);
    return p && p->guarded;
}

static struct code_page *page_make(struct trace_cache *c, u64 pa)
{
    struct code_page **bucket = page_bucket_of(c, pa), *p = &c->pages[c->page_used++];
    *p = (struct code_page){.pa = pa & PAGE_MASK, .next = *bucket};
    return *bucket = p;
}

static void rewatch(void *ctx, u64 pa)
{
    struct cpu *cpu = ctx;
    if (page_find(cpu, pa) || cpu->traces->watched == cpu->traces->page_capacity / 2)
        return;
    struct code_page *p = page_make(cpu->traces, pa);
    p->guarded = p->watched = true;
    cpu->traces->watched++;
}

void code_page_watch(struct cpu *cpu, u64 pa)
{
    struct trace_cache *c = cpu->traces;
    struct code_page *p = page_find(cpu, pa);
    if (!p && c->page_used == c->page_capacity) {
        trace_flush(cpu); /* which makes it */
        cpu->left_trace = true;
        p = page_find(cpu, pa);
    }
    if (!p && c->watched < c->page_capacity / 2)
        p = page_make(c, pa);
    if (!p || p->watched)
        return;
    c->watched++;
    p->watched = p->guarded = true;
    tlb_protect_page(cpu, pa);
}

void code_page_unwatch(struct cpu *cpu, u64 pa)
{
    struct code_page *p = page_find(cpu, pa);
    if (!p || !p->watched)
        return;
    p->watched = false;
    cpu->traces->watched--;
}

void trace_flush(struct cpu *cpu)
{
    struct trace_cache *c = cpu->traces;
    memset(c->bucket, 0, sizeof c->bucket);
    memset(c->page_bucket, 0, sizeof c->page_bucket);
    c->op_used = c->trace_used = c->page_used = 0;
    c->watched = 0;
    cpu->patch = NULL;
    memset(cpu->jump, 0, sizeof cpu->jump);
    cpu->stats.arena_flushes++;
    if (cpu->tables)
        tables_each(cpu->tables, rewatch, cpu);
}

/* Bits of word `w` of a map that stand for the granules of the bytes first..last. */
static u64 granule_bits(unsigned w, unsigned first, unsigned last)
{
    unsigned a = first >> GRANULE_SHIFT, b = last >> GRANULE_SHIFT, low = w * 64;
    return a > low + 63 || b < low ? 0 : BITS(b > low + 63 ? 63 : b - low, a < low ? 0 : a - low);
}

static bool granules_touch(const struct code_page *p, unsigned first, unsigned last)
{
    for (unsigned w = first >> (GRANULE_SHIFT + 6); w <= last >> (GRANULE_SHIFT + 6); w++)
        if (p->granules[w] & granule_bits(w, first, last))
            return true;
    return false;
}

static void granules_note(struct code_page *p, unsigned first, unsigned last)
{
    for (unsigned w = first >> (GRANULE_SHIFT + 6); w <= last >> (GRANULE_SHIFT + 6); w++)
        p->granules[w] |= granule_bits(w, first, last);
}

static void trace_drop(struct cpu *cpu, struct trace *t)
{
    struct trace **link = bucket_of(cpu->traces, t->pa, t->mode);
    while (*link != t)
        link = &(*link)->next_in_bucket;
    *link = t->next_in_bucket;
    for (unsigned i = 0; i < t->count; i++)
        t->ops[i].fn = op_stale, t->ops[i].disp = (s64)(t->pa & PAGE_MASK);
    cpu->stats.trace_invalidations++;
}

/* The map of what is left. Dropping leaves bits behind, since what is dropped is mostly decoded again soon; a write
 * that such a bit brought here in vain comes this way. */
static void granules_renew(struct code_page *p)
{
    memset(p->granules, 0, sizeof p->granules);
    for (const struct trace *t = p->traces; t; t = t->next_in_page)
        granules_note(p, t->first, t->last);
}

static bool page_written(struct cpu *cpu, struct code_page *p, u64 pa, u64 size)
{
    unsigned first = (unsigned)(pa & ~PAGE_MASK), last = (unsigned)(first + size - 1);
    if (!p->traces && !p->watched && ++p->idle_writes > 64)
        p->guarded = false; /* data now: give it its write tags back */
    if (!granules_touch(p, first, last))
        return false;
    bool dropped = false;
    for (struct trace **link = &p->traces; *link;) {
        struct trace *t = *link;
        if (t->first <= last && first <= t->last) {
            *link = t->next_in_page;
            trace_drop(cpu, t);
            dropped = true;
        } else {
            link = &t->next_in_page;
        }
    }
    if (!dropped)
        granules_renew(p);
    else
        p->idle_writes = 0;
    p->changes |= dropped;
    return dropped;
}

bool code_touched(const struct cpu *cpu, u64 pa, unsigned size)
{
    const struct code_page *p = page_find(cpu, pa);
    unsigned first = (unsigned)(pa & ~PAGE_MASK);
    return p && granules_touch(p, first, first + size - 1);
}

bool code_written(struct cpu *cpu, u64 pa, u64 size)
{
    bool dropped = false;
    while (size) {
        u64 room = PAGE_SIZE - (pa & ~PAGE_MASK), n = size < room ? size : room;
        struct code_page *p = page_find(cpu, pa);
        dropped |= p && p->guarded && page_written(cpu, p, pa, n);
        pa += n;
        size -= n;
    }
    return dropped;
}

static NOINLINE unsigned page_stored(struct cpu *cpu, struct code_page *p, u64 pa, unsigned size)
{
    return (page_written(cpu, p, pa, size) ? CODE_DROPPED : 0) | (p->watched ? CODE_WATCHED : 0);
}

/* Most pages are none of these: that is found without so much as a stack frame. */
unsigned code_stored(struct cpu *cpu, u64 pa, unsigned size)
{
    struct code_page *p = page_find(cpu, pa);
    return likely(!p || !p->guarded) ? 0 : page_stored(cpu, p, pa, size);
}

static void page_note(struct cpu *cpu, struct trace *t)
{
    struct trace_cache *c = cpu->traces;
    struct code_page *p = page_find(cpu, t->pa);
    if (!p)
        p = page_make(c, t->pa);
    granules_note(p, t->first, t->last);
    t->next_in_page = p->traces;
    p->traces = t;
    if (!p->guarded) {
        p->guarded = true;
        p->idle_writes = 0;
        tlb_protect_page(cpu, t->pa);
    }
}

/* Compare-and-branch in one: only with handlers of the fast forms. */
static bool fuse(struct op *compare, const struct op *jcc)
{
    const struct handlers *h = isa_rows[compare->row].handlers;
    unsigned w = width_index(compare->osize);
    op_fn *const(*table)[16] = NULL;
    if (!h->rr_jcc || isa_rows[jcc->row].handlers->flags != FLAGS_READ || jcc->len == 0)
        return false;
    if (compare->fn == h->rr[w])
        table = h->rr_jcc;
    else if (compare->fn == h->ri[w])
        table = h->ri_jcc;
    else if (compare->fn == h->rm[ADDR_BD][w])
        table = h->rm_jcc;
    else if (compare->fn == h->mi[ADDR_BD][w])
        table = h->mi_jcc;
    if (!table)
        return false;
    compare->fn = table[w][jcc->cond];
    compare->flags |= OP_FUSED;
    compare->len += jcc->len;
    compare->count++;
    return true;
}

static bool is_jcc(const struct op *op) { return (op->opcode & 0xfff0) == 0x70 || (op->opcode & 0xfff0) == 0x0f80; }

/* Flags that are overwritten before anything could see them need not be computed. Whatever may fault, leave, or reads
 * them, sees them. */
static void remove_dead_flags(struct op *ops, unsigned n)
{
    bool live = true;
    while (n-- > 0) {
        struct op *op = &ops[n];
        const struct handlers *h = isa_rows[op->row].handlers;
        unsigned w = width_index(op->osize);
        bool rr = h->rr && op->fn == h->rr[w], ri = h->ri && op->fn == h->ri[w];
        if (!live && !(op->flags & OP_FUSED)) {
            if (rr && h->rr_dead)
                op->fn = h->rr_dead[w];
            else if (ri && h->ri_dead)
                op->fn = h->ri_dead[w];
            else if (h->rm_dead)
                for (unsigned form = 0; form < ADDR_FORMS; form++)
                    if (op->fn == h->rm[form][w])
                        op->fn = h->rm_dead[form][w];
        }
        bool plain = rr || ri; /* registers only: cannot fault */
        if (!plain || h->flags & FLAGS_READ || op->flags & OP_FUSED || op->fn == op_ud)
            live = true;
        else if ((h->flags & (FLAGS_WRITE | FLAGS_PARTIAL)) == FLAGS_WRITE)
            live = false;
    }
}

/* The stub a branch's link points at: within the page a request to the loop (disp: the physical page), else a look-up.
 */
static void stub(struct op *s, struct op *branch, const struct op *at, u64 page, s32 target, bool wraps, bool fall)
{
    *s = *at;
    s->flags &= (u8)~OP_FUSED;
    s->imm = target;
    if (target >= 0 && target < (s32)PAGE_SIZE && !wraps) {
        s->fn = op_link;
        s->off = (u16)target;
        s->link = branch;
        s->disp = (s64)page;
    } else {
        s->fn = fall ? op_next_page : op_jump_page;
        s->link = NULL;
    }
    branch->link = s;
}

struct exit {
    unsigned branch; /* index of the op whose link this is */
    struct op at;    /* the branch itself, which may have been fused */
    s32 target;
    bool wraps;
};

struct builder {
    struct cpu *cpu;
    struct op *ops;
    unsigned used; /* ops decoded */
    unsigned insns;
    u64 page;     /* physical */
    unsigned off; /* next byte's page offset */
    unsigned exits;
    struct exit *exit; /* room for TRACE_MAX_INSNS */
    bool single;       /* one instruction, not of a cached trace */
};

static void note_exit(struct builder *b, unsigned branch, const struct op *at)
{
    /* a 16-bit target may wrap in wider code, or at a segment's edge, where instructions run singly: let the look-up
     * truncate it */
    bool wraps = at->osize == 2 && (b->single || b->cpu->mode & (MODE_CODE32 | MODE_CODE64));
    b->exit[b->exits++] = (struct exit){.branch = branch, .at = *at, .target = at->imm, .wraps = wraps};
}

/* Add a decoded op; true to go on with the next instruction. */
static bool add(struct builder *b, struct op *op, bool may_fuse)
{
    decode_place(op, b->off);
    b->off += op->len;
    op->count = (u8)++b->insns;
    enum flow flow = op_flow(op);
    struct op *previous = b->used ? &b->ops[b->used - 1] : NULL;
    if (may_fuse && previous && flow == FLOW_BRANCH && is_jcc(op) && !(previous->flags & OP_FUSED) &&
        fuse(previous, op)) {
        note_exit(b, b->used - 1, op);
        return true;
    }
    b->ops[b->used++] = *op;
    if (flow == FLOW_BRANCH || flow == FLOW_JUMP)
        note_exit(b, b->used - 1, op);
    return flow == FLOW_NEXT || flow == FLOW_BRANCH;
}

/* Breakpoints: one at the trace's first instruction is asked for by an op of its own, whose disp is the physical
 * address. Returns the page offset before which the trace must end: of the next breakpoint. */
static NOINLINE unsigned add_break(struct builder *b)
{
    unsigned end = b->off + 1;
    if (points_offset(b->cpu, b->off))
        b->ops[b->used++] =
            (struct op){.fn = op_break, .disp = (s64)(b->page | b->off), .off = (u16)b->off, .count = 1, .osize = 8};
    while (end < PAGE_SIZE && !points_offset(b->cpu, end))
        end++;
    return end;
}

/* The end op, if control may arrive there, and the stubs. Returns the ops used in all. */
static unsigned finish(struct builder *b, bool open)
{
    unsigned n = b->used;
    if (open) {
        struct op *end = &b->ops[n++];
        *end = (struct op){.fn = op_end,
                           .off = (u16)(b->off & ~(unsigned)PAGE_MASK),
                           .count = (u8)b->insns,
                           .osize = 8,
                           .imm = (s32)b->off};
        stub(&b->ops[n], end, end, b->page, (s32)b->off, false, true);
        n++;
    }
    for (unsigned i = 0; i < b->exits; i++)
        stub(&b->ops[n++], &b->ops[b->exit[i].branch], &b->exit[i].at, b->page, b->exit[i].target, b->exit[i].wraps,
             false);
    return n;
}

/* decode(), by way of the memory of changing pages. */
static enum decode_status decode_again(struct cpu *cpu, u64 pa, const u8 *bytes, unsigned size, struct op *op)
{
    struct memo *m = &cpu->traces->memo[(pa ^ pa >> 10) % MEMOS];
    if (m->pa == pa && m->mode == cpu->mode && m->len && m->len <= size && !memcmp(m->bytes, bytes, m->len)) {
        *op = m->op;
        return DECODE_OK;
    }
    enum decode_status status = decode(cpu->isa, &cpu->features, cpu->mode, bytes, size, op);
    if (status == DECODE_OK) {
        *m = (struct memo){.pa = pa, .mode = cpu->mode, .len = op->len, .op = *op};
        memcpy(m->bytes, bytes, op->len);
    }
    return status;
}

static struct trace *build(struct cpu *cpu, u64 pa, const u8 *page)
{
    struct trace_cache *c = cpu->traces;
    if (c->op_used + TRACE_MAX_OPS > c->op_capacity || c->trace_used == c->trace_capacity ||
        c->page_used == c->page_capacity)
        trace_flush(cpu);
    struct exit exits[TRACE_MAX_INSNS];
    struct builder b = {.cpu = cpu,
                        .ops = &c->ops[c->op_used],
                        .exit = exits,
                        .page = pa & PAGE_MASK,
                        .off = (unsigned)(pa & ~PAGE_MASK)};
    const struct code_page *known = page_find(cpu, pa);
    bool open = true, changes = known && known->changes;
    unsigned end = likely(!cpu->debug) ? PAGE_SIZE : add_break(&b);
    while (open && b.insns < TRACE_MAX_INSNS && b.off < end) {
        struct op op;
        unsigned room = PAGE_SIZE - b.off;
        const u8 *bytes = page + b.off;
        room = room < 15 ? room : 15;
        if ((changes ? decode_again(cpu, b.page + b.off, bytes, room, &op)
                     : decode(cpu->isa, &cpu->features, cpu->mode, bytes, room, &op)) == DECODE_MORE)
            break;
        open = add(&b, &op, true);
    }
    if (b.insns == 0)
        return NULL;
    remove_dead_flags(b.ops, b.used);
    c->op_used += finish(&b, open);
    struct trace *t = &c->traces[c->trace_used++], **bucket = bucket_of(c, pa, cpu->mode);
    *t = (struct trace){.pa = pa,
                        .mode = cpu->mode,
                        .first = (u16)(pa & ~PAGE_MASK),
                        .last = (u16)(b.off - 1),
                        .ops = b.ops,
                        .count = b.used,
                        .next_in_bucket = *bucket};
    *bucket = t;
    page_note(cpu, t);
    cpu->stats.traces_built++;
    return t;
}

const struct op *trace_find(struct cpu *cpu, u64 pa, const u8 *page)
{
    struct trace *t = *bucket_of(cpu->traces, pa, cpu->mode);
    while (t && (t->pa != pa || t->mode != cpu->mode))
        t = t->next_in_bucket;
    if (t)
        return t->ops;
    t = build(cpu, pa, page);
    if (t && unlikely(cpu->observer.decoded != NULL))
        cpu->observer.decoded(cpu->observer.ctx, cpu, page + t->first, t->last - t->first + 1u, true);
    return t ? t->ops : NULL;
}

bool trace_single(struct cpu *cpu, const u8 *bytes, unsigned size, unsigned off, struct op ops[4])
{
    struct op op;
    struct exit exits[1];
    struct builder b = {.cpu = cpu, .ops = ops, .exit = exits, .single = true, .off = off};
    if (decode(cpu->isa, &cpu->features, cpu->mode, bytes, size, &op) == DECODE_MORE)
        return false;
    unsigned used = finish(&b, add(&b, &op, false));
    for (unsigned i = 1; i < used; i++) /* nothing to patch: every exit is a look-up by the loop */
        if (ops[i].fn == op_link)
            ops[i].link = NULL;
    return true;
}
