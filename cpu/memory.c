/* SPDX-License-Identifier: MIT */
/* Logical and linear accesses, the slow and complete way. SDM Vol. 3A, "Protected-Mode Memory Management", "Limit
 * Checking", "Type Checking". */
#include "cpu/memory.h"

#include <string.h>

#include "cpu/fault.h"
#include "cpu/mode.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/strict.h"
#include "cpu/tlb.h"
#include "mmu/phys.h"

_Noreturn static NOINLINE void segment_fault(struct cpu *cpu, unsigned seg, u64 offset, unsigned width,
                                             enum access_kind kind)
{
    raise_segment(cpu, &(struct strict_access){&cpu->seg[seg], seg, offset, width, kind, in_code64(cpu)}, 0);
}

/* Is [offset, offset + width) inside the segment's limit? "Limit Checking": for expand-down segments the limit is the
 * last invalid offset. */
static bool within_limit(const struct segment *s, u64 offset, unsigned width)
{
    u64 last = offset + width - 1;
    if ((s->attributes & (ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN)) == (ATTR_S | ATTR_EXPAND_DOWN)) {
        u64 top = s->attributes & ATTR_DB ? 0xffffffff : 0xffff;
        return offset > s->limit && last <= top;
    }
    return last <= s->limit;
}

/* Type: "Type Checking". Real and virtual-8086 segments carry attributes that allow everything. */
static bool type_allows(const struct segment *s, enum access_kind kind)
{
    if (!(s->attributes & ATTR_P))
        return false; /* null or unusable */
    if (kind == ACCESS_WRITE)
        return (s->attributes & (ATTR_CODE | ATTR_WRITABLE)) == ATTR_WRITABLE;
    return !(s->attributes & ATTR_CODE) || (s->attributes & ATTR_WRITABLE);
}

u64 seg_linear(struct cpu *cpu, unsigned seg, u64 offset, unsigned width, enum access_kind kind)
{
    const struct segment *s = &cpu->seg[seg];
    if (in_code64(cpu)) {
        u64 la = offset + (seg == SEG_FS || seg == SEG_GS ? s->base : 0);
        if (unlikely(!is_canonical(&cpu->paging, la) || !is_canonical(&cpu->paging, la + width - 1)))
            segment_fault(cpu, seg, offset, width, kind);
        return la;
    }
    if (unlikely(!within_limit(s, offset, width) || !type_allows(s, kind)))
        segment_fault(cpu, seg, offset, width, kind);
    return (u32)(s->base + offset);
}

/* "Alignment Checking": CR0.AM, EFLAGS.AC, CPL 3, explicit data accesses. */
static void check_alignment(struct cpu *cpu, u64 la, unsigned width)
{
    if (unlikely(cpu->cpl == 3 && (cpu->cr0 & CR0_AM) && (cpu->rflags & FLAG_AC)) && width <= 8 && (la & (width - 1)))
        raise_ac(cpu);
}

void lin_check_alignment(struct cpu *cpu, u64 la, unsigned align) { check_alignment(cpu, la, align); }

void mem_check_alignment(struct cpu *cpu, unsigned seg, u64 offset, unsigned align)
{
    if (unlikely(cpu->cpl == 3 && (cpu->cr0 & CR0_AM) && (cpu->rflags & FLAG_AC)))
        check_alignment(cpu, seg_linear(cpu, seg, offset, 1, ACCESS_READ), align);
}

static inline unsigned first_part(u64 la, unsigned width)
{
    u64 room = PAGE_SIZE - (la & ~PAGE_MASK);
    return room < width ? (unsigned)room : width;
}

/* The second page of a crossing access: linear addresses wrap at 4 GiB outside 64-bit mode. */
static inline u64 second_page(const struct cpu *cpu, u64 la, unsigned first) { return (la + first) & cpu->addr_mask; }

static void store_part(struct cpu *cpu, u64 pa, u64 la, const u8 *from, unsigned size)
{
    u8 *page = phys_page_write(cpu->phys, pa);
    if (page) {
        u8 *to = page + (pa & ~PAGE_MASK);
        if (unlikely(code_touched(cpu, pa, size)) && !memcmp(to, from, size))
            return; /* what a write does not change need not be decoded anew */
        announce_write(cpu, pa, la, size, false);
        phys_will_write(cpu->phys, page, PAGE_SIZE);
        memcpy(to, from, size);
        return;
    }
    cpu->left_trace = true;
    for (unsigned at = 0, step; at < size; at += step) {
        for (step = 8; step > size - at || (at && (pa + at) % step); step /= 2)
            ;
        phys_write(cpu->phys, pa + at, host_load(from + at, step), step);
    }
}

static void load_part(struct cpu *cpu, u64 pa, u8 *to, unsigned size)
{
    const u8 *page = phys_page_read(cpu->phys, pa);
    if (page) {
        memcpy(to, page + (pa & ~PAGE_MASK), size);
        return;
    }
    cpu->left_trace = true;
    for (unsigned at = 0, step; at < size; at += step) {
        for (step = 8; step > size - at || (at && (pa + at) % step); step /= 2)
            ;
        host_store(to + at, phys_read(cpu->phys, pa + at, step), step);
    }
}

/* The TLB's answer for a context's key, or NULL. (Building a struct access in memory costs more than this: callers ask
 * here first.) */
ALWAYS_INLINE u8 *linear_hit(struct cpu *cpu, u64 la, unsigned width, unsigned access, u64 key)
{
    const struct tlb_entry *e = tlb_slot(cpu, la);
    cpu->bounce.active = false;
    return likely((access & ACC_w ? e->write_tag : e->read_tag) == tlb_want(la, width, key)) ? tlb_host(e, la) : NULL;
}

/* An operand at a checked linear address: RAM in place, or the bounce buffer, by which a write to decoded code goes
 * too, so that its bytes can be compared with what is there. width <= 16. */
static NOINLINE u8 *linear_resolve(struct cpu *cpu, u64 la, unsigned width, unsigned access, struct access a)
{
    struct bounce *b = &cpu->bounce;
    b->active = false;
    unsigned first = first_part(la, width);
    a.kind = access & ACC_w ? ACCESS_WRITE : ACCESS_READ;
    struct translation t = translate(cpu, la, first, a);
    if (unlikely(cpu->debug != NULL))
        points_access(cpu, la, t.pa, first, access);
    if (likely(first == width && t.host)) {
        if (!(access & ACC_w))
            return t.host;
        if (likely(!code_touched(cpu, t.pa, width))) {
            announce_write(cpu, t.pa, la, width, a.implicit != IMPLICIT_NONE);
            return t.host;
        }
    }
    b->pa[0] = t.pa;
    b->la = la;
    if (first < width) {
        u64 rest = second_page(cpu, la, first);
        b->pa[1] = translate(cpu, rest, width - first, a).pa;
        if (unlikely(cpu->debug != NULL))
            points_access(cpu, rest, b->pa[1], width - first, access);
    }
    b->first = (u8)first;
    b->width = (u8)width;
    b->write = access & ACC_w;
    if (access & ACC_r) { /* a destination that is only written never reads a device */
        load_part(cpu, b->pa[0], b->bytes, first);
        if (first < width)
            load_part(cpu, b->pa[1], b->bytes + first, width - first);
    }
    b->active = b->write;
    return b->bytes;
}

void bounce_commit(struct cpu *cpu)
{
    struct bounce *b = &cpu->bounce;
    b->active = false;
    store_part(cpu, b->pa[0], b->la, b->bytes, b->first);
    if (b->first < b->width)
        store_part(cpu, b->pa[1], second_page(cpu, b->la, b->first), b->bytes + b->first, b->width - b->first);
}

u8 *logical_resolve(struct cpu *cpu, unsigned seg, u64 offset, unsigned width, unsigned access)
{
    u64 la = seg_linear(cpu, seg, offset, width, access & ACC_w ? ACCESS_WRITE : ACCESS_READ);
    if (unlikely((access & ACC_rw) == ACC_rw) && !in_code64(cpu))
        seg_linear(cpu, seg, offset, width, ACCESS_READ);
    check_alignment(cpu, la, width);
    if (unlikely(cpu->data_breakpoints))
        debug_data_access(cpu, la, width, access & ACC_w);
    u8 *host = linear_hit(cpu, la, width, access, cpu->tlb_key);
    return host ? host : linear_resolve(cpu, la, width, access, access_now(cpu, ACCESS_READ));
}

u8 *operand_resolve(struct cpu *cpu, const struct op *op, unsigned width, unsigned access)
{
    cpu->op = op;
    return logical_resolve(cpu, op->seg, op_ea(cpu, op), width, access);
}

/* Whole accesses. */

u64 lin_read(struct cpu *cpu, u64 la, unsigned width, struct access a)
{
    u8 *host = linear_hit(cpu, la, width, ACC_r, tlb_key_of(cpu, a));
    return host_load(host ? host : linear_resolve(cpu, la, width, ACC_r, a), width);
}

void lin_write(struct cpu *cpu, u64 la, u64 value, unsigned width, struct access a)
{
    u8 *host = linear_hit(cpu, la, width, ACC_w, tlb_key_of(cpu, a));
    host_store(host ? host : linear_resolve(cpu, la, width, ACC_w, a), value, width);
    if (unlikely(cpu->bounce.active))
        bounce_commit(cpu);
}

void lin_probe(struct cpu *cpu, u64 la, unsigned size, struct access a)
{
    unsigned first = first_part(la, size);
    translate(cpu, la, first, a);
    if (first < size)
        translate(cpu, second_page(cpu, la, first), size - first, a);
}

u64 mem_read(struct cpu *cpu, unsigned seg, u64 offset, unsigned width)
{
    return host_load(logical_resolve(cpu, seg, offset, width, ACC_r), width);
}

void mem_write(struct cpu *cpu, unsigned seg, u64 offset, u64 value, unsigned width)
{
    host_store(logical_resolve(cpu, seg, offset, width, ACC_w), value, width);
    if (cpu->bounce.active)
        bounce_commit(cpu);
}

u8 *mem_hit(struct cpu *cpu, unsigned seg, u64 offset, unsigned width, unsigned access)
{
    u64 la = seg_linear(cpu, seg, offset, width, access & ACC_w ? ACCESS_WRITE : ACCESS_READ);
    return cpu->mode & MODE_AC ? NULL : linear_hit(cpu, la, width, access, cpu->tlb_key);
}

static void mem_probe(struct cpu *cpu, unsigned seg, u64 offset, unsigned width, enum access_kind kind)
{
    u64 la = seg_linear(cpu, seg, offset, width, kind);
    check_alignment(cpu, la, width);
    lin_probe(cpu, la, width, access_now(cpu, kind));
}

void mem_probe_write(struct cpu *cpu, unsigned seg, u64 offset, unsigned width)
{
    mem_probe(cpu, seg, offset, width, ACCESS_WRITE);
}
void mem_probe_read(struct cpu *cpu, unsigned seg, u64 offset, unsigned width)
{
    mem_probe(cpu, seg, offset, width, ACCESS_READ);
}

/* Watchpoints of a block that begins at pa and goes on at rest. */
static NOINLINE void points_block(struct cpu *cpu, u64 la, unsigned size, u64 pa, u64 rest, unsigned access)
{
    unsigned first = first_part(la, size);
    points_access(cpu, la, pa, first, access);
    if (first < size)
        points_access(cpu, second_page(cpu, la, first), rest, size - first, access);
}

void mem_read_block(struct cpu *cpu, unsigned seg, u64 offset, void *to, unsigned size)
{
    struct access a = access_now(cpu, ACCESS_READ);
    u64 la = seg_linear(cpu, seg, offset, size, ACCESS_READ);
    unsigned first = first_part(la, size);
    if (unlikely(cpu->data_breakpoints))
        debug_data_access(cpu, la, size, false);
    u64 pa = translate(cpu, la, first, a).pa,
        rest = first < size ? translate(cpu, second_page(cpu, la, first), size - first, a).pa : 0;
    if (unlikely(cpu->debug != NULL))
        points_block(cpu, la, size, pa, rest, ACC_r);
    load_part(cpu, pa, to, first);
    if (first < size)
        load_part(cpu, rest, (u8 *)to + first, size - first);
}

void mem_write_block(struct cpu *cpu, unsigned seg, u64 offset, const void *from, unsigned size)
{
    struct access a = access_now(cpu, ACCESS_WRITE);
    u64 la = seg_linear(cpu, seg, offset, size, ACCESS_WRITE);
    unsigned first = first_part(la, size);
    if (unlikely(cpu->data_breakpoints))
        debug_data_access(cpu, la, size, true);
    u64 pa = translate(cpu, la, first, a).pa,
        rest = first < size ? translate(cpu, second_page(cpu, la, first), size - first, a).pa : 0;
    if (unlikely(cpu->debug != NULL))
        points_block(cpu, la, size, pa, rest, ACC_w);
    store_part(cpu, pa, la, from, first);
    if (first < size)
        store_part(cpu, rest, second_page(cpu, la, first), (const u8 *)from + first, size - first);
}

/* System accesses: "wrap at 4 GiB in legacy mode". */
static u64 system_linear(const struct cpu *cpu, u64 la) { return in_long(cpu) ? la : (u32)la; }

u64 sys_read(struct cpu *cpu, u64 la, unsigned width, enum implicit why)
{
    la = system_linear(cpu, la);
    u8 *host = linear_hit(cpu, la, width, ACC_r, (u64)cpu->tlb_generation << 2 | KEY_SUPERVISOR);
    return host ? host_load(host, width)
                : lin_read(cpu, la, width, (struct access){.kind = ACCESS_READ, .implicit = why});
}

void sys_write(struct cpu *cpu, u64 la, u64 value, unsigned width, enum implicit why)
{
    lin_write(cpu, system_linear(cpu, la), value, width, (struct access){.kind = ACCESS_WRITE, .implicit = why});
}

void sys_probe_write(struct cpu *cpu, u64 la, unsigned size, enum implicit why)
{
    lin_probe(cpu, system_linear(cpu, la), size, (struct access){.kind = ACCESS_WRITE, .implicit = why});
}

/* Registers and r/m operands of irregular instructions. */

static const u8 *byte_register(const struct cpu *cpu, unsigned reg, bool rex)
{
    return !rex && reg >= 4 && reg < 8 ? (const u8 *)&cpu->gpr[reg - 4] + 1 : (const u8 *)&cpu->gpr[reg];
}

u64 reg_read(const struct cpu *cpu, unsigned reg, unsigned width, bool rex)
{
    return width == 1 ? *byte_register(cpu, reg, rex) : truncate(cpu->gpr[reg], width);
}

void reg_write(struct cpu *cpu, unsigned reg, u64 value, unsigned width, bool rex)
{
    if (width == 1)
        *(u8 *)(uintptr_t)byte_register(cpu, reg, rex) = (u8)value;
    else
        place_write(place_reg(cpu, reg * 8), value, width);
}

u64 op_rm_read(struct cpu *cpu, const struct op *op, unsigned width)
{
    if (!op_is_mem(op))
        return reg_read(cpu, op->rm, width, op->flags & OP_REX);
    return mem_read(cpu, op->seg, op_ea(cpu, op), width);
}

void op_rm_write(struct cpu *cpu, const struct op *op, u64 value, unsigned width)
{
    if (!op_is_mem(op))
        reg_write(cpu, op->rm, value, width, op->flags & OP_REX);
    else
        mem_write(cpu, op->seg, op_ea(cpu, op), value, width);
}

/* The debugger's read: no faults raised, no A bits, no devices. */
size_t cpu_peek(struct cpu *cpu, u64 la, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        u64 at = la + done;
        if (!is_canonical(&cpu->paging, at) || (!in_long(cpu) && at >> 32))
            break;
        struct walk w = cpu_walk(cpu, at, (struct access){.kind = ACCESS_READ});
        bool mapped = w.cause != CAUSE_NOT_PRESENT && w.cause != CAUSE_RESERVED_BIT; /* rights are no obstacle */
        const u8 *page = mapped ? phys_page_read(cpu->phys, w.pa & cpu->a20_mask) : NULL;
        if (!page)
            break;
        size_t n = PAGE_SIZE - (at & ~PAGE_MASK);
        if (n > size - done)
            n = size - done;
        memcpy((u8 *)to + done, page + (at & ~PAGE_MASK), n);
        done += n;
    }
    return done;
}
