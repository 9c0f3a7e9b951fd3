/* SPDX-License-Identifier: MIT */
/* Control registers: SDM Vol. 3A, "Control Registers"; Vol. 2B, MOV—Move to/from Control Registers. */
#include "cpu/control.h"

#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/msr.h"
#include "cpu/run.h"
#include "cpu/strict.h"
#include "cpu/system.h"
#include "cpu/x87.h"

#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR3_PCID 0xfffull

/* The CR4 bits a feature brings. PCE is there without a counter to enable, as RDPMC is. */
static const struct {
    u64 bit;
    u8 feature;
} cr4_features[] = {
    {CR4_TSD, FEAT_TSC},       {CR4_DE, FEAT_DE},     {CR4_PSE, FEAT_PSE},           {CR4_PAE, FEAT_PAE},
    {CR4_PGE, FEAT_PGE},       {CR4_PCE, FEAT_CMOV},  {CR4_OSFXSR, FEAT_FXSR},       {CR4_OSXMMEXCPT, FEAT_SSE},
    {CR4_UMIP, FEAT_UMIP},     {CR4_LA57, FEAT_LA57}, {CR4_FSGSBASE, FEAT_FSGSBASE}, {CR4_PCIDE, FEAT_PCID},
    {CR4_OSXSAVE, FEAT_XSAVE}, {CR4_SMEP, FEAT_SMEP}, {CR4_SMAP, FEAT_SMAP},         {CR4_PKE, FEAT_PKU},
    {CR4_VME, FEAT_VME},       {CR4_PVI, FEAT_VME},   {CR4_MCE, FEAT_MCE},           {CR4_PKS, FEAT_PKS},
};

static u64 cr4_defined(const struct cpu *cpu)
{
    u64 mask = 0;

    for (unsigned i = 0; i < sizeof(cr4_features) / sizeof(cr4_features[0]); i++)
        mask |= has_feature(&cpu->features, cr4_features[i].feature) ? cr4_features[i].bit : 0;
    return mask;
}

void paging_refresh(struct cpu *cpu)
{
    struct paging *p = &cpu->paging;

    if (!(cpu->cr0 & CR0_PG))
        p->mode = PAGING_NONE;
    else if (cpu->efer & EFER_LMA)
        p->mode = cpu->cr4 & CR4_LA57 ? PAGING_5LEVEL : PAGING_4LEVEL;
    else
        p->mode = cpu->cr4 & CR4_PAE ? PAGING_PAE : PAGING_32BIT;
    p->cr3 = cpu->cr3;
    p->maxphyaddr = cpu->features.phys_bits;
    p->wp = cpu->cr0 & CR0_WP;
    p->pse = cpu->cr4 & CR4_PSE;
    p->pse36 = has_feature(&cpu->features, FEAT_PSE36);
    p->page1gb = has_feature(&cpu->features, FEAT_PAGE1GB);
    p->nxe = (cpu->efer & EFER_NXE) && p->mode >= PAGING_PAE;
    p->smep = cpu->cr4 & CR4_SMEP;
    p->smap = cpu->cr4 & CR4_SMAP;
    p->pke = (cpu->cr4 & CR4_PKE) && (cpu->efer & EFER_LMA);
    p->pkru = cpu->pkru;
    p->pks = (cpu->cr4 & CR4_PKS) && (cpu->efer & EFER_LMA);
    p->pkrs = (u32)cpu->pkrs;
}

/*
 * SDM "PDPTE Registers": loaded from memory when PAE paging is entered or CR3 loaded; #GP(0) if one has reserved
 * bits set.
 */
static void read_pdptes(struct cpu *cpu, u64 cr3, u64 pdpte[4])
{
    for (unsigned i = 0; i < 4; i++)
        pdpte[i] = phys_read(cpu->phys, ((cr3 & 0xffffffe0) + 8 * i) & cpu->a20_mask, 8);
}

static void check_pdptes(struct cpu *cpu, u64 cr3, u64 pdpte[4])
{
    read_pdptes(cpu, cr3, pdpte);
    for (unsigned i = 0; i < 4; i++)
        if (!walk_pdpte_valid(&cpu->paging, pdpte[i])) {
            strict_tell(cpu, &(struct cpu_strict){
                                 .rule = STRICT_PDPTE, .address = (cr3 & 0xffffffe0) + 8 * i, .value = pdpte[i]});
            raise_gp(cpu, 0);
        }
}

static bool is_pae(u64 cr0, u64 cr4, u64 efer) { return cr0 & CR0_PG && cr4 & CR4_PAE && !(efer & EFER_LMA); }

static void load_pdptes(struct cpu *cpu, const u64 pdpte[4])
{
    for (unsigned i = 0; i < 4; i++)
        cpu->paging.pdpte[i] = pdpte[i];
}

/* SDM "Initializing IA-32e Mode": what entering and leaving demand. Returns EFER as it will be. */
static u64 check_paging_toggle(struct cpu *cpu, u64 cr0)
{
    const struct segment *tr = &cpu->seg[SEG_TR];

    if (!(cr0 & CR0_PG)) {
        if (in_code64(cpu) || cpu->cr4 & CR4_PCIDE)
            raise_control(cpu, 0, cr0,
                          in_code64(cpu) ? "PG is cleared in 64-bit code" : "PG is cleared, and CR4.PCIDE=1");
        return cpu->efer & ~EFER_LMA;
    }
    if (!(cpu->efer & EFER_LME))
        return cpu->efer;
    if (!(cpu->cr4 & CR4_PAE) || cpu->seg[SEG_CS].attributes & ATTR_L)
        raise_control(cpu, 0, cr0,
                      cpu->cr4 & CR4_PAE ? "PG is set with EFER.LME=1, and CS.L=1"
                                         : "PG is set with EFER.LME=1, and CR4.PAE=0");
    /* a 16-bit TSS; TR as RESET leaves it, with a null selector, is none */
    if (!selector_is_null(tr->selector) && (tr->attributes & (ATTR_TYPE & ~SYS_BUSY)) == SYS_TSS16)
        raise_control(cpu, 0, cr0, "PG is set with EFER.LME=1, and the TSS is one of 16 bits");
    return cpu->efer | EFER_LMA;
}

void control_write_cr0(struct cpu *cpu, u64 value)
{
    u64 cr0 = (value & CR0_DEFINED) | CR0_ET, changed = cr0 ^ cpu->cr0, efer = cpu->efer;
    u64 pdpte[4];
    bool reload;

    if (value >> 32 || (cr0 & CR0_PG && !(cr0 & CR0_PE)) || (cr0 & CR0_NW && !(cr0 & CR0_CD)))
        raise_control(cpu, 0, value,
                      value >> 32                       ? "bits 63:32 are reserved"
                      : cr0 & CR0_PG && !(cr0 & CR0_PE) ? "PG needs PE"
                                                        : "NW needs CD");
    if (changed & CR0_PG)
        efer = check_paging_toggle(cpu, cr0);
    reload = changed & (CR0_PG | CR0_CD | CR0_NW) && is_pae(cr0, cpu->cr4, efer);
    if (reload)
        check_pdptes(cpu, cpu->cr3, pdpte);

    cpu->cr0 = cr0;
    cpu->efer = efer;
    if (changed & CR0_NE)
        x87_update_summary(cpu);
    if (reload)
        load_pdptes(cpu, pdpte);
    if (changed & CR0_PG)
        tlb_flush_all(cpu);
    else if (changed & CR0_WP)
        tlb_flush_rights(cpu);
    paging_refresh(cpu);
    cpu_refresh(cpu);
    if (unlikely(cpu->observer.strict && changed & (CR0_PE | CR0_PG)))
        strict_cr0(cpu, changed);
}

void control_check_cr3(struct cpu *cpu, u64 value)
{
    u64 pdpte[4];

    if (cpu->paging.mode == PAGING_PAE)
        check_pdptes(cpu, value, pdpte);
}

void control_load_cr3(struct cpu *cpu, u64 value)
{
    if (cpu->paging.mode == PAGING_PAE)
        read_pdptes(cpu, value, cpu->paging.pdpte);
    cpu->cr3 = value;
    tlb_flush_context(cpu);
    paging_refresh(cpu);
    cpu_refresh(cpu);
}

void control_write_cr3(struct cpu *cpu, u64 value)
{
    bool pcide = cpu->cr4 & CR4_PCIDE, keep = pcide && value & BIT(63);
    u64 pdpte[4];

    if (pcide)
        value &= ~BIT(63);
    if (in_long(cpu) && value & ~BITS(cpu->features.phys_bits - 1, 0))
        raise_control(cpu, 3, value,
                      value & BIT(63) ? "bit 63 needs CR4.PCIDE=1, and the address is physical"
                                      : "it has bits beyond the processor's physical address width");
    if (cpu->paging.mode == PAGING_PAE) {
        check_pdptes(cpu, value, pdpte);
        load_pdptes(cpu, pdpte);
    }
    cpu->cr3 = cpu->paging.cr3 = value; /* all that depends on it, the translations aside */
    if (pcide)
        tlb_switch_pcid(cpu, value & CR3_PCID, keep);
    else
        tlb_flush_context(cpu);
}

static void check_cr4(struct cpu *cpu, u64 value, u64 changed)
{
    if (value & ~cr4_defined(cpu))
        raise_control(cpu, 4, value, "it has a bit set that this processor does not have");
    if (in_long(cpu) && (!(value & CR4_PAE) || changed & CR4_LA57))
        raise_control(cpu, 4, value,
                      value & CR4_PAE ? "LA57 is changed in IA-32e mode" : "PAE is cleared in IA-32e mode");
    if (changed & value & CR4_PCIDE && (!in_long(cpu) || cpu->cr3 & CR3_PCID))
        raise_control(cpu, 4, value,
                      in_long(cpu) ? "PCIDE is set, and CR3[11:0] is not 0" : "PCIDE is set outside of IA-32e mode");
}

/* SDM "Operations that Invalidate TLBs and Paging-Structure Caches" asks for fewer flushes than this makes. */
void control_write_cr4(struct cpu *cpu, u64 value)
{
    const u64 flushing = CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PKS | CR4_LA57;
    u64 changed = value ^ cpu->cr4;
    u64 pdpte[4];
    bool reload;

    check_cr4(cpu, value, changed);
    reload = changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP) && is_pae(cpu->cr0, value, cpu->efer);
    if (reload)
        check_pdptes(cpu, cpu->cr3, pdpte);

    cpu->cr4 = value;
    if (reload)
        load_pdptes(cpu, pdpte);
    if (changed & flushing)
        tlb_flush_all(cpu);
    paging_refresh(cpu);
    cpu_refresh(cpu);
}

/* LMA is a status bit: what is written to it is ignored. */
void control_write_efer(struct cpu *cpu, u64 value)
{
    const struct features *f = &cpu->features;
    u64 defined = EFER_LMA | (has_feature(f, FEAT_SYSCALL) ? EFER_SCE : 0) | (has_feature(f, FEAT_LM) ? EFER_LME : 0) |
                  (has_feature(f, FEAT_NX) && !(cpu->misc_enable & MISC_ENABLE_NO_XD) ? EFER_NXE : 0);
    u64 changed;

    if (value & ~defined)
        raise_control(cpu, 8, value, "it has a bit set that this processor does not have, or may not use");
    value = (value & ~EFER_LMA) | (cpu->efer & EFER_LMA);
    changed = value ^ cpu->efer;
    if (changed & EFER_LME && cpu->cr0 & CR0_PG)
        raise_control(cpu, 8, value, "LME is changed, and CR0.PG=1");
    cpu->efer = value;
    if (changed & EFER_NXE)
        tlb_flush_all(cpu);
    paging_refresh(cpu);
    cpu_refresh(cpu);
}

/* SDM "Extended Control Registers": x87 state cannot be disabled, unknown components not enabled. */
void control_write_xcr0(struct cpu *cpu, u64 value)
{
    if (!(value & XCR0_X87) || value & ~xcr0_supported(&cpu->features))
        raise_gp(cpu, 0);
    cpu->xcr0 = value;
}

/* SDM "CR8": bits 7:4 of the TPR; writing it clears bits 3:0 of that. */
u64 control_cr8(const struct cpu *cpu)
{
    return has_feature(&cpu->features, FEAT_APIC) ? cpu->config.apic_ops->tpr(cpu->config.apic) >> 4 : cpu->cr8;
}

void control_write_cr8(struct cpu *cpu, u64 value)
{
    cpu->cr8 = value;
    if (has_feature(&cpu->features, FEAT_APIC))
        cpu->config.apic_ops->set_tpr(cpu->config.apic, (u8)(value << 4));
}

/* The instructions. Undefined registers are #UD before the privilege check. */

void exec_MOV_from_CR(struct cpu *cpu, const struct op *op)
{
    unsigned width = op->flags & OP_CODE64 ? 8 : 4;
    u64 value;

    switch (op->reg) {
    case 0: value = cpu->cr0; break;
    case 2: value = cpu->cr2; break;
    case 3: value = cpu->cr3; break;
    case 4: value = cpu->cr4; break;
    case 8: value = control_cr8(cpu); break;
    default: raise_ud(cpu);
    }
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    reg_write(cpu, op->rm, value, width, true);
}

void exec_MOV_to_CR(struct cpu *cpu, const struct op *op)
{
    u64 value = reg_read(cpu, op->rm, op->flags & OP_CODE64 ? 8 : 4, true);

    if (op->reg != 0 && op->reg != 2 && op->reg != 3 && op->reg != 4 && op->reg != 8)
        raise_ud(cpu);
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    switch (op->reg) {
    case 0: control_write_cr0(cpu, value); break;
    case 2: cpu->cr2 = value; break;
    case 3:
        control_write_cr3(cpu, value);
        note_resumed(cpu);
        break;
    case 4: control_write_cr4(cpu, value); break;
    default: /* CR8: the task priority, bits 3:0 */
        if (value & ~0xfull)
            raise_gp(cpu, 0);
        control_write_cr8(cpu, value);
    }
}

void exec_SMSW(struct cpu *cpu, const struct op *op)
{
    if (cpu->cr4 & CR4_UMIP && cpu->cpl != 0)
        raise_gp(cpu, 0);
    op_rm_write(cpu, op, cpu->cr0, op_is_mem(op) ? 2 : op->osize);
}

/* Bits 3:0 alone, and PE can be set but not cleared. */
void exec_LMSW(struct cpu *cpu, const struct op *op)
{
    u64 value = op_rm_read(cpu, op, 2);

    control_write_cr0(cpu, (cpu->cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (value & (CR0_PE | CR0_MP | CR0_EM | CR0_TS)));
}

void exec_CLTS(struct cpu *cpu, const struct op *op)
{
    (void)op;
    cpu->cr0 &= ~CR0_TS;
}

IRREGULAR(MOV_from_CR);
IRREGULAR_RESUME(MOV_to_CR);
IRREGULAR(SMSW);
IRREGULAR(LMSW);
IRREGULAR(CLTS);
