/* SPDX-License-Identifier: MIT */
/* The processor as its users see it: making, resetting, pins, registers. And the digest of its state that execution
 * runs on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/control.h"
#include "cpu/decode.h"
#include "cpu/held.h"
#include "cpu/flags.h"
#include "cpu/interrupt.h"
#include "cpu/msr.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/system.h"
#include "cpu/trace.h"
#include "cpu/x87.h"
#include "mmu/host_memory.h"

static bool flat_data(const struct segment *s, bool any_base)
{
    u16 kind = s->attributes & (ATTR_P | ATTR_S | ATTR_CODE | ATTR_EXPAND_DOWN | ATTR_WRITABLE);
    return (any_base || s->base == 0) && s->limit == 0xffffffff && kind == (ATTR_P | ATTR_S | ATTR_WRITABLE);
}

static u32 alignment_mode(const struct cpu *cpu)
{
    return (cpu->cpl == 3 && (cpu->cr0 & CR0_AM) && (cpu->rflags & FLAG_AC)) || cpu->data_breakpoints ? MODE_AC : 0;
}

static u32 mode_bits(const struct cpu *cpu)
{
    const struct segment *s = cpu->seg;
    u32 mode = alignment_mode(cpu) | (cpu->mode & (MODE_WATCH | MODE_TOLD));
    if (in_code64(cpu))
        return mode | MODE_CODE64 | MODE_STACK32 | MODE_FLAT | MODE_FS | MODE_GS | MODE_CS;
    mode |= s[SEG_CS].attributes & ATTR_DB ? MODE_CODE32 : 0;
    mode |= s[SEG_SS].attributes & ATTR_DB ? MODE_STACK32 : 0;
    mode |=
        flat_data(&s[SEG_DS], false) && flat_data(&s[SEG_ES], false) && flat_data(&s[SEG_SS], false) ? MODE_FLAT : 0;
    mode |= flat_data(&s[SEG_FS], true) ? MODE_FS : 0;
    mode |= flat_data(&s[SEG_GS], true) ? MODE_GS : 0;
    mode |= s[SEG_CS].base == 0 && s[SEG_CS].limit == 0xffffffff ? MODE_CS : 0;
    return mode;
}

static bool data_breakpoints_on(const struct cpu *cpu)
{
    for (unsigned n = 0; n < 4; n++)
        if ((cpu->dr[7] >> (2 * n) & 3) && (cpu->dr[7] >> (16 + 4 * n) & 1))
            return true;
    return false;
}

static bool code_breakpoints_on(const struct cpu *cpu)
{
    for (unsigned n = 0; n < 4; n++)
        if ((cpu->dr[7] >> (2 * n) & 3) && (cpu->dr[7] >> (16 + 4 * n) & 3) == 0)
            return true;
    return false;
}

void cpu_refresh(struct cpu *cpu)
{
    bool debug = cpu->dr[7] & 0xff;
    cpu->data_breakpoints = debug && data_breakpoints_on(cpu);
    cpu->ports_watched = (debug && cpu->cr4 & CR4_DE) || cpu->observer.port;
    cpu->mode = mode_bits(cpu);
    bool code64 = cpu->mode & MODE_CODE64;
    cpu->addr_mask = cpu->ip_mask = code64 ? ~0ull : 0xffffffff;
    for (unsigned i = 0; i < SEG_FS; i++)
        cpu->seg_base[i] = code64 ? 0 : cpu->seg[i].base;
    cpu->seg_base[SEG_FS] = cpu->seg[SEG_FS].base;
    cpu->seg_base[SEG_GS] = cpu->seg[SEG_GS].base;
    cpu->step_mode = (cpu->rflags & FLAG_TF) || (debug && code_breakpoints_on(cpu));
    tlb_keys_refresh(cpu);
}

void cpu_refresh_privilege(struct cpu *cpu)
{
    if (unlikely(cpu->dr[7] & 0xff)) {
        cpu_refresh(cpu);
        return;
    }
    cpu->mode = (cpu->mode & ~(u32)MODE_AC) | alignment_mode(cpu);
    cpu->step_mode = cpu->rflags & FLAG_TF;
    tlb_keys_refresh(cpu);
}

/* A device, a loader or a debugger wrote RAM. */
static void ram_written(void *ctx, u64 pa, u64 size)
{
    struct cpu *cpu = ctx;
    if (code_written(cpu, pa, size))
        cpu->left_trace = true;
    if (cpu->tables)
        watch_after(cpu, pa, size);
}

struct cpu *cpu_create(const struct cpu_config *config, char *why, size_t size)
{
    struct cpu *cpu = host_reserve(sizeof *cpu);
    if (!cpu) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    cpu->config = *config;
    cpu->phys = config->phys;
    cpu->read_entry = tlb_read_entry;
    cpu->isa = isa_index_create();
    cpu->traces = trace_cache_create(0);
    cpu->crossings = calloc(CROSSINGS, sizeof *cpu->crossings);
    if (!cpu->isa || !cpu->traces || !cpu->crossings) {
        snprintf(why, size, "out of memory");
        cpu_destroy(cpu);
        return NULL;
    }
    if (!features_parse(&cpu->features, config->model ? config->model : "max", why, size)) {
        cpu_destroy(cpu);
        return NULL;
    }
    if (!config->apic_ops)
        features_remove(&cpu->features, FEAT_APIC);
    cpu->tlb_mask = (TLB_ENTRIES - 1) * sizeof(struct tlb_entry);
    cpu->a20_mask = ~0ull;
    random_seed(cpu, config->seed);
    phys_on_written(cpu->phys, ram_written, cpu);
    cpu_reset(cpu);
    return cpu;
}

void cpu_destroy(struct cpu *cpu)
{
    if (!cpu)
        return;
    x87_release();
    cpu_debug_detach(cpu);
    if (cpu->traces)
        trace_cache_destroy(cpu->traces);
    held_destroy(cpu->held);
    isa_index_destroy(cpu->isa);
    free(cpu->crossings);
    host_release(cpu, sizeof *cpu);
}

/* SDM Vol. 3A, "Processor State After Reset": what RESET and INIT have in common. */
static void reset_common(struct cpu *cpu)
{
    memset(cpu->gpr, 0, sizeof cpu->gpr);
    cpu->RDX = features_signature(&cpu->features);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct segment){.limit = 0xffff, .attributes = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED};
    cpu->seg[SEG_CS].selector = 0xf000;
    cpu->seg[SEG_CS].base = 0xffff0000;
    cpu->seg[SEG_LDTR].attributes = ATTR_P | 2;
    cpu->seg[SEG_TR].attributes = ATTR_P | 0xb;
    cpu->gdt = cpu->idt = (struct table_register){.limit = 0xffff};
    cpu->rip = 0xfff0;
    cpu->cpl = 0;
    cpu->cr0 = (cpu->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->cr8 = cpu->efer = 0;
    memset(cpu->dr, 0, sizeof cpu->dr);
    cpu->dr[6] = 0xffff0ff0;
    cpu->dr[7] = 0x400;
    cpu->delivering = -1;
    cpu->shutdown = cpu->raised = cpu->nmi_pending = cpu->nmi_blocked = cpu->init_pending = false;
    cpu->waiting = cpu->config.application;
    cpu->halted = cpu->waiting ? HALTED_HLT : HALTED_NOT;
    cpu->shadow = SHADOW_NONE;
    cpu->dr6_pending = 0;
    flags_set(cpu, FLAG_FIXED);
}

static void reset_done(struct cpu *cpu)
{
    paging_refresh(cpu);
    tlb_flush_all(cpu);
    cpu_refresh(cpu);
}

static void tell_reset(struct cpu *cpu, bool init)
{
    if (cpu->observer.reset)
        cpu->observer.reset(cpu->observer.ctx, cpu, init);
}

void cpu_reset(struct cpu *cpu)
{
    tell_reset(cpu, false);
    reset_common(cpu);
    cpu->cr0 = CR0_CD | CR0_NW | CR0_ET;
    cpu->xcr0 = 1;
    cpu->pkru = 0;
    cpu->mxcsr = 0x1f80;
    x87_reset(cpu);
    memset(cpu->xmm, 0, sizeof cpu->xmm);
    msr_reset(cpu);
    reset_done(cpu);
}

/* "INIT": caches, MSRs (EFER aside), x87 and SSE state and XCR0 stay as they are. */
void cpu_take_init(struct cpu *cpu)
{
    tell_reset(cpu, true);
    reset_common(cpu);
    cpu->patch = NULL;
    cpu->monitor_armed = false;
    reset_done(cpu);
}

void cpu_tune(struct cpu *cpu, struct cpu_tuning tuning)
{
    cpu->tuning = tuning;
    if (tuning.tlb_entries >= 4 && tuning.tlb_entries <= TLB_ENTRIES)
        cpu->tlb_mask = (tuning.tlb_entries - 1) * sizeof(struct tlb_entry);
    if (tuning.trace_ops) {
        struct trace_cache *smaller = trace_cache_create(tuning.trace_ops);
        if (smaller) {
            trace_cache_destroy(cpu->traces);
            cpu->traces = smaller;
            trace_flush(cpu);
        }
    }
    memset(cpu->tlb, 0, sizeof cpu->tlb);
}

/* Pins. */

void cpu_request_stop(struct cpu *cpu)
{
    cpu->attention |= ATTENTION_STOP;
    cpu->left_trace = true;
}

void cpu_set_intr(struct cpu *cpu, bool level)
{
    cpu->intr = level;
    cpu->left_trace |= level;
}

void cpu_pulse_nmi(struct cpu *cpu)
{
    cpu->nmi_pending = true;
    cpu->left_trace = true;
}

void cpu_pulse_init(struct cpu *cpu)
{
    cpu->init_pending = true;
    cpu_request_stop(cpu); /* the run loop looks for it where it looks for that */
}

/* SDM "Typical BSP Initialization Sequence": the vector is the page at which it starts in real-address mode. */
void cpu_startup(struct cpu *cpu, u8 vector)
{
    if (!cpu->waiting || cpu->init_pending)
        return;
    cpu->waiting = false;
    cpu->halted = HALTED_NOT;
    cpu->seg[SEG_CS].selector = (u16)(vector << 8);
    cpu->seg[SEG_CS].base = (u64)vector << 12;
    cpu->rip = 0;
    cpu_refresh(cpu);
}

void cpu_memory_moved(struct cpu *cpu)
{
    cpu->left_trace = true;
    tlb_flush_all(cpu);
}

bool cpu_has(const struct cpu *cpu, const char *feature)
{
    int id = features_find(feature);

    return id >= 0 && has_feature(&cpu->features, (unsigned)id);
}

/* A frozen processor tries its instruction again. */
void cpu_set_ignne(struct cpu *cpu, bool level)
{
    cpu->ignne = level;
    if (level && cpu->halted == HALTED_X87)
        cpu->halted = HALTED_NOT;
}

void cpu_set_a20(struct cpu *cpu, bool enabled)
{
    u64 mask = enabled ? ~0ull : ~BIT(20);
    if (mask == cpu->a20_mask)
        return;
    cpu->a20_mask = mask;
    cpu->left_trace = true;
    tlb_flush_all(cpu);
}

bool cpu_halted(const struct cpu *cpu) { return cpu->halted; }

/* State. */

static const char *const mode_names[] = {"real", "v86", "prot16", "prot32", "compat", "long64"};

const char *cpu_mode_name(enum cpu_mode mode) { return mode_names[mode]; }

enum cpu_mode cpu_mode(struct cpu *cpu)
{
    if (!in_protected(cpu))
        return MODE_REAL;
    if (in_v86(cpu))
        return MODE_V86;
    if (in_long(cpu))
        return cpu->seg[SEG_CS].attributes & ATTR_L ? MODE_LONG64 : MODE_COMPAT;
    return cpu->seg[SEG_CS].attributes & ATTR_DB ? MODE_PROT32 : MODE_PROT16;
}

unsigned cpu_cpl(struct cpu *cpu) { return cpu->cpl; }

void cpu_get_state(struct cpu *cpu, struct cpu_state *s)
{
    memcpy(s->gpr, cpu->gpr, sizeof s->gpr);
    s->rip = cpu->op ? op_rip(cpu, cpu->op) : cpu->rip;
    s->rflags = flags_get(cpu);
    for (unsigned i = 0; i < SEG_COUNT; i++)
        s->seg[i] =
            (struct cpu_segment){cpu->seg[i].selector, cpu->seg[i].attributes, cpu->seg[i].limit, cpu->seg[i].base};
    s->gdt_base = cpu->gdt.base, s->gdt_limit = cpu->gdt.limit;
    s->idt_base = cpu->idt.base, s->idt_limit = cpu->idt.limit;
    s->cr0 = cpu->cr0, s->cr2 = cpu->cr2, s->cr3 = cpu->cr3, s->cr4 = cpu->cr4, s->cr8 = control_cr8(cpu);
    s->efer = cpu->efer, s->xcr0 = cpu->xcr0, s->pkru = cpu->pkru, s->pkrs = (u32)cpu->pkrs;
    memcpy(s->dr, cpu->dr, sizeof s->dr);
    memcpy(s->pdpte, cpu->paging.pdpte, sizeof s->pdpte);
}

void cpu_set_state(struct cpu *cpu, const struct cpu_state *s)
{
    memcpy(cpu->gpr, s->gpr, sizeof s->gpr);
    cpu->rip = s->rip;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        cpu->seg[i] = (struct segment){.selector = s->seg[i].selector,
                                       .attributes = s->seg[i].attributes,
                                       .limit = s->seg[i].limit,
                                       .base = s->seg[i].base};
    cpu->gdt = (struct table_register){s->gdt_base, s->gdt_limit};
    cpu->idt = (struct table_register){s->idt_base, s->idt_limit};
    cpu->cr0 = s->cr0, cpu->cr2 = s->cr2, cpu->cr3 = s->cr3, cpu->cr4 = s->cr4;
    control_write_cr8(cpu, s->cr8 & 0xf);
    cpu->efer = s->efer, cpu->xcr0 = s->xcr0, cpu->pkru = s->pkru, cpu->pkrs = s->pkrs;
    memcpy(cpu->dr, s->dr, sizeof s->dr);
    memcpy(cpu->paging.pdpte, s->pdpte, sizeof s->pdpte);
    cpu->cpl = in_protected(cpu) ? s->rflags & FLAG_VM ? 3 : ATTR_DPL_OF(cpu->seg[SEG_SS].attributes) : 0;
    flags_set(cpu, s->rflags);
    cpu->halted = HALTED_NOT;
    cpu->shutdown = cpu->raised = false;
    cpu->delivering = -1;
    cpu->shadow = SHADOW_NONE;
    cpu->dr6_pending = 0;
    cpu->rip_moved = true;
    paging_refresh(cpu);
    tlb_flush_all(cpu);
    cpu_refresh(cpu);
}

void cpu_observe(struct cpu *cpu, const struct cpu_observer *observer)
{
    cpu->observer = observer ? *observer : (struct cpu_observer){0};
    cpu->mode = (cpu->mode & ~(u32)MODE_TOLD) | (cpu->observer.resume ? MODE_TOLD : 0);
    interrupt_watch(cpu);
    tlb_watch(cpu);
    cpu_refresh(cpu);
}

void cpu_get_stats(const struct cpu *cpu, struct cpu_stats *stats)
{
    *stats = cpu->stats;
    stats->instructions = cpu_icount(cpu);
}

const struct cpu_delivery *cpu_recent(const struct cpu *cpu, unsigned back)
{
    if (back >= CPU_RECENT || back >= cpu->deliveries)
        return NULL;
    return &cpu->recent[(cpu->deliveries - 1 - back) % CPU_RECENT];
}
