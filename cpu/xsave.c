/* SPDX-License-Identifier: MIT */
/* FXSAVE, FXRSTOR and the XSAVE feature set (SDM Vol. 1, "Managing State Using the XSAVE Feature Set"), and MXCSR. */
#include <string.h>

#include "cpu/control.h"
#include "cpu/sse.h"

/* State components. PKRU's place in the standard format is fixed: CPUID.(EAX=0DH,ECX=9):EBX must report this offset. */
enum {
    COMPONENT_X87 = 1 << 0,
    COMPONENT_SSE = 1 << 1,
    COMPONENT_AVX = 1 << 2,
    COMPONENT_PKRU = 1 << 9,
    LEGACY_SIZE = 512,
    HEADER_SIZE = 64,
    PKRU_OFFSET = 0xa80,
};

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

/* XINUSE: the components not in their initial configuration. MXCSR is no part of the SSE component's. */
static u64 components_in_use(const struct cpu *cpu, const struct op *op)
{
    const struct x87 *x = &cpu->x87;
    u64 in_use = 0;
    bool pointers = x->fop | x->fcs | x->fds || x->fip | x->fdp;

    if (x->control != FCW_INIT || x->status || x->tag != 0xffff || pointers)
        in_use |= COMPONENT_X87;
    for (unsigned i = 0; i < 8; i++)
        if (x->r[i].mantissa || x->r[i].exponent)
            in_use |= COMPONENT_X87;
    if (!all_zero(cpu->xmm, 16 * xmm_count(op)))
        in_use |= COMPONENT_SSE;
    if (cpu->pkru)
        in_use |= COMPONENT_PKRU;
    return in_use;
}

static void xsave(struct cpu *cpu, const struct op *op, bool optimized)
{
    u64 requested = xsave_begin(cpu);
    u64 ea = area_address(cpu, op, LEGACY_SIZE + HEADER_SIZE, 64, ACCESS_WRITE);
    u64 in_use = components_in_use(cpu, op), saved = optimized ? requested & in_use : requested;
    unsigned seg = op->seg;
    u8 image[LEGACY_SIZE] = {0};

    mem_probe_write(cpu, seg, ea, LEGACY_SIZE + HEADER_SIZE);
    if (saved & COMPONENT_PKRU)
        mem_probe_write(cpu, seg, ea + PKRU_OFFSET, 4);
    u64 bitmap = mem_read(cpu, seg, ea + LEGACY_SIZE, 8);

    if (saved & COMPONENT_X87) {
        x87_to_image(&cpu->x87, op, image);
        mem_write_block(cpu, seg, ea, image, AT_MXCSR);
        mem_write_block(cpu, seg, ea + AT_ST, image + AT_ST, AT_XMM - AT_ST);
    }
    if (requested & (COMPONENT_SSE | COMPONENT_AVX))
        mem_write(cpu, seg, ea + AT_MXCSR, cpu->mxcsr | (u64)MXCSR_VALID << 32, 8);
    if (saved & COMPONENT_SSE)
        mem_write_block(cpu, seg, ea + AT_XMM, cpu->xmm, 16 * xmm_count(op));
    if (saved & COMPONENT_PKRU)
        mem_write(cpu, seg, ea + PKRU_OFFSET, cpu->pkru, 4);
    mem_write(cpu, seg, ea + LEGACY_SIZE, (bitmap & ~requested) | (in_use & requested), 8);
}

void exec_XSAVE(struct cpu *cpu, const struct op *op) { xsave(cpu, op, false); }
void exec_XSAVEOPT(struct cpu *cpu, const struct op *op) { xsave(cpu, op, true); }
IRREGULAR(XSAVE);
IRREGULAR(XSAVEOPT);

/*
 * The standard format only: without XSAVEC any XCOMP_BV but 0 is refused, as are the other reserved bytes of the
 * header.
 */
static void check_header(struct cpu *cpu, const u8 *header)
{
    if ((host_load(header, 8) & ~cpu->xcr0) || !all_zero(header + 8, 16))
        raise_gp(cpu, 0);
}

void exec_XRSTOR(struct cpu *cpu, const struct op *op)
{
    u64 requested = xsave_begin(cpu);
    u64 ea = area_address(cpu, op, LEGACY_SIZE + HEADER_SIZE, 64, ACCESS_READ);
    u8 image[LEGACY_SIZE + HEADER_SIZE];

    mem_read_block(cpu, op->seg, ea, image, sizeof(image));
    check_header(cpu, image + LEGACY_SIZE);
    u64 present = host_load(image + LEGACY_SIZE, 8);
    u32 mxcsr = cpu->mxcsr, pkru = 0;
    if (requested & (COMPONENT_SSE | COMPONENT_AVX))
        mxcsr = checked_mxcsr(cpu, (u32)host_load(image + AT_MXCSR, 4));
    if (requested & present & COMPONENT_PKRU)
        pkru = (u32)mem_read(cpu, op->seg, ea + PKRU_OFFSET, 4);

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
    if ((requested & COMPONENT_PKRU) && cpu->pkru != pkru) {
        cpu->pkru = pkru;
        paging_refresh(cpu);
        cpu_refresh(cpu);
        tlb_flush_all(cpu); /* rights by key are part of cached translations */
    }
}
IRREGULAR(XRSTOR);
