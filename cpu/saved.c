/* SPDX-License-Identifier: MIT */
/*
 * The processor saved and loaded. What a guest could notice is kept, and that is more than the manual's registers:
 * which translations are cached decides what a guest sees that forgot an INVLPG, and which A bits are set when. Decoded
 * traces and the jump cache are made anew.
 */
#include <string.h>

#include "cpu/control.h"
#include "cpu/interrupt.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/tlb.h"
#include "cpu/trace.h"
#include "cpu/x87.h"

/* Counts beyond are of no run: nothing is added to them that could wrap. */
#define COUNT_MAX (1ll << 62)

static const struct state_field segment_fields[] = {
    STATE_ANY(segment, base),
    STATE_ANY(segment, limit),
    STATE_ANY(segment, selector),
    STATE_ANY(segment, attributes),
};
static const struct state_table segment_table = STATE_TABLE(segment, segment_fields);

static const struct state_field flags_fields[] = {
    STATE_ANY(flags, zero),
    STATE_ANY(flags, sign),
    STATE_ANY(flags, carries),
    STATE_ANY(flags, carry),
};
static const struct state_table flags_table = STATE_TABLE(flags, flags_fields);

static const struct state_field register_fields[] = {
    STATE_ANY(table_register, base),
    STATE_ANY(table_register, limit),
};
static const struct state_table register_table = STATE_TABLE(table_register, register_fields);

static const struct state_field x87_register_fields[] = {
    STATE_ANY(x87_register, mantissa),
    STATE_ANY(x87_register, exponent),
};
static const struct state_table x87_register_table = STATE_TABLE(x87_register, x87_register_fields);

static const struct state_field x87_fields[] = {
    STATE_STRUCT(x87, r, &x87_register_table),
    STATE_ANY(x87, control),
    STATE_ANY(x87, status),
    STATE_ANY(x87, tag),
    STATE_ANY(x87, fop),
    STATE_ANY(x87, fcs),
    STATE_ANY(x87, fds),
    STATE_ANY(x87, fip),
    STATE_ANY(x87, fdp),
};
static const struct state_table x87_table = STATE_TABLE(x87, x87_fields);

static const struct state_field paging_fields[] = {
    STATE_CACHE(paging, mode), /* paging_refresh() */
    STATE_CACHE(paging, cr3),  STATE_ANY(paging, pdpte),   STATE_WIRED(paging, maxphyaddr), STATE_CACHE(paging, wp),
    STATE_CACHE(paging, pse),  STATE_WIRED(paging, pse36), STATE_WIRED(paging, page1gb),    STATE_CACHE(paging, nxe),
    STATE_CACHE(paging, smep), STATE_CACHE(paging, smap),  STATE_CACHE(paging, pke),        STATE_CACHE(paging, pks),
    STATE_CACHE(paging, pkru), STATE_CACHE(paging, pkrs),
};
static const struct state_table paging_table = STATE_TABLE(paging, paging_fields);

static const struct state_field pcid_fields[] = {
    STATE_UPTO(pcid_slot, pcid, 4095),
    STATE_UPTO(pcid_slot, generation, KEY_GENERATIONS - 1),
    STATE_BOOL(pcid_slot, used),
};
static const struct state_table pcid_table = STATE_TABLE(pcid_slot, pcid_fields);

static const struct state_field gate_fields[] = {
    STATE_ANY(gate_entry, key),
    STATE_ANY(gate_entry, selector),
    STATE_ANY(gate_entry, ss_selector),
    STATE_ANY(gate_entry, tss_at),
    STATE_UPTO(gate_entry, dpl, 3),
    STATE_UPTO(gate_entry, cpl, 3),
    STATE_BOOL(gate_entry, inner),
    STATE_BOOL(gate_entry, interrupt),
    STATE_ANY(gate_entry, gate),
    STATE_ANY(gate_entry, cs_bytes),
    STATE_ANY(gate_entry, ss_bytes),
    STATE_ANY(gate_entry, rip),
    STATE_STRUCT(gate_entry, cs, &segment_table),
    STATE_STRUCT(gate_entry, ss, &segment_table),
};
static const struct state_table gate_table = STATE_TABLE(gate_entry, gate_fields);

static const struct state_field return_fields[] = {
    STATE_ANY(return_entry, key),
    STATE_ANY(return_entry, cs_selector),
    STATE_ANY(return_entry, ss_selector),
    STATE_ANY(return_entry, cs_bytes),
    STATE_ANY(return_entry, ss_bytes),
    STATE_STRUCT(return_entry, cs, &segment_table),
    STATE_STRUCT(return_entry, ss, &segment_table),
};
static const struct state_table return_table = STATE_TABLE(return_entry, return_fields);

static const struct state_field access_fields[] = {
    STATE_UPTO(access, kind, ACCESS_EXECUTE),
    STATE_BOOL(access, user),
    STATE_BOOL(access, ac),
    STATE_UPTO(access, implicit, IMPLICIT_BITMAP),
};
static const struct state_table access_table = STATE_TABLE(access, access_fields);

static const struct state_field event_fields[] = {
    STATE_ANY(cpu_event, vector),
    STATE_BOOL(cpu_event, has_error),
    STATE_ANY(cpu_event, error),
    STATE_ANY(cpu_event, cr2),
    STATE_STRUCT(cpu_event, access, &access_table),
    STATE_UPTO(cpu_event, kind, EVENT_ICEBP),
    STATE_ANY(cpu_event, next_rip),
};
static const struct state_table event_table = STATE_TABLE(cpu_event, event_fields);

static const struct state_field stats_fields[] = {
    STATE_ANY(cpu_stats, instructions),        STATE_ANY(cpu_stats, tlb_misses),    STATE_ANY(cpu_stats, traces_built),
    STATE_ANY(cpu_stats, trace_invalidations), STATE_ANY(cpu_stats, arena_flushes), STATE_ANY(cpu_stats, page_faults),
    STATE_ANY(cpu_stats, interrupts),          STATE_ANY(cpu_stats, exceptions),
};
static const struct state_table stats_table = STATE_TABLE(cpu_stats, stats_fields);

/* ---- Translations: what they translate to is asked of the memory map again ---- */

struct kept_translation {
    u64 tag, pa;
};

static bool load_translation(struct cpu *cpu, unsigned n, const struct kept_translation *k)
{
    struct tlb_entry *e = &cpu->tlb[n];
    u8 *host = phys_page_read(cpu->phys, k->pa);

    *e = (struct tlb_entry){.read_tag = 0};
    if (!k->tag || !host)
        return true;
    if (tlb_slot(cpu, k->tag) != e)
        return false; /* where it is found for another page, an access across pages would go astray */
    if (cpu->debug && points_cover(cpu, k->tag & PAGE_MASK, k->pa & PAGE_MASK))
        return true; /* each access is looked at */
    e->read_tag = k->tag;
    e->addend = (u64)host - (k->tag & PAGE_MASK);
    e->pa = k->pa & PAGE_MASK;
    if (k->pa & TLB_WRITABLE && phys_page_write(cpu->phys, k->pa) == host)
        e->pa |= TLB_WRITABLE; /* the tag comes with the first write */
    return true;
}

static void tlb_state(struct state *s, void *at)
{
    struct cpu *cpu = (struct cpu *)((u8 *)at - offsetof(struct cpu, tlb));
    struct kept_translation kept[TLB_ENTRIES];

    for (unsigned n = 0; n < TLB_ENTRIES; n++)
        kept[n] = (struct kept_translation){cpu->tlb[n].read_tag, cpu->tlb[n].read_tag ? cpu->tlb[n].pa : 0};
    state_bytes(s, "tlb", kept, sizeof(kept));
    if (!state_is_loading(s))
        return;
    for (unsigned n = 0; n < TLB_ENTRIES && !s->failed; n++)
        if (!load_translation(cpu, n, &kept[n]))
            state_fail(s, "%s.tlb: entry %u is of another page", s->section, n);
}

static void code_tlb_state(struct state *s, void *at)
{
    struct cpu *cpu = (struct cpu *)((u8 *)at - offsetof(struct cpu, code_tlb));
    struct kept_translation kept[CODE_TLB_ENTRIES];

    for (unsigned n = 0; n < CODE_TLB_ENTRIES; n++)
        kept[n] = (struct kept_translation){cpu->code_tlb[n].tag, cpu->code_tlb[n].tag ? cpu->code_tlb[n].pa : 0};
    state_bytes(s, "code_tlb", kept, sizeof(kept));
    if (!state_is_loading(s) || s->failed)
        return;
    for (unsigned n = 0; n < CODE_TLB_ENTRIES; n++)
        cpu->code_tlb[n] = (struct code_tlb_entry){
            .tag = kept[n].tag, .pa = kept[n].pa & PAGE_MASK, .host = phys_page_read(cpu->phys, kept[n].pa)};
}

static const struct state_field fields[] = {
    STATE_ANY(cpu, gpr),
    STATE_CACHE(cpu, zero),
    STATE_CACHE(cpu, ip_page), /* set on entry of a trace */
    STATE_CACHE(cpu, seg_base),
    STATE_STRUCT(cpu, f, &flags_table),
    STATE_CACHE(cpu, budget), /* 0 between runs: the count is `limit` */
    STATE_CACHE(cpu, addr_mask),
    STATE_CACHE(cpu, ip_mask),
    STATE_CACHE(cpu, tlb_key),
    STATE_WIRED(cpu, tlb_mask),
    STATE_CACHE(cpu, jump_key),
    STATE_CACHE(cpu, op),
    STATE_ANY(cpu, rip),
    STATE_CACHE(cpu, next_rip), /* inside instructions only */
    STATE_ANY(cpu, rflags),
    STATE_STRUCT(cpu, seg, &segment_table),
    STATE_UPTO(cpu, cpl, 3),
    STATE_STRUCT(cpu, gdt, &register_table),
    STATE_STRUCT(cpu, idt, &register_table),
    STATE_ANY(cpu, cr0),
    STATE_ANY(cpu, cr2),
    STATE_ANY(cpu, cr3),
    STATE_ANY(cpu, cr4),
    STATE_ANY(cpu, cr8),
    STATE_ANY(cpu, efer),
    STATE_ANY(cpu, xcr0),
    STATE_ANY(cpu, dr),
    STATE_ANY(cpu, pkru),
    STATE_STRUCT(cpu, paging, &paging_table),
    STATE_ANY(cpu, star),
    STATE_ANY(cpu, lstar),
    STATE_ANY(cpu, cstar),
    STATE_ANY(cpu, fmask),
    STATE_ANY(cpu, kernel_gs_base),
    STATE_ANY(cpu, sysenter_cs),
    STATE_ANY(cpu, sysenter_esp),
    STATE_ANY(cpu, sysenter_eip),
    STATE_ANY(cpu, tsc_offset),
    STATE_ANY(cpu, tsc_aux),
    STATE_ANY(cpu, pat),
    STATE_ANY(cpu, misc_enable),
    STATE_ANY(cpu, mtrr_def_type),
    STATE_ANY(cpu, mtrr_fixed),
    STATE_ANY(cpu, mtrr_phys),
    STATE_ANY(cpu, tsc_adjust),
    STATE_ANY(cpu, debugctl),
    STATE_ANY(cpu, pkrs),
    STATE_ANY(cpu, spec_ctrl),
    STATE_ANY(cpu, mcg_status),
    STATE_ANY(cpu, mc_bank),
    STATE_ANY(cpu, syscfg),
    STATE_ANY(cpu, hwcr),
    STATE_ANY(cpu, top_mem),
    STATE_ANY(cpu, perf_select),
    STATE_ANY(cpu, perf_counter),
    STATE_STRUCT(cpu, x87, &x87_table),
    STATE_ANY(cpu, xmm),
    STATE_UPTO(cpu, mxcsr, 0xffff), /* the host's takes no other */
    STATE_UPTO(cpu, shadow, SHADOW_MOV_SS),
    STATE_UPTO(cpu, shadow_step, SHADOW_MOV_SS),
    STATE_BOOL(cpu, waiting),
    STATE_BOOL(cpu, init_pending),
    STATE_UPTO(cpu, halted, HALTED_X87),
    STATE_BOOL(cpu, shutdown),
    STATE_BOOL(cpu, intr),
    STATE_BOOL(cpu, nmi_pending),
    STATE_BOOL(cpu, nmi_blocked),
    STATE_CACHE(cpu, attention),
    STATE_BOOL(cpu, ferr),
    STATE_BOOL(cpu, ignne),
    STATE_UPTO(cpu, step_rf, FLAG_RF),
    STATE_ANY(cpu, dr6_pending),
    STATE_RANGE(cpu, delivering, -1, 255),
    STATE_STRUCT(cpu, event, &event_table),
    STATE_CACHE(cpu, recent), /* between instructions nothing is being delivered */
    STATE_CACHE(cpu, deliveries),
    STATE_CACHE(cpu, delivery_step),
    STATE_CACHE(cpu, landing),
    STATE_CACHE(cpu, deadline),
    STATE_UPTO(cpu, delivery_count, COUNT_MAX),
    STATE_ANY(cpu, fruitless),
    STATE_UPTO(cpu, limit, COUNT_MAX),
    STATE_ANY(cpu, rng),
    STATE_ANY(cpu, a20_mask),
    STATE_ANY(cpu, monitor_address),
    STATE_BOOL(cpu, monitor_armed),
    STATE_RANGE(cpu, tlb_generation, 1, KEY_GENERATIONS - 1), /* 0 would make an empty entry a translation */
    STATE_RANGE(cpu, tlb_generations_used, 1, KEY_GENERATIONS - 1),
    STATE_STRUCT(cpu, pcid, &pcid_table),
    STATE_CUSTOM(cpu, tlb, tlb_state),
    STATE_CUSTOM(cpu, code_tlb, code_tlb_state),
    STATE_CACHE(cpu, jump),
    STATE_STRUCT(cpu, gates, &gate_table),
    STATE_STRUCT(cpu, returns, &return_table),
    STATE_CACHE(cpu, traces),
    STATE_WIRED(cpu, isa),
    STATE_CACHE(cpu, crossings),
    STATE_CACHE(cpu, bounce),
    STATE_CACHE(cpu, left_trace),
    STATE_BOOL(cpu, resumed),
    STATE_BOOL(cpu, switched),
    STATE_CACHE(cpu, patch),
    STATE_CACHE(cpu, patch_page),
    STATE_BOOL(cpu, raised), /* a debugger may look at what is about to be delivered */
    STATE_WIRED(cpu, debug),
    STATE_CACHE(cpu, watch_level),
    STATE_WIRED(cpu, held), /* with one there is no state */
    STATE_WIRED(cpu, tables),
    STATE_WIRED(cpu, read_entry),
    STATE_CACHE(cpu, rip_moved),
    STATE_CACHE(cpu, data_breakpoints),
    STATE_CACHE(cpu, ports_watched),
    STATE_CACHE(cpu, delivery_watched),
    STATE_CACHE(cpu, misses_watched),
    STATE_CACHE(cpu, mode),
    STATE_CACHE(cpu, jump_epoch),
    STATE_CACHE(cpu, jump_pages),
    STATE_ANY(cpu, large_low),
    STATE_ANY(cpu, large_high),
    STATE_CACHE(cpu, step_mode),
    STATE_BOOL(cpu, single_step),
    STATE_WIRED(cpu, features),
    STATE_WIRED(cpu, config),
    STATE_WIRED(cpu, phys),
    STATE_WIRED(cpu, observer),
    STATE_WIRED(cpu, tuning),
    STATE_STRUCT(cpu, stats, &stats_table),
};
static const struct state_table table = STATE_TABLE(cpu, fields);

/* What the members mean together. */
static void check(const struct cpu *cpu, struct state *s)
{
    if (cpu->a20_mask != ~0ull && cpu->a20_mask != ~BIT(20))
        state_fail(s, "cpu.a20_mask: is no A20 gate's");
    for (unsigned i = 0; i < 16; i++)
        if (cpu->pcid[i].used && !cpu->pcid[i].generation)
            state_fail(s, "cpu.pcid: generation 0 is nobody's");
    if (!(cpu->xcr0 & XCR0_X87) || cpu->xcr0 & ~xcr0_supported(&cpu->features))
        state_fail(s, "cpu.xcr0: this processor does not have these components");
    if (cpu->rflags & FLAGS_ARITH)
        state_fail(s, "cpu.rflags: has arithmetic flags");
}

/* Nothing of before is to be seen: what depends on the rest is computed, and what was under way is not. */
static void settle(struct cpu *cpu)
{
    cpu->budget = 0;
    cpu->op = NULL;
    cpu->patch = NULL;
    cpu->bounce.active = false;
    cpu->jump_epoch++;
    memset(cpu->jump_pages, 0, sizeof(cpu->jump_pages));
    memset(cpu->jump, 0, sizeof(cpu->jump));
    paging_refresh(cpu);
    interrupt_watch(cpu);
    cpu_refresh(cpu);
}

void cpu_state(struct cpu *cpu, struct state *s)
{
    if (cpu->held) {
        state_fail(s,
                   "a processor that holds translations as -tlb real, hostile or a check of them asks cannot be saved");
        return;
    }
    if (!state_is_loading(s)) {
        cpu->limit = cpu_icount(cpu);
        cpu->budget = 0;
    }
    state_struct(s, &table, cpu);
    if (!state_is_loading(s))
        return;
    if (!s->failed)
        check(cpu, s);
    if (s->failed) /* what translations there are may be of two machines */
        memset(cpu->tlb, 0, sizeof(cpu->tlb));
    if (s->failed)
        memset(cpu->code_tlb, 0, sizeof(cpu->code_tlb));
    settle(cpu);
}

void cpu_forget_writes(struct cpu *cpu)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        cpu->tlb[i].write_tag = 0;
}
