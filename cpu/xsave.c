/* SPDX-License-Identifier: MIT */
/* FXSAVE, FXRSTOR and the XSAVE feature set (SDM Vol. 1, "Managing State Using the XSAVE Feature Set"), and MXCSR. */
#include <string.h>

#include "cpu/control.h"
#include "cpu/sse.h"
#include "cpu/system.h"

/* State components, and the parts of their area. */
enum {
    COMPONENT_X87 = 1 << 0,
    COMPONENT_SSE = 1 << 1,
    COMPONENT_AVX = 1 << 2,
    COMPONENT_PKRU = 1 << 9,
    LEGACY_SIZE = 512,
    HEADER_SIZE = 64,
};

#define XCOMP_COMPACTED BIT(63)

/* The layout of the legacy region. */
enum {
    AT_FCW = 0,
    AT_FSW = 2,
    AT_FTW = 4,
    AT_FOP = 6,
    AT_FIP = 8,
    AT_FDP = 16,
    AT_MXCSR = 24,
    AT_MASK = 28,
    AT_ST = 32,
    AT_XMM = 160
};

static unsigned xmm_count(const struct op *op) { return op->flags & OP_CODE64 ? 16 : 8; }

/* REX.W form: 64-bit pointers instead of selector and 32-bit offset. */
static bool wide_pointers(const struct op *op) { return op->osize == 8; }

static void x87_to_image(const struct x87 *x, const struct op *op, u8 *image)
{
    unsigned tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= (unsigned)(((x->tag >> (2 * i)) & 3) != 3) << i;
    host_store(image + AT_FCW, x->control, 2);
    host_store(image + AT_FSW, x->status, 2);
    host_store(image + AT_FTW, tags, 2);
    host_store(image + AT_FOP, x->fop & 0x7ff, 2);
    host_store(image + AT_FIP, wide_pointers(op) ? x->fip : (u32)x->fip | (u64)x->fcs << 32, 8);
    host_store(image + AT_FDP, wide_pointers(op) ? x->fdp : (u32)x->fdp | (u64)x->fds << 32, 8);
    for (unsigned i = 0; i < 8; i++) {
        const fp80 *st = &x->r[x87_physical(x, i)];
        host_store(image + AT_ST + 16 * i, st->mantissa, 8);
        host_store(image + AT_ST + 16 * i + 8, st->exponent, 8);
    }
}

static void x87_from_image(struct cpu *cpu, const struct op *op, const u8 *image)
{
    struct x87 *x = &cpu->x87;
    u64 fip = host_load(image + AT_FIP, 8), fdp = host_load(image + AT_FDP, 8);

    x->control = ((u16)host_load(image + AT_FCW, 2) & FCW_WRITABLE) | FCW_ALWAYS;
    x->status = (u16)host_load(image + AT_FSW, 2);
    x->tag = 0;
    for (unsigned i = 0; i < 8; i++)
        if (!(image[AT_FTW] >> i & 1))
            x->tag |= (u16)(3u << (2 * i));
    x->fop = (u16)host_load(image + AT_FOP, 2) & 0x7ff;
    x->fip = wide_pointers(op) ? fip : (u32)fip;
    x->fdp = wide_pointers(op) ? fdp : (u32)fdp;
    x->fcs = wide_pointers(op) ? 0 : (u16)(fip >> 32);
    x->fds = wide_pointers(op) ? 0 : (u16)(fdp >> 32);
    for (unsigned i = 0; i < 8; i++) {
        fp80 *st = x87_st(x, i);
        st->mantissa = host_load(image + AT_ST + 16 * i, 8);
        st->exponent = (u16)host_load(image + AT_ST + 16 * i + 8, 2);
    }
    x87_update_summary(cpu);
}

/* The area's linear address must be aligned: #GP(0). Returns the effective address. */
static u64 area_address(struct cpu *cpu, const struct op *op, unsigned size, unsigned alignment, enum access_kind kind)
{
    u64 ea = op_ea(cpu, op);

    if (seg_linear(cpu, op->seg, ea, size, kind) & (alignment - 1))
        raise_gp(cpu, 0);
    return ea;
}

/* Bytes from AT_XMM + 16 * xmm_count on are not written. Without CR4.OSFXSR the SSE part is left out. */
void exec_FXSAVE(struct cpu *cpu, const struct op *op)
{
    u64 ea = area_address(cpu, op, LEGACY_SIZE, 16, ACCESS_WRITE);
    u8 image[LEGACY_SIZE] = {0};
    unsigned size = AT_XMM;

    x87_to_image(&cpu->x87, op, image);
    host_store(image + AT_MXCSR, cpu->mxcsr, 4);
    host_store(image + AT_MASK, MXCSR_VALID, 4);
    if (cpu->cr4 & CR4_OSFXSR) {
        memcpy(image + AT_XMM, cpu->xmm, 16 * xmm_count(op));
        size += 16 * xmm_count(op);
    }
    mem_probe_write(cpu, op->seg, ea, LEGACY_SIZE);
    mem_write_block(cpu, op->seg, ea, image, size);
}
IRREGULAR(FXSAVE);

static u32 checked_mxcsr(struct cpu *cpu, u32 mxcsr)
{
    if (mxcsr & ~(u32)MXCSR_VALID)
        raise_gp(cpu, 0);
    return mxcsr;
}

void exec_FXRSTOR(struct cpu *cpu, const struct op *op)
{
    u64 ea = area_address(cpu, op, LEGACY_SIZE, 16, ACCESS_READ);
    u8 image[LEGACY_SIZE];

    mem_read_block(cpu, op->seg, ea, image, LEGACY_SIZE);
    if (cpu->cr4 & CR4_OSFXSR) {
        cpu->mxcsr = checked_mxcsr(cpu, (u32)host_load(image + AT_MXCSR, 4));
        memcpy(cpu->xmm, image + AT_XMM, 16 * xmm_count(op));
    }
    x87_from_image(cpu, op, image);
}
IRREGULAR(FXRSTOR);

void exec_LDMXCSR(struct cpu *cpu, const struct op *op)
{
    cpu->mxcsr = checked_mxcsr(cpu, (u32)operand_read(cpu, op, 4));
}
IRREGULAR(LDMXCSR);

void exec_STMXCSR(struct cpu *cpu, const struct op *op) { operand_write(cpu, op, cpu->mxcsr, 4); }
IRREGULAR(STMXCSR);

/* SDM, "XSAVE": #UD without CR4.OSXSAVE, #NM with CR0.TS (EM plays no part). Returns the requested-feature bitmap. */
static u64 xsave_begin(struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
    if (cpu->cr0 & CR0_TS)
        raise_nm(cpu);
    return cpu->xcr0 & ((u64)(u32)cpu->RDX << 32 | (u32)cpu->RAX);
}

static bool all_zero(const void *p, size_t size)
{
    const u8 *b = p;

    while (size--)
        if (*b++)
            return false;
    return true;
}

/* MXCSR is no part of the SSE component's initial configuration. Outside 64-bit mode there are eight XMM registers. */
u64 xsave_in_use(const struct cpu *cpu)
{
    const struct x87 *x = &cpu->x87;
    u64 in_use = 0;
    bool pointers = x->fop | x->fcs | x->fds || x->fip | x->fdp;

    if (x->control != FCW_INIT || x->status || x->tag != 0xffff || pointers)
        in_use |= COMPONENT_X87;
    for (unsigned i = 0; i < 8; i++)
        if (x->r[i].mantissa || x->r[i].exponent)
            in_use |= COMPONENT_X87;
    if (!all_zero(cpu->xmm, in_code64(cpu) ? 16 * 16 : 8 * 16))
        in_use |= COMPONENT_SSE;
    if (cpu->pkru)
        in_use |= COMPONENT_PKRU;
    return in_use;
}

enum xsave_form { XSAVE_STANDARD, XSAVE_OPTIMIZED, XSAVE_COMPACTED };

/*
 * The header. The standard forms change XSTATE_BV's requested bits alone; XSAVEC writes it and XCOMP_BV, without a
 * read.
 */
static void write_header(struct cpu *cpu, unsigned seg, u64 ea, u64 requested, u64 in_use, enum xsave_form form)
{
    u64 bitmap = form == XSAVE_COMPACTED ? 0 : mem_read(cpu, seg, ea, 8) & ~requested;

    mem_write(cpu, seg, ea, bitmap | (in_use & requested), 8);
    if (form == XSAVE_COMPACTED)
        mem_write(cpu, seg, ea + 8, XCOMP_COMPACTED | requested, 8);
}

/*
 * SDM Vol. 1, "Operation of XSAVE", "... XSAVEOPT", "... XSAVEC". For XSAVEC MXCSR belongs to the SSE component, which
 * is in use if MXCSR is not as after reset.
 */
static void xsave(struct cpu *cpu, const struct op *op, enum xsave_form form)
{
    u64 requested = xsave_begin(cpu);
    u64 ea = area_address(cpu, op, XSAVE_HEADER_END, 64, ACCESS_WRITE), in_use = xsave_in_use(cpu);
    unsigned seg = op->seg, pkru_at = form == XSAVE_COMPACTED ? XSAVE_HEADER_END : XSAVE_PKRU_OFFSET;
    u8 image[LEGACY_SIZE] = {0};

    if (form == XSAVE_COMPACTED && cpu->mxcsr != MXCSR_INIT)
        in_use |= COMPONENT_SSE;
    u64 saved = form == XSAVE_STANDARD ? requested : requested & in_use;
    mem_probe_write(cpu, seg, ea, XSAVE_HEADER_END);
    if (saved & COMPONENT_PKRU)
        mem_probe_write(cpu, seg, ea + pkru_at, 4);

    if (saved & COMPONENT_X87) {
        x87_to_image(&cpu->x87, op, image);
        mem_write_block(cpu, seg, ea, image, AT_MXCSR);
        mem_write_block(cpu, seg, ea + AT_ST, image + AT_ST, AT_XMM - AT_ST);
    }
    if (form == XSAVE_COMPACTED ? saved & COMPONENT_SSE : requested & (COMPONENT_SSE | COMPONENT_AVX))
        mem_write(cpu, seg, ea + AT_MXCSR, cpu->mxcsr | (u64)MXCSR_VALID << 32, 8);
    if (saved & COMPONENT_SSE)
        mem_write_block(cpu, seg, ea + AT_XMM, cpu->xmm, 16 * xmm_count(op));
    if (saved & COMPONENT_PKRU)
        mem_write(cpu, seg, ea + pkru_at, cpu->pkru, 4);
    write_header(cpu, seg, ea + LEGACY_SIZE, requested, in_use, form);
}

void exec_XSAVE(struct cpu *cpu, const struct op *op) { xsave(cpu, op, XSAVE_STANDARD); }
void exec_XSAVEOPT(struct cpu *cpu, const struct op *op) { xsave(cpu, op, XSAVE_OPTIMIZED); }
void exec_XSAVEC(struct cpu *cpu, const struct op *op) { xsave(cpu, op, XSAVE_COMPACTED); }
IRREGULAR(XSAVE);
IRREGULAR(XSAVEOPT);
IRREGULAR(XSAVEC);

/*
 * SDM, "XRSTOR": #GP(0) for a header that is not well-formed. True if the image is in the compacted format, which only
 * processors with XSAVEC know; the others, and the standard format, want zeroes in bytes 23:8.
 */
static bool check_header(struct cpu *cpu, const u8 *header)
{
    u64 present = host_load(header, 8), layout = host_load(header + 8, 8);
    bool compacted = layout & XCOMP_COMPACTED && has_feature(&cpu->features, FEAT_XSAVEC);

    if (!compacted && (present & ~cpu->xcr0 || !all_zero(header + 8, 16)))
        raise_gp(cpu, 0);
    if (compacted && (layout & ~(cpu->xcr0 | XCOMP_COMPACTED) || present & ~(layout & ~XCOMP_COMPACTED) ||
                      !all_zero(header + 16, 48)))
        raise_gp(cpu, 0);
    return compacted;
}

/* MXCSR as XRSTOR leaves it: in the standard format it comes with every request, whatever XSTATE_BV says. */
static u32 restored_mxcsr(struct cpu *cpu, const u8 *image, bool compacted, u64 requested, u64 present)
{
    if (!(requested & (COMPONENT_SSE | (compacted ? 0 : COMPONENT_AVX))))
        return cpu->mxcsr;
    if (compacted && !(present & COMPONENT_SSE))
        return MXCSR_INIT;
    return checked_mxcsr(cpu, (u32)host_load(image + AT_MXCSR, 4));
}

static void restore_pkru(struct cpu *cpu, u32 pkru)
{
    if (cpu->pkru == pkru)
        return;
    cpu->pkru = pkru;
    paging_refresh(cpu);
    cpu_refresh(cpu);
    tlb_flush_rights(cpu); /* rights by key are part of cached translations */
}

void exec_XRSTOR(struct cpu *cpu, const struct op *op)
{
    u64 requested = xsave_begin(cpu);
    u64 ea = area_address(cpu, op, XSAVE_HEADER_END, 64, ACCESS_READ);
    u8 image[LEGACY_SIZE + HEADER_SIZE];
    u32 pkru = 0;

    mem_read_block(cpu, op->seg, ea, image, sizeof(image));
    bool compacted = check_header(cpu, image + LEGACY_SIZE);
    u64 present = host_load(image + LEGACY_SIZE, 8);
    u32 mxcsr = restored_mxcsr(cpu, image, compacted, requested, present);
    if (requested & present & COMPONENT_PKRU)
        pkru = (u32)mem_read(cpu, op->seg, ea + (compacted ? XSAVE_HEADER_END : XSAVE_PKRU_OFFSET), 4);

    cpu->mxcsr = mxcsr;
    if (requested & present & COMPONENT_X87) {
        x87_from_image(cpu, op, image);
    } else if (requested & COMPONENT_X87) {
        memset(cpu->x87.r, 0, sizeof(cpu->x87.r));
        x87_finit(cpu);
    }
    if (requested & present & COMPONENT_SSE)
        memcpy(cpu->xmm, image + AT_XMM, 16 * xmm_count(op));
    else if (requested & COMPONENT_SSE)
        memset(cpu->xmm, 0, 16 * xmm_count(op));
    if (requested & COMPONENT_PKRU)
        restore_pkru(cpu, pkru);
}
IRREGULAR(XRSTOR);
