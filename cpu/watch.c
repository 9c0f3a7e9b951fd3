/* SPDX-License-Identifier: MIT */
/*
 * Telling mmu/tables.c who writes to paging structures. A page it watches has no write tag in the TLB, as a page with
 * decoded code has none, so ordinary stores pay nothing; a walk that reads an entry of a page that is not watched yet
 * has it watched. The reader of entries is another while this goes on: a TLB miss pays nothing either while it does
 * not.
 */
#include "cpu/held.h"
#include "cpu/run.h"
#include "cpu/tlb.h"
#include "mmu/tables.h"

/* A walk reads from the root down, and the root is known. (A table that leads to itself is read at several levels, and
 * counts as the root.) */
static u8 level_of(const struct cpu *cpu, u64 pa)
{
    const struct paging *p = &cpu->paging;
    if (p->mode == PAGING_PAE) {
        for (unsigned i = 0; i < 4; i++)
            if (p->pdpte[i] & PTE_P && ((p->pdpte[i] ^ pa) & BITS(51, 12)) == 0)
                return 2;
        return 1;
    }
    if (((walk_root(p) ^ pa) & PAGE_MASK) == 0)
        return (u8)walk_levels(p);
    return cpu->watch_level > 1 ? cpu->watch_level - 1 : 1;
}

static u64 watching_read(void *ctx, u64 pa, unsigned width)
{
    struct cpu *cpu = ctx;
    u64 at = pa & cpu->a20_mask;
    cpu->watch_level = level_of(cpu, pa);
    if (tables_used(cpu->tables, at, width, cpu->watch_level))
        code_page_watch(cpu, at);
    return tlb_read_entry(cpu, pa, width);
}

static struct table_write writer(const struct cpu *cpu, u64 la, enum table_writer by)
{
    return (struct table_write){
        .rip = cpu->op ? op_rip(cpu, cpu->op) : cpu->rip,
        .icount = cpu_icount(cpu),
        .la = la,
        .cr3 = cpu->cr3,
        .cpu = (u8)cpu->config.apic_id,
        .cpl = cpu->cpl,
        .by = (u8)by,
    };
}

void watch_before(struct cpu *cpu, u64 pa, u64 size, u64 la, bool implicit)
{
    struct table_write w = writer(cpu, la, implicit ? WRITER_PROCESSOR : WRITER_INSTRUCTION);
    if (cpu->held)
        held_tables_written(cpu, pa, size);
    if (!tables_before(cpu->tables, pa, size, &w))
        code_page_unwatch(cpu, pa);
}

void watch_stored(struct cpu *cpu)
{
    if (!tables_may_link(cpu->tables))
        return;
    cpu->left_trace = true;
    cpu->attention |= ATTENTION_TABLES;
}

void watch_settle(struct cpu *cpu)
{
    if (cpu->tables)
        tables_settle(cpu->tables);
}

void watch_after(struct cpu *cpu, u64 pa, u64 size)
{
    struct table_write w = writer(cpu, TABLES_NO_ADDRESS, WRITER_OUTSIDE);
    for (u64 n; size; pa += n, size -= n) {
        u64 room = PAGE_SIZE - (pa & ~PAGE_MASK);
        n = size < room ? size : room;
        if (cpu->held && code_page_present(cpu, pa))
            held_tables_written(cpu, pa, n);
        if (code_page_present(cpu, pa) && !tables_after(cpu->tables, pa, n, &w))
            code_page_unwatch(cpu, pa);
    }
}

static void watch_page(void *ctx, u64 pa) { code_page_watch(ctx, pa); }
static void unwatch_page(void *ctx, u64 pa) { code_page_unwatch(ctx, pa); }

void cpu_tables_leave(struct cpu *cpu)
{
    if (cpu->tables)
        tables_each(cpu->tables, unwatch_page, cpu);
}

void cpu_tables_enter(struct cpu *cpu)
{
    if (cpu->tables)
        tables_each(cpu->tables, watch_page, cpu);
    cpu->left_trace = true;
}

void cpu_watch_tables(struct cpu *cpu, struct tables *tables)
{
    cpu_tables_leave(cpu);
    if (cpu->tables)
        tables_on_link(cpu->tables, NULL, NULL);
    cpu->tables = tables;
    cpu->read_entry = tables ? watching_read : tlb_read_entry;
    if (!tables)
        return;
    tables_on_link(tables, watch_page, cpu);
    cpu_tables_enter(cpu);
    tlb_flush_all(cpu); /* tables that were walked before are walked, and so watched, again */
}
